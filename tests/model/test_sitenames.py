import pytest

from tercio.model.site import Asset
from tercio.model.sitenames import asset_name, asset_names, check_name, host_name, is_address, networks_of
from tercio.model.siteparse import SiteError, parse_site
from tercio.model.tomltable import Faults, Table

ASSETS = {"plc1": Asset("plc1", ("10.0.0.1",), "ot", "plc")}


def table(values: dict[str, object], path: tuple[str, ...] = ("t",)) -> tuple[Table, Faults]:
    faults = Faults()
    return Table(values, path, faults), faults


@pytest.mark.parametrize("name", ["plc1", "PLC-7.line_2", "7", "a" * 63])
def test_a_plain_name_passes(name: str):
    place, faults = table({}, ("assets", name))
    check_name(name, place)
    assert not faults


@pytest.mark.parametrize(
    "name",
    [
        "",
        " plc1",
        "plc 1",
        "plc1\n",
        "-plc",
        ".plc",
        "a" * 64,
        "plc->hmi",
        "plc;x",
        "plc\u202e1",
        "pl\u0441",
        "10.0.0.1",
        "fd00",
    ],
)
def test_a_name_that_could_be_mistaken_for_something_else_does_not(name: str):
    place, faults = table({}, ("assets", name))
    check_name(name, place)
    assert bool(faults) is (name != "fd00")


def test_a_bad_name_is_told_with_its_line():
    with pytest.raises(SiteError) as error:
        parse_site('[site]\nname = "x"\ncurrency = "EUR"\n[zones."10.0.0.1"]\nnetworks = ["10.0.0.0/8"]\nlevel = 1\n')
    (fault,) = error.value.faults
    assert fault.startswith("site.toml:4: zones.10.0.0.1 is badly named; a name is at most 63 letters")


@pytest.mark.parametrize("text", ["10.0.0.1", "fd00::1", "FE80::1"])
def test_addresses(text: str):
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["", "plc1", "10.0.0", "10.0.0.0/24", "10.0.0.1:502", "010.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "1"]
)
def test_what_is_no_address_or_hides_one_is_refused(text: str):
    assert not is_address(text)


@pytest.mark.parametrize(
    ("text", "name"), [("EWS1", "ews1"), ("ews-1.Plant.example", "ews-1.plant.example"), ("_a", "_a")]
)
def test_a_host_name_is_read_in_small_letters(text: str, name: str):
    assert host_name(text) == name


@pytest.mark.parametrize("text", ["", "10.0.0.1", "fd00::1", "a b", "ews1\n", "-a", "a.", "ä", "a@b", "a" * 300])
def test_what_is_no_host_name_is_none(text: str):
    assert host_name(text) == ""


def test_names_of_assets_are_read_and_strangers_noted():
    place, faults = table({"a": "plc1", "b": "plc", "c": ["plc1", "plc9"]})
    assert asset_name(place, "a", ASSETS) == "plc1"
    assert not faults
    assert asset_name(place, "b", ASSETS) == "plc"
    asset_names(place, "c", ASSETS)
    assert faults.lines("[t]\na = 1\nb = 2\nc = 3\n", "f") == (
        "f:3: t.b is 'plc', which is no asset; did you mean 'plc1'?",
        "f:4: t.c has 'plc9', which is no asset; did you mean 'plc1'?",
    )


def test_networks_are_read_in_one_form_and_wrong_ones_left_out():
    place, faults = table({"n": ["10.0.0.0/24", "FD00:0::/64", "10.0.0.7"]})
    assert networks_of(place, "n") == ("10.0.0.0/24", "fd00::/64", "10.0.0.7/32")
    assert not faults
    place, faults = table({"n": ["10.0.0.0/33", "any", "10.0.0.1/24", "10.1.0.0/16"]})
    assert networks_of(place, "n") == ("10.1.0.0/16",)
    assert len(faults.lines("", "f")) == 3


@pytest.mark.parametrize("text", ["::ffff:10.77.10.0/120", "::/0", "::ffff:0:0/96"])
def test_ipv4_written_as_ipv6_would_protect_nothing(text: str):
    place, faults = table({"networks": [text]})
    assert networks_of(place, "networks") == ()
    assert faults
    place, faults = table({"networks": ["fd00::/8", "10.0.0.0/8"]})
    assert networks_of(place, "networks") == ("fd00::/8", "10.0.0.0/8")
    assert not faults
