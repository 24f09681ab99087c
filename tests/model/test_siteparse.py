import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.site import Asset, Autonomy, Schedule, Zone
from tercio.model.siteparse import SiteError, parse_site
from tests.model.sites import GOOD, broken


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(SiteError) as error:
        parse_site(text)
    assert str(error.value) == "\n".join(error.value.faults)
    return error.value.faults


def test_zones_and_assets_are_read_with_money_in_cents_and_plain_addresses():
    site = parse_site(GOOD)
    assert (site.name, site.currency) == ("Plant 7", "EUR")
    assert site.zones["ot"] == Zone("ot", ("10.77.30.0/24", "fd00:77:30::/64"), 2.0, Autonomy.ACT, 50_000)
    assert site.zones["office"].autonomy is Autonomy.SHADOW
    assert site.assets["ws1"].outage_per_hour == 12_050
    assert site.assets["plc1"] == Asset(
        "plc1", ("10.77.30.21", "fd00:77:30::21"), "ot", "plc", "02:00:0a:4d:1e:15", 0, shared=False, fragile=True
    )
    assert site.never_assets == ("sis1",)
    assert site.never_networks == ("10.77.99.0/24",)


def test_a_schedule_over_midnight_becomes_two():
    assert parse_site(GOOD).schedules == (
        Schedule("scan1", "scan", "ot", 22 * 60 + 30, 24 * 60),
        Schedule("scan1", "scan", "ot", 0, 4 * 60),
    )


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [("00:00", "24:00", [(0, 1440)]), ("01:05", "02:00", [(65, 120)]), ("22:00", "00:00", [(1320, 1440)])],
)
def test_a_schedule_within_a_day_stays_one(start: str, end: str, minutes: list[tuple[int, int]]):
    text = broken('from = "22:30"\nto = "04:00"', f'from = "{start}"\nto = "{end}"')
    assert [(s.start_minute, s.end_minute) for s in parse_site(text).schedules] == minutes


def test_host_names_are_read_and_name_one_asset_only():
    said = 'hostnames = ["S7-1500.plant", "press"]'
    text = GOOD.replace("[assets.plc1]", f"[assets.plc1]\n{said}")
    assert parse_site(text).assets["plc1"].hostnames == ("s7-1500.plant", "press")
    twice = text.replace("[assets.ws1]", '[assets.ws1]\nhostnames = ["PRESS", "10.0.0.1"]')
    assert [fault.partition(": ")[2] for fault in faults(twice)] == [
        'assets.ws1.hostnames has \'10.0.0.1\', which is no host name; write one as "ews1" or "ews1.plant.example"',
        "assets.plc1.hostnames has press, which is ws1's already; a host name names one asset",
    ]
    assert "which is ws1's already" in faults(GOOD.replace("[assets.plc1]", '[assets.plc1]\nhostnames = ["ws1"]'))[0]


def test_a_site_may_be_as_small_as_its_name():
    site = parse_site('[site]\nname = "x"\ncurrency = "CHF"\n')
    assert site.zones == site.assets == site.processes == {}


