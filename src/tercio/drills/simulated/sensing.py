"""What sensors make of deeds: missed, late, twice, forged, or nothing at all where one is silent.

The values are those that the product's own sensors and rules make of records (``model.sifted``); only they cross.
"""

import math
from collections.abc import Iterable, Iterator

import msgspec

from tercio.brain.correlate.processes import LONGEST_PACE
from tercio.brain.detect.rules import Rule
from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.estate import Post
from tercio.drills.simulated.parameters import Parameters
from tercio.drills.simulated.records import GENERATION, Report, Writer
from tercio.drills.simulated.rules import ruleset
from tercio.drills.simulated.world import Done, World
from tercio.model.events import Match
from tercio.model.ids import mint
from tercio.model.sifted import Seen, Sifted

WIRE = "suricata"
"""The product that sees traffic; all others are hosts' own logs."""


class Glimpse(msgspec.Struct, frozen=True):
    """What sensors make of one deed: reports, and where there is none that a rule matched, the reason."""

    reports: tuple[Report, ...]
    reason: str = ""


class Sensing:
    """The sensors of an estate. ``posts`` are those that are there in this episode."""

    def __init__(self, world: World, parameters: Parameters, seed: int) -> None:
        self._world, self._parameters, self._seed = world, parameters, seed
        self._rules = ruleset().rules
        self._writer = Writer(world)
        self.posts = tuple(
            post for post in world.estate.posts if dice(seed, "post", post.source).random() >= parameters.missing
        )
        self._ends: dict[str, int] = {}
        self._polled = 0

    def of(self, deed: Deed, done: Done, key: str) -> Glimpse:
        """What is reported of a deed that came to ``done``. ``key`` names it in the world: its chances depend on that,
        and not on what else happened."""
        if deed.goal == Goal.MOVE:
            return Glimpse(tuple(self._leased(deed)))
        matched = self._rules[deed.rule] if deed.rule else None
        reports: list[Report] = []
        reason = "no rule" if matched is None else "no sensor"
        for post in self.posts:
            if not self._sees(post, deed, matched, done):
                continue
            luck = dice(self._seed, "see", key, post.source)
            if not self._alive(post):
                reason = reason if matched is None else "sensor silent"
            elif luck.random() >= self._recall(deed):
                reason = reason if matched is None else "unseen"
            else:
                received = deed.at + round(
                    self._parameters.delay * math.exp(self._parameters.delay_spread * luck.gauss(0, 1))
                )
                found = list(self._reported(post, deed, matched, done, received))
                reports += found * (2 if luck.random() < self._parameters.duplicate else 1)
        said = matched is not None and any(report.rule == matched.id for report in reports)
        return Glimpse(tuple(reports), "" if said else reason)

    def lots(self, reports: Iterable[Report], now: int) -> tuple[Sifted, ...]:
        """Everything that arrives by ``now`` in the order of its arrival, one lot of each source that speaks; a live
        source always says that it is there."""
        seen: dict[str, list[Seen]] = {post.source: [] for post in self.posts}
        for report in (*self._polls(now), *reports):
            seen[report.source].append(self._filed(report))
        return tuple(
            self._lot(post.source, seen[post.source], now)
            for post in self.posts
            if seen[post.source] or self._alive(post)
        )

    def _alive(self, post: Post) -> bool:
        return post.source not in self._world.blinded

    def _lot(self, source: str, seen: list[Seen], now: int) -> Sifted:
        end = self._ends.get(source, 0)
        return Sifted(source, GENERATION, seen[0].event.offset if seen else end, end, now, tuple(seen))

    def _filed(self, report: Report) -> Seen:
        """The record as it lies in its file: every record is another event, and has its own id."""
        offset = self._ends.get(report.source, 0)
        line = b'{"simulated":%d}\n' % offset
        self._ends[report.source] = offset + len(line)
        event = msgspec.structs.replace(
            report.event, id=mint("evt", report.source, GENERATION, offset), offset=offset, received=report.received
        )
        return Seen(event, line, (Match(report.rule, 0, report.fields),) if report.rule else ())

    def _recall(self, deed: Deed) -> float:
        known = [self._parameters.recall[tactic] for tactic in deed.tactics if tactic in self._parameters.recall]
        return max(known, default=self._parameters.recall_else)

    def _sees(self, post: Post, deed: Deed, matched: Rule | None, done: Done) -> bool:
        """A sensor on the wire sees both ends' traffic, and what a wall refuses only on the near side; a host's log
        holds what happened on it."""
        zone = self._world.estate.site.zone_of
        if post.product != WIRE:
            product = (matched.origin.product or "weblog") if matched is not None else ""
            return product == post.product and zone(deed.dst or deed.actor) in post.zones and not done.refused
        if deed.dst in ("", deed.actor) or (matched is not None and matched.origin.product != WIRE):
            return False
        return zone(deed.actor) in post.zones or (zone(deed.dst) in post.zones and not done.refused)

    def _reported(self, post: Post, deed: Deed, matched: Rule | None, done: Done, received: int) -> Iterator[Report]:
        if post.product == WIRE:
            yield from self._writer.wire(post, deed, matched, done, received)
        elif matched is not None:
            yield self._writer.log(post, deed, matched, received)

    def _leased(self, deed: Deed) -> Iterator[Report]:
        zone = self._world.estate.site.zone_of(self._world.address(deed.actor))
        for post in self.posts:
            if post.product == WIRE and zone in post.zones and self._alive(post) and self._world.link(deed.actor):
                yield self._writer.lease(post, deed, f"gate-{zone}", deed.at + self._parameters.delay)

    def _polls(self, now: int) -> Iterator[Report]:
        """The views' own questions to their controllers since the last time. Of a pause that is too long to tell their
        pace by, the last; where a process stands still the last three, as long as it takes to believe it."""
        pace = self._parameters.poll
        last, self._polled = self._polled, now // pace * pace
        if self._polled - last > LONGEST_PACE:
            last = self._polled - pace * (3 if self._world.stopped else 1)
        site = self._world.estate.site
        for process in site.processes.values() if self._polled > last else ():
            zone = site.zone_of(process.state.asset) if process.state is not None else ""
            post = next((p for p in self.posts if p.product == WIRE and zone in p.zones and self._alive(p)), None)
            for at in range(last + pace, self._polled + 1, pace) if post is not None else ():
                for view in process.views:
                    report = self._writer.poll(post, process, view, at, now) if post is not None else None
                    if report is not None:
                        yield report
