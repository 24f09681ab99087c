"""Messages on a stream: whole or not at all."""

import asyncio
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.products.transports.frames import LARGEST, Refused, asked, framed, received
from tercio.products.transports.words import serve

TEXTS = msgspec.msgpack.Decoder(list[str])


def read(data: bytes, *, step: int = 1 << 20, times: int = 99) -> list[object]:
    """What a reader gets of these bytes, to the end or the first refusal."""

    async def story() -> list[object]:
        reader = asyncio.StreamReader()
        found: list[object] = []

        async def feed() -> None:
            for at in range(0, len(data), step):
                reader.feed_data(data[at : at + step])
                await asyncio.sleep(0)
            reader.feed_eof()

        feeding = asyncio.create_task(feed())
        try:
            while len(found) < times and (message := await received(reader, TEXTS)) is not None:
                found.append(message)
        except Refused as error:
            found.append(str(error))
        await feeding
        return found

    return asyncio.run(story())


@settings(max_examples=30)
@given(st.lists(st.lists(st.text(max_size=5), max_size=3), max_size=4), st.integers(1, 9))
def test_messages_come_out_as_they_went_in_however_they_arrive(messages: list[list[str]], step: int):
    assert read(b"".join(map(framed, messages)), step=step) == messages


@settings(max_examples=60)
@given(st.binary(max_size=40))
def test_whatever_comes_is_a_message_a_refusal_or_the_end(data: bytes):
    for each in read(data):
        assert isinstance(each, list | str)


def test_a_message_that_was_cut_off_is_none():
    whole = framed(["a", "b"])
    assert read(framed(["x"]) + whole[:-1]) == [["x"]]
    assert read(whole[:2]) == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (struct.pack(">I", LARGEST + 1), f"a message of {LARGEST + 1} bytes was announced; {LARGEST} are the most"),
        (framed({"a": 1}), "a message that can't be read: Expected `array`"),
        (struct.pack(">I", 1) + b"\xc1", "a message that can't be read: MessagePack data is malformed"),
        (framed(["x"])[:-1] + b"\xff", "a message that can't be read: 'utf-8' codec"),
        (struct.pack(">I", 2000) + b"\x91" * 2000, "a message that can't be read: "),
    ],
)
def test_what_is_none_is_refused_with_a_reason(data: bytes, why: str):
    (refusal,) = read(data, times=1)
    assert str(refusal).startswith(why)


def test_what_is_too_long_is_not_sent():
    with pytest.raises(ValueError, match="are the most"):
        framed([b"x" * (LARGEST + 1)])


@pytest.mark.parametrize(
    ("answer", "heard"),
    [(framed(["here"]), ["here"]), (b"", None), (framed(["here"])[:3], None), (framed({"a": 1}), "can't be read")],
)
def test_a_question_is_answered_or_not(tmp_path: Path, answer: bytes, heard: object):
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await received(reader, TEXTS) == ["who"]
        writer.write(answer)
        writer.close()

    def ask() -> object:
        try:
            return asked(str(tmp_path / "s"), ["who"], TEXTS, 10.0)
        except Refused as error:
            return "can't be read" if "can't be read" in str(error) else str(error)

    assert while_serving(tmp_path / "s", connected, ask) == heard


def while_serving(path: Path, connected: Callable, tell: Callable[[], object]) -> object:
    async def story() -> object:
        server = await serve(path, connected)
        try:
            return await asyncio.to_thread(tell)
        finally:
            server.close()

    return asyncio.run(story())


def test_where_nobody_listens_is_said(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        asked(str(tmp_path / "nobody"), ["who"], TEXTS, 1.0)
