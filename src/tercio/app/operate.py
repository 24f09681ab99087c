"""What people do to a running loop: undo, stand down, announce a window; and which windows are open."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tercio.app.checkup import owner
from tercio.model.journal import Spoken
from tercio.model.precision import Judgement
from tercio.model.units import duration
from tercio.model.words import LONGEST_WINDOW, NOT_DONE, Window, WordKind
from tercio.products.transports.words import Heard, Said, say
from tercio.store.errors import StateUnusable
from tercio.store.reader import Entry, Reader
from tercio.store.state import State

CHUNK = 1000
"""Records of the journal that are read at once."""


class NobodyListens(RuntimeError):
    """The loop does not run, so it can't hear people."""


def tell(state: Path, said: Said) -> Heard:
    """Say one word to the loop of this state. ``ok`` says that it was carried out. Raises NobodyListens with what to
    do."""
    try:
        heard = say(state / "loop.sock", said)
    except TimeoutError:
        return Heard(False, "the loop did not answer in time; `tercio doctor` says whether it runs")
    except PermissionError:
        place = state / "loop.sock"
        words = f"{place} belongs to {owner(place)}: only that user can speak to the loop; say it with sudo -u"
        raise NobodyListens(words) from None
    except OSError as error:
        without = "; to take effects back without it, add --offline" if said.kind == WordKind.UNDO else ""
        words = f"no loop listens at {state / 'loop.sock'} ({error.strerror or error})"
        raise NobodyListens(f"{words}; start it with `tercio up`{without}") from None
    return Heard(heard.ok and not heard.answer.startswith(NOT_DONE), heard.answer)


def undo(state: Path, target: str) -> Heard:
    """Undo a lease, or everything of an incident."""
    return tell(state, Said(WordKind.UNDO, target))


def stand(state: Path, target: str, *, down: bool) -> Heard:
    """Stand down on a process or on everything, or stand to again."""
    return tell(state, Said(WordKind.STAND_DOWN if down else WordKind.STAND_TO, target))


def open_window(state: Path, asset: str, target: str, activity: str, length: str, why: str, now: int) -> Heard:
    """Announce a change by a station: "that is us". ``length`` is a duration such as ``2h``. Raises ValueError."""
    span = duration(length)
    if not 0 < span <= LONGEST_WINDOW:
        raise ValueError(f"{length} is no length for a window; write a time of up to a day, and announce it again then")
    window = Window(id="", asset=asset, target=target, activity=activity, since=now, until=now + span, by="", why=why)
    return tell(state, Said(WordKind.WINDOW_OPEN, window=window))


def close_window(state: Path, window: str) -> Heard:
    """Close an announced window before its time."""
    return tell(state, Said(WordKind.WINDOW_CLOSE, window))


def close(state: Path, incident: str, verdict: Judgement, rules: tuple[str, ...], note: str) -> Heard:
    """Judge an incident, as a whole or by some of its rules, and close it. It may have been closed long ago. Raises
    ValueError where the name is none or not one."""
    with State.read(state) as reader:
        found = reader.incident(incident)
    if found is None:
        raise ValueError(f"no incident has the name {incident!r}")
    return tell(state, Said(WordKind.CLOSE, found.id, verdict=verdict, rules=rules, note=note))


def resume(state: Path, rule: str) -> Heard:
    """Let a rule run again that was set aside."""
    return tell(state, Said(WordKind.RESUME, rule))


def open_windows(reader: Reader, now: int) -> tuple[Window, ...]:
    """The windows that are open now, the next to end first: what the journal says was announced and not closed since.

    Raises StateUnusable where a record can't be read.
    """
    found: dict[str, Window] = {}
    for spoken in _spoken(reader):
        word, name = spoken.word, spoken.answer.partition(":")[0]
        if spoken.answer.startswith(NOT_DONE):
            continue
        if word.kind == WordKind.WINDOW_OPEN and word.window is not None:
            found[name] = msgspec.structs.replace(word.window, id=name, by=word.who)
        elif word.kind == WordKind.WINDOW_CLOSE:
            found.pop(word.target, None)
    return tuple(sorted((w for w in found.values() if w.until > now), key=lambda w: (w.until, w.id)))


def _spoken(reader: Reader) -> Iterator[Spoken]:
    after, entries = 0, reader.records(kind="word", limit=CHUNK)
    while entries:
        for entry in entries:
            if entry.body is not None:
                yield _decoded(entry, entry.body)
            after = entry.seq
        entries = reader.records(kind="word", after_seq=after, limit=CHUNK)


def _decoded(entry: Entry, body: bytes) -> Spoken:
    try:
        return msgspec.json.decode(body, type=Spoken)
    except msgspec.DecodeError as error:
        raise StateUnusable(f"record {entry.seq} can't be read: {error}. Run `tercio audit verify`.") from None
