"""The state of processes, from readings in others' polls that a sensor saw. Nothing is ever asked of a controller."""

from collections.abc import Iterable, Mapping

import msgspec

from tercio.model.events import Event, Provenance, Reading
from tercio.model.processes import FRESH, LOADING, ProcessState
from tercio.model.services import port_of
from tercio.model.site import Flow, Process, Site, Tag
from tercio.model.units import SECOND

LONGEST_PACE = 60 * SECOND
"""What is polled more rarely than this (microseconds) has no pace: nobody can say in time that it fell silent."""

FORGETS = 8
"""A pace that was slower once is forgotten by one part in so many of the time that passes at a faster one."""

MOST_LOADS = 32
"""Sessions over which a program may be loaded, remembered per process: an intruder must not fill the memory."""


def observe(site: Site, states: Mapping[str, ProcessState], events: Iterable[Event]) -> dict[str, ProcessState]:
    """Fold events with readings, and those of sessions that load programs, into the states, by process name.

    Passed over are other events, those that any host on the wire could have forged (a line must not be made to look
    stopped), and those from the future (a wrong clock must not lock out every later reading).
    """
    result = dict(states)
    loaders = [(process.name, flow) for process in site.processes.values() for flow in process.downloads]
    for event in events:
        if event.src is None or event.dst is None or not (event.readings or loaders):
            continue
        if event.provenance == Provenance.FORGEABLE or event.time - event.received > FRESH:
            continue
        ends = {site.asset_at(event.src.address), site.asset_at(event.dst.address)}
        names = {asset.name for asset in ends if asset is not None}
        for name, flow in loaders:
            if {flow.src, flow.dst} == names and event.dst.port == port_of(flow.service)[1]:
                result[name] = _loaded(result.get(name, ProcessState()), flow, event)
        if not event.readings:
            continue
        for process in site.processes.values():
            before = result.get(process.name, ProcessState())
            after = _read(site, process, _polled(process, before, event.time, names), event)
            if after is not before:
                result[process.name] = after
    return result


def _polled(process: Process, state: ProcessState, time: int, names: set[str]) -> ProcessState:
    """Every needed flow between these two was answered."""
    keys = [f"{flow.src}>{flow.dst}" for flow in process.flows if {flow.src, flow.dst} == names]
    fresh = {key: time for key in keys if time > state.polls.get(key, 0)}
    if not fresh:
        return state
    every = {key: _pace(state, key, time - state.polls[key]) for key in fresh if state.polls.get(key)}
    known = {key: pace for key, pace in every.items() if pace}
    return msgspec.structs.replace(state, polls={**state.polls, **fresh}, every={**state.every, **known})


def _pace(state: ProcessState, key: str, gap: int) -> int:
    """The longest time from one poll to the next of late: several come at once, and then none for a while."""
    known = state.every.get(key, 0)
    return known if gap > LONGEST_PACE else max(gap, known - gap // FORGETS)


def _loaded(state: ProcessState, flow: Flow, event: Event) -> ProcessState:
    """A session over which programs are loaded was seen, or its end was. The latest are kept."""
    key = f"{flow.src}>{flow.dst} {event.flow}"
    others = {other: at for other, at in state.loads.items() if other != key and event.time - at <= LOADING}
    if event.kind == "flow":
        return msgspec.structs.replace(state, loads=others)
    kept = dict(sorted(others.items(), key=lambda each: each[1])[1 - MOST_LOADS :])
    return msgspec.structs.replace(state, loads={**kept, key: event.time})


def _read(site: Site, process: Process, state: ProcessState, event: Event) -> ProcessState:
    for reading in event.readings:
        if event.time >= state.seen and _is(site, process.state, reading):
            state = _ran(state, bool(reading.value), event.time)
        if event.time >= state.phase_seen and _is(site, process.phases, reading):
            phase = _phase(process, reading.value)
            state = msgspec.structs.replace(state, phase=phase, phase_seen=event.time)
    return state


def _ran(state: ProcessState, running: bool, time: int) -> ProcessState:
    """One more reading of whether it runs. What comes after a long silence begins anew."""
    lasting = not running and state.halts > 0 and time - state.seen <= FRESH
    return msgspec.structs.replace(
        state,
        running=running,
        seen=time,
        halted=0 if running else state.halted if lasting else time,
        halts=0 if running else state.halts + 1 if lasting else 1,
    )


def _phase(process: Process, value: int) -> str:
    """The name of a phase; where the site names phases and not this one, it is unknown (empty)."""
    return process.phase_names.get(str(value), "") if process.phase_names else str(value)


def _is(site: Site, tag: Tag | None, reading: Reading) -> bool:
    if tag is None or (tag.table, tag.index) != (reading.table, reading.index):
        return False
    asset = site.asset_at(reading.address)
    return asset is not None and asset.name == tag.asset
