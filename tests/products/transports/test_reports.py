"""Workers and the loop's ear for them, on a real socket: who is heard, and what may be said."""

import asyncio
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tercio.model.events import Unparsed
from tercio.model.reports import FromLoop, Hello, Place, Refusal, Report, Seat, Taken, Welcome, Who
from tercio.model.sifted import Seen, Sifted
from tercio.products.sensors import SENSORS
from tercio.products.transports import reports
from tercio.products.transports.frames import framed, received
from tercio.products.transports.reports import CREDIT, Reports, present
from tests.loop.given import PLC1, START, WS1, alert
from tests.loop.shell import until

HEARD = msgspec.msgpack.Decoder(FromLoop)
A, B = Place("a", "/log/a", ("g", 100), 5), Place("b", "/log/b", None, 5)
SHARES = {"w": ("a", "b"), "v": ("c",)}
LINE = alert(START, WS1, PLC1)


def ear(said: list[str] | None = None) -> Reports:
    told = [] if said is None else said
    return Reports(
        SHARES,
        [A, B, Place("c", "/log/c", None, 5)],
        "sight",
        "2026-11-24",
        lambda: None,
        lambda *w: told.append(" ".join(w)),
    )


def lot(offset: int = 100, end: int | None = None, source: str = "a", generation: str = "g") -> Sifted:
    event = SENSORS["suricata"].parse(source, generation, offset, LINE, START)
    return Sifted(source, generation, offset, end or offset + len(LINE), START, (Seen(event, LINE),))


