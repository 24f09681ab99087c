"""Who threatens which process, worked out once for a decision: what every plan's price then reads."""

from collections.abc import Iterable

import msgspec

from tercio.brain.decide.forecast import median_step, reaches_within
from tercio.brain.decide.question import Question, lines_of
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.model.incidents import Evidence, Incident, Stage
from tercio.model.site import CONTROLLERS, Process

FAINT = 0.01
"""A host whose probability of being held is below this threatens nobody (any more)."""

DEVICES = (*CONTROLLERS, "safety", "io")
"""Roles of what an intruder is after: he acts upon it, and not from it."""

FIRST, LAST = 16, 48
"""A decision names so many findings of its incident at most, from the beginning and from the end."""

UNSEEN = 0.5
"""Probability that a further step of the intruder goes unseen: even odds until drills have measured it. It must not
follow from how much was seen of him, or else more evidence against him would make him look less dangerous."""

CERTAIN = 1 - 1e-6
"""Nothing is more probable than this, the grain of all probabilities."""

DETOURS: dict[type, int] = {FlowTarget: 1, HostTarget: 2, ConduitTarget: 2}
"""Further steps that the intruder needs once something refuses him: another service or controller from the same host
(1); another host with reach, and to connect again from there (2). A closed conduit stops every host of the zone, so it
counts for all of them."""


class Threat(msgspec.Struct, frozen=True):
    """One host that may be held, against one process: what stops the process (``marks``: its controllers) and the
    ``zones`` they stand in, the probability that the host is held, the steps still needed from there, and the detours
    that standing effects force on them already. ``spared``: the process itself needs a flow from it to one of them, and
    a closed conduit leaves that open."""

    source: str
    zone: str
    process: str
    marks: frozenset[str]
    zones: frozenset[str]
    held: float
    steps: int
    detours: int
    spared: bool = False


class Survey(msgspec.Struct, frozen=True):
    """``stakes`` per process (cents), the threats to it, the median time of a step (microseconds), and the greatest
    probability of being held among the hosts that threaten anybody. ``of_host`` and ``of_zone`` are the places of the
    threats that come from there."""

    stakes: dict[str, int]
    threats: tuple[Threat, ...]
    median: float
    held: float
    of_host: dict[str, tuple[int, ...]]
    of_zone: dict[str, tuple[int, ...]]


def survey(question: Question) -> Survey:
    """Look at the whole incident once."""
    incident, now = question.incident, question.now
    stopped = {name for name, state in question.processes.items() if state.stopped(now)}
    standing = [e.target for e in question.effects if e.live]
    sources = holders(question)
    threats = []
    for process in lines_of(question.site):
        marks = marks_of(question, process)
        zones = frozenset(question.site.assets[name].zone for name in marks)
        for source in sources:
            threat = Threat(
                source=source,
                zone=question.site.zone_of(source),
                process=process.name,
                marks=marks,
                zones=zones,
                held=incident.proved(source),
                steps=remaining_steps(question, source, marks),
                detours=0,
                spared=any(flow.src == source and flow.dst in marks for flow in process.flows),
            )
            forced = max((detours(target, threat) for target in standing), default=0)
            threats.append(msgspec.structs.replace(threat, detours=forced))
    return Survey(
        stakes={line.name: line.stake(line.name in stopped) for line in lines_of(question.site)},
        threats=tuple(threats),
        median=median_step(question.outlook.tempo, incident.steps),
        held=max((incident.proved(source) for source in sources), default=0.0),
        of_host=_places(threat.source for threat in threats),
        of_zone=_places(threat.zone for threat in threats),
    )


def _places(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return {name: tuple(found) for name, found in places.items()}


def holders(question: Question) -> tuple[str, ...]:
    """The hosts from which the intruder may go on, by name: those whose hostile acts are proven, and those he was seen
    to get into. Whatever he wrote to is what he is after, not where he acts from: nobody is refused for what was done
    to him. Nor is a device entered. A name in which packets were merely forged is nobody: else inventing names would
    make every answer look useless."""
    incident = question.incident
    devices = {asset.name for asset in question.site.assets.values() if asset.role in DEVICES}
    entered = {piece.asset for piece in incident.evidence if _enters(piece) and piece.asset not in devices}
    return tuple(name for name in sorted({*incident.proven, *entered}) if incident.proved(name) >= FAINT)


def _enters(piece: Evidence) -> bool:
    return piece.stage == Stage.FOOTHOLD and not piece.forgeable and not piece.excuse


def weighed(incident: Incident) -> Incident:
    """An incident as far as a decision rests on it, which its record then holds. Of evidence that is who was entered;
    the beliefs say the rest. Findings are named up to a number, the first and the last: each has a record of its own,
    and so has what people said.
    """
    entries = {piece.asset: piece for piece in reversed(incident.evidence) if _enters(piece)}
    findings = incident.findings
    if len(findings) > FIRST + LAST:
        findings = (*findings[:FIRST], *findings[-LAST:])
    entered = tuple(reversed(entries.values()))
    return msgspec.structs.replace(incident, evidence=entered, findings=findings, events=(), rules=(), verdict=None)


def detours(target: Target | None, threat: Threat) -> int:
    """How many more steps a target, once refused, forces on a threat; 0 where it does not stand in that way."""
    match target:
        case HostTarget(asset=name):
            stops = name == threat.source
        case FlowTarget(src=src, dst=dst):
            stops = src == threat.source and dst in threat.marks
        case ConduitTarget(src_zone=src_zone, dst_zone=dst_zone):
            stops = threat.zone == src_zone and threat.zones == {dst_zone} and not threat.spared
        case None:
            return 0
    return DETOURS[type(target)] if stops else 0


def forced(survey: Survey, target: Target | None) -> dict[int, int]:
    """Per threat (its place in the survey) that a target hinders more than what stands already, its detours."""
    match target:
        case HostTarget(asset=name) | FlowTarget(src=name):
            places = survey.of_host.get(name, ())
        case ConduitTarget(src_zone=zone):
            places = survey.of_zone.get(zone, ())
        case None:
            places = ()
    found = {place: detours(target, survey.threats[place]) for place in places}
    return {place: steps for place, steps in found.items() if steps > survey.threats[place].detours}


def succeeds(steps: int, detours: int, span: int, median: float) -> float:
    """Probability that an intruder who holds a host stops a process from there within ``span``, with ``steps`` to go
    and so many detours, each of which must go unseen."""
    return reaches_within(steps + detours, span, median) * UNSEEN**detours


def remaining_steps(question: Question, source: str, marks: frozenset[str]) -> int:
    """Steps from where ``source`` stands to a stopped process: reach a controller, control it, impact."""
    incident = question.incident
    touched = {dst for src, dst, _ in incident.reached if src == source and dst in marks}
    if any(incident.beliefs[c].p[Stage.CONTROL] + incident.beliefs[c].p[Stage.IMPACT] > 0.5 for c in touched):
        return 1
    if source in marks:
        return 1
    return 2 if touched else 3


def marks_of(question: Question, process: Process) -> frozenset[str]:
    """What an intruder must get at to stop a process: its controllers, or where it has none, whatever it needs."""
    assets = question.site.assets
    named = {*process.needs, *(end for flow in process.flows for end in (flow.src, flow.dst))} & assets.keys()
    return frozenset(name for name in named if assets[name].role in CONTROLLERS) or frozenset(named)
