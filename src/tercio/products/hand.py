"""The hand: a small process with one privilege, which reads the world, acts, and reads again (DESIGN §11).

It is started inside the network namespace where it acts, with that mechanism's permission and no other, and believes
nobody: an order must carry the loop's signature, this connection's nonce and a higher number than the last, and even
then the hand's own file decides. When it ends, effects stay until the mechanism's own expiry.

``python -m tercio.products.hand NAME --file FILE`` runs one. Every order leaves one line of JSON on standard error.
"""

import argparse
import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tercio.model.canon import canonical
from tercio.model.commands import Action, Command, Hello, Order, Response, SignedOrder, Status
from tercio.model.units import span
from tercio.products.effectors import EFFECTORS
from tercio.products.effectors.addresses import collapsed, plain
from tercio.products.effectors.contract import Config, Step
from tercio.products.handfile import HandFile, load
from tercio.products.limits import Budget, refusal, untimely
from tercio.products.transports.addresses import own_addresses
from tercio.products.transports.seqpacket import listen, peer_uid, receive, send
from tercio.products.world import World

ATTEMPTS = 3
"""Between reading and acting an element may expire, and the whole transaction fails: read again, plan again."""
MOST_LINES = 64
"""Peers connected at once, and lines of steps that a response shows."""

MOST_WAITING = 256
"""Messages of one line that are answered before a new line is taken; the kernel queues fewer."""

MOST_FLOWS = 32
"""Needed flows that a greeting shows: it must fit into one message."""


class Peer:
    """One connection of a loop: its nonce, and the number of the last order that it may not repeat."""

    def __init__(self, line: socket.socket, nonce: str) -> None:
        self.line, self.nonce, self.sequence = line, nonce, 0


class Hand:
    """One hand: its file, its effector, its world, and what it remembers."""

    def __init__(self, file: HandFile) -> None:
        """Raises OSError with a sentence where the mechanism is missing or will not obey."""
        self.file, self.effector = file, EFFECTORS[file.mechanism]
        self._key = Ed25519PublicKey.from_public_bytes(file.order_key)
        self.world = World(self.effector, _config(file))
        try:
            error, _ = self.world.act(self.effector.prepare(self.world.facts(None)))
            leases = tuple(found.lease for found in self.effector.standing(self.world.facts(None), _now()))
        except (ValueError, OSError) as problem:
            error, leases = str(problem), ()
        if error:
            raise OSError(f"{file.mechanism} refused: {error}; needed: {self.effector.permission}")
        self._budget = Budget(file.targets_per_hour, leases, _monotonic())

    def hello(self, peer: Peer) -> Hello:
        """What a loop reads first."""
        file = self.file
        lists = (("never", file.never), ("never as a host", file.never_host))
        texts = [
            (name, ", ".join([*sorted(found.names | found.macs), *map(plain, found.networks)])) for name, found in lists
        ]
        parts = [f"{name} {text or 'nothing listed'}" for name, text in texts]
        more = len(file.needed) - MOST_FLOWS
        flows = [*map(str, file.needed[:MOST_FLOWS]), *([f"and {more} more"] if more > 0 else [])]
        parts += [f"never cut {', '.join(flows) or 'nothing listed'}"]
        parts += [f"longest {span(file.longest)}", f"{file.targets_per_hour} targets an hour"]
        limits = "; ".join([*parts, f"verbs {', '.join(sorted(file.verbs))}"])
        return Hello(file.name, peer.nonce, file.mechanism, self.effector.break_glass, limits)

    def answer(self, data: bytes, peer: Peer) -> Response:
        """Obey one message, or say in one sentence why not. Never raises for what a peer sent or the world answered."""
        try:
            signed = msgspec.json.decode(data, type=SignedOrder)
            self._key.verify(signed.signature, signed.order)
            order = msgspec.json.decode(signed.order, type=Order)
        except InvalidSignature:
            return self._no("", Status.REFUSED, "the signature is not that of the key in this hand's file")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._no("", Status.INVALID, "this is no signed order")
        command = order.command
        if order.nonce != peer.nonce:
            return self._no(command.id, Status.REFUSED, "signed for another connection or another start of this hand")
        if order.sequence <= peer.sequence:
            why = f"order {order.sequence} does not come after order {peer.sequence}"
            return self._no(command.id, Status.REFUSED, why)
        peer.sequence = order.sequence
        return self._judge(command)

    def _judge(self, command: Command) -> Response:
        try:
            why = refusal(self.file, command, own_addresses())
        except OSError as error:
            return self._no(command.id, Status.FAILED, f"own addresses unknown: {error}", retry=True)
        if why:
            return self._no(command.id, Status.REFUSED, why)
        if why := untimely(command, _now()) or self._too_many(command):
            return self._no(command.id, Status.REFUSED, why, retry=True)
        if why := self.effector.invalid(command):
            return self._no(command.id, Status.INVALID, why)
        response = self._obey(_bounded(command, _now()))
        if response.status is Status.DONE and command.action is Action.DENY and command.target is not None:
            self._budget.spend(command.lease, command.target, _monotonic())
        return response

    def _too_many(self, command: Command) -> str:
        if command.action is not Action.DENY or command.target is None:
            return ""
        return self._budget.refusal(command.lease, command.target, _monotonic())

    def _obey(self, command: Command) -> Response:
        """Facts, plan, act, facts again, holds."""
        effector, before = self.effector, ""
        steps: tuple[Step, ...] = ()
        try:
            for _ in range(ATTEMPTS):
                found, now = self.world.facts(command), _now()
                before = before or effector.words(command, found, now)
                steps = effector.plan(command, found, now)
                error, notes = self.world.act(steps)
                if not error:
                    break
            else:
                return self._no(command.id, Status.FAILED, error, retry="not permitted" not in error)
            found, now = self.world.facts(command), _now()
            held = effector.holds(command, found, now)
        except (ValueError, OSError) as problem:
            return self._no(command.id, Status.FAILED, str(problem), retry=True)
        shown = [f"{step.via} {line}" for step in steps for line in step.text.splitlines()]
        return Response(
            command=command.id,
            hand=self.file.name,
            status=Status.DONE if held else Status.FAILED,
            held=held,
            at=now,
            detail=notes if held else "; ".join(filter(None, ("done, but not found when read back", notes))),
            steps=(*shown[:MOST_LINES], *([f"and {len(shown) - MOST_LINES} more"] if len(shown) > MOST_LINES else ())),
            before=before,
            after=effector.words(command, found, now),
            retry=not held,
            standing=effector.standing(found, now) if command.action is Action.QUERY else (),
        )

    def _no(self, command: str, status: Status, detail: str, *, retry: bool = False) -> Response:
        return Response(
            command=command, hand=self.file.name, status=status, held=False, at=_now(), detail=detail, retry=retry
        )


