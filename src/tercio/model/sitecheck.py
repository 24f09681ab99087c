"""What a site that can be read still leaves open or gets wrong, in words, each with what to do."""

import ipaddress
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from enum import StrEnum
from itertools import combinations

import msgspec

from tercio.model.decisions import Reach
from tercio.model.site import CONTROLLERS, ROUTERS, SHARED_ROLES, Asset, Autonomy, Process, Site, Zone
from tercio.model.whereabouts import shared

_FURTHER = """
hmi ews historian directory safety ai mes scada opc dhcp workstation server scanner backup switch camera printer sensor
database web mail io other
"""
ROLES = frozenset(_FURTHER.split()).union(CONTROLLERS, SHARED_ROLES)
"""Roles that are known here; ``other`` is for what is none of them. Whatever else stands there means nothing."""

COMMON_WORDS = {
    "ews": "engineer engineering engineering-station engineering_station programmer",
    "hmi": "operator panel screen view",
    "plc": "cpu sps control",
    "safety": "sis fsplc f-plc",
    "workstation": "pc client desktop laptop office",
    "directory": "ad dc domain-controller ldap",
    "jump": "bastion jumphost jump-host",
    "gateway": "fw",
    "server": "host",
}
"""What people write who mean a role."""

CONTROL_LEVEL = 2.0
"""Purdue: up to here zones hold the control of the process itself."""
ENTERPRISE_LEVEL = 3.5
"""Purdue: from here on zones face the outside."""


