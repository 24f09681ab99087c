"""Who defends: Tercio, or a baseline that is given just the same."""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Protocol

import msgspec

from tercio.agents.mandate import Limits, Mandate, load
from tercio.agents.situation import against
from tercio.brain.correlate.incidents import proved_now
from tercio.brain.correlate.likelihood import PRIOR
from tercio.brain.decide.question import Outlook
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.windows import Windows
from tercio.content import mandate_schema, mandate_texts
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.rules import ruleset
from tercio.loop.effects import SUSPECT
from tercio.loop.engine import turn
from tercio.loop.leases import RESEND
from tercio.loop.standing import care_of
from tercio.loop.state import Content, Inputs, LoopState, Memory, Release, Turn
from tercio.model.commands import Action, Command, Effect, EffectState, Response
from tercio.model.decisions import Reach, Verb
from tercio.model.journal import Basis
from tercio.model.sifted import Sifted
from tercio.model.site import Site
from tercio.model.units import SECOND
from tercio.model.words import Word

NEVER = 1 << 62
"""An instant that does not come."""


class Brief(msgspec.Struct, frozen=True):
    """What a defender is told before it begins: the site file's content, its hands, its sensors (what they are, by
    source), when it begins, and a seed for what it draws itself."""

    site: Site
    reaches: tuple[Reach, ...]
    sources: Mapping[str, str]
    start: int
    seed: int


