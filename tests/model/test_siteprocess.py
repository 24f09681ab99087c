import pytest

from tercio.model.services import SERVICES
from tercio.model.site import Flow, Process, Tag
from tercio.model.siteparse import SiteError, parse_site
from tercio.model.siteprocess import process_of
from tercio.model.tomltable import Faults, Table
from tercio.model.units import SECOND
from tests.model.sites import GOOD, broken

HOUR = 3600 * SECOND


def filling(text: str = GOOD) -> Process:
    return parse_site(text).processes["filling"]


def test_a_process_is_read_whole():
    assert filling() == Process(
        name="filling",
        outage_per_hour=4_200_000,
        restart_span=round(3.5 * HOUR),
        restart_cost=6_000_000,
        scrap=1_800_000,
        needs=("plc1", "hmi1", "historian"),
        views=("hmi1", "hmi2"),
        flows=(
            Flow("hmi1", "plc1", "modbus"),
            Flow("hmi2", "plc1", "modbus", "read"),
            Flow("historian", "plc1", "tcp/1502", "read"),
        ),
        tolerates={"historian": 8 * HOUR},
        state=Tag("modbus", "plc1", "coil", 0),
        phases=Tag("modbus", "plc1", "register", 7),
        phase_names={"1": "fill", "2": "dose", "3": "sterilise"},
        hold=("dose", "sterilise"),
        redundant=(("hmi1", "hmi2"),),
        safety=("sis1",),
    )


@pytest.mark.parametrize(
    ("text", "safety", "signed"),
    [
        ('safety = "sis1"', ("sis1",), ""),
        ('safety = ["sis1", "plc1"]', ("sis1", "plc1"), ""),
        ('none = "signed by A. Weber, 2026-03-01"', (), "signed by A. Weber, 2026-03-01"),
        ('safety = {none = "signed by A. Weber, 2026-03-01"}', (), "signed by A. Weber, 2026-03-01"),
        ("", (), ""),
    ],
)
def test_the_answer_on_safety_has_four_forms_and_may_be_missing(text: str, safety: tuple[str, ...], signed: str):
    process = filling(broken('safety = "sis1"', text))
    assert (process.safety, process.safety_signed) == (safety, signed)


def test_little_is_required():
    faults = Faults()
    process = process_of("p", Table({"outage_per_hour": 1, "needs": []}, ("processes", "p"), faults), {})
    assert not faults
    assert (process.outage_per_hour, process.restart_cost, process.state) == (100, 0, None)


def test_the_cost_of_an_hour_may_follow_the_time_since_the_stop():
    process = filling(broken("outage_per_hour = 42000", "outage_per_hour = {8h = 90000, 0h = 42000, 2d = 0}"))
    assert (process.outage_per_hour, process.rates) == (4_200_000, ((8 * HOUR, 9_000_000), (48 * HOUR, 0)))


def test_scrap_may_follow_the_phase():
    process = filling(broken("scrap_if_cut = 18000", "scrap_if_cut = {fill = 18000, dose = 40000, sterilise = 0}"))
    assert process.scrap == 4_000_000
    assert process.scrap_by_phase == {"fill": 1_800_000, "dose": 4_000_000, "sterilise": 0}


def test_alarm_paths_are_needed_flows_with_a_mark_and_downloads_stand_apart():
    text = broken(
        'redundant = [["hmi1", "hmi2"]]\n',
        'redundant = [["hmi1", "hmi2"]]\nalarms = [{from = "plc1", to = "hmi2", service = "syslog"}]\n'
        'downloads = [{from = "ws1", to = "plc1", service = "s7"}]\n',
    )
    assert filling(text).flows == (*filling().flows, Flow("plc1", "hmi2", "syslog", "read", alarm=True))
    assert filling(text).downloads == (Flow("ws1", "plc1", "s7"),)


