"""The past once more: every decision of a journal recomputed from its record, and recorded lines through a fresh loop.
Pure.

What batching may change: how a recorded stream is cut into turns moves ``now``, so decisions (one a turn), what follows
from them, and every instant of receipt may differ. Findings, incidents' evidence and beliefs may not, as long as the
lines are received at the same instants: ``tests/loop/test_replay.py`` holds it.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tercio.agents.mandate import Mandate, MandateError, load
from tercio.brain.detect.windows import Windows
from tercio.loop.authorise import Deliberation, decided
from tercio.loop.engine import turn
from tercio.loop.sift import sift
from tercio.loop.state import Content, Inputs, LoopState, Memory, Turn
from tercio.model.canon import canonical
from tercio.model.events import Batch
from tercio.model.journal import Basis

SHOWN = 60
"""Lines of a difference that are shown."""


class Kept(msgspec.Struct, frozen=True):
    """One record of a journal as it is read: its number, kind and body (None where it was erased)."""

    seq: int
    kind: str
    body: bytes | None


class Difference(msgspec.Struct, frozen=True):
    """The first record that does not follow from its own input: ``lines`` show recorded (-) against recomputed (+)."""

    seq: int
    lines: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay came to. Of ``decisions`` in all, ``equal`` came out to the byte, ``different`` did not, ``erased``
    have no text any more; ``refused`` were not recomputed, and ``why`` says the reason of the first."""

    decisions: int = 0
    equal: int = 0
    different: int = 0
    erased: int = 0
    refused: int = 0
    why: str = ""
    first: Difference | None = None

    @property
    def ok(self) -> bool:
        """Whether every decision that has its text came out to the byte."""
        return not self.different and not self.refused


class Replay:
    """Takes the records of a journal in their order, and recomputes each decision from its record and the basis that
    was journaled before it.

    ``code`` names this build; decisions of another are refused, or, ``anyway``, recomputed by this one.
    """

    def __init__(self, code: str, *, anyway: bool = False) -> None:
        self._code = code
        self._anyway = anyway
        self._bases: dict[str, Basis] = {}
        self._mandates: dict[str, Mandate] = {}
        self.outcome = Outcome()

    def take(self, record: Kept) -> None:
        """Take in one record."""
        if record.kind == "basis" and record.body is not None:
            self._remember(record.body)
        elif record.kind == "decision":
            found = self._decision(record)
            self.outcome = msgspec.structs.replace(found, decisions=found.decisions + 1)

    def _remember(self, body: bytes) -> None:
        try:
            basis = msgspec.json.decode(body, type=Basis)
        except msgspec.DecodeError:
            return  # A decision that needs it says that it is not there.
        self._bases[basis.digest] = basis

    def _decision(self, record: Kept) -> Outcome:
        found, replace = self.outcome, msgspec.structs.replace
        if record.body is None:
            return replace(found, erased=found.erased + 1)
        try:
            told = msgspec.json.decode(record.body, type=Deliberation)
        except msgspec.DecodeError as error:
            return self._differs(record.seq, (f"the record can't be read: {error}",))
        mandate = self._mandate(record.seq, told.decision.content_digest)
        if isinstance(mandate, str):
            return replace(found, refused=found.refused + 1, why=found.why or mandate)
        again = decided(mandate, told.question, told.circumstances, told.decision.content_digest)
        body = canonical(Deliberation(told.question, told.circumstances, again))
        if body == record.body:
            return replace(found, equal=found.equal + 1)
        return self._differs(record.seq, difference(record.body, body))

    def _differs(self, seq: int, lines: tuple[str, ...]) -> Outcome:
        found = self.outcome
        first = found.first or Difference(seq, lines)
        return msgspec.structs.replace(found, different=found.different + 1, first=first)

    def _mandate(self, seq: int, digest: str) -> Mandate | str:
        """The mandate of a basis, or why there is none to decide by."""
        basis = self._bases.get(digest)
        if basis is None:
            return f"record {seq} rests on the basis {digest[:12]}, and no record before it says what that was"
        if basis.code != self._code and not self._anyway:
            return (
                f"record {seq} was decided by other code (Tercio {basis.version}, {basis.code[:12]}) than this build "
                f"({self._code[:12]}): replay it with that build, or with this one by --anyway"
            )
        if digest not in self._mandates:
            try:
                self._mandates[digest] = load(dict(basis.policies), basis.schema, dict(basis.own))
            except MandateError as error:
                return f"the mandate of record {seq} can't be read by this build: {error}"
        return self._mandates[digest]


def replayed(records: Iterable[Kept], code: str, *, anyway: bool = False) -> Outcome:
    """Recompute every decision among the records of a journal, from its first record on."""
    replay = Replay(code, anyway=anyway)
    for record in records:
        replay.take(record)
    return replay.outcome


def difference(recorded: bytes, recomputed: bytes) -> tuple[str, ...]:
    """What differs between two bodies, line by line, in plain ASCII: what an attacker wrote moves no terminal."""
    old, new = (
        json.dumps(msgspec.json.decode(b), indent=1, sort_keys=True).splitlines() for b in (recorded, recomputed)
    )
    lines = [*difflib.unified_diff(old, new, "recorded", "recomputed", lineterm="", n=2)]
    if not lines:
        return ("the same values in other bytes: the record is not in its canonical form",)
    more = len(lines) - SHOWN
    return (*lines[:SHOWN], f"... and {more} lines more") if more > 0 else tuple(lines)


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one source as they were recorded. Line n (from 0) is received at ``began`` + n * ``pace``
    (microseconds)."""

    source: str
    lines: tuple[bytes, ...]
    began: int
    pace: int = 0
    generation: str = "recorded"


def inputs_of(content: Content, recording: Recording, size: int, draw: float) -> Iterator[Inputs]:
    """A recording sifted, and cut into turns of ``size`` lines, each taken when its last line was received."""
    offset = 0
    for start in range(0, len(recording.lines), size):
        lines = recording.lines[start : start + size]
        now = recording.began + (start + len(lines) - 1) * recording.pace
        batch = Batch(recording.source, recording.generation, offset, lines, now)
        offset = batch.end
        yield Inputs(now=now, draw=draw, lots=sift(content, batch))


def played(content: Content, inputs: Iterable[Inputs], state: LoopState | None = None) -> Iterator[Turn]:
    """Take turns over these inputs, by default from a fresh state on."""
    state = state or LoopState(memory=Memory(windows=Windows()))
    for given in inputs:
        result = turn(content, state, given)
        state = result.state
        yield result


def journaled(turns: Iterable[Turn]) -> bytes:
    """The canonical bytes of everything that these turns journal, one record a line."""
    return b"".join(_lines(result) for result in turns)


def _lines(result: Turn) -> bytes:
    records = result.transaction.records if result.transaction is not None else ()
    parts: Sequence[bytes] = [canonical([r.kind, r.subject, r.time, msgspec.Raw(r.body)]) + b"\n" for r in records]
    return b"".join(parts)
