"""The range as a table: zones, hosts, addresses. What builds it is ``network``."""

import ipaddress

import msgspec

GATEWAY = "gw"
"""The namespace that holds the bridges, the plant's firewall and the sensor."""


class Segment(msgspec.Struct, frozen=True):
    """One zone's layer-2 segment: a bridge in the gateway, its host part 1 in both networks."""

    zone: str
    bridge: str
    prefix4: str
    prefix6: str

    @property
    def network4(self) -> str:
        """The segment's IPv4 network (CIDR)."""
        return f"{self.prefix4}.0/24"

    @property
    def network6(self) -> str:
        """The segment's IPv6 network (CIDR)."""
        return f"{self.prefix6}::/64"


class Host(msgspec.Struct, frozen=True):
    """One namespace with one interface (``eth0``) on one segment; the host part is written alike in both families."""

    name: str
    zone: str
    number: int

    @property
    def address4(self) -> str:
        """The host's IPv4 address."""
        return f"{SEGMENTS[self.zone].prefix4}.{self.number}"

    @property
    def address6(self) -> str:
        """The host's IPv6 address."""
        return f"{SEGMENTS[self.zone].prefix6}::{self.number}"

    @property
    def mac(self) -> str:
        """A locally administered MAC address that carries the IPv4 address."""
        return mac_of(self.address4)


SEGMENTS = {
    "office": Segment("office", "br-office", "10.77.10", "fd00:77:10"),
    "dmz": Segment("dmz", "br-dmz", "10.77.20", "fd00:77:20"),
    "ot": Segment("ot", "br-ot", "10.77.30", "fd00:77:30"),
}

HOSTS = {
    host.name: host
    for host in (
        Host("ws1", "office", 10),
        Host("ws2", "office", 11),
        Host("hist1", "dmz", 10),
        Host("dir1", "dmz", 11),
        Host("jump1", "dmz", 30),
        Host("scan1", "dmz", 40),
        Host("hmi1", "ot", 10),
        Host("plc1", "ot", 21),
        Host("ews1", "ot", 30),
        Host("plc2", "ot", 41),
        Host("rio1", "ot", 42),
        Host("hmi2", "ot", 51),
        Host("hmi3", "ot", 52),
    )
}

FLOATING = "10.77.30.50"
"""The address that the redundant stations hmi2 and hmi3 share."""

NAMESPACES = (GATEWAY, *HOSTS)


def mac_of(address4: str) -> str:
    """The locally administered MAC address (02:00 and the four octets) of an IPv4 address."""
    return "02:00:" + ":".join(f"{int(octet):02x}" for octet in address4.split("."))


def name_of(address: str) -> str:
    """The host that carries this address (either family), else the address itself."""
    return _BY_ADDRESS.get(_plain(address), address)


def _plain(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


_BY_ADDRESS = {_plain(address): host.name for host in HOSTS.values() for address in (host.address4, host.address6)}
