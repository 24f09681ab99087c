"""Read ``site.toml`` (DESIGN §12): text in, a Site out, or everything that is wrong with it, line by line."""

import ipaddress
import re
import tomllib
from collections.abc import Iterable

from tercio.model.site import Asset, Autonomy, Schedule, Site, Zone, plain_address
from tercio.model.sitenames import asset_name, asset_names, check_name, host_name, is_address, networks_of
from tercio.model.siteprocess import process_of
from tercio.model.tomltable import Faults, Table, nearest

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_DAY = 24 * 60


class SiteError(ValueError):
    """A site file that can't be used. ``faults`` are all that was found: ``file:line: what is wrong; what to do``."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def parse_site(text: str, file: str = "site.toml") -> Site:
    """Read a site. Raises SiteError with every fault of the file, not only the first."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteError((_syntax(text, file, str(error)),)) from None
    except RecursionError:
        raise SiteError((f"{file}:1: brackets are nested too deeply; no site needs that",)) from None
    faults = Faults()
    site = _site(Table(values, (), faults))
    if faults:
        raise SiteError(faults.lines(text, file))
    return site


def _syntax(text: str, file: str, words: str) -> str:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", words, re.DOTALL)
    what, line, column = match.groups() if match else (words, None, None)
    line = line or str(len(text.splitlines()) or 1)
    place = f" at column {column}" if column else ""
    return f"{file}:{line}: this is not TOML: {what[:1].lower()}{what[1:]}{place}; correct the line or the one above"


def _site(root: Table) -> Site:
    head = root.table("site")
    head.required("name", 'name = "Plant 7"')
    head.required("currency", 'currency = "EUR"')
    name, currency = head.text("name", "?"), head.text("currency", "EUR")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        head.fault("currency", f'is {currency!r}; write the three letters of ISO 4217, for example "EUR"')
    head.done()
    zones = {name: _zone(name, table) for name, table in root.named("zones")}
    assets = {name: _asset(name, table, zones) for name, table in root.named("assets")}
    for twin in assets.keys() & zones.keys():
        root.table("assets").fault(twin, "is a zone's name too; give the asset another")
    _one_address_once(root.table("assets"), assets)
    _one_host_once(root.table("assets"), assets)
    _zones_apart(root.table("zones"), zones)
    _alike(root, (*zones, *assets))
    processes = {name: process_of(name, table, assets) for name, table in root.named("processes")}
    schedules = tuple(s for table in root.tables("schedules") for s in _schedules(table, zones, assets))
    never = root.table("never")
    never_assets = asset_names(never, "assets", assets)
    never_networks = networks_of(never, "networks")
    never.done()
    root.done()
    return Site(
        name=name,
        currency=currency,
        zones=zones,
        assets=assets,
        processes=processes,
        schedules=schedules,
        never_assets=never_assets,
        never_networks=never_networks,
    )


def _zone(name: str, table: Table) -> Zone:
    check_name(name, table)
    table.required("networks", 'networks = ["10.0.0.0/24"]')
    table.required("level", "level = 2 (Purdue, 0 to 5)")
    networks = networks_of(table, "networks")
    level = float(table.number("level", 5))
    autonomy = Autonomy(table.choice("autonomy", tuple(Autonomy), Autonomy.SHADOW))
    outage = table.cents("outage_per_hour")
    table.done()
    return Zone(name=name, networks=networks, level=level, autonomy=autonomy, outage_per_hour=outage)


def _asset(name: str, table: Table, zones: dict[str, Zone]) -> Asset:
    check_name(name, table)
    table.required("addresses", 'addresses = ["10.0.0.1"]')
    table.required("zone", 'zone = "ot"')
    table.required("role", 'role = "plc" (plc, hmi, ews, historian, directory, safety, jump, ai, ...)')
    zone, role, mac = table.text("zone"), table.text("role"), table.text("mac").lower().replace("-", ":")
    if zone and zone not in zones:
        table.fault("zone", f"is {zone!r}, which is no zone{nearest(zone, zones)}")
    if mac and not _MAC.fullmatch(mac):
        table.fault("mac", f'is {mac!r}; write it as "02:00:0a:4d:1e:15"')
    asset = Asset(
        name=name,
        addresses=_addresses(table, zones.get(zone)),
        zone=zone,
        role=role,
        mac=mac,
        outage_per_hour=table.cents("outage_per_hour"),
        shared=table.flag("shared"),
        fragile=table.flag("fragile"),
        hostnames=_hostnames(table),
    )
    table.done()
    return asset


