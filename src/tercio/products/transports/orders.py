"""The loop's line to one hand: signs orders, matches answers, and turns a lost hand into a value."""

import asyncio
import socket
import time
from collections.abc import Callable

import msgspec

from tercio.model.canon import canonical
from tercio.model.commands import Command, Hello, Order, Response, SignedOrder, Status
from tercio.model.units import span
from tercio.products.transports.seqpacket import LARGEST

Sign = Callable[[bytes], bytes]
"""Ed25519 over the bytes given: 64 bytes. The private key stays with whoever made this."""
PATIENCE = 5_000_000
"""How long an answer may take (a span)."""


class Line:
    """A connection to one hand, made when it is first needed and again after it was lost. For one event loop."""

    def __init__(
        self,
        hand: str,
        path: str,
        sign: Sign,
        *,
        patience: int = PATIENCE,
        hung_up: Callable[[Response], None] = lambda _: None,
    ) -> None:
        """``hung_up`` is told, by an ``UNREACHABLE`` that answers no command, that a hand which was there has gone."""
        self.hand, self.path = hand, path
        self._hung_up = hung_up
        self.hello: Hello | None = None
        """What the hand said when it last connected; None while there is no connection."""
        self._sign, self._patience = sign, patience / 1_000_000
        self._socket: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._sequence = 0
        self._waiting: dict[str, asyncio.Future[Response]] = {}
        self._connecting = asyncio.Lock()

    async def connect(self) -> str:
        """Connect unless connected. Returns why it did not work, in one sentence; empty where it did."""
        async with self._connecting:
            if self.hello is not None:
                return ""
            line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            try:
                loop = asyncio.get_running_loop()
                async with asyncio.timeout(self._patience):
                    await loop.sock_connect(line, self.path)
                    hello = msgspec.json.decode(await loop.sock_recv(line, LARGEST), type=Hello)
            except (OSError, TimeoutError, msgspec.DecodeError) as error:
                line.close()
                return f"hand {self.hand} at {self.path} does not answer: {error or type(error).__name__}"
            if hello.hand != self.hand:
                line.close()
                return f"at {self.path} answers hand {hello.hand!r}, not {self.hand!r}"
            self._socket, self.hello, self._sequence = line, hello, 0
            self._reader = asyncio.create_task(self._read(line))
            return ""

    async def order(self, command: Command) -> Response:
        """Send one command and wait for its answer. Never raises for what the hand does: a hand that cannot be reached,
        or does not answer in time, is ``UNREACHABLE`` with ``retry``; whether the order was carried out is then not
        known."""
        if why := await self.connect():
            return self._unreachable(command.id, why)
        future = self._waiting.get(command.id)
        if future is None:
            future = self._waiting[command.id] = asyncio.get_running_loop().create_future()
            if why := self._send(command):
                self._waiting.pop(command.id, None)
                return self._unreachable(command.id, why)
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(future)
        except TimeoutError:
            self._lose("did not answer in time")
            waited = span(int(self._patience * 1_000_000))
            return self._unreachable(command.id, f"hand {self.hand} did not answer within {waited}")

    async def close(self) -> None:
        """End the connection; orders that wait are answered ``UNREACHABLE``."""
        reader = self._reader
        self._lose("the line was closed")
        if reader is not None:
            await asyncio.gather(reader, return_exceptions=True)

    def _send(self, command: Command) -> str:
        if self._socket is None or self.hello is None:
            return f"hand {self.hand} hung up"
        self._sequence += 1
        order = canonical(Order(self.hello.nonce, self._sequence, command))
        try:
            self._socket.send(canonical(SignedOrder(order, self._sign(order))), socket.MSG_NOSIGNAL)
        except OSError as error:
            self._lose(str(error))
            return f"hand {self.hand} takes no order: {error}"
        return ""

    async def _read(self, line: socket.socket) -> None:
        loop, why = asyncio.get_running_loop(), "hung up"
        try:
            while data := await loop.sock_recv(line, LARGEST):
                self._answered(msgspec.json.decode(data, type=Response))
        except (OSError, msgspec.DecodeError) as error:
            why = str(error)
        if self._socket is line:
            self._reader = None
            self._lose(why)
            self._hung_up(self._unreachable("", f"hand {self.hand}: {why}"))

    def _answered(self, response: Response) -> None:
        """A hand that does not believe the signature names no command: as it answers in order, it means the oldest."""
        command = response.command or next(iter(self._waiting), "")
        future = self._waiting.pop(command, None)
        if future is not None and not future.done():
            future.set_result(msgspec.structs.replace(response, command=command))

    def _lose(self, why: str) -> None:
        """Forget the connection and answer everybody who waits."""
        line, reader = self._socket, self._reader
        self._socket, self.hello, self._reader = None, None, None
        waiting, self._waiting = self._waiting, {}
        for command, future in waiting.items():
            if not future.done():
                future.set_result(self._unreachable(command, f"hand {self.hand}: {why}"))
        if line is None:
            return
        if reader is not None:
            # The number of a closed descriptor is soon another's: whoever reads it must have stopped before.
            asyncio.get_running_loop().remove_reader(line.fileno())
            reader.cancel()
        line.close()

    def _unreachable(self, command: str, why: str) -> Response:
        return Response(
            command=command,
            hand=self.hand,
            status=Status.UNREACHABLE,
            held=False,
            at=time.time_ns() // 1000,
            detail=why,
            retry=True,
        )
