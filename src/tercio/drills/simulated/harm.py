"""What walls cost the site, and against whom they stood, by the truth."""

from collections.abc import Iterable, Mapping

import msgspec

from tercio.drills.simulated.world import Impact, Stood, World, refuses
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.model.services import port_of
from tercio.model.site import Flow, Process, Site
from tercio.model.units import HOUR

Span = tuple[int, int]


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A change that stood in the world: from ``since`` (the hand's read-back) to ``ended``. ``right`` says that it was
    aimed at machines that the intruder held before it ended, and, where it is a host, at no other; ``stray`` that it
    was aimed at nobody but others outside who attack, too, which is neither right nor wrong. ``cost`` is what it took
    from the site beside stopped processes (cents); ``cuts`` how many of the processes' flows it refused."""

    target: Target
    since: int
    ended: int
    right: bool
    stray: bool = False
    cost: int
    cuts: int = 0


class Harm(msgspec.Struct, frozen=True):
    """All acts, the processes that they stopped, and how many working views and alarm paths they took."""

    acts: tuple[Act, ...]
    trips: tuple[Impact, ...]
    views_lost: int
    alarms_lost: int


def harm(world: World) -> Harm:
    """Hold the walls of a finished episode against the truth."""
    site, walls = world.estate.site, world.walls
    taken = {id(wall): _taken(world, wall) for wall in walls}
    acts = tuple(
        Act(
            target=wall.target,
            since=wall.since,
            ended=wall.ended,
            right=_right(wall, world.held),
            stray=bool(wall.hits) and wall.hits <= world.strays,
            cost=_own(site, wall),
            cuts=len(taken[id(wall)]),
        )
        for wall in walls
    )
    flows = {(p.name, flow) for wall in walls for p, flow in taken[id(wall)]}
    views = {(p, flow.src) for p, flow in flows if flow.src in site.processes[p].views}
    alarms = {(p, flow) for p, flow in flows if flow.alarm}
    trips = tuple(trip for process in site.processes.values() for trip in _trips(world, process, taken))
    return Harm(acts, trips, len(views), len(alarms))


def _right(wall: Stood, held: Mapping[str, int]) -> bool:
    ours = [held.get(name, wall.ended) < wall.ended for name in wall.hits]
    return bool(ours) and (all(ours) if isinstance(wall.target, HostTarget) else any(ours))


def _own(site: Site, wall: Stood) -> int:
    """What the absence of a host, or of a zone from the others, costs beside any process (cents)."""
    span = wall.ended - wall.since
    match wall.target:
        case HostTarget():
            return sum(site.assets[name].outage_per_hour for name in wall.hits if name in site.assets) * span // HOUR
        case ConduitTarget(src_zone=zone):
            return site.zones[zone].outage_per_hour * span // HOUR
        case FlowTarget():
            return 0


def _taken(world: World, wall: Stood) -> list[tuple[Process, Flow]]:
    """The flows of processes that a wall refuses, as far as they pass the gateway at all."""
    site, found = world.estate.site, []
    for process in site.processes.values():
        for flow in process.flows:
            zones = site.assets[flow.src].zone, site.assets[flow.dst].zone
            if zones[0] == zones[1] and zones[0] not in world.estate.bridged:
                continue
            ends = world.address(flow.src), world.link(flow.src), world.address(flow.dst)
            if refuses(wall.target, *ends, port_of(flow.service)[1]):
                found.append((process, flow))
    return found


def _trips(world: World, process: Process, taken: Mapping[int, list[tuple[Process, Flow]]]) -> Iterable[Impact]:
    """Each time that a process went without a need, or a flow to one, for longer than it tolerates. What the intruder
    had stopped before does not count."""
    lacks: dict[str, list[Span]] = {}
    for wall in world.walls:
        hosts = wall.hits if isinstance(wall.target, HostTarget) else ()
        gone = {name for name in process.needs if name in hosts and _apart(world, process, name)}
        tolerant = {
            max((flow.src, flow.dst), key=lambda end: process.tolerates.get(end, 0))
            for p, flow in taken[id(wall)]
            if p is process
        }
        for name in gone | tolerant:
            lacks.setdefault(name, []).append((wall.since, wall.ended))
    stopped = world.stopped.get(process.name)
    for name, spans in sorted(lacks.items()):
        for since, ended in _merged(spans):
            at = since + process.tolerates.get(name, 0)
            if at < ended and (stopped is None or at < stopped):
                cost = process.scrap + process.restart_cost + process.outage(ended - at)
                yield Impact(process.name, at, cost)
                return


def _apart(world: World, process: Process, name: str) -> bool:
    """Whether a need does its work across the gateway, so that refusing the host takes it away. One of whose flows
    nothing is said does."""
    site = world.estate.site
    ends = [(flow.src, flow.dst) for flow in process.flows if name in (flow.src, flow.dst)]
    inner = [site.assets[a].zone == site.assets[b].zone and site.assets[a].zone for a, b in ends]
    return not ends or any(zone is False or zone in world.estate.bridged for zone in inner)


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for since, ended in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(ended, merged[-1][1])
        else:
            merged.append((since, ended))
    return merged
