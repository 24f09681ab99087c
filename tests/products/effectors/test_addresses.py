from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.products.effectors.addresses import address, collapsed, covers, link_address, network, plain, without


def test_an_address_is_read_in_its_shortest_form() -> None:
    assert str(address("FD00:0::0001")) == "fd00::1"


def test_a_link_address_is_one_machines_in_lower_case() -> None:
    assert link_address("02:00:0A:4D:1E:15") == "02:00:0a:4d:1e:15"
    for wrong in ("", "02-00-0a-4d-1e-15", "02:00:0a:4d:1e", "02:00:0a:4d:1e:15:16", "02:00:0a:4d:1e:15\n", "x"):
        with pytest.raises(ValueError, match="no link address"):
            link_address(wrong)
    for group in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:16", "00:00:00:00:00:00"):
        with pytest.raises(ValueError, match="no single machine"):
            link_address(group)


def test_ipv4_written_as_ipv6_is_that_ipv4() -> None:
    assert address("::ffff:10.0.0.1") == ip_address("10.0.0.1")
    assert network("::ffff:10.0.0.1") == ip_network("10.0.0.1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plc1",
        "10.0.0.1/24",
        "010.0.0.1",
        "10.0.0.1 ",
        "1.2.3.4 } ; flush ruleset",
        "fe80::1%eth0",
        "fe80::1%a } ; flush ruleset",
        "10.0.0.1\n",
        "\N{FULLWIDTH DIGIT ONE}.2.3.4",
    ],
)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address(text)


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1/24",
        "10.0.0.0/33",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "::ffff:10.0.0.0/104",
        "10.0.0.0/\N{SUPERSCRIPT TWO}",
        "10.0.0.0/24 }",
        "plc/24",
        "fe80::%1/64",
    ],
)
def test_what_is_no_plain_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        network(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_without_a_blank_or_an_error(text: str) -> None:
    try:
        found = str(network(text))
    except ValueError:
        return
    assert set(found) <= set("0123456789abcdef.:/")


def test_collapsing_keeps_the_addresses() -> None:
    found = collapsed([network(n) for n in ("10.0.1.0/24", "fd00::1", "10.0.0.0/24", "10.0.0.7")])
    assert list(map(plain, found)) == ["10.0.0.0/23", "fd00::1"]


def test_a_hole_is_cut_out_and_a_wider_one_cuts_nothing() -> None:
    ten, inner, six = network("10.0.0.0/30"), network("10.0.0.1"), network("fd00::/64")
    left = without((ten, six), (inner,))
    assert sorted(plain(n) for n in left) == ["10.0.0.0", "10.0.0.2/31", "fd00::/64"]
    assert without((inner,), (ten,)) == (inner,)
    assert without((ten,), (ten,)) == ()
    assert without((six,), (network("fd00::/65"),)) == (network("fd00:0:0:0:8000::/65"),)


def test_covering_is_of_one_family() -> None:
    assert covers(network("10.0.0.0/8"), network("10.1.0.0/16"))
    assert not covers(network("10.1.0.0/16"), network("10.0.0.0/8"))
    assert not covers(network("fd00::/8"), network("10.0.0.0/8"))
    assert not covers(network("10.0.0.0/8"), network("fd00::/8"))
