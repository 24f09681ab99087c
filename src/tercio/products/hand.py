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
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tercio.model.commands import Action, Command, Hello, Order, Response, SignedOrder, Status
from tercio.model.units import span, timestamp
from tercio.products.callers import Callers, Peer
from tercio.products.effectors import EFFECTORS
from tercio.products.effectors.addresses import collapsed, plain
from tercio.products.effectors.contract import Config, Step
from tercio.products.handfile import HandFile, load
from tercio.products.limits import Budget, refusal, untimely
from tercio.products.transports.addresses import own_addresses
from tercio.products.transports.seqpacket import listen
from tercio.products.world import World

ATTEMPTS = 3
"""Between reading and acting an element may expire, and the whole transaction fails: read again, plan again."""
MOST_LINES = 64
"""Lines of steps that a response shows."""

MOST_FLOWS = 32
"""Needed flows that a greeting shows: it must fit into one message."""


class Hand:
    """One hand: its file, its effector, its world, and what it remembers."""

    def __init__(self, file: HandFile) -> None:
        """Changes nothing. Raises OSError with a sentence where the mechanism is missing or will not obey."""
        self.file, self.effector = file, EFFECTORS[file.mechanism]
        self._key = Ed25519PublicKey.from_public_bytes(file.order_key)
        self.world = World(self.effector, _config(file))
        try:
            leases = tuple(found.lease for found in self.effector.standing(self.world.facts(None), _now()))
        except (ValueError, OSError) as problem:
            raise self._refused(str(problem)) from problem
        self._budget = Budget(file.targets_per_hour, leases, _monotonic())

    def begin(self, *, ready: bool) -> None:
        """Make the mechanism ready for orders, where ``ready`` or where an earlier hand left it there, which may need
        mending. Raises OSError with a sentence."""
        try:
            found = self.world.facts(None)
            if not ready and not self.effector.there(found):
                return
            error, _ = self.world.act(self.effector.prepare(found))
        except (ValueError, OSError) as problem:
            error = str(problem)
        if error:
            raise self._refused(error)

    def end(self) -> str:
        """Take away what was made ready, where nothing needs it any more, and let go of the world; what stays, in
        words."""
        effector, problem = self.effector, ""
        try:
            found, now = self.world.facts(None), _now()
            steps, leases = effector.leave(found), effector.standing(found, now)
            there = effector.there(found)
            problem = self.world.act(steps)[0] if steps else ""
        except (ValueError, OSError) as error:
            return f"what stays is not known ({error})"
        finally:
            self.world.close()
        if leases:
            named = ", ".join(f"{each.lease} until {timestamp(each.until)}" for each in leases[:MOST_LINES])
            return f"effects stay until the kernel's own timeouts: {named}"
        if problem:
            return f"nothing is denied, and what was made ready could not be taken away: {problem}"
        if there and not steps:
            return f"nothing is denied any more; who was of late is still distrusted for a while ({effector.expiry})"
        return "nothing stands, and nothing is left"

    def _refused(self, why: str) -> OSError:
        return OSError(f"{self.file.mechanism} refused: {why}; needed: {self.effector.permission}")

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


def serve(file: HandFile, *, ready: bool = False) -> None:
    """Run a hand until SIGTERM or SIGINT. ``ready`` makes the mechanism ready at the start, so that the first order is
    as fast as the others; else that is done with the first order, and until then the world stays as it was.

    Raises OSError, with a sentence, where it can't start; then it has changed nothing.
    """
    hand = Hand(file)
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    listener = listen(file.socket, file.peer_uid)
    try:
        hand.begin(ready=ready)
        boot = os.urandom(16).hex()
        _log(hand=file.name, listening=file.socket, boot=boot, mechanism=file.mechanism)
        with Callers(listener, hand, boot, _log) as callers, wake, woken:
            callers.attend(wake)
    finally:
        listener.close()
        Path(file.socket).unlink(missing_ok=True)
    _log(hand=file.name, ended=hand.end(), break_glass=hand.effector.break_glass)


def own(name: str, path: Path) -> HandFile:
    """The file of the hand of this name. Raises ValueError with file, line or key, and what to do."""
    file = load(path)
    if file.name != name:
        raise ValueError(f"{path}: is the file of hand {file.name!r}, not of {name!r}; name the right one of the two")
    return file


def main(arguments: list[str] | None = None) -> int:
    """``NAME --file FILE [--ready]``: the file must be that hand's. 0 after a clean end, 1 where it could not start, 2
    where the file is wrong; why stands on stderr."""
    parser = argparse.ArgumentParser(prog="hand", description="Carry out signed orders with one mechanism.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--file", required=True, type=Path)
    parser.add_argument("--ready", action="store_true")
    given = parser.parse_args(arguments)
    try:
        serve(own(given.name, given.file), ready=given.ready)
    except ValueError as error:
        _log(error=str(error))
        return 2
    except OSError as error:
        _log(hand=given.name, error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
