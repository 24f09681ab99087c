"""Expected loss of a set of actions: what the attack would still cost, what the actions cost, what they risk."""

import math
from collections.abc import Sequence

from tercio.brain.decide.question import Question
from tercio.brain.decide.survey import HOUR, Survey, detours, seen_again, stake, succeeds
from tercio.model.commands import ConduitTarget, HostTarget
from tercio.model.decisions import Candidate, Money
from tercio.model.site import Process

RISK = 1e-4
"""Probability that an action of ours itself stops a process: one in ten thousand until outcomes say otherwise."""


def attack(survey: Survey, actions: Sequence[Candidate], span: int) -> float:
    """Expected loss by the attack within ``span`` while ``actions`` stand beside what stands already (cents, unrounded).

    For each process: its stake, times the probability that some held source stops it. A source needs its remaining
    steps in the time; every detour that effects force on him has to go unseen as well.
    """
    spared = dict.fromkeys(survey.stakes, 1.0)
    for threat in survey.threats:
        forced = max((detours(action.target, threat) for action in actions), default=0)
        spared[threat.process] *= 1 - succeeds(survey, threat, max(forced, threat.detours), span)
    return sum(survey.stakes[name] * (1 - kept) for name, kept in spared.items())


def production(question: Question, survey: Survey, actions: Sequence[Candidate]) -> int:
    """What the actions cost the site while they stand (cents): to the horizon if the suspicion is right, one lease if not."""
    cost = 0.0
    for action in actions:
        span = survey.held * question.outlook.horizon + (1 - survey.held) * action.span
        cost += _own(question, action) * span / HOUR
        cost += sum(_needs(process, action, span) for process in question.site.processes.values())
    return math.ceil(cost)


def priced(question: Question, survey: Survey, actions: Sequence[Candidate]) -> Money:
    """The money of doing ``actions`` now (an empty set: of doing nothing more than what stands)."""
    stakes = sum(stake(process) for process in question.site.processes.values())
    return Money(
        attack=round(attack(survey, actions, question.outlook.horizon)),
        production=production(question, survey, actions),
        risk=math.ceil(RISK * stakes * len(actions)),
    )


def waited(question: Question, survey: Survey, best: Sequence[Candidate]) -> Money:
    """The money of waiting for evidence: unprotected meanwhile; if the intruder shows himself, ``best`` is done late."""
    outlook, seen = question.outlook, seen_again(question)
    idle, short = attack(survey, (), outlook.horizon), attack(survey, (), outlook.wait)
    late = attack(survey, best, outlook.horizon - outlook.wait)
    acted = priced(question, survey, best)
    return Money(
        attack=round(min(idle, short + seen * late + (1 - seen) * (idle - short))),
        production=math.ceil(acted.production * seen * survey.held),
        risk=math.ceil(acted.risk * seen * survey.held),
    )


def asked(question: Question, survey: Survey, best: Sequence[Candidate]) -> Money:
    """The money of asking: unprotected until a person answers, then ``best``."""
    outlook = question.outlook
    answer = min(outlook.answer, outlook.horizon)
    idle = attack(survey, (), outlook.horizon)
    acted = priced(question, survey, best)
    late = attack(survey, (), answer) + attack(survey, best, outlook.horizon - answer)
    return Money(attack=round(min(idle, late)), production=acted.production, risk=acted.risk)


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