class Severity(StrEnum):
    """How much a remark matters: an error must be corrected before Tercio leaves shadow."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Remark(msgspec.Struct, frozen=True):
    """One thing about the site: ``place`` is a key of the file, ``words`` say what is wrong; and what to do."""

    severity: Severity
    place: str
    words: str


def check_site(site: Site, reaches: Sequence[Reach] | None = None) -> tuple[Remark, ...]:
    """Look through a whole site: errors first, then by place. A complete and sound site gives nothing.

    ``reaches`` are the hands that the settings name; None where nobody knows them, and then they are no matter here.
    """
    found = [*_never(site), *_of_assets(site)]
    if reaches is not None:
        found += _hands(site, reaches)
    for process in site.processes.values():
        found += [*_safety(site, process), *_eyes(site, process), *_phases(process), *_worth(site, process)]
        found += [*_flows(site, process), *_downloads(site, process)]
    if not site.processes:
        words = "nothing here says what a standstill costs; add a process, the line or service to be protected"
        found.append(Remark(Severity.WARNING, "processes", words))
    order = list(Severity)
    return tuple(sorted(found, key=lambda remark: (order.index(remark.severity), remark.place, remark.words)))


def _hands(site: Site, reaches: Sequence[Reach]) -> Iterator[Remark]:
    """Where nobody can act: a zone without a hand, and the way between two zones that no hand of both controls."""
    handless = sorted(site.zones.keys() - {zone for reach in reaches for zone in reach.zones})
    for zone in handless:
        words = "is in no hand's zones: nothing can be stopped there; name it in [hands.NAME] zones of tercio.toml"
        yield Remark(Severity.WARNING, f"zones.{zone}", words)
    inwards = sorted(site.zones.values(), key=lambda zone: (-zone.level, zone.name))
    for one, other in combinations([zone.name for zone in inwards if zone.name not in handless], 2):
        if not any({one, other} <= set(reach.zones) for reach in reaches):
            words = (
                f"no hand reaches the conduit {one} -> {other}: what passes between them can't be refused; name both "
                "in the zones of the hand on the gateway between them"
            )
            yield Remark(Severity.WARNING, f"zones.{one}", words)


def _never(site: Site) -> Iterator[Remark]:
    for text in site.never_networks:
        for zone in site.zones.values():
            if any(_inside(network, text) for network in zone.networks):
                words = f"has {text}, all of {zone.name}: nothing will ever be stopped there; name what must be spared"
                yield Remark(Severity.WARNING, "never.networks", words)
    for name in site.never_assets:
        zone = site.zones[site.assets[name].zone]
        if zone.level >= ENTERPRISE_LEVEL:
            words = (
                f"has {name}, which stands in {zone.name} where intruders arrive: once taken it could not be stopped; "
                "take it off the list, or move it inwards"
            )
            yield Remark(Severity.WARNING, "never.assets", words)


def _of_assets(site: Site) -> Iterator[Remark]:
    members = {name for process in site.processes.values() for name in _members(process)}
    macs: dict[str, str] = {}
    for asset in site.assets.values():
        place = f"assets.{asset.name}"
        level = site.zones[asset.zone].level
        cut = asset.name not in site.never_assets and not shared(asset)
        if cut and asset.name not in members and not asset.outage_per_hour:
            severity = Severity.WARNING if level <= CONTROL_LEVEL else Severity.NOTE
            words = "is in no process and has no outage_per_hour, so that cutting it off costs nothing; add one of them"
            yield Remark(severity, place, words)
        if asset.role not in ROLES:
            yield _strange_role(asset, needed=asset.name in members)
        if asset.role in ROUTERS and not asset.mac:
            words = f"is a {asset.role} without its mac: what a neighbour forges looks like what it passes on; add mac"
            yield Remark(Severity.NOTE, place, words)
        if lacking := _missing_family(site, asset):
            words = (
                f"has no {lacking} address although its zone {asset.zone} has such a network: if it speaks {lacking}, "
                "a block would leave it that way; add the address"
            )
            yield Remark(Severity.WARNING, place, words)
        owner = macs.setdefault(asset.mac, asset.name) if asset.mac else asset.name
        if owner != asset.name:
            yield Remark(Severity.WARNING, place, f"has the mac of {owner}; a network card belongs to one asset")


def _strange_role(asset: Asset, *, needed: bool) -> Remark:
    """A role that means nothing. On what a process needs it is an error: a controller by another word is protected as
    none."""
    word = asset.role.casefold()
    meant = [role for role, words in COMMON_WORDS.items() if word in words.split()]
    meant = meant or get_close_matches(word, sorted(ROLES), 1, 0.6)
    advice = f"did you mean {meant[0]!r}?" if meant else f"write one of {', '.join(sorted(ROLES))}"
    severity = Severity.ERROR if needed else Severity.WARNING if meant else Severity.NOTE
    return Remark(severity, f"assets.{asset.name}", f"has the role {asset.role!r}, which means nothing; {advice}")


def _missing_family(site: Site, asset: Asset) -> str:
    missing = _families(site.zones[asset.zone].networks) - _families(asset.addresses)
    return f"IPv{min(missing)}" if missing else ""


def _inside(network: str, other: str) -> bool:
    one, two = ipaddress.ip_network(network), ipaddress.ip_network(other)
    return one.version == two.version and one.prefixlen >= two.prefixlen and one.overlaps(two)


def _safety(site: Site, process: Process) -> Iterator[Remark]:
    place = f"processes.{process.name}"
    if process.safety_signed:
        near = {zone.name for zone in _zones(site, process)}
        listed = sorted(a.name for a in site.assets.values() if a.role == "safety" and a.zone in near)
        if listed:
            words = f"is signed to have no safety function, yet {listed[0]} beside it has the role safety; correct one"
            yield Remark(Severity.ERROR, place, words)
    if process.safety or process.safety_signed:
        return
    moving = [zone.name for zone in _zones(site, process) if zone.autonomy is not Autonomy.SHADOW]
    advice = 'write safety = "ASSET", or none = "signed by NAME, DATE"'
    if moving:
        words = (
            f"does not say where the safety function is, yet {', '.join(moving)} may act beyond shadow: the whole site "
            f"is forced to shadow until it does; {advice}"
        )
        yield Remark(Severity.ERROR, place, words)
    else:
        words = f"does not say where the safety function is, and cannot leave shadow without; {advice}"
        yield Remark(Severity.WARNING, place, words)


def _eyes(site: Site, process: Process) -> Iterator[Remark]:
    """What is known of the process itself: controllers, views, state, phases."""
    place = f"processes.{process.name}"
    moves = any(site.assets[name].role in CONTROLLERS for name in _members(process))
    controls = any(zone.level <= CONTROL_LEVEL for zone in _zones(site, process))
    if controls and not moves:
        words = "has assets at control level and no controller among them; add it to needs, or correct a role"
        yield Remark(Severity.WARNING, place, words)
    if moves and not process.views:
        words = "has a controller and no view, so that no screen is protected; list them in views"
        yield Remark(Severity.WARNING, place, words)
    if moves and len(process.views) == 1:
        view = process.views[0]
        words = f"has one view, {view}: nothing that takes {view}'s traffic away will ever be ordered"
        yield Remark(Severity.NOTE, place, f"{words}; add a second view if there is one")
    ends = {name for flow in process.flows for name in (flow.src, flow.dst)}
    for view in process.views:
        if moves and view not in ends:
            words = f"has the view {view}, which no flow feeds: its traffic would not be protected; add it to flows"
            yield Remark(Severity.WARNING, place, words)
    if moves and process.state is None:
        words = 'has no state, so that it always counts as running; add state = "modbus:ASSET/coil/N"'
        yield Remark(Severity.NOTE, place, words)


def _phases(process: Process) -> Iterator[Remark]:
    place = f"processes.{process.name}"
    if process.phase_names and process.phases is None and not process.hold:
        words = 'names phases and does not say where the phase is read; add phases = "modbus:ASSET/register/N"'
        yield Remark(Severity.WARNING, place, words)
    if process.phase_names and set(process.phase_names.values()) <= set(process.hold):
        words = (
            "holds in every phase, so that nothing will ever be taken from it; name only the phases that must be held"
        )
        yield Remark(Severity.WARNING, place, words)
    if process.hold and process.phases is None:
        words = "has hold and no phases: an unknown phase counts as one to hold, always; say where the phase is read"
        yield Remark(Severity.WARNING, place, words)
    if process.hold and process.phases is not None and not process.phase_names:
        words = 'has hold and no phase_names to tell a phase by its number; add phase_names = {1 = "NAME"}'
        yield Remark(Severity.WARNING, place, words)


def _worth(site: Site, process: Process) -> Iterator[Remark]:
    place = f"processes.{process.name}"
    if not process.outage_per_hour:
        words = "costs nothing while it stands still, so that nothing is done to keep it; give outage_per_hour"
        yield Remark(Severity.WARNING, place, words)
    for name in sorted(_members(process)):
        if site.assets[name].outage_per_hour > process.outage_per_hour > 0:
            words = f"costs less an hour than {name} alone, which it needs; correct one of the two"
            yield Remark(Severity.WARNING, place, words)
    for name in sorted(process.tolerates.keys() - _members(process)):
        words = f"tolerates the loss of {name}, which it neither needs nor speaks with; add it to needs, or take it off"
        yield Remark(Severity.WARNING, place, words)
    for name in process.needs:
        immediate = site.assets[name].role in CONTROLLERS or name in process.views or name in process.safety
        if name not in process.tolerates and not immediate:
            words = f'needs {name} and stops at once without it; if it need not, add tolerates = {{{name} = "1h"}}'
            yield Remark(Severity.NOTE, place, words)


def _flows(site: Site, process: Process) -> Iterator[Remark]:
    place = f"processes.{process.name}"
    for flow in process.flows:
        src, dst = site.assets[flow.src], site.assets[flow.dst]
        name = f"the flow {flow.src} -> {flow.dst} ({flow.service})"
        if not _families(src.addresses) & _families(dst.addresses):
            words = f"{name} can't exist: one end has only IPv4, the other only IPv6 addresses; correct the addresses"
            yield Remark(Severity.ERROR, place, words)
        outer, inner = site.zones[src.zone], site.zones[dst.zone]
        if outer.level > ENTERPRISE_LEVEL and inner.level <= CONTROL_LEVEL and flow.access == "write":
            words = (
                f"{name} writes from {outer.name} straight into {inner.name}, past any DMZ; if it only reads, "
                'add access = "read", else lead it through a conduit'
            )
            yield Remark(Severity.WARNING, place, words)


def _downloads(site: Site, process: Process) -> Iterator[Remark]:
    for flow in process.downloads:
        if site.assets[flow.dst].role not in CONTROLLERS:
            words = (
                f"says that {flow.src} loads programs into {flow.dst}, which is no controller; correct it, or the role"
            )
            yield Remark(Severity.WARNING, f"processes.{process.name}", words)


def _members(process: Process) -> set[str]:
    ends = {name for flow in process.flows for name in (flow.src, flow.dst)}
    return {*process.needs, *process.views, *process.safety, *ends, *(n for group in process.redundant for n in group)}


def _zones(site: Site, process: Process) -> list[Zone]:
    names = {site.assets[name].zone for name in _members(process)}
    return [zone for zone in site.zones.values() if zone.name in names]


def _families(texts: tuple[str, ...]) -> set[int]:
    """IP versions among addresses or networks."""
    return {ipaddress.ip_network(text).version for text in texts}
