"""What could be done: only on the intruder's own path, from the site model and proven facts, never from event text."""

from collections.abc import Iterator

import msgspec

from tercio.brain.decide.question import Question
from tercio.brain.decide.survey import holders, marks_of
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, NeededFlow, Target, target_name
from tercio.model.decisions import Candidate, Reach, Verb
from tercio.model.ids import mint
from tercio.model.services import port_of
from tercio.model.site import Asset, Flow, Process, Site, ip_of
from tercio.model.whereabouts import ends_of, unknown

D3FEND = {
    Verb.BLOCK_HOST: "D3-NI",
    Verb.BLOCK_FLOW: "D3-NTF",
    Verb.CLOSE_CONDUIT: "D3-BDI",
}
"""Countermeasures in D3FEND: network isolation, network traffic filtering, broadcast domain isolation."""

MOST = 128
"""Acting candidates weighed at once; there are more only where one incident has dozens of proven sources."""


def candidates(question: Question) -> tuple[Candidate, ...]:
    """All that could be done about this incident, sorted by id; what changes nothing is always among it.

    A source whose address could have been forged gets no acting candidate: it may only be asked about. Neither does one
    whose probability of being held has faded, nor a target that is refused already (a host's flows are, with the host),
    nor a flow to what no process depends on. At most ``MOST`` act.
    """
    standing = [e.target for e in question.effects if e.live]
    barred = {*question.held_off, *map(target_name, standing)}
    out = {target.asset for target in standing if isinstance(target, HostTarget)}
    found: dict[str, Candidate] = {}
    for verb, target, path, reach in _acting(question):
        name = target_name(target)
        if name in barred or (isinstance(target, FlowTarget) and not out.isdisjoint((target.src, target.dst))):
            continue
        barred.add(name)  # Many steps lead to one target: it is made for the first of them.
        candidate = _made(question, verb, target, path, reach)
        found[candidate.id] = candidate
        if len(found) >= MOST:
            break
    found |= {candidate.id: candidate for candidate in _still(question)}
    return tuple(found[key] for key in sorted(found))


def _still(question: Question) -> Iterator[Candidate]:
    for verb in (Verb.NOTHING, Verb.WAIT, Verb.ASK):
        yield Candidate(
            id=mint("can", question.incident.id, verb), verb=verb, target=None, span=0, path="", hand="", d3fend=""
        )


def _acting(question: Question) -> Iterator[tuple[Verb, Target, str, Reach]]:
    """Host, conduit and flow for each step that was really seen, with the step and who reaches it, the steps of the
    likeliest sources first."""
    site, incident = question.site, question.incident
    closed = set()
    entered = holders(question)
    marks = {name for process in site.processes.values() for name in marks_of(question, process)}
    likeliest = sorted((s for s in incident.proven if s in entered), key=lambda s: (-incident.beliefs[s].held, s))
    for src in likeliest:
        for _, dst, service in (step for step in incident.reached if step[0] == src):
            source, sink = _side_by_side(_asset(question, src), _asset(question, dst))
            reach = _reach(question, source.zone, sink.zone)
            if reach is None:
                continue
            path = f"{src} -> {dst}" + (f" ({service})" if service else "")
            for host in (source, sink) if dst in entered else (source,):
                if target := _host(question, host):
                    yield Verb.BLOCK_HOST, target, path, reach
            zones = source.zone, sink.zone
            if source.zone != sink.zone and zones not in closed:
                closed.add(zones)
                yield Verb.CLOSE_CONDUIT, _conduit(site, *zones), path, reach
            flow = _flow(source, sink, service) if dst in marks else None
            if flow is not None:
                yield Verb.BLOCK_FLOW, flow, path, reach


def _side_by_side(source: Asset, sink: Asset) -> tuple[Asset, Asset]:
    """An end that lies in no zone counts to the other's: that is where it is met."""
    replace = msgspec.structs.replace
    return replace(source, zone=source.zone or sink.zone), replace(sink, zone=sink.zone or source.zone)


