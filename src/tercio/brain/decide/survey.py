"""Who threatens which process, worked out once for a decision: what every plan's price then reads."""

from functools import lru_cache

import msgspec

from tercio.brain.decide.forecast import median_step, reaches_within
from tercio.brain.decide.question import Question
from tercio.model.commands import ConduitTarget, EffectState, FlowTarget, HostTarget, Target
from tercio.model.incidents import Stage
from tercio.model.processes import ProcessState
from tercio.model.site import CONTROLLERS, Process
from tercio.model.units import SECOND

HOUR = 3600 * SECOND

FAINT = 0.01
"""A source whose probability of being held has faded below this threatens nobody any more."""

DETOURS: dict[type, int] = {FlowTarget: 1, HostTarget: 2, ConduitTarget: 2}
"""Further steps that the intruder needs once something refuses him: another service or controller from the same host (1);
another host with reach, and to connect again from there (2). A closed conduit stops every host of the zone, so it
counts for all sources in it."""


class Threat(msgspec.Struct, frozen=True):
    """One source against one process: probability that it is held, steps still needed to stop the process, and the
    detours that standing effects force on it already."""

    source: str
    zone: str
    process: str
    controllers: frozenset[str]
    zones: frozenset[str]
    held: float
    steps: int
    detours: int


class Survey(msgspec.Struct, frozen=True):
    """``stakes`` per process that is not stopped (cents), the threats to it, the median time of a step, and the probability
    that the intruder's next step goes unseen."""

    stakes: dict[str, int]
    threats: tuple[Threat, ...]
    median: float
    unseen: float
    held: float


def survey(question: Question) -> Survey:
    """Look at the whole incident once."""
    incident, now = question.incident, question.now
    live = [
        p for p in question.site.processes.values() if not question.processes.get(p.name, ProcessState()).stopped(now)
    ]
    standing = [e.target for e in question.effects if e.state in (EffectState.ORDERED, EffectState.STANDING)]
    sources = [source for source in sorted(incident.sources) if incident.beliefs[source].held >= FAINT]
    threats = []
    for process in live:
        controllers = controllers_of(question, process)
        zones = frozenset(question.site.assets[name].zone for name in controllers)
        for source in sources:
            threat = Threat(
                source=source,
                zone=zone_of(question, source),
                process=process.name,
                controllers=controllers,
                zones=zones,
                held=incident.beliefs[source].held,
                steps=remaining_steps(question, source, controllers),
                detours=0,
            )
            forced = max((detours(target, threat) for target in standing), default=0)
            threats.append(msgspec.structs.replace(threat, detours=forced))
    return Survey(
        stakes={process.name: stake(process) for process in live},
        threats=tuple(threats),
        median=median_step(question.outlook.tempo, incident.steps),
        unseen=1 - seen_again(question),
        held=max((incident.beliefs[source].held for source in incident.sources), default=0.0),
    )


def stake(process: Process) -> int:
    """What it costs when a process is stopped by an attack (cents): the batch, the restart, and the hours it takes."""
    return process.scrap + process.restart_cost + process.outage_per_hour * process.restart_span // HOUR


def detours(target: Target | None, threat: Threat) -> int:
    """How many more steps a target, once refused, forces on a source; 0 where it does not stand in that way."""
    match target:
        case HostTarget(asset=name):
            stops = name == threat.source
        case FlowTarget(src=src, dst=dst):
            stops = src == threat.source and dst in threat.controllers
        case ConduitTarget(src_zone=src_zone, dst_zone=dst_zone):
            stops = threat.zone == src_zone and threat.zones <= {dst_zone}
        case None:
            return 0
    return DETOURS[type(target)] if stops else 0


def succeeds(survey: Survey, threat: Threat, forced: int, span: int) -> float:
    """Probability that a threat stops its process within ``span`` with ``forced`` detours, each of which must go unseen."""
    return threat.held * _reaches(threat.steps + forced, span, survey.median) * survey.unseen**forced


def seen_again(question: Question) -> float:
    """Probability that the intruder's next step is seen: Laplace's rule of succession on the independent steps seen so far."""
    seen = len({piece.finding for piece in question.incident.evidence if not piece.excuse})
    return (1 + seen) / (2 + seen)


def remaining_steps(question: Question, source: str, controllers: frozenset[str]) -> int:
    """Steps from where ``source`` stands to a stopped process: reach a controller, control it, impact."""
    incident = question.incident
    touched = {dst for src, dst, _ in incident.reached if src == source and dst in controllers}
    if any(incident.beliefs[c].p[Stage.CONTROL] + incident.beliefs[c].p[Stage.IMPACT] > 0.5 for c in touched):
        return 1
    return 2 if touched else 3


def controllers_of(question: Question, process: Process) -> frozenset[str]:
    """The controllers that a process runs on."""
    named = {*process.needs, *(end for flow in process.flows for end in (flow.src, flow.dst))}
    assets = question.site.assets
    return frozenset(name for name in named if name in assets and assets[name].role in CONTROLLERS)


def zone_of(question: Question, name: str) -> str:
    """The zone of a listed asset or of a bare address; empty where nobody knows."""
    asset = question.site.assets.get(name)
    if asset is not None:
        return asset.zone
    zone = question.site.zone_at(name)
    return zone.name if zone is not None else ""


@lru_cache(maxsize=4096)
def _reaches(steps: int, span: int, median: float) -> float:
    return reaches_within(steps, span, median)
