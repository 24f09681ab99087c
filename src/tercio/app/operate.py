"""What people do to a running loop, or to hands when no loop runs: undo, stand down, announce a window."""

from pathlib import Path

from tercio.model.units import SECOND, duration
from tercio.model.words import Window, WordKind
from tercio.products.transports.words import Heard, Said, say


class NobodyListens(RuntimeError):
    """The loop does not run, so it can't hear people."""


def tell(state: Path, said: Said) -> Heard:
    """Say one word to the loop of this state. Raises NobodyListens with what to do."""
    try:
        return say(state / "loop.sock", said)
    except OSError as error:
        raise NobodyListens(
            f"no loop listens at {state / 'loop.sock'} ({error.strerror or error}); start it with `tercio up`, "
            "or use `tercio undo --offline` to take effects back without it"
        ) from None


def undo(state: Path, target: str) -> Heard:
    """Undo a lease, or everything of an incident."""
    return tell(state, Said(WordKind.UNDO, target))


def stand(state: Path, target: str, *, down: bool) -> Heard:
    """Stand down on a process or on everything, or stand to again."""
    return tell(state, Said(WordKind.STAND_DOWN if down else WordKind.STAND_TO, target))


def open_window(state: Path, asset: str, target: str, activity: str, length: str, why: str, now: int) -> Heard:
    """Announce a change by a station: "that is us". ``length`` is a duration such as ``2h``. Raises ValueError."""
    until = now + duration(length)
    if until - now > 24 * 3600 * SECOND:
        raise ValueError(f"{length} is longer than a day; announce it again tomorrow")
    window = Window(id="", asset=asset, target=target, activity=activity, since=now, until=until, by="", why=why)
    return tell(state, Said(WordKind.WINDOW_OPEN, window=window))


def close_window(state: Path, window: str) -> Heard:
    """Close an announced window before its time."""
    return tell(state, Said(WordKind.WINDOW_CLOSE, window))
