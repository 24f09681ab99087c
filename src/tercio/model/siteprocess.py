"""One process of ``site.toml``: what it needs, what its loss costs, where its safety function is."""

import re

from tercio.model.services import port_of
from tercio.model.site import Asset, Flow, Process, Tag
from tercio.model.sitenames import asset_name, asset_names, check_name
from tercio.model.tomltable import Table, nearest

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
    safety, signed = _safety(table, assets)
    process = Process(
        name=name,
        outage_per_hour=table.cents("outage_per_hour"),
        restart_span=restart_span,
        restart_cost=restart_cost,
        scrap=table.cents("scrap_if_cut"),
        needs=asset_names(table, "needs", assets),
        views=asset_names(table, "views", assets),
        flows=tuple(_flow(flow, assets) for flow in table.tables("flows")),
        tolerates=_tolerates(table.table("tolerates"), assets),
        state=_tag(table, "state", assets),
        phases=_tag(table, "phases", assets),
        phase_names={key: phase_names.text(key) for key in phase_names.keys()},  # noqa: SIM118 (not a dict)
        hold=table.texts("hold"),
        redundant=_redundant(table, assets),
        safety=safety,
        safety_signed=signed,
    )
    for phase in process.hold:
        if process.phase_names and phase not in process.phase_names.values():
            table.fault(
                "hold", f"has {phase!r}, which phase_names does not name{nearest(phase, process.phase_names.values())}"
            )
    table.done()
    return process


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


def _flow(table: Table, assets: dict[str, Asset]) -> Flow:
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
    access = table.choice("access", ("read", "write"), "write")
    table.done()
    return Flow(src=src, dst=dst, service=service, access=access)


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
