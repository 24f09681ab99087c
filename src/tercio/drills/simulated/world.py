"""What is true: who can reach whom, what stands in the way, what the intruder holds and has stopped."""

import ipaddress
from functools import lru_cache

import msgspec

from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.estate import Estate
from tercio.drills.simulated.parameters import Parameters
from tercio.model.commands import (
    Action,
    Command,
    ConduitTarget,
    FlowTarget,
    HostTarget,
    Response,
    Standing,
    Status,
    Target,
)
from tercio.model.services import port_of
from tercio.model.site import CONTROLLERS
from tercio.model.units import HOUR

RESTORE = 24 * HOUR
"""How long it takes to restore what was encrypted (microseconds). Assumed."""


class Done(msgspec.Struct, frozen=True):
    """What came of a deed. ``refused`` says that a wall of the defence stopped it, ``there`` that somebody was at its
    other end."""

    worked: bool
    refused: bool = False
    there: bool = True


class Impact(msgspec.Struct, frozen=True):
    """A process that stopped, or an asset whose data were lost: when, and what that costs (cents)."""

    what: str
    at: int
    cost: int


class Stood(msgspec.Struct, kw_only=True):
    """A wall of the defence: what it refused, from when to when (0: it still stands), and whose machines it was aimed
    at when it began."""

    target: Target
    since: int
    until: int
    ended: int = 0
    hits: frozenset[str] = frozenset()


