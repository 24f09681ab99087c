"""What must never be done (DESIGN §8, §9), said a second time and more slowly: the oracle of the tests of safety."""

import ipaddress
from collections.abc import Iterator

from tercio.brain.decide.question import Question
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.model.processes import FRESH, ProcessState
from tercio.model.services import port_of
from tercio.model.site import CONTROLLERS, Flow, Process


def wrongs(asked: Question, targets: list[Target]) -> Iterator[str]:
    """Everything wrong with refusing all these targets, on top of what stands."""
    site = asked.site
    safety = {a.name for a in site.assets.values() if a.role == "safety"}
    safety |= {name for p in site.processes.values() for name in p.safety}
    flows = [f for p in site.processes.values() for f in p.flows]
    guarded = safety | {f.src for f in flows if f.dst in safety and f.access == "write"}
    involved = {name for target in targets for name in parties(asked, target)}
    involved |= {end for f in flows for t in targets if refuses(asked, t, f) for end in (f.src, f.dst)}
    if involved & guarded:
        yield "safety"
    if involved & set(site.never_assets) or any(in_never_network(asked, name) for name in involved):
        yield "never"
    for target in targets:
        if isinstance(target, HostTarget) and target.asset in site.assets and site.assets[target.asset].shared:
            yield "shared"
        denied = {HostTarget: "asset", FlowTarget: "src"}.get(type(target))
        if denied and getattr(asked.site.assets.get(getattr(target, denied)), "fragile", False):
            yield "fragile"
        if isinstance(target, HostTarget) and is_controller(asked, target.asset):
            owners = [p for p in site.processes.values() if target.asset in members(p)]
            if not owners or not all(stopped(asked, p) for p in owners):
                yield "controller"
    for process in site.processes.values():
        yield from wrongs_to(asked, process, targets)


def wrongs_to(asked: Question, process: Process, targets: list[Target]) -> Iterator[str]:
    state = asked.processes.get(process.name, ProcessState())
    lost = gone(asked, process, targets)
    cut = [flow for flow in process.flows for target in targets if refuses(asked, target, flow)]
    if cut and not stopped(asked, process) and any(is_controller(asked, end) for f in cut for end in (f.src, f.dst)):
        yield "control path"
    if any(flow.alarm for flow in cut):
        yield "alarm path"
    for key, at in state.loads.items():
        station, controller = key.split()[0].split(">")
        cross = {asked.site.assets[station].zone, asked.site.assets[controller].zone}
        parted = [
            t for t in targets
            if (isinstance(t, HostTarget) and t.asset in (station, controller))
            or (isinstance(t, FlowTarget) and {t.src, t.dst} == {station, controller})
            or (isinstance(t, ConduitTarget) and {t.src_zone, t.dst_zone} == cross)
        ]  # fmt: skip
        if parted and asked.now - at <= 15 * 60 * 1_000_000:
            yield "download"
    fresh_phase = abs(asked.now - state.phase_seen) <= FRESH
    if lost and process.hold and (not fresh_phase or not state.phase or state.phase in process.hold):
        yield "hold"
    before = gone(asked, process, [e.target for e in asked.effects])
    views = [view for view in process.views if view not in before]
    if views and not stopped(asked, process) and not [view for view in views if view not in lost]:
        yield "last view"
    for group in process.redundant:
        left = [name for name in group if name not in before]
        if left and not [name for name in left if name not in lost]:
            yield "redundant"
    for target in targets:
        if isinstance(target, ConduitTarget):
            declared = {end for f in process.flows for end in (f.src, f.dst)}
            behind = {n for n in (*process.needs, *process.views) if n in parties(asked, target)}
            if behind - declared:
                yield "undeclared"


def gone(asked: Question, process: Process, targets: list[Target]) -> set[str]:
    ends = {end for f in process.flows for t in targets if refuses(asked, t, f) for end in (f.src, f.dst)}
    return ends | ({t.asset for t in targets if isinstance(t, HostTarget)} & members(process))


def refuses(asked: Question, target: Target, flow: Flow) -> bool:
    match target:
        case HostTarget():
            return target.asset in (flow.src, flow.dst)
        case FlowTarget():
            return (flow.src, flow.dst, *port_of(flow.service)) == (
                target.src, target.dst, target.transport, target.port,
            )  # fmt: skip
        case ConduitTarget():
            src, dst = asked.site.assets[flow.src], asked.site.assets[flow.dst]
            crosses = {src.zone, dst.zone} == {target.src_zone, target.dst_zone}
            open_ = {(n.src, n.dst, n.transport, n.port) for n in target.needed}
            pairs = {
                (a, b, *port_of(flow.service)) for a in src.addresses for b in dst.addresses if (":" in a) == (":" in b)
            }
            return crosses and not pairs <= open_


def parties(asked: Question, target: Target) -> set[str]:
    match target:
        case HostTarget():
            return {target.asset}
        case FlowTarget():
            return {target.src, target.dst}
        case ConduitTarget():
            return {a.name for a in asked.site.assets.values() if a.zone in (target.src_zone, target.dst_zone)}


def members(process: Process) -> set[str]:
    ends = {end for f in process.flows for end in (f.src, f.dst)}
    return {*process.needs, *process.views, *ends, *(name for group in process.redundant for name in group)}


def stopped(asked: Question, process: Process) -> bool:
    state = asked.processes.get(process.name, ProcessState())
    return state.running is False and abs(asked.now - state.seen) <= FRESH


def is_controller(asked: Question, name: str) -> bool:
    return name in asked.site.assets and asked.site.assets[name].role in CONTROLLERS


def in_never_network(asked: Question, name: str) -> bool:
    addresses = asked.site.assets[name].addresses if name in asked.site.assets else (name,)
    ranges = [ipaddress.ip_network(network) for network in asked.site.never_networks]
    return any(ipaddress.ip_address(a) in network for a in addresses for network in ranges)
