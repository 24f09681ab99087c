"""Who speaks to a hand: lines are taken, heard in their order, answered, and closed."""

import selectors
import socket
from types import TracebackType
from typing import Protocol, Self

import msgspec

from tercio.model.canon import canonical
from tercio.model.commands import Hello, Response
from tercio.products.handfile import HandFile
from tercio.products.transports.seqpacket import peer_uid, receive, send

MOST_LINES = 64
"""Peers connected at once."""

MOST_WAITING = 256
"""Messages of one line that are answered before a new line is taken; the kernel queues fewer."""


class Peer:
    """One connection of a loop: its nonce, and the number of the last order that it may not repeat."""

    def __init__(self, line: socket.socket, nonce: str) -> None:
        self.line, self.nonce, self.sequence = line, nonce, 0


class Obedient(Protocol):
    """Who answers: a hand."""

    file: HandFile

    def hello(self, peer: Peer) -> Hello:
        """What a peer reads first."""

    def answer(self, data: bytes, peer: Peer) -> Response:
        """The answer to one message."""


class Log(Protocol):
    """Writes one line of log with these fields."""

    def __call__(self, **fields: object) -> None:
        """Write it."""


class Callers:
    """All lines to one hand. ``boot`` tells one start of it from another."""

    def __init__(self, listener: socket.socket, hand: Obedient, boot: str, log: Log) -> None:
        self._listener, self._hand, self._boot, self._log = listener, hand, boot, log
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every line is closed."""
        for peer in self._peers():
            peer.line.close()
        self._selector.close()

    def attend(self, wake: socket.socket) -> None:
        """Hear whoever speaks, until there is something to read from ``wake``."""
        self._selector.register(wake, selectors.EVENT_READ)
        connections = 0
        while True:
            ready = [key for key, _ in self._selector.select()]
            if any(key.fileobj is wake for key in ready):
                return
            for key in ready:
                if key.data is not None:
                    self._hear(key.data)
            if any(key.fileobj is self._listener for key in ready):
                self._hear_out()
                connections += 1
                self._welcome(f"{self._boot}-{connections}")

    def _peers(self) -> list[Peer]:
        return [key.data for key in self._selector.get_map().values() if key.data is not None]

    def _hear_out(self) -> None:
        """Answer what waits on the lines there are before a new one is read: what a loop said before it died comes
        before what the next loop says, or a block that was ended would come back."""
        for peer in self._peers():
            for _ in range(MOST_WAITING):
                if not self._hear(peer):
                    break

    def _welcome(self, nonce: str) -> None:
        try:
            line, _ = self._listener.accept()
        except OSError:
            return
        line.setblocking(False)
        file, uid, peer = self._hand.file, peer_uid(line), Peer(line, nonce)
        full = len(self._selector.get_map()) >= MOST_LINES
        if uid != file.peer_uid or full or not send(line, canonical(self._hand.hello(peer))):
            self._log(hand=file.name, turned_away=uid, expected=file.peer_uid, full=full)
            line.close()
            return
        self._selector.register(line, selectors.EVENT_READ, peer)

    def _hear(self, peer: Peer) -> bool:
        """Read one message and answer it. False where there was none; and where its peer has gone, or does not read the
        answer: then the line is closed."""
        try:
            data = receive(peer.line)
        except BlockingIOError:
            return False
        if data is not None:
            response = self._hand.answer(data, peer)
            heard = send(peer.line, canonical(response))
            self._log(hand=self._hand.file.name, response=msgspec.to_builtins(response), heard=heard)
            if heard:
                return True
        self._selector.unregister(peer.line)
        peer.line.close()
        return False
