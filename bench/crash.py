"""Kill a process of Tercio at a named point of its own code.

``python -m bench.crash FOLDER MODULE WORD...`` runs ``tercio`` or ``tercio.products.hand`` as it is, with a few of its
functions wrapped. While ``FOLDER/crash.json`` names a point, the process that passes it kills itself there by SIGKILL,
and whoever is named beside. The product has no hook for this; ``tercio up`` run in this way starts its parts in the
same way, and otherwise starts them again as it does in life.
"""

import contextlib
import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

BEFORE, AFTER = "before", "after"


class Armed(msgspec.Struct, frozen=True):
    """What waits to be passed. ``points`` fall one after the other, each in another life of its process; ``also`` are
    processes that die with the last."""

    points: tuple[str, ...]
    also: tuple[int, ...] = ()


class Point(msgspec.Struct, frozen=True):
    """One place to die: in which process, at which function (``module:qualified.name``), on which side of it, and at
    which of its calls: ``which(arguments, result)``, the result None before the call."""

    name: str
    process: str
    where: str
    side: str
    which: Callable[[Sequence[Any], Any], bool]


def _rows(arguments: Sequence[Any], renewal: bool) -> bool:
    """A commit that orders a deny: the first of its lease, or a renewal."""
    tx = arguments[1]
    renewed = {effect.lease for effect in tx.effects if effect.renewed}
    return any(
        row.state == "ordered" and row.command.action == "deny" and (row.command.lease in renewed) is renewal
        for row in tx.commands
    )


def _answer(arguments: Sequence[Any], _result: Any) -> bool:
    """A commit that says of a new effect that it stands."""
    tx = arguments[1]
    return any(r.kind == "response" for r in tx.records) and any(
        effect.state == "standing" and not effect.renewed for effect in tx.effects
    )


def _acts(arguments: Sequence[Any], _result: Any) -> bool:
    """Steps that add an element."""
    return any("add element" in step.text for step in arguments[1])


COMMIT, ACT = "tercio.store.state:State.commit", "tercio.products.world:World.act"

POINTS = (
    Point("before commit A", "loop", COMMIT, BEFORE, lambda a, _: _rows(a, False)),
    Point("inside a commit", "loop", "tercio.store.log:append", BEFORE, lambda a, _: bool(a[2])),
    Point("after commit A", "loop", COMMIT, AFTER, lambda a, _: _rows(a, False)),
    Point(
        "order sent, not answered", "loop", "tercio.products.transports.orders:Line._send", AFTER,
        lambda a, _: a[1].action == "deny",
    ),
    Point("hand: before the transaction", "hand", ACT, BEFORE, _acts),
    Point("hand: after the transaction", "hand", ACT, AFTER, _acts),
    Point(
        "hand: before its reply", "hand", "tercio.products.hand:Hand.answer", AFTER,
        lambda _, r: r.held and any("add element" in step for step in r.steps),
    ),
    Point("before commit B", "loop", COMMIT, BEFORE, _answer),
    Point("after commit B", "loop", COMMIT, AFTER, _answer),
    Point("renewal journaled, not ordered", "loop", COMMIT, AFTER, lambda a, _: _rows(a, True)),
    Point(
        "hand: wall down, connections not cleared", "hand", "tercio.products.world:forget", BEFORE,
        lambda *_: True,
    ),
    Point("restored, nothing ordered yet", "loop", "tercio.loop.run:restored", AFTER, lambda *_: True),
)  # fmt: skip
"""In the order of a lease's life."""

MODULES = {"tercio": "tercio.app.cli", "tercio.products.hand": "tercio.products.hand"}
"""What can be run, and where its ``main`` is."""


def arm(folder: Path, armed: Armed) -> None:
    """Let the next one who passes the point die there."""
    new = folder / "crash.new"
    new.write_bytes(msgspec.json.encode(armed))
    new.rename(folder / "crash.json")


def waiting(folder: Path) -> bool:
    """Whether something is armed that nobody passed yet."""
    return (folder / "crash.json").exists()


def disarm(folder: Path) -> bool:
    """Call it off; whether there was something to call off."""
    try:
        (folder / "crash.json").unlink()
    except FileNotFoundError:
        return False
    return True


def install(folder: Path, points: Iterable[Point]) -> None:
    """Wrap the functions of these points."""
    by_place: dict[str, list[Point]] = {}
    for point in points:
        by_place.setdefault(point.where, []).append(point)
    for where, here in by_place.items():
        module, _, path = where.partition(":")
        *owners, name = path.split(".")
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        setattr(owner, name, _wrapped(folder, getattr(owner, name), here))


def _wrapped(folder: Path, function: Callable[..., Any], points: list[Point]) -> Callable[..., Any]:
    @functools.wraps(function)
    def passed(*arguments: Any, **named: Any) -> Any:
        _fall(folder, points, BEFORE, arguments, None)
        result = function(*arguments, **named)
        _fall(folder, points, AFTER, arguments, result)
        return result

    return passed


def _fall(folder: Path, points: list[Point], side: str, arguments: Sequence[Any], result: Any) -> None:
    path = folder / "crash.json"
    mine = {point.name: point for point in points if point.side == side}
    if not mine or not path.exists():
        return
    armed = msgspec.json.decode(path.read_bytes(), type=Armed)
    point = mine.get(armed.points[0])
    if point is None or not point.which(arguments, result):
        return
    if armed.points[1:]:
        arm(folder, Armed(armed.points[1:], armed.also))
    else:
        path.unlink()
        for pid in armed.also:
            _end(pid)
    os.kill(os.getpid(), signal.SIGKILL)


def _end(pid: int) -> None:
    """Kill another one; who is dead already, or is oneself, is passed over."""
    if pid != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def through_here(folder: Path, argv: Sequence[str]) -> tuple[str, ...]:
    """A part's command line, run through this module."""
    at = next(n for n, word in enumerate(argv) if word == "-m")
    return (*argv[: at + 1], "bench.crash", str(folder), *argv[at + 1 :])


def _supervisor(folder: Path) -> None:
    """Start the parts through this module, and each as soon as the first time: who is killed every few seconds would
    else be started ever later."""
    supervisor: Any = importlib.import_module("tercio.app.supervisor")  # A hand must not load it.
    parts = supervisor.parts

    def wrapped(*given: Any) -> tuple[Any, ...]:
        made = parts(*given)
        return tuple(msgspec.structs.replace(part, argv=through_here(folder, part.argv)) for part in made)

    supervisor.parts = wrapped
    supervisor.STEADY = 0.0


def main() -> None:
    """Run what the words say."""
    folder, module, *words = sys.argv[1:]
    sys.argv = [module, *words]
    if words[:1] == ["up"]:
        _supervisor(Path(folder))
    else:
        process = "hand" if module == "tercio.products.hand" else "loop"
        install(Path(folder), [point for point in POINTS if point.process == process])
    sys.exit(importlib.import_module(MODULES[module]).main())


if __name__ == "__main__":
    main()
