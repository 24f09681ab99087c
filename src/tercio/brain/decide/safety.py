"""Safety is not priced: what must never be done is taken away before any money is counted (DESIGN §8, §9)."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import msgspec

from tercio.brain.decide.candidates import cuts_of, needed_flows
from tercio.brain.decide.question import Question, lines_of
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.model.decisions import Candidate, Removed
from tercio.model.processes import FRESH, ProcessState
from tercio.model.site import CONTROLLERS, Asset, Process, Site
from tercio.model.whereabouts import ends_of, shared


class Ground(msgspec.Struct, frozen=True):
    """What safety is judged on: the question, the safety functions with the stations that write to them, all members of
    processes, and per process what is out already: taken by standing effects, or silent while others of its kind are
    heard."""

    question: Question
    guarded: frozenset[str]
    members: frozenset[str]
    out: Mapping[str, frozenset[str]]


def ground(question: Question) -> Ground:
    """Look at the site once, for all candidates of a decision."""
    standing = [e.target for e in question.effects if e.live]
    out = {}
    for process in lines_of(question.site):
        site = question.site
        taken = [taken_by(site, process, target, cuts_of(site, target)) for target in standing]
        out[process.name] = frozenset().union(*taken, _silent(question, process))
    members = frozenset().union(*map(_members, lines_of(question.site)))
    return Ground(question, _guarded(question.site), members, out)


def filtered(question: Question, candidates: Iterable[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Removed, ...]]:
    """Split candidates into those that may be weighed and those removed, each with the first reason that removes it."""
    kept: list[Candidate] = []
    removed: list[Removed] = []
    basis = ground(question)
    for candidate in candidates:
        reason = next(filter(None, (rule(basis, candidate) for rule in RULES)), "")
        if reason:
            removed.append(Removed(candidate, reason))
        else:
            kept.append(candidate)
    return tuple(kept), tuple(removed)


def together(basis: Ground, one: Candidate, other: Candidate) -> str:
    """Why two candidates that are safe alone must not be done both (each takes one of two views); empty if they may."""
    if not (takes(basis, one) and takes(basis, other)):
        return ""
    for process in lines_of(basis.question.site):
        first, second = (taken_by(basis.question.site, process, c.target, c.cuts) for c in (one, other))
        reason = _last(basis, process, first | second) if first and second else ""
        if reason:
            return reason
    return ""


def takes(basis: Ground, candidate: Candidate) -> bool:
    """Whether a candidate takes anything from any process."""
    return bool(candidate.cuts) or not basis.members.isdisjoint(_hosts(basis.question.site, candidate.target))


def taken_by(
    site: Site, process: Process, target: Target | None, cuts: Iterable[tuple[str, str, str, str]]
) -> frozenset[str]:
    """What a process has no longer once a target is refused: the host, and either end of each of its flows cut."""
    host = _hosts(site, target) & _members(process)
    return frozenset(host | {end for name, src, dst, _ in cuts if name == process.name for end in (src, dst)})


def _never(basis: Ground, candidate: Candidate) -> str:
    site = basis.question.site
    named = sorted(_involved(site, candidate))
    hit = next((name for name in named if name in site.never_assets), "")
    addresses = {a for name in named if name in site.assets for a in site.assets[name].addresses}
    addresses |= set(_networks(candidate.target))
    hit = hit or next((a for a in sorted(addresses) if _meets(a, site.never_networks)), "")
    return f"{hit} is on the site's never list" if hit else ""


def _safety_function(basis: Ground, candidate: Candidate) -> str:
    hit = min(_involved(basis.question.site, candidate) & basis.guarded, default="")
    return f"{hit} is a safety function or writes to one: nothing may be done to its traffic" if hit else ""


def _controller(basis: Ground, candidate: Candidate) -> str:
    question = basis.question
    for asset in _assets(question.site, candidate.target):
        if asset.role not in CONTROLLERS:
            continue
        known = [process for process in lines_of(question.site) if asset.name in _members(process)]
        running = [process.name for process in known if not _state(question, process).stopped(question.now)]
        if running:
            return f"{asset.name} is a controller and process {running[0]} is not stopped"
        if not known:
            return f"{asset.name} is a controller of no listed process: it counts as in run"
    return ""


def _shared(basis: Ground, candidate: Candidate) -> str:
    if not isinstance(candidate.target, HostTarget):
        return ""
    name = candidate.target.asset
    machine = basis.question.machines.get(name)
    if machine is not None and machine.shared:
        return f"many stand behind {name}'s address"
    many = next((a.name for a in _assets(basis.question.site, candidate.target) if shared(a)), "")
    return f"many stand behind {many}'s address" if many else ""


def _fragile(basis: Ground, candidate: Candidate) -> str:
    """Whoever is refused gets resets, so that nothing of his is replayed later; the other end gets nothing."""
    near, _ = ends_of(basis.question.site, candidate.target)
    assets = basis.question.site.assets
    name = next((name for name in sorted(near) if name in assets and assets[name].fragile), "")
    return f"{name} is fragile: to refuse its packets would send it resets" if name else ""


def _alarm(basis: Ground, candidate: Candidate) -> str:
    cut = set(candidate.cuts)
    for process, flow in needed_flows(basis.question.site):
        if flow.alarm and (process.name, flow.src, flow.dst, flow.service) in cut:
            return f"it would take away the alarm path {flow.src} -> {flow.dst} of process {process.name}"
    return ""


def _download(basis: Ground, candidate: Candidate) -> str:
    for process in lines_of(basis.question.site):
        for src, dst in _state(basis.question, process).loading(basis.question.now):
            if _parts(basis.question.site, candidate.target, src, dst):
                return f"{src} may be loading a program into {dst}: to interrupt it leaves {dst} without one"
    return ""


def _parts(site: Site, target: Target | None, src: str, dst: str) -> bool:
    """Whether a target parts two assets from each other."""
    near, far = ends_of(site, target)
    match target:
        case HostTarget():
            return not near.isdisjoint((src, dst))
        case FlowTarget():
            return (src in near and dst in far) or (dst in near and src in far)
        case ConduitTarget(src_zone=one, dst_zone=other):
            return {one, other} == {site.assets[name].zone for name in (src, dst)}
        case None:
            return False


def _hold(basis: Ground, candidate: Candidate) -> str:
    for process in lines_of(basis.question.site):
        taken = taken_by(basis.question.site, process, candidate.target, candidate.cuts)
        if taken and _state(basis.question, process).holds(process.hold, basis.question.now):
            return f"process {process.name} is in a phase that must not be interrupted, or may be"
    return ""


def _last_of_its_kind(basis: Ground, candidate: Candidate) -> str:
    for process in lines_of(basis.question.site):
        taken = taken_by(basis.question.site, process, candidate.target, candidate.cuts)
        reason = _last(basis, process, taken) if taken else ""
        if reason:
            return reason
    return ""


def _needed(basis: Ground, candidate: Candidate) -> str:
    question = basis.question
    for name, src, dst, service in candidate.cuts:
        if _state(question, question.site.processes[name]).stopped(question.now):
            continue
        for end in (src, dst):
            asset = question.site.assets.get(end)
            if asset is not None and asset.role in CONTROLLERS:
                return f"process {name} needs {service} from {src} to {dst}, and {end} is a controller in run"
    return ""


def _undeclared(basis: Ground, candidate: Candidate) -> str:
    """A conduit may be closed only where the site says by which flow each need or view behind it is reached."""
    if not isinstance(candidate.target, ConduitTarget):
        return ""
    site = basis.question.site
    zones = {candidate.target.src_zone, candidate.target.dst_zone}
    for process in lines_of(site):
        reached = {end for flow in process.flows for end in (flow.src, flow.dst)}
        for name in (*process.needs, *process.views):
            if site.assets[name].zone in zones and name not in reached:
                return f"process {process.name} needs {name}, and the site declares no flow by which it is reached"
    return ""


RULES: tuple[Callable[[Ground, Candidate], str], ...] = (
    _never,
    _safety_function,
    _controller,
    _shared,
    _fragile,
    _alarm,
    _download,
    _hold,
    _last_of_its_kind,
    _needed,
    _undeclared,
)
"""Each gives the reason why a candidate is unsafe, or an empty string."""


def _last(basis: Ground, process: Process, taken: frozenset[str]) -> str:
    """The reason, where what is taken leaves a process without a working view or one of a redundant group."""
    gone = taken | basis.out[process.name]
    running = not _state(basis.question, process).stopped(basis.question.now)
    if running and taken & set(process.views) and gone >= set(process.views):
        return f"it would take away the last working view of process {process.name}"
    group = next((group for group in process.redundant if taken & set(group) and gone >= set(group)), ())
    return f"it would cut the last of the redundant {', '.join(group)}" if group else ""


def _silent(question: Question, process: Process) -> set[str]:
    """Views and redundant members that are not seen at work while another of their group is: not to be relied upon."""
    polls = _state(question, process).polls
    heard = {end for key, at in polls.items() if abs(question.now - at) <= FRESH for end in key.split(">")}
    groups = [set(process.views), *map(set, process.redundant)]
    return {name for group in groups if group & heard for name in group - heard}


def _involved(site: Site, candidate: Candidate) -> set[str]:
    """The assets at either end of anything that a candidate refuses. Closing a conduit involves all in both zones."""
    ends = {end for _, src, dst, _ in candidate.cuts for end in (src, dst)}
    match candidate.target:
        case ConduitTarget(src_zone=src_zone, dst_zone=dst_zone):
            return {asset.name for asset in site.assets.values() if asset.zone in (src_zone, dst_zone)} | ends
        case target:
            near, far = ends_of(site, target)
            return {*near, *far, *ends}


def _hosts(site: Site, target: Target | None) -> frozenset[str]:
    """Whom a target refuses as a host."""
    return ends_of(site, target)[0] if isinstance(target, HostTarget) else frozenset()


def _assets(site: Site, target: Target | None) -> list[Asset]:
    """The listed assets that a target refuses as hosts, by name."""
    return [site.assets[name] for name in sorted(_hosts(site, target)) if name in site.assets]


def _networks(target: Target | None) -> tuple[str, ...]:
    """The addresses or networks that a target refuses."""
    match target:
        case HostTarget():
            return target.addresses
        case FlowTarget():
            return target.src_addresses + target.dst_addresses
        case ConduitTarget():
            return target.src_networks + target.dst_networks
        case None:
            return ()


@lru_cache(maxsize=16_384)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _meets(text: str, networks: Iterable[str]) -> bool:
    one = _network(text)
    others = [other for network in networks if (other := _network(network)) is not None]
    return one is not None and any(one.version == other.version and one.overlaps(other) for other in others)


def _guarded(site: Site) -> frozenset[str]:
    """Safety functions, and every station that may write to one."""
    functions = {name for process in site.processes.values() for name in process.safety}
    functions |= {asset.name for asset in site.assets.values() if asset.role == "safety"}
    writers = {flow.src for _, flow in needed_flows(site) if flow.dst in functions and flow.access == "write"}
    return frozenset(functions | writers)


def _members(process: Process) -> set[str]:
    groups = {name for group in process.redundant for name in group}
    return {*process.needs, *process.views, *groups, *(end for flow in process.flows for end in (flow.src, flow.dst))}


def _state(question: Question, process: Process) -> ProcessState:
    return question.processes.get(process.name, ProcessState())
