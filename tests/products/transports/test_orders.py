"""The loop's line to a real hand, and to hands that lie, stay silent or die."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tercio.model.canon import canonical
from tercio.model.commands import Action, Command, ConduitTarget, Hello, HostTarget, NeededFlow, Response, Status
from tercio.model.units import SECOND
from tercio.products.transports.orders import Line
from tercio.products.transports.seqpacket import listen
from tests.products.field import Served, command, now


def deny(number: int = 1) -> Command:
    return command(HostTarget("x", (f"10.1.0.{number}",)), f"lse-{number}")


@pytest.fixture(scope="module")
def hand(served: Callable[..., Served]) -> Served:
    return served(settings="targets_per_hour = 1000\n")


def line(hand: Served, **options: int) -> Line:
    return Line("gw", str(hand.socket), hand.key.sign, **options)


def test_orders_are_signed_numbered_and_answered(hand: Served) -> None:
    async def work() -> None:
        one = line(hand)
        assert await one.connect() == ""
        assert one.hello is not None
        assert one.hello.mechanism == "nftables"
        for _ in range(3):
            order = deny()
            response = await one.order(order)
            assert (response.command, response.status, response.held) == (order.id, Status.DONE, True)
        await one.close()

    asyncio.run(work())


def test_answers_find_their_orders(hand: Served) -> None:
    async def work() -> list[Response]:
        one = line(hand)
        orders = [deny(n) if n % 2 else command(None, "", Action.QUERY, id=f"query-{n}") for n in range(1, 21)]
        responses = await asyncio.gather(*map(one.order, orders))
        assert [r.command for r in responses] == [o.id for o in orders]
        await one.close()
        return responses

    responses = asyncio.run(work())
    assert all(r.held for r in responses)
    assert all(bool(r.standing) == r.command.startswith("query") for r in responses)


def test_the_same_command_twice_at_once_is_sent_once(hand: Served) -> None:
    async def work() -> None:
        one = line(hand)
        order = deny(2)
        assert await one.connect() == ""
        first, second = await asyncio.gather(one.order(order), one.order(order))
        assert first == second
        assert (await one.order(command(None, "", Action.QUERY))).held
        assert hand.log().count(order.id) == 1
        await one.close()

    asyncio.run(work())


def test_a_hand_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    async def work() -> Response:
        return await Line("gw", str(tmp_path / "none"), lambda _: bytes(64)).order(deny())

    before = now()
    response = asyncio.run(work())
    assert (response.status, response.held, response.retry, response.hand) == (Status.UNREACHABLE, False, True, "gw")
    assert before <= response.at <= now()


def test_a_hand_that_dies_and_comes_back(served: Callable[..., Served]) -> None:
    one = served()

    async def work() -> None:
        wire = line(one)
        assert (await wire.order(deny())).held
        nonce = wire.hello.nonce if wire.hello else ""
        one.end(signal.SIGKILL)
        gone = await wire.order(deny(2))
        assert (gone.status, gone.retry) == (Status.UNREACHABLE, True)
        one.socket.unlink()
        one.launch()
        await asyncio.to_thread(one.ready)
        assert (await wire.order(deny(2))).held
        assert wire.hello is not None
        assert wire.hello.nonce != nonce
        await wire.close()

    asyncio.run(work())


def test_a_hand_that_goes_while_nobody_waits_is_told_of_and_a_line_that_is_closed_is_not(
    served: Callable[..., Served],
) -> None:
    async def work() -> list[Response]:
        one, told = served(), []
        woken = asyncio.Event()

        def hung_up(response: Response) -> None:
            told.append(response)
            woken.set()

        wires = [Line("gw", str(one.socket), one.key.sign, hung_up=hung_up) for _ in range(2)]
        for wire in wires:
            assert await wire.connect() == ""
        await wires[1].close()
        one.end(signal.SIGKILL)
        await asyncio.wait_for(woken.wait(), 60)
        assert wires[0].hello is None
        await wires[0].close()
        return told

    (told,) = asyncio.run(work())
    assert (told.command, told.hand, told.status) == ("", "gw", Status.UNREACHABLE)


def test_a_key_that_the_hand_does_not_know_is_answered_at_once(hand: Served) -> None:
    async def work() -> Response:
        wire = Line("gw", str(hand.socket), lambda _: bytes(64))
        try:
            return await wire.order(deny())
        finally:
            await wire.close()

    order = asyncio.run(work())
    assert order.status is Status.REFUSED
    assert order.command.startswith("cmd-lse-1")
    assert "signature" in order.detail


def test_an_order_too_long_is_answered(hand: Served) -> None:
    needed = tuple(NeededFlow(f"10.1.{n // 250}.{n % 250}", "10.2.0.1", "tcp", 502) for n in range(1, 900))
    order = command(ConduitTarget("a", "b", ("10.1.0.0/16",), ("10.2.0.0/16",), needed), "lse-long")

    async def work() -> Response:
        wire = line(hand)
        try:
            return await wire.order(order)
        finally:
            await wire.close()

    response = asyncio.run(work())
    assert (response.status, response.command) == (Status.INVALID, order.id)


class Liar:
    """Somebody else at a hand's socket: says ``hello``, then ``answer`` to whatever comes."""

    def __init__(self, path: Path, hello: bytes, answer: bytes | None) -> None:
        self.listener = listen(str(path), os.geteuid())
        self.listener.setblocking(True)
        self.hello, self.answer = hello, answer
        self.lines: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                peer, _ = self.listener.accept()
                self.lines.append(peer)
                peer.send(self.hello)
                while peer.recv(65536) and self.answer is not None:
                    peer.send(self.answer)
        except OSError:
            return

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.lines:
            peer.close()


HELLO = canonical(Hello("gw", "n", "nftables", "", ""))


@pytest.fixture
def lie(tmp_path: Path) -> Iterator[Callable[[bytes, bytes | None], Line]]:
    made: list[Liar] = []

    def make(hello: bytes, answer: bytes | None) -> Line:
        made.append(Liar(tmp_path / "s", hello, answer))
        return Line("gw", str(tmp_path / "s"), lambda _: bytes(64), patience=SECOND // 5)

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("hello", "answer", "why"),
    [
        (b"nonsense", None, "does not answer"),
        (canonical(Hello("other", "n", "nftables", "", "")), None, "answers hand 'other'"),
        (HELLO, None, "did not answer within"),
        (HELLO, b"nonsense", "malformed"),
        (HELLO, canonical(Response(command="another", hand="gw", status=Status.DONE, held=True, at=1)), "within"),
    ],
)
def test_whoever_lies_or_is_silent_is_unreachable(
    lie: Callable[[bytes, bytes | None], Line], hello: bytes, answer: bytes | None, why: str
) -> None:
    async def work() -> Response:
        wire = lie(hello, answer)
        try:
            return await wire.order(deny())
        finally:
            await wire.close()

    response = asyncio.run(work())
    assert (response.status, response.held, response.retry) == (Status.UNREACHABLE, False, True)
    assert why in response.detail


def test_closing_answers_who_waits(lie: Callable[[bytes, bytes | None], Line]) -> None:
    async def work() -> Response:
        wire = lie(HELLO, None)
        assert await wire.connect() == ""
        waiting = asyncio.create_task(wire.order(deny()))
        await asyncio.sleep(0.02)
        await wire.close()
        return await waiting

    assert asyncio.run(work()).status is Status.UNREACHABLE
