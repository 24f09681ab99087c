"""The state of processes, from readings that others' polls carried past a sensor. Nothing is ever asked of a controller."""

from collections.abc import Iterable, Mapping

import msgspec

from tercio.model.events import Event, Reading
from tercio.model.processes import ProcessState
from tercio.model.site import Process, Site, Tag


def observe(site: Site, states: Mapping[str, ProcessState], events: Iterable[Event]) -> dict[str, ProcessState]:
    """Fold events with readings into the states, by process name. Events without readings change nothing."""
    result = dict(states)
    for event in events:
        if not event.readings or event.src is None or event.dst is None:
            continue
        ends = {site.asset_at(event.src.address), site.asset_at(event.dst.address)}
        names = {asset.name for asset in ends if asset is not None}
        for process in site.processes.values():
            before = result.get(process.name, ProcessState())
            after = _advance(site, process, before, event, names)
            if after is not before:
                result[process.name] = after
    return result


def _advance(site: Site, process: Process, state: ProcessState, event: Event, names: set[str]) -> ProcessState:
    for flow in process.flows:
        if {flow.src, flow.dst} == names:
            polls = {
                **state.polls,
                f"{flow.src}>{flow.dst}": max(event.time, state.polls.get(f"{flow.src}>{flow.dst}", 0)),
            }
            state = msgspec.structs.replace(state, polls=polls)
    for reading in event.readings:
        if _is(site, process.state, reading) and event.time >= state.seen:
            state = msgspec.structs.replace(state, running=bool(reading.value), seen=event.time)
        if _is(site, process.phases, reading) and event.time >= state.seen:
            phase = process.phase_names.get(str(reading.value), str(reading.value))
            state = msgspec.structs.replace(state, phase=phase, seen=event.time)
    return state


def _is(site: Site, tag: Tag | None, reading: Reading) -> bool:
    if tag is None or (tag.table, tag.index) != (reading.table, reading.index):
        return False
    asset = site.asset_at(reading.address)
    return asset is not None and asset.name == tag.asset
