"""What single records say, in the shape that the product's own sensors give them."""

from collections.abc import Iterator

import msgspec

from tercio.brain.detect.rules import Rule
from tercio.drills.simulated.deeds import Deed
from tercio.drills.simulated.estate import Post
from tercio.drills.simulated.rules import rule, ruleset
from tercio.drills.simulated.world import Done, World
from tercio.model.events import ANSWERED, Assignment, Endpoint, Event, Provenance, Reading
from tercio.model.services import port_of
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

DHCP = 67, 68


class Report(msgspec.Struct, frozen=True):
    """A record on its way: when and by which source it arrives, the event as far as it is known (its place in the file
    is not), and the rule that it matched (empty: none). ``urgent`` says that a turn is due for it: a rule matched it,
    or it may contradict a wall."""

    received: int
    source: str
    event: Event
    rule: str = ""
    fields: dict[str, str] = {}
    urgent: bool = False


class _Session(msgspec.Struct, frozen=True):
    began: int
    last: int
    number: int


class Writer:
    """Writes what sensors say of what happens in one world, and remembers which sessions are under way."""

    def __init__(self, world: World) -> None:
        self._world, self._site = world, world.estate.site
        self._rules = ruleset().rules
        self._probe, self._handshake = rule("syn-probe"), rule("tcp-handshake")
        self._sessions: dict[tuple[str, str, str, str], _Session] = {}

    def wire(self, post: Post, deed: Deed, matched: Rule | None, done: Done, received: int) -> Iterator[Report]:
        """What Suricata says of traffic: each connection begun towards a controller's zone, the rule that matched, or,
        where none did, the flow. A forged packet, or one that a wall refused, completes no handshake."""
        transport, port = port_of(deed.service or "tcp/1")
        session, new = self._session(deed)
        event = self._packet(post, deed, session, (transport, port))
        inward = self._level(deed.dst) <= CONTROL_LEVEL and transport == "tcp"
        full = done.there and not done.refused and not deed.forged
        early = matched is not None and matched.id in (self._probe, self._handshake)
        if inward and (new or early):
            yield self._alert(event, deed, self._probe, Provenance.FORGEABLE, received)
            if full:
                yield self._alert(event, deed, self._handshake, Provenance.ESTABLISHED, received)
        proven = Provenance.ESTABLISHED if transport == "tcp" else Provenance.FORGEABLE
        if not full and transport == "tcp":
            return
        flow = msgspec.structs.replace(
            event, kind="flow", class_uid=4001, provenance=proven, action="closed", service=deed.service
        )
        if matched is None:
            yield Report(received, post.source, flow)
            return
        if not early:
            yield self._alert(event, deed, matched.id, proven, received)
            if new:  # Its end is told once nothing more came of it for a while.
                yield Report(received + SESSION, post.source, flow)

    def log(self, post: Post, deed: Deed, matched: Rule, received: int) -> Report:
        """What a host logs of itself; that somebody came from elsewhere only where such a record names him."""
        host = deed.dst or deed.actor
        named = bool(OTHERS_NAMES & set(matched.carries)) or post.product == "weblog"
        event = msgspec.structs.replace(
            _event(post, deed.at),
            kind="log",
            class_uid=0,
            src=Endpoint(self._world.address(deed.named)) if named and host != deed.actor else None,
            host=host,
        )
        return Report(received, post.source, event, matched.id, self._fields(matched.id, event, deed))

    def lease(self, post: Post, deed: Deed, server: str, received: int) -> Report:
        """A router acknowledges the address that a machine has moved to."""
        address, link = self._world.address(deed.actor), self._world.link(deed.actor)
        event = msgspec.structs.replace(
            _event(post, deed.at),
            kind="dhcp",
            class_uid=4004,
            src=Endpoint(self._world.address(server), DHCP[0], self._world.link(server)),
            dst=Endpoint(address, DHCP[1], link),
            transport="udp",
            assigned=Assignment(address, link),
        )
        return Report(received, post.source, event)

    def poll(self, post: Post, process: Process, view: str, at: int, received: int) -> Report | None:
        """A view asks the controller that shows the process's state, and is answered; None where a wall is between."""
        if process.state is None or self._world.refused(view, process.state.asset, "modbus", at):
            return None
        controller = process.state.asset
        address = self._world.address(controller)
        running = self._world.stopped.get(process.name, at + 1) > at
        readings = [Reading(address, 1, "coil", process.state.index, int(running))]
        if process.phases is not None:
            readings.append(Reading(address, 1, "register", process.phases.index, _phase(at)))
        deed = Deed(at=at, actor=view, dst=controller, service="modbus")
        event = msgspec.structs.replace(
            self._packet(post, deed, _Session(at, at, 0), port_of("modbus")),
            kind="modbus",
            class_uid=4001,
            service="modbus",
            provenance=Provenance.ESTABLISHED,
            action=ANSWERED,
            readings=tuple(readings),
            flow=f"1:{view}>{controller}",
        )
        return Report(received, post.source, event)

    def _alert(self, event: Event, deed: Deed, rule_id: str, provenance: Provenance, received: int) -> Report:
        bare = rule_id in (self._probe, self._handshake) or "/" in deed.service
        event = msgspec.structs.replace(event, provenance=provenance, service="" if bare else deed.service)
        return Report(received, event.source, event, rule_id, self._fields(rule_id, event, deed))

    def _fields(self, rule_id: str, event: Event, deed: Deed) -> dict[str, str]:
        """The values of the fields that correlations over the rule need."""
        said: dict[str, str] = {}
        for field in self._rules[rule_id].carries:
            match field:
                case "dest_ip":
                    said[field] = event.dst.address if event.dst is not None else ""
                case "dest_port":
                    said[field] = str(event.dst.port) if event.dst is not None else ""
                case "Computer" | "_HOSTNAME":
                    said[field] = event.host
                case _ if field in OTHERS_NAMES:
                    said[field] = event.src.address if event.src is not None else ""
                case _:
                    said[field] = deed.about
        return said

    def _session(self, deed: Deed) -> tuple[_Session, bool]:
        """The session of a deed, and whether it is new."""
        key = (deed.actor, deed.named, deed.dst, deed.service)
        known = self._sessions.get(key)
        new = known is None or deed.at - known.last > SESSION
        began, number = (deed.at, len(self._sessions)) if known is None or new else (known.began, known.number)
        self._sessions[key] = _Session(began, deed.at, number)
        return self._sessions[key], new

    def _packet(self, post: Post, deed: Deed, session: _Session, service: tuple[str, int]) -> Event:
        src, dst = self._world.address(deed.named), self._world.address(deed.dst)
        transport, port = service
        own = 32_768 + session.number % 28_000
        return msgspec.structs.replace(
            _event(post, deed.at),
            began=session.began,
            src=Endpoint(src, own, self._frame(post, deed.actor, deed.dst)),
            dst=Endpoint(dst, port, self._frame(post, deed.dst, deed.actor)),
            transport=transport,
            flow=f"1:{src}:{own}>{dst}:{port} {session.began}",
            action="allowed",
        )

    def _frame(self, post: Post, end: str, other: str) -> str:
        """The link address that a sensor sees for one end: its own on its own segment, else the router's there."""
        if self._site.zone_of(end) in post.zones:
            return self._world.link(end)
        return self._world.link(f"gate-{self._site.zone_of(other)}")

    def _level(self, name: str) -> float:
        zone = self._site.zones.get(self._site.zone_of(name))
        return zone.level if zone is not None else 5.0


def _event(post: Post, at: int) -> Event:
    return Event(
        id="",
        source=post.source,
        generation=GENERATION,
        offset=0,
        product=post.product,
        kind="alert",
        class_uid=2004,
        time=at,
        began=at,
        until=at,
        received=0,
        provenance=Provenance.FORGEABLE,
    )


def _phase(at: int) -> int:
    share = at % CYCLE * 10 // CYCLE
    return 1 if share < 6 else 2 if share < 8 else 3
