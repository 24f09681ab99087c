"""One episode: an estate, whoever is at work in it, a defender between them; every count as one plain value."""

import heapq
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tercio.drills.simulated.deeds import Announced, Answer, Deed, Goal, Play
from tercio.drills.simulated.defenders import Brief, Defender, Sensed
from tercio.drills.simulated.estate import Estate
from tercio.drills.simulated.harm import Act, harm
from tercio.drills.simulated.parameters import Parameters
from tercio.drills.simulated.records import Report
from tercio.drills.simulated.sensing import Sensing
from tercio.drills.simulated.world import Impact, World
from tercio.model.commands import Command, Response
from tercio.model.ids import mint
from tercio.model.units import HOUR, SECOND
from tercio.model.words import Window, Word, WordKind

START = 1_799_971_200 * SECOND
"""When every episode begins: Friday, 15 January 2027, midnight (UTC)."""

NOTICED = 61 * SECOND
"""So long after a sensor was silenced every defender is woken, because it may notice by then (microseconds)."""

PATIENCE = HOUR
"""Records that say nothing urgent reach a defender with whatever it takes a turn for next, or after this
(microseconds)."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, by the truth. Instants; 0 where something never happened. Money in cents.

    ``began`` is the intruder's first hostile deed, ``sensed`` when the first record of one that a rule matched reached
    the defender, ``contained`` when the first right act stood. ``hostile`` counts his deeds, ``landed`` those that
    worked, ``refused`` those that a wall stopped. ``impacts`` are what he reached, ``trips`` the processes that the
    defence itself stopped. ``acts`` are all that stood. ``missed`` counts hostile deeds that no defender could have
    known of, by reason (``no sensor``, ``no rule``, ``sensor silent``, ``unseen``). ``disturbed`` counts benign deeds
    that a wall refused, ``views_lost`` and ``alarms_lost`` the processes' own flows of that kind. ``restored`` is how
    long the last act stood after the intruder's last deed (microseconds), ``returned`` whether he did something that
    worked after an act against him had ended. ``questions``, ``decisions``, ``incidents`` and ``cited`` are the
    defender's own counts. ``attack`` is what impacts cost, ``production`` what trips and acts cost.
    """

    seed: int
    family: str
    defender: str
    intruder: str
    kind: str
    size: int
    length: int
    began: int = 0
    sensed: int = 0
    contained: int = 0
    hostile: int = 0
    landed: int = 0
    refused: int = 0
    impacts: tuple[Impact, ...] = ()
    trips: tuple[Impact, ...] = ()
    acts: tuple[Act, ...] = ()
    missed: dict[str, int] = {}
    disturbed: int = 0
    views_lost: int = 0
    alarms_lost: int = 0
    restored: int = 0
    returned: bool = False
    questions: int = 0
    decisions: int = 0
    incidents: int = 0
    cited: int = 0
    turns: int = 0

    @property
    def wrong(self) -> tuple[Act, ...]:
        """What stood against somebody innocent."""
        return tuple(act for act in self.acts if not (act.right or act.stray))

    @property
    def attack(self) -> int:
        """What the intruder cost the site (cents)."""
        return sum(impact.cost for impact in self.impacts)

    @property
    def production(self) -> int:
        """What the defence cost the site (cents)."""
        return sum(trip.cost for trip in self.trips) + sum(act.cost for act in self.acts)


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What is played: where, under which parameters, and by whom. ``cast`` makes the plays for an estate, parameters, a
    seed and the instant at which the episode begins; ``intruder`` names the kind of intruder among them."""

    seed: int
    estate: Estate
    parameters: Parameters
    intruder: str
    cast: Callable[[Estate, Parameters, int, int], Sequence[Play]]


def play(scenario: Scenario, defend: Callable[[Brief], Defender], name: str) -> Episode:
    """Play one episode against a defender made by ``defend``, called ``name`` in the result. The same scenario gives
    the same episode, to the byte."""
    stage = _Stage(scenario, defend)
    stage.run()
    return stage.told(name)


class _Stage:
    """One episode under way."""

    def __init__(self, scenario: Scenario, defend: Callable[[Brief], Defender]) -> None:
        self._scenario = scenario
        given = scenario.parameters
        self._world = World(scenario.estate, given, scenario.seed)
        self._sensing = Sensing(self._world, given, scenario.seed)
        estate = scenario.estate
        sources = {post.source: post.product for post in self._sensing.posts}
        self._defender = defend(Brief(estate.site, estate.reaches, sources, START, scenario.seed))
        self._plays = tuple(scenario.cast(estate, given, scenario.seed, START))
        self._done = [0] * len(self._plays)
        self._queue: list[tuple[int, int, Any]] = []
        self._order = 0
        self._began = self._sensed = self._hostile = self._landed = self._refused = 0
        self._last = self._disturbed = self._turns = 0
        self._worked: list[int] = []
        self._missed: dict[str, int] = {}
        self._idle: list[Report] = []

    def run(self) -> None:
        """From the beginning to the end of the span that parameters give."""
        end = START + self._scenario.parameters.length
        for place, each in enumerate(self._plays):
            self._next(place, next(each, None))
        while True:
            now = min(self._queue[0][0] if self._queue else end, self._defender.due())
            if now >= end:
                break
            due = self._defender.due() <= now
            reports, responses, words = self._happen(now)
            self._idle += reports
            if due or responses or words or any(report.urgent for report in reports) or self._waited(now):
                reports, self._idle = self._idle, []
                self._turn(now, reports, responses, words)
        self._world.finish(end)

    def _waited(self, now: int) -> bool:
        """Whether records that say nothing urgent have waited long enough."""
        return bool(self._idle) and now - self._idle[0].received >= PATIENCE

    def _put(self, at: int, thing: Any) -> None:
        self._order += 1
        heapq.heappush(self._queue, (at, self._order, thing))

    def _next(self, place: int, thing: Deed | Announced | None) -> None:
        if thing is not None:
            self._put(thing.at, (place, thing))

    def _happen(self, now: int) -> tuple[list[Report], list[Response], list[Word]]:
        """Everything of this instant; returns what reaches the defender."""
        reports: list[Report] = []
        responses: list[Response] = []
        words: list[Word] = []
        while self._queue and self._queue[0][0] <= now:
            _, _, thing = heapq.heappop(self._queue)
            match thing:
                case Report():
                    reports.append(thing)
                case Command():
                    responses.append(self._world.obey(thing, now))
                case (int() as place, Announced() as said):
                    words.append(_word(said))
                    self._answer(place, now, worked=True)
                case (int() as place, Deed() as deed):
                    self._deed(place, deed)
        return reports, responses, words

    def _turn(self, now: int, reports: list[Report], responses: list[Response], words: list[Word]) -> None:
        self._turns += 1
        sensed = Sensed(self._sensing.lots(reports, now), tuple(responses), tuple(words))
        for command in self._defender.see(now, sensed):
            self._put(now + self._scenario.parameters.latency, command)

    def _deed(self, place: int, deed: Deed) -> None:
        key = f"{place} {self._done[place]}"
        self._done[place] += 1
        done = self._world.do(deed)
        glimpse = self._sensing.of(deed, done, key)
        pressing = self._world.walled(deed)
        for report in glimpse.reports:
            self._put(report.received, msgspec.structs.replace(report, urgent=bool(report.rule) or pressing))
        if deed.hostile:
            self._began = self._began or deed.at
            self._last = deed.at
            self._hostile += 1
            self._refused += done.refused
            self._landed += done.worked
            if done.worked:
                self._worked.append(deed.at)
            if glimpse.reason:
                self._missed[glimpse.reason] = self._missed.get(glimpse.reason, 0) + 1
            elif not self._sensed:
                self._sensed = min(report.received for report in glimpse.reports if report.rule)
        elif done.refused and deed.actor not in self._world.held:
            self._disturbed += 1
        if deed.goal == Goal.BLIND and done.worked:
            self._put(deed.at + NOTICED, None)
        self._answer(place, deed.at, worked=done.worked)

    def _answer(self, place: int, at: int, *, worked: bool) -> None:
        try:
            thing = self._plays[place].send(Answer(at, worked))
        except StopIteration:
            return
        if thing.at < at:
            raise ValueError(f"play {place} of {self._scenario.intruder} goes back in time: {thing}")
        self._next(place, thing)

    def told(self, name: str) -> Episode:
        """What happened."""
        scenario, found, tally = self._scenario, harm(self._world), self._defender.tally()
        right = [act for act in found.acts if act.right]
        freed = min((act.ended for act in right if act.ended < START + scenario.parameters.length), default=0)
        return Episode(
            seed=scenario.seed,
            family=scenario.parameters.name,
            defender=name,
            intruder=scenario.intruder,
            kind=scenario.estate.kind,
            size=scenario.estate.size,
            length=scenario.parameters.length,
            began=self._began,
            sensed=self._sensed,
            contained=min((act.since for act in right), default=0),
            hostile=self._hostile,
            landed=self._landed,
            refused=self._refused,
            impacts=tuple(self._world.impacts),
            trips=found.trips,
            acts=found.acts,
            missed=dict(sorted(self._missed.items())),
            disturbed=self._disturbed,
            views_lost=found.views_lost,
            alarms_lost=found.alarms_lost,
            restored=max(0, max((act.ended for act in found.acts), default=0) - self._last) if found.acts else 0,
            returned=bool(freed) and any(at > freed for at in self._worked),
            questions=tally.questions,
            decisions=tally.decisions,
            incidents=tally.incidents,
            cited=tally.cited,
            turns=self._turns,
        )


def _word(said: Announced) -> Word:
    window = Window(
        id=mint("win", said.asset, said.target, said.at),
        asset=said.asset,
        target=said.target,
        activity=said.activity,
        since=said.at,
        until=said.until,
        by=said.by,
    )
    return Word(kind=WordKind.WINDOW_OPEN, who=said.by, time=said.at, target=said.asset, window=window)