class Peer:
    """A worker's end, told by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def at(cls, path: Path, hello: object = Hello("w", "sight")) -> "Peer":
        peer = cls(*await asyncio.open_unix_connection(path))
        peer.say(hello)
        return peer

    def say(self, *messages: object) -> None:
        self.writer.write(b"".join(each if isinstance(each, bytes) else framed(each) for each in messages))

    async def heard(self) -> FromLoop | None:
        return await asyncio.wait_for(received(self.reader, HEARD), 60)


def story(tmp_path: Path, tell: Callable[[Reports, Path], Awaitable[None]], said: list[str] | None = None) -> None:
    async def whole() -> None:
        loop = ear(said)
        server = await loop.listen(tmp_path / "worker.sock")
        try:
            await tell(loop, tmp_path / "worker.sock")
        finally:
            server.close()

    asyncio.run(whole())


def test_a_worker_is_told_where_to_go_on_and_its_reports_come_in_order(tmp_path: Path):
    said: list[str] = []

    async def tell(loop: Reports, path: Path) -> None:
        peer = await Peer.at(path)
        assert await peer.heard() == Welcome((A, B), CREDIT)
        first, other = Report("a", (lot(),), ("a loss",)), Report("b", (lot(0, source="b"),))
        second = Report("a", (lot(first.lots[0].end),))
        peer.say(first, other, second)
        await until(lambda: loop.seats()[0].waiting == 3)
        assert loop.take(1) == (first,)
        assert loop.take(100) == (other, second)
        assert not loop.waiting
        loop.written()
        assert await peer.heard() == Taken(3)
        peer.writer.close()
        await until(lambda: not loop.seats()[0].connected)
        again = await Peer.at(path)
        at = second.lots[0].end
        assert await again.heard() == Welcome(
            (replace(A, at=("g", at), since=START), replace(B, at=("g", len(LINE)), since=START)), CREDIT
        )

    story(tmp_path, tell, said)
    assert said[:2] == ["worker w it follows a, b", "worker w it has gone; who comes next goes on where it was"]


def test_what_no_turn_took_is_forgotten_with_its_worker_and_asked_of_the_next(tmp_path: Path):
    async def tell(loop: Reports, path: Path) -> None:
        peer = await Peer.at(path)
        await peer.heard()
        peer.say(Report("a", (lot(),)), Report("a", (lot(lot().end),)))
        await until(lambda: loop.seats()[0].waiting == 2)
        loop.take(1)
        peer.writer.close()
        await until(lambda: not loop.seats()[0].connected)
        assert not loop.waiting
        loop.written()
        welcome = await (await Peer.at(path)).heard()
        assert welcome.places[0].at == ("g", lot().end)

    story(tmp_path, tell)


def test_workers_take_turns(tmp_path: Path):
    async def tell(loop: Reports, path: Path) -> None:
        one, two = await Peer.at(path), await Peer.at(path, Hello("v", "sight"))
        assert [type(await peer.heard()) for peer in (one, two)] == [Welcome, Welcome]
        lots = [lot(number * 1000 + 100) for number in range(4)]
        one.say(*(Report("a", (each,)) for each in lots))
        two.say(*(Report("c", (lot(number * 1000, source="c"),)) for number in range(2)))
        await until(lambda: [seat.waiting for seat in loop.seats()] == [4, 2])
        assert [report.source for _ in range(6) for report in loop.take(1)] == ["a", "c", "a", "c", "a", "a"]

    story(tmp_path, tell)


def test_credit_is_given_back_only_when_turns_are_written(tmp_path: Path):
    async def tell(loop: Reports, path: Path) -> None:
        peer = await Peer.at(path)
        await peer.heard()
        ends = [100 + number * len(LINE) for number in range(CREDIT + 1)]
        peer.say(*(Report("a", (lot(at),)) for at in ends[:-1]))
        await until(lambda: loop.seats()[0].waiting == CREDIT)
        loop.take(3)
        peer.say(Report("a", (lot(ends[-1]),)))
        assert await peer.heard() == Refusal(f"more than {CREDIT} reports at once")

    story(tmp_path, tell)


EVENT = lot().seen[0].event
BAD = {
    "another's source": (Report("c", (lot(0, source="c"),)), "of a source that is not its own"),
    "two sources": (Report("a", (lot(source="b"),)), "a report of one source has a lot of another"),
    "older": (Report("a", (lot(99),)), "a lot from 99 to"),
    "the same again": (Report("a", (lot(), lot())), "a lot from 100 to"),
    "backwards": (Report("a", (Sifted("a", "g", 200, 100, START),)), "a lot from 200 to 100, where 100 had"),
    "another generation's record": (Report("a", (replace(lot(), generation="h"),)), "not of its own stretch"),
    "a record behind the end": (Report("a", (lot(100, end=100),)), "not of its own stretch"),
    "a record twice": (Report("a", (replace(lot(), seen=lot().seen * 2),)), "not of its own stretch"),
    "another's line": (Report("a", (replace(lot(), unparsed=(Unparsed("b", "g", 100, b"x", "y"),)),)), "not of its"),
    "failed on many": (Report("a", (replace(lot(), failed="x"),)), "a lot that failed has one record"),
    "no report": (Hello("w", "sight"), "only reports"),
    "a question": (Who(), "only reports"),
    "no message": (struct.pack(">I", 3) + b"abc", "a message that can't be read"),
    "too long": (b"\xff" * 9, "are the most"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_a_worker_may_not_say_sends_it_away_and_nothing_of_it_counts(tmp_path: Path, case: str):
    message, why = BAD[case]
    said: list[str] = []

    async def tell(loop: Reports, path: Path) -> None:
        peer = await Peer.at(path)
        await peer.heard()
        peer.say(message)
        refusal = await peer.heard()
        assert isinstance(refusal, Refusal)
        assert why in refusal.why
        assert await peer.heard() is None
        await until(lambda: not loop.seats()[0].connected)
        assert not loop.waiting
        assert why in loop.seats()[0].why
        assert (await (await Peer.at(path)).heard()).places == (A, B)
        assert loop.seats()[0].why == ""

    story(tmp_path, tell, said)
    assert any(why in words for words in said)


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        (Hello("x", "sight"), "the settings have no such worker"),
        (Hello("w", "other"), "its rules or sources are others than the loop's"),
        (Report("a", ()), "it did not say who it is"),
        (b"\0\0\0\1\xc1", "can't be read"),
    ],
)
def test_who_is_no_worker_of_this_loop_is_sent_away(tmp_path: Path, hello: object, why: str):
    async def tell(_: Reports, path: Path) -> None:
        refusal = await (await Peer.at(path, hello)).heard()
        assert isinstance(refusal, Refusal)
        assert why in refusal.why

    story(tmp_path, tell)


def test_there_is_one_of_each_and_the_first_stays(tmp_path: Path):
    async def tell(loop: Reports, path: Path) -> None:
        first = await Peer.at(path)
        await first.heard()
        assert await (await Peer.at(path)).heard() == Refusal("worker w is here already")
        first.say(Report("a", (lot(),)))
        await until(lambda: loop.waiting)

    story(tmp_path, tell)


def test_who_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reports, "PATIENCE", 0.05)

    async def tell(_: Reports, path: Path) -> None:
        assert await (await Peer.at(path, b"")).heard() == Refusal("it did not say who it is")

    story(tmp_path, tell)


STRANGER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    line.sendall(bytes.fromhex(sys.argv[2]))
    print(line.recv(4096))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can only be played by root")
def test_another_users_process_is_no_worker():
    """The socket's mode keeps him out; and where it does not, the kernel's word does."""
    said: list[str] = []

    def ask(path: Path) -> str:
        words = [sys.executable, "-I", "-S", "-c", STRANGER, str(path), framed(Hello("w", "sight")).hex()]
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", *words], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    async def tell(_: Reports, path: Path) -> None:
        assert "Permission denied" in await asyncio.to_thread(ask, path)
        await asyncio.to_thread(path.chmod, 0o666)
        assert "it runs as user 65534" in await asyncio.to_thread(ask, path)

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        story(Path(folder), tell, said)
    assert any("sent away: it runs as user 65534" in words for words in said)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([case[0] for case in BAD.values()])), max_size=3))
def test_whatever_strangers_say_the_worker_that_works_goes_on(
    tmp_path_factory: pytest.TempPathFactory, junk: list[object]
):
    async def tell(loop: Reports, path: Path) -> None:
        peer = await Peer.at(path)
        await peer.heard()
        for each in junk:
            stranger = await Peer.at(path, each)
            stranger.writer.close()
        peer.say(Report("a", (lot(),)))
        await until(lambda: loop.waiting)
        assert loop.take(9) == (Report("a", (lot(),)),)

    story(tmp_path_factory.mktemp("x"), tell)


def test_anybody_who_may_connect_can_ask_who_is_there(tmp_path: Path):
    async def tell(_: Reports, path: Path) -> None:
        peer = await Peer.at(path)
        await peer.heard()
        found = await asyncio.to_thread(present, path)
        assert found.seats == (Seat("w", ("a", "b"), True), Seat("v", ("c",), False))
        assert found.day == "2026-11-24"

    story(tmp_path, tell)
    with pytest.raises(OSError, match=r"No such file|refused"):
        present(tmp_path / "worker.sock")
