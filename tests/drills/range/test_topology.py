import ipaddress

import pytest

from tercio.drills.range.topology import HOSTS, NAMESPACES, SEGMENTS, mac_of, name_of


def test_addresses_lie_in_their_zone_and_are_nobody_elses():
    seen = set()
    for host in HOSTS.values():
        segment = SEGMENTS[host.zone]
        assert ipaddress.ip_address(host.address4) in ipaddress.ip_network(segment.network4)
        assert ipaddress.ip_address(host.address6) in ipaddress.ip_network(segment.network6)
        seen |= {host.address4, host.address6, host.mac}
    assert len(seen) == 3 * len(HOSTS)


def test_the_host_part_reads_alike_in_both_families():
    plc = HOSTS["plc1"]
    assert (plc.address4, plc.address6, plc.mac) == ("10.77.30.21", "fd00:77:30::21", "02:00:0a:4d:1e:15")


def test_macs_are_unicast_and_locally_administered():
    first = int(mac_of("10.77.30.1").split(":")[0], 16)
    assert first & 1 == 0
    assert first & 2 == 2


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.77.30.21", "plc1"),
        ("fd00:77:30::21", "plc1"),
        ("fd00:0077:0030:0000:0000:0000:0000:0021", "plc1"),
        ("10.77.30.99", "10.77.30.99"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_addresses_are_named(address, name):
    assert name_of(address) == name


def test_names_fit_where_the_kernel_puts_them():
    assert all(len(f"v-{name}") <= 15 for name in NAMESPACES)
    assert len(set(NAMESPACES)) == 1 + len(HOSTS)
