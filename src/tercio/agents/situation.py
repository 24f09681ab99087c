"""The situation of a candidate, worked out again from the site and not taken from whoever proposed it."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from tercio.agents.terms import Condition, Limits, Situation, State, World
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.model.decisions import Candidate
from tercio.model.incidents import Incident
from tercio.model.services import port_of
from tercio.model.site import CONTROLLERS, Autonomy, Flow, Process, Site, ip_of
from tercio.model.units import SECOND
from tercio.model.whereabouts import ends_of, shared, unknown

__all__ = ["Condition", "Cut", "Limits", "Situation", "State", "World", "cut_flows", "situate"]

_STRICT_FIRST = (Autonomy.SHADOW, Autonomy.ADVISE, Autonomy.VETO, Autonomy.ACT)

Cut = tuple[str, str, str, str]
"""A needed flow that would be taken away: (process, from, to, service)."""


def situate(site: Site, candidate: Candidate, incident: Incident, world: World, production: int) -> Situation:
    """The situation of one candidate. ``production`` is what the act costs production for its span (cents).

    Needed flows that it cuts are found again from the site and joined with those that the candidate states; an
    asset or zone that the site does not list carries no grant, so it counts as shadow.
    """
    target = candidate.target
    cuts = sorted({*candidate.cuts, *cut_flows(site, target)})
    ends = {name for _, src, dst, _ in cuts for name in (src, dst)}
    named = _named(site, target)
    host = named if isinstance(target, HostTarget) else set()
    members = named or _members(site, target)
    zones = _zones(site, target, ends, incident.reached)
    budgets = zones | {site.zone_of(name) for name in named}
    touched = {process for process, *_ in cuts} | _processes_of(site, host)
    conditions = {name: world.conditions.get(name, Condition()) for name in sorted(touched)}
    live = [site.processes[n] for n in conditions if n in site.processes and conditions[n].state is not State.STOPPED]
    roles = {site.assets[name].role for name in named if name in site.assets}
    return Situation(
        assets=tuple(sorted(named)),
        roles=tuple(sorted(roles)),
        zones=tuple(sorted(zones)),
        level=min((_tenths(site, zone) for zone in zones), default=0),
        controller=bool(host) and bool(roles & CONTROLLERS),
        safety=bool((members | ends) & _guarded(site)),
        never=_never(site, target, members | ends),
        shared=any(unknown(n) or (n in site.assets and shared(site.assets[n])) for n in host),
        own=_own(target, world.own),
        states=tuple(sorted({condition.state for condition in conditions.values()})),
        hold=any(p.hold and conditions[p.name].hold for p in live if any(p.name == cut[0] for cut in cuts)),
        cuts=len(cuts),
        controller_cut=any(site.assets[name].role in CONTROLLERS for name in ends if name in site.assets),
        last_view=any(_last(p.views, _taken(p, cuts, host), world.lost) for p in live),
        last_redundant=any(_last(group, _taken(p, cuts, host), world.lost) for p in live for group in p.redundant),
        belief=_belief(site, target, incident),
        proven=_proven(site, target, incident),
        autonomy=_autonomy(site, zones),
        production=production,
        hour=world.now // (3600 * SECOND) % 24,
        acts=max((world.acts.get(zone, 0) for zone in budgets), default=0),
        alarm=bool(_alarms(site).intersection(cuts)),
        download=any(_parts(site, target, *pair) for each in world.conditions.values() for pair in each.loading),
        limits=world.limits,
    )


def cut_flows(site: Site, target: Target | None) -> tuple[Cut, ...]:
    """The needed flows of processes that acting on this target takes away, sorted."""
    near, far = ends_of(site, target)
    return tuple(
        sorted(
            (process.name, flow.src, flow.dst, flow.service)
            for process in site.processes.values()
            for flow in process.flows
            if _is_cut(site, flow, target, near, far)
        )
    )


def _is_cut(site: Site, flow: Flow, target: Target | None, near: frozenset[str], far: frozenset[str]) -> bool:
    match target:
        case HostTarget():
            return flow.src in near or flow.dst in near
        case FlowTarget():
            here = flow.src in near and flow.dst in far
            return here and port_of(flow.service) == (target.transport, target.port)
        case ConduitTarget():
            ends = {site.assets[name].zone for name in (flow.src, flow.dst) if name in site.assets}
            return ends == {target.src_zone, target.dst_zone} and not _stays_open(site, flow, target)
        case None:
            return False


def _stays_open(site: Site, flow: Flow, target: ConduitTarget) -> bool:
    """Every address pair of one family must be excepted: half a dual-stack flow is a cut flow."""
    transport, port = port_of(flow.service)
    needed = {(n.src, n.dst) for n in target.needed if (n.transport, n.port) == (transport, port)}
    pairs = {
        (a, b)
        for a in site.assets[flow.src].addresses
        for b in site.assets[flow.dst].addresses
        if (":" in a) == (":" in b)
    }
    return (flow.src, flow.dst) in needed or (bool(pairs) and pairs <= needed)


def _named(site: Site, target: Target | None) -> set[str]:
    """Everything at either end, as the target calls it and as the site knows its addresses."""
    near, far = ends_of(site, target)
    return {*near, *far}


def _members(site: Site, target: Target | None) -> set[str]:
    """Closing a conduit touches what stands in either zone."""
    if not isinstance(target, ConduitTarget):
        return set()
    return {a.name for a in site.assets.values() if a.zone in {target.src_zone, target.dst_zone}}


def _zones(site: Site, target: Target | None, ends: Iterable[str], steps: Iterable[tuple[str, str, str]]) -> set[str]:
    """Zones of the target and of the far ends of what it cuts. What lies in none is where it was met: in the zones of
    the other ends of its steps; ``""`` stands for nowhere."""
    if isinstance(target, ConduitTarget):
        return {target.src_zone, target.dst_zone}
    found = {site.assets[name].zone for name in ends if name in site.assets}
    for name in _named(site, target):
        zone = site.zone_of(name)
        met = {site.zone_of(dst if src == name else src) for src, dst, _ in steps if name in (src, dst)}
        found |= {zone} if zone or not met else met
    return found


def _tenths(site: Site, zone: str) -> int:
    return round(site.zones[zone].level * 10) if zone in site.zones else 0


def _autonomy(site: Site, zones: Iterable[str]) -> Autonomy:
    grants = [site.zones[zone].autonomy if zone in site.zones else Autonomy.SHADOW for zone in zones]
    return min(grants, key=_STRICT_FIRST.index, default=Autonomy.SHADOW)


def _alarms(site: Site) -> set[Cut]:
    return {(p.name, f.src, f.dst, f.service) for p in site.processes.values() for f in p.flows if f.alarm}


def _parts(site: Site, target: Target | None, src: str, dst: str) -> bool:
    if isinstance(target, ConduitTarget):
        return {target.src_zone, target.dst_zone} == {site.zone_of(src), site.zone_of(dst)}
    near, far = ends_of(site, target)
    if not far:
        return not near.isdisjoint((src, dst))
    return (src in near and dst in far) or (dst in near and src in far)


def _guarded(site: Site) -> set[str]:
    """Safety functions, and every station that may write to one."""
    functions = {name for process in site.processes.values() for name in process.safety}
    functions |= {asset.name for asset in site.assets.values() if asset.role == "safety"}
    flows = [flow for process in site.processes.values() for flow in process.flows]
    return functions | {flow.src for flow in flows if flow.dst in functions and flow.access == "write"}


def _processes_of(site: Site, hosts: set[str]) -> set[str]:
    return {p.name for p in site.processes.values() if hosts & {*p.needs, *p.views}}


def _taken(process: Process, cuts: Iterable[Cut], out: set[str]) -> set[str]:
    return out | {name for owner, src, dst, _ in cuts if owner == process.name for name in (src, dst)}


def _last(group: Iterable[str], taken: set[str], lost: frozenset[str]) -> bool:
    """Whether this act takes a member away and leaves none that works."""
    working = set(group) - lost
    return bool(working & taken) and not working - taken


def _never(site: Site, target: Target | None, names: set[str]) -> bool:
    if names & set(site.never_assets):
        return True
    if not site.never_networks:
        return False
    listed = {ip for name in names if name in site.assets for ip in _addresses(site.assets[name].addresses)}
    ranges = [_network(network) for network in site.never_networks]
    return any(ip in network for ip in listed | _addresses(_targeted(target)) for network in ranges)


def _targeted(target: Target | None) -> tuple[str, ...]:
    match target:
        case HostTarget():
            return target.addresses
        case FlowTarget():
            return target.src_addresses + target.dst_addresses
        case _:
            return ()


def _addresses(texts: Iterable[str]) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses among some texts; an IPv4 address in IPv6's form counts as itself."""
    found = (ip_of(text) for text in texts)
    return {getattr(ip, "ipv4_mapped", None) or ip for ip in found if ip is not None}


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)


