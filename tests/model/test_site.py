import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.site import Asset, Site, Zone, plain_address

SITE = Site(
    name="s",
    currency="EUR",
    zones={
        "plant": Zone("plant", ("10.0.0.0/8", "fd00::/8"), 3),
        "cell": Zone("cell", ("10.1.0.0/16",), 1),
        "robot": Zone("robot", ("10.1.2.0/24",), 1),
    },
    assets={"plc1": Asset("plc1", ("10.1.2.3", "fd00:0:0:0::21"), "robot", "plc")},
    processes={},
)


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::21", "FD00::0021", "fd00:0000::21"])
def test_an_asset_is_found_by_any_spelling_of_its_address(address: str):
    found = SITE.asset_at(address)
    assert found is not None
    assert found.name == "plc1"


@pytest.mark.parametrize("address", ["10.1.2.4", "", "plc1", "10.1.2.3/32", "010.1.2.3"])
def test_what_is_not_listed_is_not_found(address: str):
    assert SITE.asset_at(address) is None


@pytest.mark.parametrize(
    ("address", "zone"), [("10.1.2.3", "robot"), ("10.1.9.9", "cell"), ("10.9.9.9", "plant"), ("fd12::1", "plant")]
)
def test_the_narrowest_network_names_the_zone(address: str, zone: str):
    found = SITE.zone_at(address)
    assert found is not None
    assert found.name == zone


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "", "x", "10.1.2.0/24"])
def test_an_address_outside_has_no_zone(address: str):
    assert SITE.zone_at(address) is None


@given(st.ip_addresses())
def test_an_address_has_one_plain_form(address):
    assert plain_address(address.exploded) == plain_address(str(address)) == str(address)


@given(st.text())
def test_other_text_comes_back_or_is_an_address(text: str):
    assert plain_address(plain_address(text)) == plain_address(text)
