"""What may weaken a finding: a flow the site declared, a known activity in its schedule, an announced window."""

from collections.abc import Iterable

import msgspec

from tercio.brain.correlate.likelihood import EXCUSED_WEIGHT
from tercio.model.findings import Finding
from tercio.model.services import port_of
from tercio.model.site import Site
from tercio.model.units import SECOND
from tercio.model.words import Window

ACTIVITY = {
    "discovery": "scan",
    "reconnaissance": "scan",
    "impair-process-control": "write",
}
"""What an ATT&CK tactic is called when people announce it. A tactic that is not here is never excused."""


class Excuse(msgspec.Struct, frozen=True):
    """Why a finding weighs less, in words, and the exponent on its likelihood ratio (0: it says nothing)."""

    words: str
    weight: float


def excuse(site: Site, windows: Iterable[Window], finding: Finding, src: str, dst: str) -> Excuse | None:
    """The strongest excuse for what ``src`` did to ``dst``, or None. Only exactly what was announced is excused."""
    activities = {ACTIVITY.get(tactic, "") for tactic in finding.tactics} - {""}
    if not activities:
        return None
    if "write" in activities and _declared(site, finding, src, dst):
        return Excuse(f"{src} writes to {dst} by a declared flow of the process", 0.0)
    places = {dst, _zone_of(site, dst)}
    minute = finding.time // (60 * SECOND) % 1440
    for schedule in site.schedules:
        if (schedule.asset, schedule.activity) in {(src, a) for a in activities} and schedule.target in places:
            if schedule.start_minute <= minute < schedule.end_minute:
                return Excuse(
                    f"{src} is scheduled to {schedule.activity} {schedule.target} at this hour", EXCUSED_WEIGHT
                )
    for window in windows:
        if window.asset == src and window.activity in activities and window.target in places:
            if window.since <= finding.time < window.until:
                return Excuse(
                    f"{window.by} announced that {src} would {window.activity} {window.target}", EXCUSED_WEIGHT
                )
    return None


def _declared(site: Site, finding: Finding, src: str, dst: str) -> bool:
    return any(
        (flow.src, flow.dst, flow.access) == (src, dst, "write") and port_of(flow.service)[1] == finding.port
        for process in site.processes.values()
        for flow in process.flows
    )


def _zone_of(site: Site, name: str) -> str:
    asset = site.assets.get(name)
    if asset is not None:
        return asset.zone
    zone = site.zone_at(name)
    return zone.name if zone is not None else ""
