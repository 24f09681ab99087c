"""What sensors make of deeds: missed, late, twice, forged, or nothing at all where one is silent.

The values are those that the product's own sensors and rules make of records (``model.sifted``); only they cross.
"""

from collections.abc import Iterable, Iterator

import msgspec

from tercio.brain.correlate.processes import LONGEST_PACE
from tercio.brain.detect.rules import Rule
from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.estate import Post
from tercio.drills.simulated.parameters import Parameters
from tercio.drills.simulated.rules import rule, ruleset
from tercio.drills.simulated.world import Done, World
from tercio.model.events import ANSWERED, Assignment, Endpoint, Event, Match, Provenance, Reading
from tercio.model.ids import mint
from tercio.model.services import port_of
from tercio.model.sifted import Seen, Sifted
from tercio.model.site import Process
from tercio.model.units import HOUR, SECOND

GENERATION = "simulated"

SESSION = 60 * SECOND
"""What one host says to a service of another is one session while no longer pause than this is made (microseconds)."""

CONTROL_LEVEL = 2.0
"""Purdue: Suricata's own rules report each connection that is begun towards zones up to here."""

CYCLE = 2 * HOUR
"""How long a batch takes where a process has phases: 1 for six tenths of it, 2 for two, 3 for the rest. Assumed."""

OTHERS_NAMES = frozenset({"src_ip", "IpAddress", "c-ip"})
"""Fields of a host's own log in which it names who came to it."""


class Report(msgspec.Struct, frozen=True):
    """A record on its way: when and by which source it arrives, the event as far as it is known (its place in the file
    is not), and the rule that it matched (empty: none)."""

    received: int
    source: str
    event: Event
    rule: str = ""
    fields: dict[str, str] = {}


class Glimpse(msgspec.Struct, frozen=True):
    """What sensors make of one deed: reports, and where there is none that a rule matched, the reason."""

    reports: tuple[Report, ...]
    reason: str = ""