class World:
    """One estate as time goes by. Deeds and commands must come in the order of their instants."""

    def __init__(self, estate: Estate, parameters: Parameters, seed: int) -> None:
        self.estate, self._parameters = estate, parameters
        self._luck = dice(seed, "hand")
        self.addresses = {name: asset.addresses[0] for name, asset in estate.site.assets.items()}
        self.held: dict[str, int] = {}
        self.strays: set[str] = set()
        self.controlled: dict[str, int] = {}
        self.blinded: dict[str, int] = {}
        self.stopped: dict[str, int] = {}
        self.impacts: list[Impact] = []
        self.walls: list[Stood] = []
        self._leases: dict[str, Stood] = {}

    def address(self, name: str) -> str:
        """The address of a machine now; what is no asset is an address itself."""
        return self.addresses.get(name, name)

    def link(self, name: str) -> str:
        """The link address of an asset; empty for whoever is outside."""
        asset = self.estate.site.assets.get(name)
        return asset.mac if asset is not None else ""

    def do(self, deed: Deed) -> Done:
        """Let somebody do something, and change what it changes."""
        if deed.hostile:
            self.held.setdefault(deed.actor, deed.at)
        if deed.stray:
            self.strays.add(deed.actor)
        if deed.dst in ("", deed.actor) or deed.goal in (Goal.BLIND, Goal.MOVE):
            return Done(self._changes(deed))
        if deed.forged:
            return Done(worked=False)
        if not self.estate.passable(deed.actor, deed.dst):
            return Done(worked=False, there=False)
        if self.refused(deed.actor, deed.dst, deed.service, deed.at):
            return Done(worked=False, refused=True)
        if not self.address(deed.dst) or (deed.dst not in self.addresses and self.estate.site.zone_of(deed.dst)):
            return Done(worked=False, there=False)
        return Done(self._changes(deed))

    def refused(self, src: str, dst: str, service: str, at: int) -> bool:
        """Whether a wall that stands at an instant is in the way from one machine to another. Neighbours of a zone that
        is not bridged meet behind the gateway's back."""
        self._expire(at)
        if not self._leases:
            return False
        zones = self.estate.site.zone_of(src), self.estate.site.zone_of(dst)
        return (zones[0] != zones[1] or zones[0] in self.estate.bridged) and self._walled(src, dst, service, at)

    def walled(self, deed: Deed) -> bool:
        """Whether a deed is what a wall refuses, wherever the two meet."""
        return bool(self._leases and deed.dst) and self._walled(deed.named, deed.dst, deed.service, deed.at)

    def _walled(self, src: str, dst: str, service: str, at: int) -> bool:
        ends = self.address(src), self.link(src), self.address(dst)
        port = port_of(service)[1] if service else 0
        return any(wall.since <= at and refuses(wall.target, *ends, port) for wall in self._leases.values())

    def obey(self, command: Command, at: int) -> Response:
        """What the hand does at an instant, and its answer."""
        self._expire(at)
        done = Response(command=command.id, hand=command.hand, status=Status.DONE, held=True, at=at)
        if command.action == Action.QUERY:
            listed = tuple(Standing(lease, wall.until) for lease, wall in sorted(self._leases.items()))
            return msgspec.structs.replace(done, standing=listed)
        if self._luck.random() < self._parameters.fails:
            return msgspec.structs.replace(done, status=Status.FAILED, held=False, detail="no answer", retry=True)
        if command.action == Action.CANCEL:
            self._end(command.lease, at)
        elif command.target is not None and command.until > at:
            self._deny(command, command.target, at)
        return done

    def finish(self, at: int) -> None:
        """The episode is over: whatever still stands has stood until now."""
        self._expire(at)
        for lease in list(self._leases):
            self._end(lease, at)

    def _changes(self, deed: Deed) -> bool:
        """Whether a deed that reached its end worked, and what it changed."""
        local = deed.dst in ("", deed.actor)
        match deed.goal:
            case Goal.ENTER:
                worked = local or deed.service in self.estate.open.get(deed.dst, ())
                if worked:
                    self.held.setdefault(deed.dst or deed.actor, deed.at)
                return worked
            case Goal.CONTROL | Goal.STOP:
                asset = self.estate.site.assets.get(deed.dst)
                if asset is None or asset.role not in CONTROLLERS:
                    return False
                self.controlled.setdefault(deed.dst, deed.at)
                if deed.goal == Goal.STOP:
                    self._stop(deed.dst, deed.at)
                return True
            case Goal.ENCRYPT:
                return self._encrypt(deed.dst or deed.actor, deed.at)
            case Goal.BLIND:
                self.blinded.setdefault(deed.dst, deed.at)
                return True
            case Goal.MOVE:
                self._move(deed.actor, deed.dst)
                return True
            case _:
                return True

    def _stop(self, controller: str, at: int) -> None:
        for process in self.estate.site.processes.values():
            ends = {*process.needs, *(end for flow in process.flows for end in (flow.src, flow.dst))}
            if controller in ends:
                self._halt(process.name, at)

    def _halt(self, process: str, at: int) -> None:
        if process not in self.stopped:
            self.stopped[process] = at
            self.impacts.append(Impact(process, at, self.estate.site.processes[process].stake()))

    def _encrypt(self, name: str, at: int) -> bool:
        """Only what he holds can be encrypted, and only once."""
        if name not in self.held or any(impact.what == name for impact in self.impacts):
            return False
        asset = self.estate.site.assets[name]
        self.impacts.append(Impact(name, at, asset.outage_per_hour * RESTORE // HOUR))
        for process in self.estate.site.processes.values():
            if name in process.needs and process.tolerates.get(name, 0) < RESTORE:
                self._halt(process.name, at + process.tolerates.get(name, 0))
        return True

    def _move(self, name: str, to: str) -> None:
        address = self.address(to)
        if to in self.addresses:
            self.addresses[to] = ""
        self.addresses[name] = address

    def _deny(self, command: Command, target: Target, at: int) -> None:
        wall = self._leases.get(command.lease)
        if wall is not None:
            wall.until, wall.target = command.until, target
            return
        self._leases[command.lease] = Stood(target=target, since=at, until=command.until, hits=self._hit(target))
        self.walls.append(self._leases[command.lease])

    def _hit(self, target: Target) -> frozenset[str]:
        """Whose machines a target is aimed at. Somebody outside is his own address."""
        if isinstance(target, ConduitTarget):
            return frozenset(self.estate.inside(target.src_zone))
        addresses = target.addresses if isinstance(target, HostTarget) else target.src_addresses
        macs = target.macs if isinstance(target, HostTarget) else ()
        there = {name for name, address in self.addresses.items() if address in addresses or self.link(name) in macs}
        known = set(self.addresses.values())
        return frozenset(there | {address for address in addresses if address not in known})

    def _end(self, lease: str, at: int) -> None:
        wall = self._leases.pop(lease, None)
        if wall is not None:
            wall.ended = at

    def _expire(self, at: int) -> None:
        for lease, wall in list(self._leases.items()):
            if wall.until <= at:
                self._end(lease, wall.until)


def refuses(target: Target, src: str, link: str, dst: str, port: int) -> bool:
    """Whether a wall refuses what a machine with an address and a link address sends to another's port, as the hand on
    a gateway does: a host in both directions, its link address as a source alone; a flow from its one end; a conduit in
    both directions but for what is needed."""
    match target:
        case HostTarget():
            return src in target.addresses or dst in target.addresses or (bool(link) and link in target.macs)
        case FlowTarget():
            return src in target.src_addresses and dst in target.dst_addresses and port == target.port
        case ConduitTarget():
            if any((needed.src, needed.dst, needed.port) == (src, dst, port) for needed in target.needed):
                return False
            there = _inside(src, target.src_networks) and _inside(dst, target.dst_networks)
            return there or (_inside(src, target.dst_networks) and _inside(dst, target.src_networks))


@lru_cache(maxsize=65_536)
def _inside(address: str, networks: tuple[str, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(network) for network in networks)