def _asset(question: Question, name: str) -> Asset:
    """The listed asset with the addresses that are its own now, or a stand-in for a host that the site does not
    list."""
    machine = question.machines.get(name)
    listed = question.site.assets.get(name)
    if listed is not None:
        return msgspec.structs.replace(listed, addresses=machine.addresses) if machine is not None else listed
    seen = (name.partition("@")[0], *question.incident.sources.get(name, ()))
    zone = question.site.zone_at(name)
    plain = tuple(dict.fromkeys(address for address in seen if ip_of(address) is not None))
    addresses = machine.addresses if machine is not None else plain
    return Asset(name, addresses, zone.name if zone else "", "unknown")


def _host(question: Question, asset: Asset) -> HostTarget | None:
    """A host with all that is its own; None where nothing is left of it, or where nobody saw which machine it is.
    Routers' link addresses are in no machine."""
    if unknown(asset.name):
        return None
    machine = question.machines.get(asset.name)
    macs = machine.macs if machine is not None else ()
    return HostTarget(asset.name, tuple(sorted(asset.addresses)), macs) if asset.addresses or macs else None


def _flow(source: Asset, sink: Asset, service: str) -> FlowTarget | None:
    if not service or not source.addresses or not sink.addresses:
        return None
    try:
        transport, port = port_of(service)
    except ValueError:
        return None
    ends = tuple(sorted(source.addresses)), tuple(sorted(sink.addresses))
    return FlowTarget(source.name, sink.name, *ends, transport, port)


def _conduit(site: Site, src: str, dst: str) -> ConduitTarget:
    needed = {
        NeededFlow(a, b, *port_of(flow.service))
        for _, flow in needed_flows(site)
        for a in site.assets[flow.src].addresses
        for b in site.assets[flow.dst].addresses
        if {site.assets[flow.src].zone, site.assets[flow.dst].zone} == {src, dst} and (":" in a) == (":" in b)
    }
    order = tuple(sorted(needed, key=lambda n: (n.src, n.dst, n.transport, n.port)))
    return ConduitTarget(src, dst, site.zones[src].networks, site.zones[dst].networks, order)


def needed_flows(site: Site) -> tuple[tuple[Process, Flow], ...]:
    """Every flow that some process needs, with the process."""
    return tuple((process, flow) for process in site.processes.values() for flow in process.flows)


def _reach(question: Question, src_zone: str, dst_zone: str) -> Reach | None:
    for reach in question.reaches:
        if src_zone in reach.zones and dst_zone in reach.zones:
            return reach
    return None


def _made(question: Question, verb: Verb, target: Target, path: str, reach: Reach) -> Candidate:
    return Candidate(
        id=mint("can", question.incident.id, verb, target_name(target)),
        verb=verb,
        target=target,
        span=question.outlook.span,
        path=path,
        hand=reach.hand,
        d3fend=D3FEND[verb],
        cuts=cuts_of(question.site, target),
        harms=_harms(question.site, target),
    )


def cuts_of(site: Site, target: Target) -> tuple[tuple[str, str, str, str], ...]:
    """The needed flows that this target takes away, whatever it is called: addresses count, too. A closed conduit
    leaves them open by construction."""
    near, far = ends_of(site, target)
    match target:
        case HostTarget():
            hit = [(p, f) for p, f in needed_flows(site) if not near.isdisjoint((f.src, f.dst))]
        case FlowTarget():
            port = (target.transport, target.port)
            flows = [(p, f) for p, f in needed_flows(site) if port_of(f.service) == port]
            hit = [(p, f) for p, f in flows if f.src in near and f.dst in far]
        case ConduitTarget():
            hit = []
    return tuple(sorted((p.name, f.src, f.dst, f.service) for p, f in hit))


def _harms(site: Site, target: Target) -> tuple[str, ...]:
    """Assets that lose traffic by it, beside the flows above."""
    match target:
        case HostTarget():
            return tuple(sorted(ends_of(site, target)[0]))
        case FlowTarget():
            return ()
        case ConduitTarget():
            return tuple(sorted(a.name for a in site.assets.values() if a.zone == target.src_zone))
