"""Times of the loop's stages, taken from inside its process for ``bench loop``, and by nobody else.

Python imports this module at its start where the bench has put this folder into PYTHONPATH. It does something only in
the process of ``python -m tercio loop``, and only where ``TERCIO_BENCH_TRACE`` names a file: there each line is one
call of one stage (instants in microseconds, ``cpu`` the thread's own time), written when the process ends.
"""

import atexit
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

TRACE = "TERCIO_BENCH_TRACE"

Note = dict[str, Any]
Said = Callable[[tuple[Any, ...], Any], Note]


def now() -> int:
    """The instant."""
    return time.time_ns() // 1000


def wrapped(notes: list[Note], stage: str, work: Callable[..., Any], said: Said) -> Callable[..., Any]:
    """The same function, which notes when it was called and what ``said`` makes of its arguments and result."""

    def noted(*given: Any, **named: Any) -> Any:
        begin, cpu = now(), time.thread_time_ns()
        result = work(*given, **named)
        spent = (time.thread_time_ns() - cpu) // 1000
        notes.append({"stage": stage, "begin": begin, "end": now(), "cpu": spent, **said(given, result)})
        return result

    return noted


def install(notes: list[Note]) -> None:
    """Put the watch on every stage of the loop's shell."""
    from tercio.loop import run  # noqa: PLC0415  Only the loop's own process loads the loop.
    from tercio.products.transports.orders import Line  # noqa: PLC0415
    from tercio.products.transports.tail import Tail  # noqa: PLC0415
    from tercio.store.state import State  # noqa: PLC0415

    wait = run.Shell._wait  # noqa: SLF001  What is measured is inside.

    async def woken(shell: Any, seconds: float) -> None:
        await wait(shell, seconds)
        written = {name: _written(path) for name, path in shell._setup.sources.items()}  # noqa: SLF001
        notes.append({"stage": "woken", "begin": now(), "end": now(), "written": written})

    def leases(given: tuple[Any, ...], result: Any) -> Note:
        return {"leases": [order.lease for order in result.orders if order.lease not in given[1].effects]}

    stages: tuple[tuple[Any, str, str, Said], ...] = (
        (Tail, "read", "read", lambda given, batches: {"source": given[0].source, "lines": sum(map(_count, batches))}),
        (run, "turn", "turn", leases),
        (State, "commit", "commit", lambda *_: {}),
        (Line, "_send", "send", lambda given, _: {"lease": given[1].lease}),
    )
    setattr(run.Shell, "_wait", woken)  # noqa: B010  mypy would take an assignment for a mistake, and rightly.
    for owner, name, stage, said in stages:
        setattr(owner, name, wrapped(notes, stage, getattr(owner, name), said))


def _count(batch: Any) -> int:
    return len(batch.lines)


def _written(path: Path) -> int:
    """When a file was last written to (an instant). Since Linux 6.13 it is exact if somebody asked since the last
    write, and every turn asks."""
    try:
        return path.stat().st_mtime_ns // 1000
    except OSError:
        return 0


def begin() -> None:
    """Trace this process if it is the loop and the bench asks for it."""
    path = os.environ.get(TRACE)
    words = sys.orig_argv
    if not path or "-m" not in words or words[words.index("-m") + 1 :][:2] != ["tercio", "loop"]:
        return
    notes: list[Note] = []
    install(notes)
    atexit.register(lambda: Path(path).write_bytes(b"".join(msgspec.json.encode(note) + b"\n" for note in notes)))


begin()
