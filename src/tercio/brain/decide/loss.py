"""Expected loss of a set of actions: what the attack would still cost, what the actions cost, what they risk."""

import math
from collections.abc import Sequence

from tercio.brain.decide.forecast import median_step, reaches_within
from tercio.brain.decide.question import Question
from tercio.brain.decide.safety import CONTROLLERS
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget
from tercio.model.decisions import Candidate, Money, Verb
from tercio.model.incidents import Stage
from tercio.model.processes import ProcessState
from tercio.model.site import Process
from tercio.model.units import SECOND

DETOUR = {Verb.BLOCK_FLOW: 1, Verb.BLOCK_HOST: 2, Verb.CLOSE_CONDUIT: 2}
"""Further steps that the intruder needs once an action stands: another service or controller from the same host (1);
another host with reach, and to connect again from there (2). A closed conduit stops every host of the zone, so it counts for
all sources in it."""

RISK = 1e-4
"""Probability that an action of ours itself stops a process: one in ten thousand until outcomes say otherwise."""

HOUR = 3600 * SECOND


def stake(process: Process) -> int:
    """What it costs when a process is stopped by an attack (cents): the batch, the restart, and the hours it takes."""
    return process.scrap + process.restart_cost + process.outage_per_hour * process.restart_span // HOUR


def attack(question: Question, actions: Sequence[Candidate], span: int) -> float:
    """Expected loss by the attack within ``span`` while ``actions`` stand (cents, unrounded).

    For each process: its stake, times the probability that some held source stops it. A source needs its remaining steps in
    the time; every detour that our actions force on him has to go unseen as well.
    """
    incident = question.incident
    median = median_step(question.outlook.tempo, incident.steps)
    unseen = 1 - seen_again(question)
    loss = 0.0
    for process in question.site.processes.values():
        if question.processes.get(process.name, ProcessState()).stopped(question.now):
            continue
        spared = 1.0
        for source in sorted(incident.sources):
            detours = max((_detours(question, a, source, process) for a in actions), default=0)
            steps = remaining_steps(question, source, process) + detours
            reached = reaches_within(steps, span, median) * unseen**detours
            spared *= 1 - incident.beliefs[source].held * reached
        loss += stake(process) * (1 - spared)
    return loss


def seen_again(question: Question) -> float:
    """Probability that the intruder's next step is seen: Laplace's rule of succession on the independent steps seen so far."""
    seen = len({piece.finding for piece in question.incident.evidence if not piece.excuse})
    return (1 + seen) / (2 + seen)


def remaining_steps(question: Question, source: str, process: Process) -> int:
    """Steps from where ``source`` stands to a stopped process: reach a controller, control it, impact."""
    incident = question.incident
    touched = {dst for src, dst, _ in incident.reached if src == source and dst in _controllers(question, process)}
    if any(incident.beliefs[c].p[Stage.CONTROL] + incident.beliefs[c].p[Stage.IMPACT] > 0.5 for c in touched):
        return 1
    return 2 if touched else 3


def production(question: Question, actions: Sequence[Candidate]) -> int:
    """What the actions cost the site while they stand (cents): to the horizon if the suspicion is right, one lease if not."""
    held = max((question.incident.beliefs[s].held for s in question.incident.sources), default=0.0)
    cost = 0.0
    for action in actions:
        span = held * question.outlook.horizon + (1 - held) * action.span
        cost += _own(question, action) * span / HOUR
        cost += sum(_needs(process, action, span) for process in question.site.processes.values())
    return math.ceil(cost)


def priced(question: Question, actions: Sequence[Candidate]) -> Money:
    """The money of doing ``actions`` now (an empty set: of doing nothing)."""
    stakes = sum(stake(process) for process in question.site.processes.values())
    return Money(
        attack=round(attack(question, actions, question.outlook.horizon)),
        production=production(question, actions),
        risk=math.ceil(RISK * stakes * len(actions)),
    )


def waited(question: Question, best: Sequence[Candidate]) -> Money:
    """The money of waiting for evidence: unprotected meanwhile; if the intruder shows himself, ``best`` is done late."""
    outlook, seen = question.outlook, seen_again(question)
    idle, short = attack(question, (), outlook.horizon), attack(question, (), outlook.wait)
    late = attack(question, best, outlook.horizon - outlook.wait)
    held = max((question.incident.beliefs[s].held for s in question.incident.sources), default=0.0)
    acted = priced(question, best)
    return Money(
        attack=round(min(idle, short + seen * late + (1 - seen) * (idle - short))),
        production=math.ceil(acted.production * seen * held),
        risk=math.ceil(acted.risk * seen * held),
    )


def asked(question: Question, best: Sequence[Candidate]) -> Money:
    """The money of asking: unprotected until a person answers, then ``best``."""
    outlook = question.outlook
    answer = min(outlook.answer, outlook.horizon)
    idle = attack(question, (), outlook.horizon)
    acted = priced(question, best)
    late = attack(question, (), answer) + attack(question, best, outlook.horizon - answer)
    return Money(attack=round(min(idle, late)), production=acted.production, risk=acted.risk)


def _controllers(question: Question, process: Process) -> set[str]:
    named = {*process.needs, *(end for flow in process.flows for end in (flow.src, flow.dst))}
    return {name for name in named if name in question.site.assets and question.site.assets[name].role in CONTROLLERS}


def _detours(question: Question, action: Candidate, source: str, process: Process) -> int:
    """How many more steps ``action`` forces on a source on its way to a process; 0 where it does not stand in that way."""
    match action.target:
        case HostTarget(asset=name):
            stops = name == source
        case FlowTarget(src=src, dst=dst):
            stops = src == source and dst in _controllers(question, process)
        case ConduitTarget(src_zone=src_zone, dst_zone=dst_zone):
            zones = {question.site.assets[c].zone for c in _controllers(question, process)}
            stops = zone_of(question, source) == src_zone and zones <= {dst_zone}
        case None:
            stops = False
    return DETOUR[action.verb] if stops else 0


def zone_of(question: Question, name: str) -> str:
    """The zone of a listed asset or of a bare address; empty where nobody knows."""
    asset = question.site.assets.get(name)
    if asset is not None:
        return asset.zone
    zone = question.site.zone_at(name)
    return zone.name if zone is not None else ""


def _own(question: Question, action: Candidate) -> int:
    """What an hour of the action costs outside the processes (cents)."""
    match action.target:
        case HostTarget(asset=name):
            asset = question.site.assets.get(name)
            return asset.outage_per_hour if asset is not None else 0
        case ConduitTarget(src_zone=src_zone):
            inside = sum(question.site.assets[name].outage_per_hour for name in action.harms)
            return max(question.site.zones[src_zone].outage_per_hour, inside)
        case _:
            return 0


def _needs(process: Process, action: Candidate, span: float) -> float:
    """What a process loses when the action takes a need from it for ``span``: nothing while it is tolerated, then a step
    (batch and restart) and the hourly rate."""
    if isinstance(action.target, ConduitTarget):
        return 0.0
    lost = {need for need in process.needs if need in action.harms}
    lost |= {end for name, src, dst, _ in action.cuts if name == process.name for end in (src, dst)}
    if not lost:
        return 0.0
    over = span - min(process.tolerates.get(need, 0) for need in lost)
    if over <= 0:
        return 0.0
    return process.scrap + process.restart_cost + process.outage_per_hour * over / HOUR
