import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.site import Asset, Process, Site, Zone, plain_address
from tercio.model.units import SECOND

replace = msgspec.structs.replace
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


@pytest.mark.parametrize("address", ["10.1.2.4", "", "plc2", "10.1.2.3/32", "plc1@02:00:00:00:00:01"])
def test_what_is_not_listed_is_not_found(address: str):
    assert SITE.asset_at(address) is None


@pytest.mark.parametrize("host", ["plc1", "PLC1", "plc1.plant.example", "s7-1500", "s7-1500.plant", "press.plant"])
def test_an_asset_is_found_by_what_it_calls_itself(host: str):
    named = replace(SITE.assets["plc1"], hostnames=("s7-1500", "press.plant"))
    found = replace(SITE, assets={"plc1": named}).asset_at(host)
    assert found == named
    assert replace(SITE, assets={"plc1": named}).asset_at("press") is None


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


def test_a_name_is_in_the_zone_of_its_asset_or_of_its_address():
    names = ("plc1", "10.1.9.9", "fd12::1", "10.9.9.9@02:00:00:00:00:01", "192.0.2.1", "", "x")
    assert [SITE.zone_of(name) for name in names] == ["robot", "cell", "plant", "plant", "", "", ""]
    moved = replace(SITE, assets={"plc1": replace(SITE.assets["plc1"], zone="cell")})
    assert moved.zone_of("plc1") == "cell", "what people say of it comes before its address"


@given(st.ip_addresses())
def test_an_address_has_one_plain_form(address):
    assert plain_address(address.exploded) == plain_address(str(address)) == str(address)


@given(st.text())
def test_other_text_comes_back_or_is_an_address(text: str):
    assert plain_address(plain_address(text)) == plain_address(text)


HOUR = 3600 * SECOND


def line(**changes: object) -> Process:
    whole = {"name": "p", "outage_per_hour": 100_00, "restart_span": 0, "restart_cost": 0, "scrap": 900, "needs": (),
             "views": (), "flows": (), "tolerates": {}}  # fmt: skip
    return Process(**{**whole, **changes})


def test_an_outage_is_paid_by_the_hour_and_each_hour_at_the_rate_of_its_time():
    curve = line(rates=((2 * HOUR, 250_00), (4 * HOUR, 0)))
    paid = [curve.outage(hours * HOUR // 2) for hours in (-1, 0, 1, 2, 4, 6, 8, 20)]
    assert paid == [0, 0, 50_00, 100_00, 200_00, 450_00, 700_00, 700_00]
    assert line().outage(3 * HOUR) == 300_00
    assert line().outage(1) == 0


def test_scrap_follows_the_phase_and_an_unknown_phase_is_the_dearest():
    assert [line(scrap_by_phase={"fill": 900, "rinse": 0}).scrap_in(phase) for phase in ("fill", "rinse", "")] == [
        *(900, 0, 900),
    ]
    assert line().scrap_in("fill") == 900
