"""One process of ``site.toml``: what it needs, what its loss costs, where its safety function is."""

import re
from collections.abc import Mapping

from tercio.model.services import port_of
from tercio.model.site import Asset, Flow, Process, Tag
from tercio.model.sitenames import asset_name, asset_names, check_name
from tercio.model.tomltable import Table, dotted, nearest
from tercio.model.units import duration

_SIGNED = re.compile(r"signed by \S.*, \S.*")
_TAG = re.compile(r"modbus:([^/]+)/(coil|discrete|register|input)/(\d{1,5})")


def process_of(name: str, table: Table, assets: dict[str, Asset]) -> Process:
    """Read one process. ``assets`` are those of the whole site; faults go to the table."""
    check_name(name, table)
    table.required("outage_per_hour", "outage_per_hour = 42000 (in whole units of the currency)")
    table.required("needs", "needs, the assets without which it stops", empty=True)
    restart = table.table("restart")
    restart_span, restart_cost = restart.hours("hours"), restart.cents("cost")
    restart.done()
    phase_names = table.table("phase_names")
    named = {key: phase_names.text(key) for key in phase_names.keys()}  # noqa: SIM118 (not a dict)
    safety, signed = _safety(table, assets)
    rates, scrap = _rates(table), _scrap(table, named)
    flows = tuple(_flow(flow, assets) for flow in table.tables("flows"))
    alarms = tuple(_flow(flow, assets, alarm=True) for flow in table.tables("alarms"))
    process = Process(
        name=name,
        outage_per_hour=rates[0][1],
        rates=rates[1:],
        restart_span=restart_span,
        restart_cost=restart_cost,
        scrap=max(scrap.values()) if scrap else table.cents("scrap_if_cut"),
        scrap_by_phase=scrap,
        needs=asset_names(table, "needs", assets),
        views=asset_names(table, "views", assets),
        flows=flows + alarms,
        downloads=tuple(_flow(flow, assets) for flow in table.tables("downloads")),
        tolerates=_tolerates(table.table("tolerates"), assets),
        state=_tag(table, "state", assets),
        phases=_tag(table, "phases", assets),
        phase_names=named,
        hold=table.texts("hold"),
        redundant=_redundant(table, assets),
        safety=safety,
        safety_signed=signed,
    )
    for phase in process.hold:
        if named and phase not in named.values():
            table.fault("hold", f"has {phase!r}, which phase_names does not name{nearest(phase, named.values())}")
    _once(table, process)
    table.done()
    return process


def _rates(table: Table) -> tuple[tuple[int, int], ...]:
    """What an hour of standstill costs, from times after the stop on: ((after, cents), ...). One number is one rate."""
    if not table.is_table("outage_per_hour"):
        return ((0, table.cents("outage_per_hour")),)
    inside = table.table("outage_per_hour")
    rates = {}
    for key in inside.keys():  # noqa: SIM118 (not a dict)
        amount = inside.cents(key)
        try:
            after = duration(key)
        except ValueError as error:
            inside.fault(key, f"is no time after the stop: {error}")
            continue
        if after in rates:
            inside.fault(key, "says the same time as another; keep one")
        rates[after] = amount
    if 0 not in rates:
        table.fault("outage_per_hour", "does not say what the first hour costs; write {0h = 42000, 8h = 90000}")
    return tuple(sorted({0: 0, **rates}.items()))


def _scrap(table: Table, named: Mapping[str, str]) -> dict[str, int]:
    """What is lost at once by a cut, by phase; empty where the file gives one number for all of them."""
    if not table.is_table("scrap_if_cut"):
        return {}
    inside = table.table("scrap_if_cut")
    scrap = {phase: inside.cents(phase) for phase in inside.keys()}  # noqa: SIM118 (not a dict)
    if not named:
        table.fault("scrap_if_cut", "goes by phase, and phase_names names none; add it, or write one number")
        return scrap
    for phase in scrap:
        if phase not in named.values():
            inside.fault(phase, f"is a phase that phase_names does not name{nearest(phase, named.values())}")
    missing = sorted(set(named.values()) - scrap.keys())
    if missing:
        table.fault("scrap_if_cut", f"does not say what a cut costs in {', '.join(missing)}; add it (0 is an answer)")
    return scrap


