"""Expected loss of a set of actions: what the attack would still cost, what the actions cost, what they risk."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from tercio.brain.decide.question import Question
from tercio.brain.decide.survey import CERTAIN, DETOURS, UNSEEN, Survey, Threat, forced, succeeds
from tercio.model.commands import ConduitTarget, HostTarget
from tercio.model.decisions import Candidate, Money
from tercio.model.processes import ProcessState
from tercio.model.site import Process, Site
from tercio.model.units import HOUR

Way = tuple[int, int]
"""How an intruder may come to stop a process: the steps he needs and the detours forced on him."""

RISK = 1e-4
"""Probability that an action of ours itself stops a process: one in ten thousand until outcomes say otherwise."""


class Prices:
    """The money of plans about one question. It remembers what each action does and costs, so that a plan of several is
    put together from its parts; what it returns depends on its arguments alone."""

    def __init__(self, question: Question, survey: Survey) -> None:
        self._question, self._survey = question, survey
        self._logs = [math.log1p(-min(CERTAIN, threat.held)) for threat in survey.threats]
        self._lines: dict[str, dict[Way, float]] = {name: {} for name in survey.stakes}
        for threat, free in zip(survey.threats, self._logs, strict=True):
            _shift(self._lines[threat.process], (threat.steps, threat.detours), free)
        self._ways: dict[int, list[tuple[float, Way]]] = {}
        self._forced: dict[str, dict[int, int]] = {}
        self._costs: dict[str, tuple[float, dict[str, float]]] = {}
        self._risk = RISK * sum(process.stake() for process in question.site.processes.values())

    @property
    def threats(self) -> tuple[Threat, ...]:
        """The threats that plans are held against, each at its place."""
        return self._survey.threats

    def hinders(self, action: Candidate) -> Mapping[int, int]:
        """Per threat (its place in the survey) that an action hinders more than what stands already, its detours."""
        if action.id not in self._forced:
            self._forced[action.id] = forced(self._survey, action.target)
        return self._forced[action.id]

    def priced(self, actions: Sequence[Candidate]) -> Money:
        """The money of doing ``actions`` now (an empty set: of doing nothing more than what stands)."""
        return Money(
            attack=round(self._attack(actions, self._question.outlook.horizon)),
            production=self.production(actions),
            risk=math.ceil(self._risk * len(actions)),
        )

    def waited(self, best: Sequence[Candidate]) -> Money:
        """The money of waiting for evidence: unprotected meanwhile, then ``best`` if the intruder shows himself."""
        outlook, seen, acted = self._question.outlook, 1 - UNSEEN, self.priced(best)
        share = seen * self._survey.held
        return Money(
            attack=round(self._delayed(best, outlook.wait, seen)),
            production=math.ceil(acted.production * share),
            risk=math.ceil(acted.risk * share),
        )

    def asked(self, best: Sequence[Candidate]) -> Money:
        """The money of asking: unprotected until a person answers, then ``best``."""
        acted = self.priced(best)
        attack = round(self._delayed(best, self._question.outlook.answer, 1.0))
        return Money(attack=attack, production=acted.production, risk=acted.risk)

    def _delayed(self, best: Sequence[Candidate], delay: int, share: float) -> float:
        """Expected loss by the attack where ``best`` is done after ``delay``, with probability ``share`` only (cents).

        Either the intruder is through before, or what stands against him is the same as had it stood from the start:
        his detours begin where he is by then. So to come late is never better than to come at once.
        """
        horizon = self._question.outlook.horizon
        idle = self._attack((), horizon)
        early = self._attack((), min(delay, horizon)) / idle if idle else 0.0
        return early * idle + (1 - early) * (share * self._attack(best, horizon) + (1 - share) * idle)

    def _attack(self, actions: Sequence[Candidate], span: int) -> float:
        """Expected loss by the attack within ``span`` while ``actions`` stand beside what stands already (cents).

        There is one intruder. He goes on from the best of the hosts that he holds, so that a second host is worth
        something to him where it is less hindered, and thirty behind one closed conduit are no better than one.
        """
        hindered: dict[int, int] = {}
        for action in actions:
            for place, steps in self.hinders(action).items():
                hindered[place] = max(steps, hindered.get(place, 0))
        lines = dict(self._lines)
        for name in {self._survey.threats[place].process for place in hindered}:
            lines[name] = dict(lines[name])
        for place, steps in hindered.items():
            threat, free = self._survey.threats[place], self._logs[place]
            _shift(lines[threat.process], (threat.steps, threat.detours), -free)
            _shift(lines[threat.process], (threat.steps, steps), free)
        return math.fsum(stake * self._stops(lines[name], span) for name, stake in self._survey.stakes.items())

    def _stops(self, line: Mapping[Way, float], span: int) -> float:
        """Probability that a process is stopped: that of the best way that starts at a held host.

        ``line`` holds, per way, the logarithm of the probability that none of the hosts it starts from is held.
        """
        better, stops = 1.0, 0.0
        for chance, way in self._ranked(span):
            if way in line:
                free = math.exp(line[way])
                stops += better * (1 - free) * chance
                better *= free
        return max(0.0, stops)

    def _ranked(self, span: int) -> list[tuple[float, Way]]:
        """Every way with the probability that it succeeds within ``span``, the best first."""
        if span not in self._ways:
            steps = {threat.steps for threat in self._survey.threats}
            ways = [(n, detours) for n in sorted(steps) for detours in (0, *sorted(set(DETOURS.values())))]
            ranked = ((succeeds(*way, span, self._survey.median), way) for way in ways)
            self._ways[span] = sorted(ranked, key=lambda each: (-each[0], each[1]))
        return self._ways[span]

    def production(self, actions: Sequence[Candidate]) -> int:
        """What the actions cost the site while they stand (cents): to the horizon if suspicion is right, one lease if
        not. A process that several stop is stopped once."""
        own = 0.0
        worst: dict[str, float] = {}
        for action in actions:
            if action.id not in self._costs:
                self._costs[action.id] = _cost(self._question, self._survey, action)
            alone, by_process = self._costs[action.id]
            own += alone
            for name, cost in by_process.items():
                worst[name] = max(cost, worst.get(name, 0.0))
        return math.ceil(math.fsum((own, *worst.values())))


def _shift(line: dict[Way, float], way: Way, amount: float) -> None:
    line[way] = line.get(way, 0.0) + amount


def _cost(question: Question, survey: Survey, action: Candidate) -> tuple[float, dict[str, float]]:
    """What an action costs outside the processes, and what it costs each process (cents)."""
    span = survey.held * question.outlook.horizon + (1 - survey.held) * action.span
    costs = {process.name: _outage(question, process, action, span) for process in question.site.processes.values()}
    return _own(question.site, action) * span / HOUR, {name: cost for name, cost in costs.items() if cost}


def _own(site: Site, action: Candidate) -> int:
    """What an hour of the action costs outside the processes (cents)."""
    match action.target:
        case HostTarget():
            return sum(site.assets[name].outage_per_hour for name in action.harms if name in site.assets)
        case ConduitTarget(src_zone=src_zone):
            inside = sum(site.assets[name].outage_per_hour for name in action.harms)
            return max(site.zones[src_zone].outage_per_hour, inside)
        case _:
            return 0


def _outage(question: Question, process: Process, action: Candidate, span: float) -> float:
    """What a process loses when the action takes a need from it for ``span``: nothing while it is tolerated, then a
    step (batch and restart) and the hourly rate.

    A flow that is cut is at most as bad as the loss of either of its ends. The batch is that of the phase that is read
    now, where the step comes at once; who knows in which phase it comes later.
    """
    if isinstance(action.target, ConduitTarget):
        return 0.0  # The flows that processes need stay open.
    least = tolerated(process, action.harms, action.cuts)
    if span <= least:
        return 0.0
    state = question.processes.get(process.name, ProcessState())
    batch = process.scrap_in(state.phase_at(question.now)) if least == 0 else process.scrap
    return batch + process.restart_cost + process.outage(math.ceil(span - least))


def tolerated(process: Process, harms: Collection[str], cuts: Iterable[tuple[str, str, str, str]]) -> float:
    """How long a process goes on while the assets ``harms`` and the needed flows ``cuts`` are taken away (microseconds;
    infinite where nothing of that is its own). A flow's loss is at most as bad as that of either of its ends."""
    spans = process.tolerates
    least = [spans.get(need, 0) for need in process.needs if need in harms]
    least += [max(spans.get(src, 0), spans.get(dst, 0)) for name, src, dst, _ in cuts if name == process.name]
    return min(least, default=math.inf)
