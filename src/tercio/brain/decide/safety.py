"""Safety is not priced: what must never be done is taken away before any money is counted (DESIGN §8, §9)."""

from collections.abc import Callable, Iterable

from tercio.brain.decide.question import Question
from tercio.model.commands import ConduitTarget, EffectState, FlowTarget, HostTarget
from tercio.model.decisions import Candidate, Removed
from tercio.model.processes import ProcessState
from tercio.model.site import CONTROLLERS, Process


def filtered(question: Question, candidates: Iterable[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Removed, ...]]:
    """Split candidates into those that may be weighed and those removed, each with the first reason that removes it."""
    kept: list[Candidate] = []
    removed: list[Removed] = []
    for candidate in candidates:
        reason = next(filter(None, (rule(question, candidate) for rule in RULES)), "")
        if reason:
            removed.append(Removed(candidate, reason))
        else:
            kept.append(candidate)
    return tuple(kept), tuple(removed)


def _never(question: Question, candidate: Candidate) -> str:
    site = question.site
    hit = next((name for name in _touched(candidate) if name in site.never_assets), "")
    return f"{hit} is on the site's never list" if hit else ""


def _safety_function(question: Question, candidate: Candidate) -> str:
    safety = {name for process in question.site.processes.values() for name in process.safety}
    safety |= {asset.name for asset in question.site.assets.values() if asset.role == "safety"}
    hit = next((name for name in _touched(candidate) if name in safety), "")
    if not hit and isinstance(candidate.target, ConduitTarget):
        zones = {candidate.target.src_zone, candidate.target.dst_zone}
        hit = next(
            (n for n in sorted(safety) if n in question.site.assets and question.site.assets[n].zone in zones), ""
        )
    return f"{hit} is a safety function: nothing may be done to its traffic" if hit else ""


def _controller(question: Question, candidate: Candidate) -> str:
    if not isinstance(candidate.target, HostTarget):
        return ""
    asset = question.site.assets.get(candidate.target.asset)
    if asset is None or asset.role not in CONTROLLERS:
        return ""
    running = [p.name for p in _processes_of(question, asset.name) if not _state(question, p).stopped(question.now)]
    known = any(True for _ in _processes_of(question, asset.name))
    if running:
        return f"{asset.name} is a controller and process {running[0]} is not stopped"
    return "" if known else f"{asset.name} is a controller of no listed process: it counts as in run"


def _shared(question: Question, candidate: Candidate) -> str:
    if not isinstance(candidate.target, HostTarget):
        return ""
    asset = question.site.assets.get(candidate.target.asset)
    return f"many stand behind {asset.name}'s address" if asset is not None and asset.shared else ""


def _hold(question: Question, candidate: Candidate) -> str:
    for process in _cut_processes(question, candidate):
        if _state(question, process).holds(process.hold, question.now):
            return f"process {process.name} is in a phase that must not be interrupted"
    return ""


def _view(question: Question, candidate: Candidate) -> str:
    for process in _cut_processes(question, candidate):
        if _state(question, process).stopped(question.now) or not process.views:
            continue
        lost = {end for name, src, dst, _ in candidate.cuts for end in (src, dst) if name == process.name}
        lost |= _already_cut(question)
        if all(view in lost for view in process.views):
            return f"it would take away the last working view of process {process.name}"
    return ""


def _needed(question: Question, candidate: Candidate) -> str:
    for name, src, dst, service in candidate.cuts:
        process = question.site.processes[name]
        if _state(question, process).stopped(question.now):
            continue
        for end in (src, dst):
            asset = question.site.assets.get(end)
            if asset is not None and asset.role in CONTROLLERS:
                return f"process {name} needs {service} from {src} to {dst}, and {end} is a controller in run"
    return ""


def _redundant(question: Question, candidate: Candidate) -> str:
    touched = set(_touched(candidate))
    gone = _already_cut(question)
    for process in question.site.processes.values():
        for group in process.redundant:
            if touched & set(group) and set(group) <= touched | gone:
                return f"it would cut the last of the redundant {', '.join(group)}"
    return ""


def _undeclared(question: Question, candidate: Candidate) -> str:
    """A conduit may be closed only where the site says by which flow each need behind it is reached."""
    if not isinstance(candidate.target, ConduitTarget):
        return ""
    zones = {candidate.target.src_zone, candidate.target.dst_zone}
    for process in question.site.processes.values():
        reached = {end for flow in process.flows for end in (flow.src, flow.dst)}
        for need in process.needs:
            if question.site.assets[need].zone in zones and need not in reached:
                return f"process {process.name} needs {need}, and the site declares no flow by which it is reached"
    return ""


RULES: tuple[Callable[[Question, Candidate], str], ...] = (
    _never,
    _safety_function,
    _controller,
    _shared,
    _hold,
    _view,
    _redundant,
    _needed,
    _undeclared,
)
"""Each gives the reason why a candidate is unsafe, or an empty string."""


def _touched(candidate: Candidate) -> tuple[str, ...]:
    match candidate.target:
        case HostTarget(asset=name):
            return (name,)
        case FlowTarget(src=src, dst=dst):
            return (src, dst)
        case _:
            return ()


def _cut_processes(question: Question, candidate: Candidate) -> tuple[Process, ...]:
    return tuple(question.site.processes[name] for name in sorted({cut[0] for cut in candidate.cuts}))


def _processes_of(question: Question, asset: str) -> Iterable[Process]:
    for process in question.site.processes.values():
        if asset in process.needs or any(asset in (flow.src, flow.dst) for flow in process.flows):
            yield process


def _state(question: Question, process: Process) -> ProcessState:
    return question.processes.get(process.name, ProcessState())


def _already_cut(question: Question) -> set[str]:
    return {
        effect.target.asset
        for effect in question.effects
        if isinstance(effect.target, HostTarget) and effect.state in (EffectState.ORDERED, EffectState.STANDING)
    }
