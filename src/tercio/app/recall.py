"""What the loop last wrote of itself, read beside it: who spoke, what was left out, which policies failed."""

from pathlib import Path

import msgspec

from tercio.loop.conduct import Setback
from tercio.model.decisions import Permission
from tercio.model.precision import Precision
from tercio.store.errors import StateUnusable
from tercio.store.reader import Reader

LATEST = 10_000
"""Records at the journal's end in which failed policies are looked for."""

FAILED = "a policy that fails denies"
"""How the mandate begins its words on a candidate whose policy failed."""


class Counts(msgspec.Struct, frozen=True):
    """Sightings that detection left out since the beginning, and how often room was made, by correlation (see
    ``brain.detect.windows.Windows``)."""

    late: int = 0
    ungrouped: int = 0
    dropped: int = 0
    crowded: dict[str, int] = {}


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """Of the loop's memory, what people ask about: when each source last spoke (receipt, an instant), which are silent,
    what was stood down on, lines by source that nobody understood, sightings left out; what is known of rules, by id,
    and what is held against those that fail."""

    heard: dict[str, int] = {}
    silent: tuple[str, ...] = ()
    stood_down: tuple[str, ...] = ()
    unparsed: dict[str, int] = {}
    windows: Counts = Counts()
    precisions: dict[str, tuple[Precision, ...]] = {}
    setbacks: dict[str, Setback] = {}

    @property
    def aside(self) -> dict[str, str]:
        """Rules that were set aside, and why."""
        return {
            rule: f"set aside, because it failed on {setback.times} records; on the last: {setback.reason}"
            for rule, setback in sorted(self.setbacks.items())
            if setback.aside
        }


class _Ruling(msgspec.Struct, frozen=True):
    permission: Permission
    words: str
    policies: tuple[str, ...] = ()


class _Decision(msgspec.Struct, frozen=True):
    rulings: tuple[_Ruling, ...]


class _Decided(msgspec.Struct, frozen=True):
    decision: _Decision


def recall(reader: Reader) -> Recalled:
    """The loop's memory as it was last written. Raises StateUnusable where it can't be read."""
    snapshot = reader.snapshot()
    try:
        return msgspec.json.decode(snapshot, type=Recalled) if snapshot else Recalled()
    except msgspec.DecodeError as error:
        raise StateUnusable(
            f"what the loop wrote of itself can't be read ({error}); start it, or restore a backup"
        ) from None


def set_aside(state: Path) -> dict[str, str]:
    """Rules that were set aside, and why; none where there is no state yet. Raises StateUnusable."""
    if not (state / "state.db").exists():
        return {}
    with Reader(state) as reader:
        return recall(reader).aside


def failed_policies(reader: Reader) -> tuple[str, ...]:
    """The policies that failed while one of the latest decisions was ruled on, and so denied what they spoke of."""
    found: set[str] = set()
    for entry in reader.records(kind="decision", after_seq=max(0, reader.checkpoint().size - LATEST), limit=LATEST):
        if entry.body is None or FAILED.encode() not in entry.body:
            continue
        for ruling in msgspec.json.decode(entry.body, type=_Decided).decision.rulings:
            if ruling.permission == Permission.FORBIDDEN and ruling.words.startswith(FAILED):
                found |= {*ruling.policies}
    return tuple(sorted(found))
