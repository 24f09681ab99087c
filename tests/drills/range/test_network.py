import re
import subprocess
import sys

import pytest

from tercio.drills.range.network import firewall, gateway_lines, host_lines
from tercio.drills.range.sandbox import wrap
from tercio.drills.range.topology import HOSTS, SEGMENTS


def test_every_host_is_reached_in_both_families_at_once(drill):
    assert set(drill["network"]["reach"].values()) == {0}
    assert len(drill["network"]["reach"]) == 6


def test_the_gateway_is_set_explicitly(drill):
    assert set(drill["network"]["sysctls"].values()) == {"1"}
    assert len(drill["network"]["sysctls"]) == 3


def test_only_the_plants_own_table_stands(drill):
    assert drill["network"]["tables"] == ["table inet plant"]


def test_hosts_carry_their_fixed_macs(drill):
    assert drill["network"]["macs"] == {name: host.mac for name, host in HOSTS.items()}


@pytest.mark.parametrize("family", ["4", "6"])
def test_a_source_address_of_another_zone_is_not_forwarded(drill, family):
    assert drill["network"]["forged"][f"office {family}"] == 0
    assert drill["network"]["forged"][f"ot {family}"] > 0, (
        "the same packets on the wire of their name pass the same counter"
    )


def test_nothing_is_left_after_down_not_even_of_a_range_that_failed(drill):
    clean = {"processes": [], "namespaces": [], "links": ["lo"]}
    assert drill["left"] == clean
    assert drill["second"]["left"] == clean
    assert drill["second"]["left_after_failure"] == clean


@pytest.mark.usefixtures("sandboxed")
def test_a_tool_that_refuses_is_quoted():
    script = """
from tercio.drills.range import network
network.build()
try:
    network.build()
except network.NetworkError as error:
    print(error)
"""
    done = subprocess.run(wrap([sys.executable, "-c", script]), capture_output=True, text=True, check=True)
    assert re.match(r"ip -batch - failed: .*File exists", done.stdout, re.DOTALL), done.stdout


def test_the_batches_name_every_bridge_and_host():
    gateway = "\n".join(gateway_lines())
    for segment in SEGMENTS.values():
        assert f"link add {segment.bridge} " in gateway
        assert f"addr add {segment.prefix6}::1/64 dev {segment.bridge} nodad" in gateway
    for host in HOSTS.values():
        assert f"address {host.mac} netns {host.name}" in gateway
        assert f"addr add {host.address4}/24 dev eth0" in host_lines(host)


def test_the_firewall_denies_unless_told_and_leaves_our_table_alone():
    text = firewall()
    assert "policy drop" in text
    assert "tercio" not in text