class Sensed(msgspec.Struct, frozen=True):
    """All that reaches a defender at an instant: what sensors wrote, what hands answered, what people said."""

    lots: tuple[Sifted, ...] = ()
    responses: tuple[Response, ...] = ()
    words: tuple[Word, ...] = ()


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What a defender says of itself at the end: questions that people were asked, decisions, incidents, and how many
    findings the decisions that acted rest on."""

    questions: int = 0
    decisions: int = 0
    incidents: int = 0
    cited: int = 0


class Defender(Protocol):
    """Whoever takes what is sensed and gives orders. It is never shown what is true."""

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """Take in what arrived by ``now``; give orders to hands: deny until an instant, cancel a lease, query."""
        ...

    def due(self) -> int:
        """The next instant at which it has something to do though nothing arrives (``NEVER``: none)."""
        ...

    def tally(self) -> Tally:
        """What it says of itself at the end."""
        ...


SILENT = 60 * SECOND
"""A source counts as silent after this (microseconds)."""

LOOK = 20 * SECOND
"""While an act may have silenced a view, it is looked at this often (microseconds)."""

HELD = sum(PRIOR[2:])


class Tercio:
    """The product: every instant is one real turn of the loop.

    Where time is empty no turns are taken. So a lease is renewed in the last quarter of its span, not as soon as half
    of it is over, together with all others that may be; and hands are asked what stands only where something is in
    doubt: nobody but Tercio takes a wall away here.
    """

    def __init__(
        self,
        brief: Brief,
        *,
        limits: Limits | None = None,
        outlook: Outlook | None = None,
        release: Release | None = None,
    ) -> None:
        self._content = Content(
            site=brief.site,
            sensors={},
            silent_after=dict.fromkeys(brief.sources, SILENT),
            rules=ruleset(),
            detector=_detector(),
            mandate=_mandate(),
            limits=limits or Limits(),
            outlook=outlook or Outlook(),
            release=release or Release(),
            reaches=brief.reaches,
            basis=_basis(),
        )
        self._luck = dice(brief.seed, "draw")
        heard = dict.fromkeys(brief.sources, brief.start)
        memory = Memory(windows=Windows(), heard=heard, basis=self._content.basis.digest)
        self._state = LoopState(memory=memory, flushed=brief.start)
        self._now = brief.start
        self._due = NEVER
        self._asked: dict[str, bool] = {}
        self._incidents: set[str] = set()
        self._tally = Tally()

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """One turn."""
        inputs = Inputs(
            now=now,
            draw=self._luck.random(),
            lots=sensed.lots,
            responses=sensed.responses,
            words=sensed.words,
        )
        result = turn(self._content, self._state, inputs)
        self._state, self._now = result.state, now
        self._count(result)
        self._due = min((at for at in self._instants() if at > now), default=NEVER)
        doubted = any(care_of(result.state, lease).doubt for lease in result.state.effects)
        return tuple(order for order in result.orders if doubted or order.action != Action.QUERY)

    def due(self) -> int:
        """When something is due by the clock alone, as the steps of a turn would find it."""
        return self._due

    def tally(self) -> Tally:
        """Counted from the journal's own records."""
        return self._tally

    def _instants(self) -> Iterator[int]:
        """Instants at which a turn may change something though nothing arrives; some of them may have passed."""
        state = self._state
        yield from (docket.due for docket in state.memory.dockets.values() if docket.due)
        for command, sent in state.commands.values():
            yield from (sent + RESEND, command.until)
        for lease, effect in state.effects.items():
            yield effect.until
            kept = care_of(state, lease)
            yield kept.again
            if effect.state == EffectState.STANDING and not kept.ending:
                yield from self._reviewed(effect, kept.quiet, handed=kept.handed)

    def _reviewed(self, effect: Effect, quiet: int, *, handed: bool) -> Iterator[int]:
        """When a lease may be renewed, released, or found to have silenced a view."""
        if self._now < effect.since + 2 * SUSPECT:
            yield self._now + LOOK
        if not handed:
            yield effect.until - self._content.outlook.span // 4
        incident = self._state.incidents.get(effect.incident)
        if incident is None:
            return
        outlook, threshold = self._content.outlook, self._content.release.threshold
        names = against(self._content.site, effect.target, incident.beliefs)
        held = max((proved_now(incident, name, self._now, outlook.half_life) for name in names), default=0.0)
        fades = self._now
        if held >= threshold:
            fades += round(outlook.half_life * math.log2((held - HELD) / (threshold - HELD))) + SECOND
        yield max(fades, incident.last_evidence + max(quiet, 0)) + SECOND

    def _count(self, result: Turn) -> None:
        tally = self._tally
        for record in result.transaction.records if result.transaction is not None else ():
            if record.kind != "decision":
                continue
            decision = msgspec.json.decode(record.body, type=_Told).decision
            verbs = {c.verb for c in decision.candidates if c.id in decision.chosen.candidates}
            asks, acts = Verb.ASK in verbs, bool(verbs - {Verb.NOTHING, Verb.WAIT, Verb.ASK})
            fresh = asks and not self._asked.get(decision.incident)
            self._asked[decision.incident] = asks
            tally = msgspec.structs.replace(
                tally,
                questions=tally.questions + fresh,
                decisions=tally.decisions + 1,
                cited=tally.cited + (len(decision.evidence) if acts else 0),
            )
        self._incidents |= self._state.incidents.keys()
        self._tally = msgspec.structs.replace(tally, incidents=len(self._incidents))


class _Option(msgspec.Struct, frozen=True):
    id: str
    verb: Verb


class _Plan(msgspec.Struct, frozen=True):
    candidates: tuple[str, ...]


class _Decided(msgspec.Struct, frozen=True):
    incident: str
    chosen: _Plan
    candidates: tuple[_Option, ...]
    evidence: tuple[str, ...]


class _Told(msgspec.Struct, frozen=True):
    """What is counted of a journaled decision."""

    decision: _Decided


@cache
def _detector() -> Detector:
    """No lines come in: sensors and detection are simulated, so that it has nothing to look at."""
    return Detector(ruleset(), {})


@cache
def _mandate() -> Mandate:
    return load(mandate_texts(), mandate_schema())


@cache
def _basis() -> Basis:
    """Nothing is read back from what an episode journals, so that digests are names."""
    policies = tuple(sorted(mandate_texts().items()))
    return Basis(
        version="simulated", code="", site="", rules="", numbers="", policies=policies, schema=mandate_schema()
    )