CASES = {
    "rates without a first": (
        "outage_per_hour = 42000",
        "outage_per_hour = {1h = 42000}",
        48,
        "outage_per_hour does not say what the first hour costs; write {0h = 42000, 8h = 90000}",
    ),
    "rate at no time": (
        "outage_per_hour = 42000",
        "outage_per_hour = {0h = 42000, later = 1}",
        48,
        (
            "outage_per_hour.later is no time after the stop: 'later' is not a duration; "
            "write for example 30s, 45m, 8h or 2d"
        ),
    ),
    "a time twice": (
        "outage_per_hour = 42000",
        "outage_per_hour = {0h = 42000, 1h = 1, 60m = 2}",
        48,
        "outage_per_hour.60m says the same time as another; keep one",
    ),
    "scrap of a strange phase": (
        "scrap_if_cut = 18000",
        "scrap_if_cut = {fill = 1, dose = 2, sterilise = 3, does = 4}",
        51,
        "scrap_if_cut.does is a phase that phase_names does not name; did you mean 'dose'?",
    ),
    "scrap of a phase unsaid": (
        "scrap_if_cut = 18000",
        "scrap_if_cut = {fill = 1}",
        51,
        "scrap_if_cut does not say what a cut costs in dose, sterilise; add it (0 is an answer)",
    ),
    "alarm to nobody": (
        'redundant = [["hmi1", "hmi2"]]',
        'redundant = [["hmi1", "hmi2"]]\nalarms = [{from = "plc1", to = "hmi8", service = "syslog"}]',
        64,
        "alarms[0].to is 'hmi8', which is no asset; did you mean 'hmi2'?",
    ),
    "alarm with an access": (
        'redundant = [["hmi1", "hmi2"]]',
        'redundant = [["hmi1", "hmi2"]]\nalarms = [{from = "plc1", to = "hmi1", service = "dns", access = "read"}]',
        64,
        "unknown key 'access' in processes.filling.alarms[0]; known are from, service, to",
    ),
    "download of nothing": (
        'redundant = [["hmi1", "hmi2"]]',
        'redundant = [["hmi1", "hmi2"]]\ndownloads = [{from = "ws1", to = "plc1"}]',
        64,
        'processes.filling.downloads[0] has no service; add service = "modbus"',
    ),
    "a flow twice": (
        'to = "plc1", service = "modbus", access = "read"}',
        'to = "plc1", service = "modbus", access = "read"},\n  {from = "hmi1", to = "plc1", service = "modbus"}',
        57,
        "processes.filling.flows[2] is flows[0] once more; keep one of the two",
    ),
    "an alarm that is a flow": (
        'redundant = [["hmi1", "hmi2"]]',
        'redundant = [["hmi1", "hmi2"]]\nalarms = [{from = "hmi1", to = "plc1", service = "modbus"}]',
        64,
        "processes.filling.alarms[0] is flows[0] once more; keep one of the two",
    ),
    "no cost": (
        "outage_per_hour = 42000\n",
        "",
        47,
        "processes.filling has no outage_per_hour; add outage_per_hour = 42000 (in whole units of the currency)",
    ),
    "need": (
        '"hmi1", "historian"]',
        '"hmi", "historian"]',
        52,
        "needs has 'hmi', which is no asset; did you mean 'hmi2'?",
    ),
    "need twice": ('"hmi1", "historian"]', '"plc1", "historian"]', 52, "needs names 'plc1' twice; remove one"),
    "view": (
        '["hmi1", "hmi2"]\nflows',
        '["hmi9"]\nflows',
        53,
        "views has 'hmi9', which is no asset; did you mean 'hmi2'?",
    ),
    "duration": (
        '"8h"',
        '"8 hours"',
        49,
        "tolerates.historian is wrong: '8 hours' is not a duration; write for example 30s, 45m, 8h or 2d",
    ),
    "tolerated": ("{historian =", "{historia =", 49, "tolerates.historia names no asset; did you mean 'historian'?"),
    "restart": (
        "hours = 3.5",
        "hour = 3.5",
        50,
        "unknown key 'hour' in processes.filling.restart; did you mean 'hours'?",
    ),
    "hours as text": ("hours = 3.5", 'hours = "3.5"', 50, "restart.hours is '3.5'; it must be a number from 0 to 8784"),
    "flow from": (
        '{from = "hmi1"',
        '{from = "hmi3"',
        55,
        "flows[0].from is 'hmi3', which is no asset; did you mean 'hmi2'?",
    ),
    "flow without end": (
        '{from = "hmi1", to = "plc1",',
        '{from = "hmi1",',
        55,
        'processes.filling.flows[0] has no to; add to = "plc1"',
    ),
    "flow to itself": (
        '{from = "hmi1", to = "plc1"',
        '{from = "plc1", to = "plc1"',
        55,
        "flows[0].to is 'plc1', where the flow comes from; a flow has two ends",
    ),
    "service": (
        "tcp/1502",
        "tcp/99999",
        57,
        (
            f"flows[2].service is wrong: unknown service 'tcp/99999'; use one of {', '.join(sorted(SERVICES))}, "
            "or tcp/PORT or udp/PORT"
        ),
    ),
    "access": (
        '"tcp/1502", access = "read"',
        '"tcp/1502", access = "see"',
        57,
        "flows[2].access is 'see'; it must be one of read, write",
    ),
    "flows of text": (
        "flows = [\n",
        'flows = [\n  "hmi1",\n',
        55,
        "processes.filling.flows[0] is 'hmi1'; it must be a table",
    ),
    "state": (
        "modbus:plc1/coil/0",
        "plc1/coil/0",
        59,
        "state is 'plc1/coil/0'; write modbus:ASSET/coil/0 (or discrete, register, input; 0 to 65535)",
    ),
    "state too far": (
        "modbus:plc1/coil/0",
        "modbus:plc1/coil/65536",
        59,
        "state is 'modbus:plc1/coil/65536'; write modbus:ASSET/coil/0 (or discrete, register, input; 0 to 65535)",
    ),
    "phases": (
        "modbus:plc1/register/7",
        "modbus:plc2/register/7",
        60,
        "phases is on 'plc2', which is no asset; did you mean 'plc1'?",
    ),
    "hold": (
        'hold = ["dose"',
        'hold = ["does"',
        62,
        "hold has 'does', which phase_names does not name; did you mean 'dose'?",
    ),
    "redundant": (
        '[["hmi1", "hmi2"]]',
        '[["hmi1"]]',
        63,
        "redundant has a group of 1; each needs two assets that stand in for each other",
    ),
    "redundant list": (
        '[["hmi1", "hmi2"]]',
        '["hmi1", "hmi2"]',
        63,
        "redundant is ['hmi1', 'hmi2']; it must be a list of lists of texts, for example [[\"x\", \"y\"]]",
    ),
    "redundant stranger": (
        '[["hmi1", "hmi2"]]',
        '[["hmi1", "hmi7"]]',
        63,
        "redundant has 'hmi7', which is no asset; did you mean 'hmi2'?",
    ),
    "safety": ('safety = "sis1"', 'safety = "sis"', 64, "safety has 'sis', which is no asset; did you mean 'sis1'?"),
    "unsigned": (
        'safety = "sis1"',
        'none = "there is none"',
        64,
        "none says 'there is none'; a person must sign: none = \"signed by NAME, DATE\"",
    ),
    "unsigned inside": (
        'safety = "sis1"',
        'safety = {none = "no"}',
        64,
        "safety says 'no'; a person must sign: none = \"signed by NAME, DATE\"",
    ),
    "both": (
        'safety = "sis1"',
        'safety = "sis1"\nnone = "signed by A, 2026-03-01"',
        65,
        "none and safety are both given; keep the one that is true",
    ),
    "key beside none": (
        'safety = "sis1"',
        'safety = {none = "signed by A, 2026-03-01", nine = 1}',
        64,
        "unknown key 'nine' in processes.filling.safety; did you mean 'none'?",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_fault_gives_one_line_that_says_where_what_and_what_to_do(case: str):
    old, new, line, words = CASES[case]
    place = "" if words.startswith(("processes.", "unknown key")) else "processes.filling."
    with pytest.raises(SiteError) as error:
        parse_site(broken(old, new))
    assert error.value.faults == (f"site.toml:{line}: {place}{words}",)