def _hostnames(table: Table) -> tuple[str, ...]:
    good = []
    for name in table.texts("hostnames"):
        if host := host_name(name):
            good.append(host)
        else:
            table.fault(
                "hostnames", f'has {name!r}, which is no host name; write one as "ews1" or "ews1.plant.example"'
            )
    return tuple(good)


def _addresses(table: Table, zone: Zone | None) -> tuple[str, ...]:
    good = []
    for address in table.texts("addresses"):
        if not is_address(address):
            table.fault("addresses", f"has {address!r}, which is no IP address; write one without a mask")
            continue
        good.append(plain_address(address))
        held = ipaddress.ip_address(address)
        if zone is not None and zone.networks and not any(held in ipaddress.ip_network(n) for n in zone.networks):
            advice = f"correct it, or add its network to zones.{zone.name}"
            table.fault("addresses", f"has {address}, which is in no network of zone {zone.name!r}; {advice}")
    return tuple(good)


def _one_address_once(table: Table, assets: dict[str, Asset]) -> None:
    owners: dict[str, str] = {}
    for name, asset in assets.items():
        for address in asset.addresses:
            owner = owners.setdefault(address, name)
            if owner != name:
                table.faults.add(
                    ("assets", name, "addresses"),
                    f"assets.{name}.addresses has {address}, which is {owner}'s already; an address names one asset",
                )


def _one_host_once(table: Table, assets: dict[str, Asset]) -> None:
    owners = {name.casefold(): name for name in assets}
    for name, asset in assets.items():
        for host in asset.hostnames:
            owner = owners.setdefault(host, name)
            if owner != name:
                words = f"assets.{name}.hostnames has {host}, which is {owner}'s already; a host name names one asset"
                table.faults.add(("assets", name, "hostnames"), words)


def _zones_apart(table: Table, zones: dict[str, Zone]) -> None:
    """Every address lies in one zone only: to close the way to one must not close another's."""
    known = [(ipaddress.ip_network(n), zone.name) for zone in zones.values() for n in zone.networks]
    for place, (network, name) in enumerate(known):
        for other, owner in known[:place]:
            if owner != name and network.version == other.version and network.overlaps(other):
                words = f"has {network}, which overlaps {other} of zone {owner}; give each address to one zone"
                table.faults.add((*table.path, name, "networks"), f"zones.{name}.networks {words}")


def _alike(root: Table, names: Iterable[str]) -> None:
    """Names that differ only in upper and lower case are one name to a reader, and to a hand's never list."""
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            part = "assets" if name in root.table("assets") else "zones"
            root.table(part).fault(name, f"differs from {first} only in upper and lower case; give it another name")


def _schedules(table: Table, zones: dict[str, Zone], assets: dict[str, Asset]) -> tuple[Schedule, ...]:
    """One schedule, or two where it runs over midnight."""
    for key in ("asset", "activity", "target", "from", "to"):
        table.required(key, 'all of asset, activity, target, from = "HH:MM" and to = "HH:MM"')
    asset, target = asset_name(table, "asset", assets), table.text("target")
    activity = table.choice("activity", ("scan", "write"), "scan")
    if target and target not in assets and target not in zones:
        table.fault("target", f"is {target!r}, which is no asset and no zone{nearest(target, (*assets, *zones))}")
    start, end = _minute(table, "from"), _minute(table, "to")
    if start is None or end is None:
        table.done()
        return ()
    if start == end:
        table.fault("to", 'is the same time as from; for the whole day write from = "00:00", to = "24:00"')
    table.done()
    pieces = ((start, end),) if start < end else tuple(p for p in ((start, _DAY), (0, end)) if p[0] < p[1])
    return tuple(Schedule(asset, activity, target, first, last) for first, last in pieces)


def _minute(table: Table, key: str) -> int | None:
    text = table.text(key)
    match = _CLOCK.fullmatch(text)
    if match is None:
        if text:
            table.fault(key, f'is {text!r}; write a time of day in UTC, "00:00" to "24:00"')
        return None
    return int(match[1]) * 60 + int(match[2]) if match[1] else _DAY