CASES = {
    "no site": ("[site]\n", "[sites]\n", 1, "unknown key 'sites' in this file; did you mean 'site'?"),
    "no name": ('name = "Plant 7"\n', "", 1, 'site has no name; add name = "Plant 7"'),
    "currency in words": (
        '"EUR"',
        '"euros"',
        3,
        "site.currency is 'euros'; write the three letters of ISO 4217, for example \"EUR\"",
    ),
    "unknown key": (
        "scrap_if_cut",
        "scrap_if_cutt",
        51,
        "unknown key 'scrap_if_cutt' in processes.filling; did you mean 'scrap_if_cut'?",
    ),
    "bits behind the mask": (
        "10.77.10.0/24",
        "10.77.10.1/24",
        5,
        "zones.office.networks has '10.77.10.1/24', which has bits set behind its mask; write 10.77.10.0/24",
    ),
    "no network": (
        '"10.77.99.0/24"',
        '"here"',
        73,
        "never.networks has 'here', which is no network; write one as 10.0.0.0/24",
    ),
    "no networks at all": (
        'networks = ["10.77.20.0/24"]',
        "networks = []",
        8,
        'zones.dmz.networks is empty; write networks = ["10.0.0.0/24"]',
    ),
    "no level": ("level = 2\n", "", 10, "zones.ot has no level; add level = 2 (Purdue, 0 to 5)"),
    "level as text": (
        "level = 4",
        'level = "four"',
        6,
        "zones.office.level is 'four'; it must be a number from 0 to 5",
    ),
    "level is not a number": (
        "level = 4",
        "level = nan",
        6,
        "zones.office.level is nan; it must be a number from 0 to 5",
    ),
    "autonomy": (
        '"act"',
        '"full"',
        13,
        "zones.ot.autonomy is 'full'; it must be one of shadow, advise, veto, act",
    ),
    "negative money": (
        "outage_per_hour = 500",
        "outage_per_hour = -500",
        14,
        "zones.ot.outage_per_hour is -500; it must be a number from 0 to 1e+12",
    ),
    "unknown zone": (
        'zone = "office"',
        'zone = "offices"',
        17,
        "assets.ws1.zone is 'offices', which is no zone; did you mean 'office'?",
    ),
    "host name as address": (
        '"10.77.10.10"',
        '"ws1.plant.example"',
        16,
        "assets.ws1.addresses has 'ws1.plant.example', which is no IP address; write one without a mask",
    ),
    "address outside its zone": (
        '"10.77.10.10"',
        '"10.77.11.10"',
        16,
        (
            "assets.ws1.addresses has 10.77.11.10, which is in no network of zone 'office'; "
            "correct it, or add its network to zones.office"
        ),
    ),
    "address twice": (
        '"10.77.30.11"',
        '"10.77.30.10"',
        40,
        "assets.hmi2.addresses has 10.77.30.10, which is hmi1's already; an address names one asset",
    ),
    "a network in two zones": (
        'networks = ["10.77.20.0/24"]',
        'networks = ["10.77.20.0/24", "10.77.10.128/25"]',
        8,
        (
            "zones.dmz.networks has 10.77.10.128/25, which overlaps 10.77.10.0/24 of zone office; "
            "give each address to one zone"
        ),
    ),
    "an asset twice": (
        "[assets.ws1]",
        "[assets.HMI1]",
        35,
        "assets.hmi1 differs from HMI1 only in upper and lower case; give it another name",
    ),
    "no address": (
        '["10.77.20.40"]',
        "[]",
        21,
        'assets.scan1.addresses is empty; write addresses = ["10.0.0.1"]',
    ),
    "no role": (
        'role = "scanner"\n',
        "",
        20,
        'assets.scan1 has no role; add role = "plc" (plc, hmi, ews, historian, directory, safety, jump, ai, ...)',
    ),
    "mac": ("02-00-0A-4D-1E-15", "02:00", 33, "assets.plc1.mac is '02:00'; write it as \"02:00:0a:4d:1e:15\""),
    "flag as text": ("fragile = true", 'fragile = "yes"', 34, "assets.plc1.fragile is 'yes'; it must be true or false"),
    "asset like a zone": (
        "[assets.scan1]",
        "[assets.dmz]",
        20,
        "assets.dmz is a zone's name too; give the asset another",
    ),
    "schedule of a stranger": (
        'asset = "scan1"',
        'asset = "scan2"',
        66,
        "schedules[0].asset is 'scan2', which is no asset; did you mean 'scan1'?",
    ),
    "schedule for nothing": (
        'target = "ot"',
        'target = "ott"',
        68,
        "schedules[0].target is 'ott', which is no asset and no zone; did you mean 'ot'?",
    ),
    "activity": ('"scan"', '"sing"', 67, "schedules[0].activity is 'sing'; it must be one of scan, write"),
    "time of day": (
        '"22:30"',
        '"22:60"',
        69,
        'schedules[0].from is \'22:60\'; write a time of day in UTC, "00:00" to "24:00"',
    ),
    "no time at all": (
        '"04:00"',
        '"22:30"',
        70,
        'schedules[0].to is the same time as from; for the whole day write from = "00:00", to = "24:00"',
    ),
    "never a stranger": (
        'assets = ["sis1"]',
        'assets = ["sis2"]',
        72,
        "never.assets has 'sis2', which is no asset; did you mean 'sis1'?",
    ),
    "never once": ("[never]", "[nevr]", 71, "unknown key 'nevr' in this file; did you mean 'never'?"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_fault_gives_one_line_that_says_where_what_and_what_to_do(case: str):
    old, new, line, words = CASES[case]
    found = faults(broken(old, new))
    assert f"site.toml:{line}: {words}" in found
    assert len(found) == 1 or case in ("no site", "asset like a zone")


def test_all_faults_are_told_in_the_order_of_the_file():
    text = broken('"EUR"', '"euro"').replace("level = 4", "level = 9").replace('role = "scanner"', "role = 1")
    found = faults(text)
    assert [fault.split(":")[1] for fault in found] == ["3", "6", "23"]


def test_the_files_own_name_is_told():
    with pytest.raises(SiteError, match=r"^plant7/site\.toml:1: unknown key"):
        parse_site('x = 1\n[site]\nname = "x"\ncurrency = "EUR"\n', "plant7/site.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[site]\nname = \n",
            "site.toml:2: this is not TOML: invalid value at column 8; correct the line or the one above",
        ),
        ('[site]\nname = "x\n', "site.toml:2: this is not TOML: illegal character '\\n' at column 10; correct"),
        ("a = 1\na = 2", "site.toml:2: this is not TOML: cannot overwrite a value; correct the line or the one above"),
        ("[a]\n[a]\n", "site.toml:2: this is not TOML: cannot declare ('a',) twice at column 3; correct"),
        ("a = " + "[" * 100_000, "site.toml:1: brackets are nested too deeply; no site needs that"),
    ],
)
def test_text_that_is_no_toml_is_told_by_line_too(text: str, words: str):
    (fault,) = faults(text)
    assert fault.startswith(words)


@pytest.mark.parametrize("section", ["site", "zones", "assets", "processes", "schedules", "never"])
@pytest.mark.parametrize("value", ["1", '"x"', "[1]", "true"])
def test_a_section_of_the_wrong_shape_is_a_fault(section: str, value: str):
    assert any(section in fault and " must be a " in fault for fault in faults(f"{section} = {value}\n"))


def faults_of_any(text: str) -> tuple[str, ...]:
    """The faults of a text that may be right: anything but a Site or a SiteError is an error of the parser."""
    try:
        parse_site(text)
    except SiteError as error:
        return error.faults
    return ()


@given(st.text())
def test_any_text_is_a_site_or_a_site_error(text: str):
    assert all(fault.startswith("site.toml:") for fault in faults_of_any(text))


@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.text(max_size=3))
def test_a_damaged_file_is_a_site_or_a_site_error(at: int, lost: int, new: str):
    text = GOOD[:at] + new + GOOD[at + lost :]
    assert all(1 <= int(fault.split(":")[1]) <= text.count("\n") + 1 for fault in faults_of_any(text))
