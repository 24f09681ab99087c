"""Addresses and networks as orders carry them, read strictly: what is not plainly an address is refused."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


def link_address(text: str) -> str:
    """Read one machine's link address (MAC), in lower case. Raises ValueError for anything else: a group, none at
    all, another form."""
    found = text.lower()
    if _MAC.fullmatch(found) is None:
        raise ValueError(f"{text[:80]!r} is no link address; write for example 02:00:0a:4d:1e:15")
    if int(found[:2], 16) & 1 or found == "00:00:00:00:00:00":
        raise ValueError(f"{text!r} is no single machine's link address")
    return found


def address(text: str) -> Address:
    """Read one address. An IPv4 address written as IPv6 (``::ffff:10.0.0.1``) is that IPv4 address.

    Raises ValueError, also for a zone index (``fe80::1%eth0``): the text behind ``%`` may be anything.
    """
    if "%" in text:
        raise ValueError(f"{text!r} carries a zone index; give the address alone")
    found = ip_address(text)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def network(text: str) -> Network:
    """Read one network in CIDR form, or one address as the network of itself. Raises ValueError, also where bits are
    set behind the prefix, for networks of IPv4 addresses written as IPv6, and for prefix length 0, which is
    everything."""
    base, slash, length = text.partition("/")
    plain = address(base)
    if not slash:
        return ip_network(plain)
    if isinstance(plain, IPv4Address) and ":" in base:
        raise ValueError(f"{text!r} is an IPv4 network written as IPv6; write it as IPv4")
    if not length.isdecimal() or not length.isascii() or int(length) == 0:
        raise ValueError(f"{text!r} is not a network; write for example 10.0.0.0/24")
    return ip_network(f"{plain}/{length}")


def plain(found: Network) -> str:
    """The text of a network; that of a single address without its prefix length."""
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else str(found)


def collapsed(networks: list[Network]) -> tuple[Network, ...]:
    """The same addresses in as few networks as possible, IPv4 first: none overlaps another."""
    four = [n for n in networks if isinstance(n, IPv4Network)]
    six = [n for n in networks if isinstance(n, IPv6Network)]
    return (*collapse_addresses(four), *collapse_addresses(six))


def covers(outer: Network, inner: Network) -> bool:
    """Whether every address of ``inner`` is one of ``outer``."""
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def without(networks: tuple[Network, ...], holes: tuple[Network, ...]) -> tuple[Network, ...]:
    """``networks`` less every one of ``holes`` that lies in one of them. Holes must not overlap each other; a hole that
    is wider than a network leaves it whole."""
    left = list(networks)
    for hole in holes:
        left = [piece for found in left for piece in _less(found, hole)]
    return tuple(left)


def _less(found: Network, hole: Network) -> list[Network]:
    if found == hole:
        return []
    if isinstance(found, IPv4Network) and isinstance(hole, IPv4Network) and hole.subnet_of(found):
        return sorted(found.address_exclude(hole))
    if isinstance(found, IPv6Network) and isinstance(hole, IPv6Network) and hole.subnet_of(found):
        return sorted(found.address_exclude(hole))
    return [found]