def _own(target: Target | None, own: tuple[str, ...]) -> bool:
    """For a conduit: own hosts on both its sides, so that closing it would part them."""
    if not isinstance(target, ConduitTarget):
        return not _addresses(_targeted(target)).isdisjoint(_addresses(own))
    sides = (target.src_networks, target.dst_networks)
    return all(any(ip in _network(net) for ip in _addresses(own) for net in side) for side in sides)


def _belief(site: Site, target: Target | None, incident: Incident) -> int:
    """Per mille held, as far as proved: the host, the source of the flow, the worst in the zone that is closed."""
    held = [incident.proved(name) for name in against(site, target, incident.beliefs)]
    return round(max(held, default=0.0) * 1_000_000) // 1000


def _proven(site: Site, target: Target | None, incident: Incident) -> bool:
    """Whether a hostile act is known that could not be forged: by whom it acts against, or upon that host."""
    proven = set(incident.proven)
    if isinstance(target, HostTarget) and any(dst == target.asset for src, dst, _ in incident.reached if src in proven):
        return True
    return bool(proven & against(site, target, incident.proven))


def against(site: Site, target: Target | None, known: Iterable[str]) -> set[str]:
    """Whom of the ``known`` assets a target acts against: the host, the source of the flow, who stands in the closed
    zone."""
    match target:
        case HostTarget():
            return {target.asset}
        case FlowTarget():
            return {target.src}
        case ConduitTarget():
            return {name for name in known if site.zone_of(name) == target.src_zone}
        case None:
            return set()
