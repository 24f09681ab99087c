"""Joining findings into incidents, and the beliefs that follow."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from tercio.brain.correlate.belief import decayed
from tercio.brain.correlate.beliefs import believed, keep, renew
from tercio.brain.correlate.evidence import Account, account, pieces, proven_steps, telling, used_address
from tercio.brain.correlate.excuses import Excuse
from tercio.brain.correlate.likelihood import EXCUSED_WEIGHT
from tercio.model.findings import Finding
from tercio.model.ids import incident_id
from tercio.model.incidents import Belief, Evidence, Incident, Status
from tercio.model.precision import Learned
from tercio.model.site import Site
from tercio.model.whereabouts import NOWHERE, Whereabouts
from tercio.model.words import Window

OPENS = 0.02
"""An incident is opened once somebody's probability of being held reaches this; else a finding is only journaled."""

JOINS = 24 * 3600 * 1_000_000
"""Findings join an incident that had evidence within this span (microseconds)."""

MOST_STRANGERS = 256
"""An incident names at most so many addresses that the site does not list; what concerns further ones only counts."""

MOST_FORGED = 64
"""Forgeable findings fill at most so much of that, and open an incident only while at most so many rest on nothing
better: inventing names must stay cheap for us."""


FIRST, LAST = 64, 192
"""An incident names so many of its findings, events and steps at most, from the beginning and from the end:
what it holds is journaled again with each of its changes."""

T = TypeVar("T")


class Setting(msgspec.Struct, frozen=True):
    """What correlation knows beside the findings. ``half_life`` (microseconds) is how fast belief fades; ``left_alone``
    are incidents on which people told Tercio to stand down: who is new opens one of his own. ``at`` says which machine
    an address means now; ``learned`` what people's verdicts make of a rule, by its id."""

    site: Site
    windows: tuple[Window, ...]
    half_life: int
    left_alone: frozenset[str] = frozenset()
    at: Whereabouts = NOWHERE
    learned: Mapping[str, Learned] = {}


class Note(msgspec.Struct, frozen=True):
    """What became of one finding: ``change`` is ``opened``, ``joined``, ``repeat``, ``below`` (it opened nothing) or
    ``seen`` (evidence of that file and offset was used before)."""

    finding: Finding
    incident: str
    change: str
    evidence: tuple[Evidence, ...]


def correlate(
    setting: Setting, incidents: Mapping[str, Incident], findings: Sequence[Finding], now: int
) -> tuple[dict[str, Incident], tuple[Note, ...]]:
    """Fold findings, in order, into the incidents. Returns all incidents and one note per finding.

    ``now`` bounds what sensors' clocks say: nothing happened later than it was read.
    """
    result = dict(incidents)
    notes: list[Note] = []
    for finding in findings:
        told = account(setting.site, setting.windows, finding, now, setting.at)
        incident, note = _one(setting, incidents, result, _weighed(setting, told))
        if incident is not None:
            result[incident.id] = incident
        notes.append(note)
    return result, tuple(notes)


def _weighed(setting: Setting, told: Account) -> Account:
    """An account with what was learned of just this version of its rule."""
    known = setting.learned.get(told.finding.rule)
    if known is None or known.version != told.finding.version:
        return told
    return msgspec.structs.replace(told, learned=known)


def held_now(incident: Incident, now: int, half_life: int) -> dict[str, float]:
    """Per asset of the incident, the probability that it is held, as faded by now."""
    return {name: decayed(belief, now, half_life).held for name, belief in sorted(incident.beliefs.items())}


def proved_now(incident: Incident, name: str, now: int, half_life: int) -> float:
    """The same of one asset, without anything that could have been forged: what a standing effect may rest on."""
    belief = incident.sure.get(name, incident.beliefs.get(name))
    return decayed(belief, now, half_life).held if belief is not None else 0.0


def _one(
    setting: Setting, before: Mapping[str, Incident], incidents: Mapping[str, Incident], told: Account
) -> tuple[Incident | None, Note]:
    finding = told.finding
    home = _home(setting, incidents, told)
    if home is not None:
        told = _doubted(setting, home, told)
    if told.empty:
        return None, Note(finding, "", "below", pieces(told, 0))
    if home is None:
        return _alone(setting, incidents, told)
    if home.id in before and _seen(before[home.id], finding):
        return None, Note(finding, home.id, "seen", ())
    keys = {piece.key for piece in home.evidence}
    fresh = tuple(piece for piece in pieces(told, home.round) if piece.key not in keys)
    fresh = _placed(setting.site, home.beliefs, told, fresh)
    if not fresh:
        return _repeated(home, told), Note(finding, home.id, "repeat", ())
    fresh = telling(home.evidence, fresh)
    joined = _joined(setting, home, told, fresh)
    if not fresh and (joined.proven, joined.reached) == (home.proven, home.reached):
        return _repeated(home, told), Note(finding, home.id, "repeat", ())
    return joined, Note(finding, home.id, "joined", fresh)


def _doubted(setting: Setting, home: Incident, told: Account) -> Account:
    """A declared flow says nothing of a host as long as nobody suspects it. Of a suspect it weighs as much as anything
    that was announced: else an intruder on a station that may write would write unseen."""
    if not told.empty or told.pardon is None or told.src not in home.beliefs:
        return told
    proof = home.sure.get(told.src, home.beliefs[told.src])
    if decayed(proof, told.at, setting.half_life).held < OPENS:
        return told
    return msgspec.structs.replace(told, pardon=Excuse(told.pardon.words, EXCUSED_WEIGHT))