def _once(table: Table, process: Process) -> None:
    """No flow is listed twice: of two that differ in their access alone, one would be wrong."""
    seen: dict[tuple[str, str, str], str] = {}
    count = len(process.flows)
    alarms = sum(flow.alarm for flow in process.flows)
    for number, flow in enumerate(process.flows):
        key = "flows" if number < count - alarms else "alarms"
        index = number if key == "flows" else number - (count - alarms)
        first = seen.setdefault((flow.src, flow.dst, flow.service), f"{key}[{index}]")
        if first != f"{key}[{index}]":
            path = (*table.path, key, index)
            table.faults.add(path, f"{dotted(path)} is {first} once more; keep one of the two")


def _safety(table: Table, assets: dict[str, Asset]) -> tuple[tuple[str, ...], str]:
    """The safety function's assets, or who signed that there is none; both empty where the file does not say."""
    inside = table.table("safety") if table.is_table("safety") else None
    signed = (inside or table).text("none")
    if inside is not None:
        inside.done()
        table.text("none")
    names = () if inside is not None else asset_names(table, "safety", assets)
    key = "safety" if inside is not None else "none"
    if signed and not _SIGNED.fullmatch(signed):
        table.fault(key, f'says {signed!r}; a person must sign: none = "signed by NAME, DATE"')
    if "safety" in table and "none" in table:
        table.fault("none", "and safety are both given; keep the one that is true")
    return names, signed


def _flow(table: Table, assets: dict[str, Asset], *, alarm: bool = False) -> Flow:
    for key, advice in (("from", 'from = "hmi1"'), ("to", 'to = "plc1"'), ("service", 'service = "modbus"')):
        table.required(key, advice)
    src, dst, service = asset_name(table, "from", assets), asset_name(table, "to", assets), table.text("service")
    if src and src == dst:
        table.fault("to", f"is {dst!r}, where the flow comes from; a flow has two ends")
    try:
        if service:
            port_of(service)
    except ValueError as error:
        table.fault("service", f"is wrong: {error}")
    access = "read" if alarm else table.choice("access", ("read", "write"), "write")
    table.done()
    return Flow(src=src, dst=dst, service=service, access=access, alarm=alarm)


def _tolerates(table: Table, assets: dict[str, Asset]) -> dict[str, int]:
    for name in table.keys():  # noqa: SIM118 (not a dict)
        if name not in assets:
            table.fault(name, f"names no asset{nearest(name, assets)}")
    return {name: table.span(name) for name in table.keys()}  # noqa: SIM118 (not a dict)


def _redundant(table: Table, assets: dict[str, Asset]) -> tuple[tuple[str, ...], ...]:
    groups = table.lists("redundant")
    for group in groups:
        for name in group:
            if name not in assets:
                table.fault("redundant", f"has {name!r}, which is no asset{nearest(name, assets)}")
        if len(set(group)) < 2:
            table.fault(
                "redundant", f"has a group of {len(set(group))}; each needs two assets that stand in for each other"
            )
    return groups


def _tag(table: Table, key: str, assets: dict[str, Asset]) -> Tag | None:
    text = table.text(key)
    if not text:
        return None
    match = _TAG.fullmatch(text)
    if match is None or int(match[3]) > 65535:
        table.fault(key, f"is {text!r}; write modbus:ASSET/coil/0 (or discrete, register, input; 0 to 65535)")
        return None
    if match[1] not in assets:
        table.fault(key, f"is on {match[1]!r}, which is no asset{nearest(match[1], assets)}")
    return Tag(protocol="modbus", asset=match[1], table=match[2], index=int(match[3]))
