"""Names, addresses and networks as ``site.toml`` may write them."""

import ipaddress
import re

from tercio.model.site import Asset, ip_of
from tercio.model.tomltable import Table, dotted, nearest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,253}[a-z0-9_])?")


def check_name(name: str, table: Table) -> None:
    """Note a name that could be mistaken for something else where it is shown, logged or put into a firewall."""
    if not _NAME.fullmatch(name) or is_address(name):
        advice = (
            "a name is at most 63 letters, digits, '-', '_' or '.', begins with a letter or digit, and is no address"
        )
        table.faults.add(table.path, f"{dotted(table.path)} is badly named; {advice}")


def asset_name(table: Table, key: str, assets: dict[str, Asset]) -> str:
    """The name of a listed asset at one key (any text, once noted as a fault)."""
    name = table.text(key)
    if name and name not in assets:
        table.fault(key, f"is {name!r}, which is no asset{nearest(name, assets)}")
    return name


def asset_names(table: Table, key: str, assets: dict[str, Asset]) -> tuple[str, ...]:
    """The names of listed assets at one key."""
    names = table.texts(key)
    for name in names:
        if name not in assets:
            table.fault(key, f"has {name!r}, which is no asset{nearest(name, assets)}")
    return names


def networks_of(table: Table, key: str) -> tuple[str, ...]:
    """The networks (CIDR) at one key; an address alone is a network of one."""
    return tuple(network for text in table.texts(key) if (network := _network(table, key, text)))


def _network(table: Table, key: str, text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        pass
    else:
        if network.version == 6 and network.overlaps(_MAPPED):
            table.fault(key, f"has {text!r}, in which IPv4 addresses are written as IPv6; write them as IPv4")
            return ""
        return str(network)
    try:
        table.fault(
            key, f"has {text!r}, which has bits set behind its mask; write {ipaddress.ip_network(text, strict=False)}"
        )
    except ValueError:
        table.fault(key, f"has {text!r}, which is no network; write one as 10.0.0.0/24")
    return ""


def host_name(text: str) -> str:
    """What a computer calls itself, in small letters; empty where that is no host name. An address is none: what a
    log calls its host proves no address."""
    name = text[:256].lower()
    return name if _HOST.fullmatch(name) and ip_of(name) is None else ""


def is_address(text: str) -> bool:
    """Whether this is an IP address in its own family, without mask or scope."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == 4 or (address.ipv4_mapped is None and address.scope_id is None)
