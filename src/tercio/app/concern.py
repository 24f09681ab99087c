"""Which of people's words concern an incident: its name and leases, its machines, their processes, and everything."""

from collections.abc import Iterable, Iterator

from tercio.model.commands import ConduitTarget, Effect, FlowTarget, HostTarget
from tercio.model.incidents import Incident
from tercio.model.journal import Spoken
from tercio.model.site import Site
from tercio.model.words import ALL, NOT_DONE, WordKind


def concerning(
    spoken: Iterable[Spoken], incident: Incident, effects: Iterable[Effect], site: Site | None
) -> Iterator[Spoken]:
    """The words that concern an incident, in their order.

    A window concerns it where its station is one of the incident's machines and it did not end before the incident
    began; a word to a process or to everything, where it was said since. What could not be carried out concerns only
    the incident or the lease that it names.
    """
    standing = tuple(effects)
    own = (incident.id, *(effect.lease for effect in standing))
    machines = _machines(incident, standing)
    lines = _processes(site, machines) if site is not None else set()
    windows: set[str] = set()
    for each in spoken:
        word, done = each.word, not each.answer.startswith(NOT_DONE)
        if word.target not in ("", ALL) and any(_begins(name, word.target) for name in own):
            yield each
        elif not done:
            continue
        elif word.window is not None and word.kind == WordKind.WINDOW_OPEN:
            if word.window.until > incident.opened and word.window.asset in machines:
                windows.add(each.answer.partition(":")[0])
                yield each
        elif word.kind == WordKind.WINDOW_CLOSE:
            if word.target in windows:
                yield each
        elif word.time >= incident.opened and word.target in {"", ALL, *lines}:
            yield each


def _machines(incident: Incident, effects: Iterable[Effect]) -> set[str]:
    named = {name for src, dst, _ in incident.reached for name in (src, dst)} | {*incident.beliefs, *incident.sources}
    for effect in effects:
        match effect.target:
            case HostTarget(asset=asset):
                named.add(asset)
            case FlowTarget(src=src, dst=dst):
                named |= {src, dst}
            case ConduitTarget(src_zone=src, dst_zone=dst):
                named |= {src, dst}
    return named


def _processes(site: Site, machines: set[str]) -> set[str]:
    return {
        process.name
        for process in site.processes.values()
        if machines & {*process.needs, *process.views, *(end for flow in process.flows for end in (flow.src, flow.dst))}
    }


def _begins(name: str, text: str) -> bool:
    """With or without its kind: ``lse-0a1b`` and ``0a1b`` begin the same name."""
    return name.startswith(text) or name.partition("-")[2].startswith(text)