class Sensing:
    """The sensors of an estate. ``posts`` are those that are there in this episode."""

    def __init__(self, world: World, parameters: Parameters, seed: int) -> None:
        self._world, self._parameters, self._seed = world, parameters, seed
        self._rules = ruleset().rules
        self._probe, self._handshake = rule("syn-probe"), rule("tcp-handshake")
        self.posts = tuple(
            post for post in world.estate.posts if dice(seed, "post", post.source).random() >= parameters.missing
        )
        self._ends: dict[str, int] = {}
        self._sessions: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._begun = 0
        self._polled = 0

    def of(self, deed: Deed, done: Done, key: str) -> Glimpse:
        """What is reported of a deed that came to ``done``. ``key`` names it in the world: its chances depend on that,
        and not on what else happened."""
        if deed.goal == Goal.MOVE:
            return Glimpse(tuple(self._leased(deed)))
        matched = self._rules.get(deed.rule)
        reports: list[Report] = []
        reason = "no rule" if matched is None else "no sensor"
        for post in self.posts:
            if not self._sees(post, deed, matched, done):
                continue
            blind = self._world.blinded.get(post.source)
            if blind is not None and blind <= deed.at:
                reason = reason if matched is None else "sensor silent"
                continue
            luck = dice(self._seed, "see", key, post.source)
            if luck.random() >= self._recall(deed):
                reason = reason if matched is None else "unseen"
                continue
            delay = round(self._parameters.delay * 2.718281828 ** (self._parameters.delay_spread * luck.gauss(0, 1)))
            found = list(self._reported(post, deed, matched, done, deed.at + delay))
            reports += found * (2 if luck.random() < self._parameters.duplicate else 1)
        if matched is not None and any(report.rule == matched.id for report in reports):
            reason = ""
        return Glimpse(tuple(reports), reason)

    def lots(self, reports: Iterable[Report], now: int) -> tuple[Sifted, ...]:
        """Everything that arrives by ``now`` in the order of its arrival, one lot of each source that speaks; a live
        source always says that it is there."""
        seen: dict[str, list[Seen]] = {post.source: [] for post in self.posts}
        for report in (*self._polls(now), *reports):
            if report.source in seen:
                seen[report.source].append(self._filed(report))
        return tuple(self._lot(source, found, now) for source, found in seen.items() if found or self._alive(source))

    def _alive(self, source: str) -> bool:
        return source not in self._world.blinded

    def _lot(self, source: str, seen: list[Seen], now: int) -> Sifted:
        start = seen[0].event.offset if seen else self._ends.get(source, 0)
        return Sifted(source, GENERATION, start, self._ends.get(source, 0), now, tuple(seen))

    def _filed(self, report: Report) -> Seen:
        """The record as it lies in its file: every record is another event, and has its own id."""
        offset = self._ends.get(report.source, 0)
        line = b'{"simulated":%d}\n' % offset
        self._ends[report.source] = offset + len(line)
        event = msgspec.structs.replace(
            report.event, id=mint("evt", report.source, GENERATION, offset), offset=offset, received=report.received
        )
        matches = (Match(report.rule, 0, report.fields),) if report.rule else ()
        return Seen(event, line, matches)

    def _recall(self, deed: Deed) -> float:
        known = [self._parameters.recall[tactic] for tactic in deed.tactics if tactic in self._parameters.recall]
        return max(known, default=self._parameters.recall_else)

    def _sees(self, post: Post, deed: Deed, matched: Rule | None, done: Done) -> bool:
        """A sensor on the wire sees both ends' traffic, and what a wall refuses only on the near side; a host's log
        holds what happened on it."""
        zone = self._world.estate.site.zone_of
        if post.product == "suricata":
            if deed.dst in ("", deed.actor) or (matched is not None and matched.origin.product != "suricata"):
                return False
            near, far = zone(deed.actor) in post.zones, zone(deed.dst) in post.zones
            return near or (far and not done.refused)
        product = (matched.origin.product or "weblog") if matched is not None else ""
        return product == post.product and zone(deed.dst or deed.actor) in post.zones and not done.refused

    def _reported(self, post: Post, deed: Deed, matched: Rule | None, done: Done, received: int) -> Iterator[Report]:
        if post.product != "suricata":
            if matched is not None:
                yield Report(received, post.source, *self._logged(post, deed, matched))
            return
        transport, port = port_of(deed.service or "tcp/1")
        began, number, new = self._session(deed)
        event = self._traffic(post, deed, began, number, transport, port)
        inward = self._level(deed.dst) <= CONTROL_LEVEL and transport == "tcp"
        full = done.there and not done.refused and not deed.forged
        if inward and (new or deed.rule == self._probe):
            yield self._alert(post, event, deed, self._probe, Provenance.FORGEABLE, received)
            if full:
                yield self._alert(post, event, deed, self._handshake, Provenance.ESTABLISHED, received)
        if matched is not None and matched.id not in (self._probe, self._handshake):
            if transport != "tcp":
                yield self._alert(post, event, deed, matched.id, Provenance.FORGEABLE, received)
            elif full:
                yield self._alert(post, event, deed, matched.id, Provenance.ESTABLISHED, received)
        elif matched is None and full:
            proven = Provenance.ESTABLISHED if transport == "tcp" else Provenance.FORGEABLE
            flow = msgspec.structs.replace(
                event, kind="flow", class_uid=4001, provenance=proven, action="closed", service=deed.service
            )
            yield Report(received, post.source, flow)

    def _alert(
        self, post: Post, event: Event, deed: Deed, rule_id: str, provenance: Provenance, received: int
    ) -> Report:
        early = rule_id in (self._probe, self._handshake)
        service = "" if early or "/" in deed.service else deed.service
        event = msgspec.structs.replace(event, provenance=provenance, service=service)
        return Report(received, post.source, event, rule_id, self._fields(rule_id, event, deed))

    def _fields(self, rule_id: str, event: Event, deed: Deed) -> dict[str, str]:
        """The values of the fields that correlations over the rule need."""
        said: dict[str, str] = {}
        for field in self._rules[rule_id].carries:
            if field in OTHERS_NAMES:
                said[field] = event.src.address if event.src else ""
            elif field in ("dest_ip", "dest_port"):
                said[field] = str(getattr(event.dst, "address" if field == "dest_ip" else "port", ""))
            elif field in ("Computer", "_HOSTNAME"):
                said[field] = event.host
            else:
                said[field] = deed.about
        return said

    def _session(self, deed: Deed) -> tuple[int, int, bool]:
        """When the session of a deed began, its number, and whether it is new."""
        key = (f"{deed.actor} {deed.named}", deed.dst, deed.service)
        began, last = self._sessions.get(key, (0, 0))
        new = deed.at - (last >> 20) > SESSION or not began
        if new:
            began, self._begun = deed.at, self._begun + 1
        number = self._begun if new else last & 0xFFFFF
        self._sessions[key] = (began, deed.at << 20 | number)
        return began, number, new

    def _traffic(self, post: Post, deed: Deed, began: int, number: int, transport: str, port: int) -> Event:
        src, dst = self._world.address(deed.named), self._world.address(deed.dst)
        own = 32_768 + number % 28_000
        return Event(
            id="",
            source=post.source,
            generation=GENERATION,
            offset=0,
            product="suricata",
            kind="alert",
            class_uid=2004,
            time=deed.at,
            began=began,
            until=deed.at,
            received=0,
            provenance=Provenance.FORGEABLE,
            src=Endpoint(src, own, self._frame(post, deed.actor, deed.dst)),
            dst=Endpoint(dst, port, self._frame(post, deed.dst, deed.actor)),
            transport=transport,
            flow=f"1:{src}:{own}>{dst}:{port}",
            action="allowed",
        )

    def _frame(self, post: Post, end: str, other: str) -> str:
        """The link address that a sensor sees for one end: its own on its own segment, else the router's there."""
        zone = self._world.estate.site.zone_of
        if zone(end) in post.zones:
            return self._world.link(end)
        return self._world.link(f"gate-{zone(other)}")

    def _level(self, name: str) -> float:
        zone = self._world.estate.site.zones.get(self._world.estate.site.zone_of(name))
        return zone.level if zone is not None else 5.0

    def _logged(self, post: Post, deed: Deed, matched: Rule) -> tuple[Event, str, dict[str, str]]:
        """What a host logs of itself; that somebody came from elsewhere only where such a record names him."""
        host = deed.dst or deed.actor
        named = bool(OTHERS_NAMES & set(matched.carries)) or post.product == "weblog"
        comes = named and host != deed.actor
        event = Event(
            id="",
            source=post.source,
            generation=GENERATION,
            offset=0,
            product=post.product,
            kind="log",
            class_uid=0,
            time=deed.at,
            began=deed.at,
            until=deed.at,
            received=0,
            provenance=Provenance.FORGEABLE,
            src=Endpoint(self._world.address(deed.named)) if comes else None,
            host=host,
        )
        return event, matched.id, self._fields(matched.id, event, deed)

    def _leased(self, deed: Deed) -> Iterator[Report]:
        """A router acknowledges the address that a machine has moved to."""
        address, link = self._world.address(deed.actor), self._world.link(deed.actor)
        zone = self._world.estate.site.zone_of(address)
        server = f"gate-{zone}"
        for post in self.posts:
            if post.product == "suricata" and zone in post.zones and self._alive(post.source) and link:
                event = Event(
                    id="",
                    source=post.source,
                    generation=GENERATION,
                    offset=0,
                    product="suricata",
                    kind="dhcp",
                    class_uid=4004,
                    time=deed.at,
                    began=deed.at,
                    until=deed.at,
                    received=0,
                    provenance=Provenance.FORGEABLE,
                    src=Endpoint(self._world.address(server), 67, self._world.link(server)),
                    dst=Endpoint(address, 68, link),
                    transport="udp",
                    assigned=Assignment(address, link),
                )
                yield Report(deed.at + self._parameters.delay, post.source, event)

    def _polls(self, now: int) -> Iterator[Report]:
        """The views' own questions to their controllers since the last time. Of a pause that is too long to tell their
        pace by, the last; of a process that stands still the last three, as long as it takes to believe it."""
        pace = self._parameters.poll
        last, self._polled = self._polled, now // pace * pace
        if self._polled - last > LONGEST_PACE:
            last = self._polled - pace * (3 if self._world.stopped else 1)
        for at in range(last + pace, self._polled + 1, pace):
            for process in self._world.estate.site.processes.values():
                yield from self._watched(process, at, now)

    def _watched(self, process: Process, at: int, now: int) -> Iterator[Report]:
        if process.state is None:
            return
        controller = process.state.asset
        zone = self._world.estate.site.zone_of(controller)
        post = next((post for post in self.posts if post.product == "suricata" and zone in post.zones), None)
        if post is None or not self._alive(post.source):
            return
        dst = self._world.address(controller)
        readings = [Reading(dst, 1, "coil", process.state.index, int(process.name not in self._world.stopped))]
        if process.phases is not None:
            readings.append(Reading(dst, 1, "register", process.phases.index, _phase(at)))
        for view in process.views:
            if not self._world.refused(view, controller, "modbus", at):
                deed = Deed(at=at, actor=view, dst=controller, service="modbus")
                event = self._traffic(post, deed, at, 0, "tcp", 502)
                answered = msgspec.structs.replace(
                    event,
                    kind="modbus",
                    class_uid=4001,
                    service="modbus",
                    provenance=Provenance.ESTABLISHED,
                    action=ANSWERED,
                    readings=tuple(readings),
                    flow=f"1:{view}>{controller}",
                )
                yield Report(now, post.source, answered)


def _phase(at: int) -> int:
    share = at % CYCLE * 10 // CYCLE
    return 1 if share < 6 else 2 if share < 8 else 3
