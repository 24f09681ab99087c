"""What may weaken a finding: a flow the site declared, a known activity in its schedule, an announced window."""

from collections.abc import Iterable, Sequence

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
    """Why a finding weighs less, in words, and the exponent on its likelihood ratio. 0 says that the finding is no
    evidence at all: by the site's own file it is the process at work."""

    words: str
    weight: float


def excuse(site: Site, windows: Iterable[Window], finding: Finding, src: str, targets: Sequence[str]) -> Excuse | None:
    """The excuse for what ``src`` did to ``targets``, or None.

    Only exactly what was announced is excused: one activity, and the excuse must cover every target. Who goes on from
    what was announced to something else has no excuse for any of it.
    """
    activities = {ACTIVITY.get(tactic) for tactic in finding.tactics}
    activity = activities.pop() if len(activities) == 1 else None
    if activity is None or not targets:
        return None
    if activity == "write" and all(_declared(site, finding, src, dst) for dst in targets):
        return Excuse(f"{src} writes to {', '.join(targets)} by a declared flow of the process", 0.0)
    places = [{dst, site.zone_of(dst)} - {""} for dst in targets]
    minute = finding.time // (60 * SECOND) % 1440
    for schedule in site.schedules:
        open_now = schedule.start_minute <= minute < schedule.end_minute
        if (schedule.asset, schedule.activity) == (src, activity) and open_now and _covers(schedule.target, places):
            return Excuse(f"{src} is scheduled to {activity} {schedule.target} at this hour", EXCUSED_WEIGHT)
    for window in windows:
        open_now = window.since <= finding.time < window.until
        if (window.asset, window.activity) == (src, activity) and open_now and _covers(window.target, places):
            return Excuse(f"{window.by} announced that {src} would {activity} {window.target}", EXCUSED_WEIGHT)
    return None


def _covers(target: str, places: Iterable[set[str]]) -> bool:
    return all(target in place for place in places)


def _declared(site: Site, finding: Finding, src: str, dst: str) -> bool:
    return any(
        (flow.src, flow.dst, flow.access) == (src, dst, "write") and port_of(flow.service)[1] == finding.port
        for process in site.processes.values()
        for flow in process.flows
    )