def _config(file: HandFile) -> Config:
    """What the kernel itself must keep: neither end of what is never touched, nor the own traffic of what is never
    refused as a host or needs a flow."""
    ends = [end for flow in file.needed for end in (flow.src, flow.dst)]
    kept = collapsed([*file.never_host.networks, *ends])
    return Config(tuple(map(plain, collapsed(list(file.never.networks)))), tuple(map(plain, kept)))


def _bounded(command: Command, now: int) -> Command:
    """The same command, never longer than was ordered, even if this clock lags behind the one that issued it."""
    return msgspec.structs.replace(command, until=min(command.until, now + command.until - command.issued))


def _now() -> int:
    return time.time_ns() // 1000


def _monotonic() -> int:
    return time.monotonic_ns() // 1000


def _log(**fields: object) -> None:
    """One line of ASCII JSON: what a peer sent cannot start a second line or move a terminal's cursor. A hand goes on
    where nobody reads its log any more."""
    with contextlib.suppress(OSError):
        sys.stderr.write(json.dumps({"time": _now(), **fields}) + "\n")
        sys.stderr.flush()


def serve(file: HandFile) -> int:
    """Run a hand until SIGTERM or SIGINT; 0 after a clean end, 1 where it could not start (with a sentence on
    stderr)."""
    try:
        hand = Hand(file)
        listener = listen(file.socket, file.peer_uid)
    except OSError as error:
        _log(hand=file.name, error=str(error))
        return 1
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    boot = os.urandom(16).hex()
    _log(hand=file.name, listening=file.socket, boot=boot, mechanism=file.mechanism)
    with selectors.DefaultSelector() as selector, listener, wake, woken:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        _turns(hand, selector, listener, wake, boot)
    Path(file.socket).unlink(missing_ok=True)
    hand.world.close()
    _log(hand=file.name, ended="effects stay until the kernel's own timeouts", break_glass=hand.effector.break_glass)
    return 0


def _turns(
    hand: Hand, selector: selectors.DefaultSelector, listener: socket.socket, wake: socket.socket, boot: str
) -> None:
    connections = 0
    while True:
        ready = [key for key, _ in selector.select()]
        if any(key.fileobj is wake for key in ready):
            return
        for key in ready:
            if key.data is not None:
                _hear(hand, selector, key.data)
        if any(key.fileobj is listener for key in ready):
            _hear_out(hand, selector)
            connections += 1
            _welcome(hand, selector, listener, f"{boot}-{connections}")


def _hear_out(hand: Hand, selector: selectors.DefaultSelector) -> None:
    """Answer what waits on the lines there are before a new one is read: what a loop said before it died comes before
    what the next loop says, or a block that was ended would come back."""
    for peer in [key.data for key in selector.get_map().values() if key.data is not None]:
        for _ in range(MOST_WAITING):
            if not _hear(hand, selector, peer):
                break


def _welcome(hand: Hand, selector: selectors.DefaultSelector, listener: socket.socket, nonce: str) -> None:
    try:
        line, _ = listener.accept()
    except OSError:
        return
    line.setblocking(False)
    uid = peer_uid(line)
    peer = Peer(line, nonce)
    full = len(selector.get_map()) >= MOST_LINES
    if uid != hand.file.peer_uid or full or not send(line, canonical(hand.hello(peer))):
        _log(hand=hand.file.name, turned_away=uid, expected=hand.file.peer_uid, full=full)
        line.close()
        return
    selector.register(line, selectors.EVENT_READ, peer)


def _hear(hand: Hand, selector: selectors.DefaultSelector, peer: Peer) -> bool:
    """Read one message and answer it. False where there was none; and where its peer has gone, or does not read the
    answer: then the line is closed."""
    try:
        data = receive(peer.line)
    except BlockingIOError:
        return False
    if data is not None:
        response = hand.answer(data, peer)
        heard = send(peer.line, canonical(response))
        _log(hand=hand.file.name, response=msgspec.to_builtins(response), heard=heard)
        if heard:
            return True
    selector.unregister(peer.line)
    peer.line.close()
    return False


def main(arguments: list[str] | None = None) -> int:
    """``NAME --file FILE``: the file must be that hand's. 2 where the file is wrong."""
    parser = argparse.ArgumentParser(prog="hand", description="Carry out signed orders with one mechanism.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--file", required=True, type=Path)
    given = parser.parse_args(arguments)
    try:
        file = load(given.file)
        if file.name != given.name:
            raise ValueError(f"{given.file}: is the file of hand {file.name!r}, not of {given.name!r}")
    except ValueError as error:
        _log(error=str(error))
        return 2
    return serve(file)


if __name__ == "__main__":
    sys.exit(main())
