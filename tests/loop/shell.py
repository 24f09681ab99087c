"""A shell of the loop on real files and sockets, and the other end of a hand's line."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tercio.loop.run import Shell
from tercio.loop.sources import Setup
from tercio.model.canon import canonical
from tercio.model.commands import Action, Command, Hello, Order, SignedOrder, Status
from tercio.products.transports.seqpacket import LARGEST, listen
from tercio.store.reader import Entry
from tercio.store.state import State
from tests.loop.given import SOURCE, content, reply

ORIGIN = "tercio/test"


class Peer:
    """Who listens where a hand would: keeps every command, and what the journal held of it at that moment."""

    def __init__(self, folder: Path, *, answers: bool = True) -> None:
        self.folder = folder
        self.answers = answers
        self.commands: list[Command] = []
        self.journaled: list[bool] = []

    @property
    def orders(self) -> list[Command]:
        return [command for command in self.commands if command.action != Action.QUERY]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Peer"]:
        loop = asyncio.get_running_loop()
        with listen(str(self.folder / "gateway.sock"), 0) as listener:
            task = loop.create_task(self._serve(listener))
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _serve(self, listener) -> None:
        loop = asyncio.get_running_loop()
        while True:
            line, _ = await loop.sock_accept(listener)
            with contextlib.closing(line):
                await loop.sock_sendall(line, canonical(Hello("gateway", "n", "nftables", "none", "none")))
                while data := await loop.sock_recv(line, LARGEST):
                    command = msgspec.json.decode(msgspec.json.decode(data, type=SignedOrder).order, type=Order).command
                    self.commands.append(command)
                    self.journaled.append(command.id in {r.subject for r in records(self.folder, "command")})
                    if self.answers:
                        done = reply(command, time.time_ns() // 1000, Status.DONE)
                        await loop.sock_sendall(line, canonical(done))


def records(folder: Path, kind: str) -> list[Entry]:
    with State.read(folder / "state") as reader:
        return [entry for entry in reader.records(after_seq=0) if entry.kind == kind]


def setup(folder: Path, **changes: object) -> Setup:
    (folder / "eve.json").touch()
    whole = {
        "folder": folder / "state", "content": content(), "sources": {SOURCE: folder / "eve.json"},
        "hands": {"gateway": folder / "gateway.sock"}, "key": Ed25519PrivateKey.generate(),
    }  # fmt: skip
    return Setup(**{**whole, **changes})


@contextlib.asynccontextmanager
async def living(of: Setup) -> AsyncIterator[tuple[Shell, State]]:
    """A loop that runs until the test has seen enough."""
    with State.open(of.folder, origin=ORIGIN) as store:
        shell = Shell(of, store)
        task = asyncio.create_task(shell.live())
        try:
            await until(lambda: task.done() or (of.folder / "loop.sock").exists())
            yield shell, store
        finally:
            shell._stop()
            await task


async def until(holds: Callable[[], object], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def full(store: State) -> Iterator[None]:
    """Within this, the state's disk has no room left."""
    pages = int(store._pragma("page_count"))
    most = int(store._pragma("max_page_count"))
    store._pragma(f"max_page_count = {pages}")
    try:
        yield
    finally:
        store._pragma(f"max_page_count = {most}")


def write(folder: Path, *lines: bytes) -> None:
    with (folder / "eve.json").open("ab") as eve:
        eve.write(b"".join(lines))