def _alone(setting: Setting, incidents: Mapping[str, Incident], told: Account) -> tuple[Incident | None, Note]:
    """A finding that no incident is about opens one, if it makes its source suspect enough."""
    evidence = _placed(setting.site, {}, told, pieces(told, 0))
    beliefs, sure = believed(setting.half_life, None, told, evidence)
    rumours = sum(1 for incident in incidents.values() if not incident.proven) if told.forgeable else 0
    if beliefs[told.src].held < OPENS or rumours >= MOST_FORGED:
        return None, Note(told.finding, "", "below", evidence)
    opened = _opened(told, evidence, beliefs, sure)
    return opened, Note(told.finding, opened.id, "opened", evidence)


def _home(setting: Setting, incidents: Mapping[str, Incident], told: Account) -> Incident | None:
    """The oldest incident that has the same source, else one that knows one of the assets."""
    alive = [i for i in incidents.values() if i.status != Status.CLOSED and told.at - i.last_evidence <= JOINS]
    same_source = [i for i in alive if told.src in i.sources]
    if same_source or told.pardon is not None:
        return min(same_source, key=lambda i: (i.opened, i.id), default=None)
    named = {told.src, *told.targets}
    shared = [i for i in alive if i.id not in setting.left_alone and not named.isdisjoint(i.beliefs)]
    return min(shared, key=lambda i: (i.opened, i.id), default=None)


def _seen(incident: Incident, finding: Finding) -> bool:
    """Whether this very finding was used, or another of its file from this place or behind it, before this turn."""
    generation, offset = incident.through.get(finding.source, ("", -1))
    return finding.id in incident.findings or (generation == finding.generation and finding.offset <= offset)


def _placed(
    site: Site, known: Mapping[str, Belief], told: Account, evidence: tuple[Evidence, ...]
) -> tuple[Evidence, ...]:
    """The evidence for whose asset there is room; none of it where there is none for the source."""
    room = (MOST_FORGED if told.forgeable else MOST_STRANGERS) - sum(name not in site.assets for name in known)
    placed = []
    for piece in evidence:
        if piece.asset in site.assets or piece.asset in known:
            placed.append(piece)
        elif room > 0:
            placed.append(piece)
            room -= 1
        elif piece.asset == told.src:
            return ()
    return tuple(placed) if told.src in known or any(piece.asset == told.src for piece in placed) else ()


def _opened(
    told: Account, evidence: tuple[Evidence, ...], beliefs: dict[str, Belief], sure: dict[str, Belief]
) -> Incident:
    finding = told.finding
    return Incident(
        id=incident_id(finding.id),
        opened=told.at,
        updated=finding.received,
        status=Status.OPEN,
        beliefs=beliefs,
        evidence=evidence,
        findings=(finding.id,),
        events=finding.events,
        techniques=finding.techniques,
        sources={told.src: used_address(finding)},
        proven=(told.src,) if told.sound else (),
        reached=proven_steps(told, evidence, {}),
        steps=(told.at,) if told.sound else (),
        repeats=0,
        through={finding.source: (finding.generation, finding.offset)},
        version=0,
        last_evidence=told.at,
        sure=sure,
        rules=((finding.rule, finding.version),),
    )


def _joined(setting: Setting, home: Incident, told: Account, fresh: tuple[Evidence, ...]) -> Incident:
    finding = told.finding
    beliefs, sure = believed(setting.half_life, home, told, fresh)
    keep(told, beliefs, sure, {piece.asset for piece in fresh})
    renew(told, home.round, beliefs, sure)
    independent = told.sound and set(finding.events).isdisjoint(home.events)
    return msgspec.structs.replace(
        home,
        updated=finding.received,
        status=Status.OPEN if home.status == Status.RELEASED and told.pardon is None else home.status,
        beliefs=beliefs,
        evidence=(*home.evidence, *fresh),
        findings=_ends((*home.findings, finding.id)),
        left_out=home.left_out + (len(home.findings) >= FIRST + LAST),
        events=_ends(tuple(dict.fromkeys((*home.events, *finding.events)))),
        techniques=tuple(dict.fromkeys((*home.techniques, *finding.techniques))),
        sources={
            **home.sources,
            told.src: tuple(dict.fromkeys((*home.sources.get(told.src, ()), *used_address(finding)))),
        },
        proven=tuple(dict.fromkeys((*home.proven, told.src))) if told.sound else home.proven,
        reached=tuple(dict.fromkeys((*home.reached, *proven_steps(told, fresh, home.beliefs)))),
        steps=_ends((*home.steps, told.at)) if independent else home.steps,
        through={**home.through, finding.source: (finding.generation, finding.offset)},
        last_evidence=max(home.last_evidence, told.at) if told.sound else home.last_evidence,
        sure=sure,
        rules=_rules(home, finding),
    )


def _rules(home: Incident, finding: Finding) -> tuple[tuple[str, str], ...]:
    """The rules of an incident with that of a finding; of too many, the first, so that verdicts have a fixed ground."""
    own = (finding.rule, finding.version)
    return home.rules if own in home.rules or len(home.rules) >= FIRST + LAST else (*home.rules, own)


def _ends(items: tuple[T, ...]) -> tuple[T, ...]:
    return items if len(items) <= FIRST + LAST else (*items[:FIRST], *items[-LAST:])


def _repeated(home: Incident, told: Account) -> Incident:
    """Repetition strengthens nothing; it only shows that the source has not gone quiet."""
    beliefs, sure = dict(home.beliefs), dict(home.sure)
    keep(told, beliefs, sure, set())
    renew(told, home.round, beliefs, sure)
    return msgspec.structs.replace(
        home,
        updated=told.finding.received,
        beliefs=beliefs,
        sure=sure,
        repeats=home.repeats + 1,
        rules=_rules(home, told.finding),
        through={**home.through, told.finding.source: (told.finding.generation, told.finding.offset)},
        last_evidence=max(home.last_evidence, told.at) if told.sound else home.last_evidence,
    )
