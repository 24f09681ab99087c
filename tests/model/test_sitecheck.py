import pytest

from tercio.model.sitecheck import Remark, Severity, check_site
from tercio.model.siteparse import parse_site
from tests.model.sites import GOOD, broken


def remarks(text: str) -> tuple[Remark, ...]:
    return check_site(parse_site(text))


def test_a_complete_and_sound_site_gives_no_remark():
    assert remarks(GOOD) == ()


def test_a_service_without_any_controller_gives_none_either():
    assert (
        remarks("""
[site]
name = "Shop"
currency = "EUR"
[zones.office]
networks = ["10.0.0.0/24"]
level = 4
autonomy = "act"
[assets.web1]
addresses = ["10.0.0.1"]
zone = "office"
role = "web"
[assets.db1]
addresses = ["10.0.0.2"]
zone = "office"
role = "database"
[processes.orders]
outage_per_hour = 900
needs = ["web1", "db1"]
tolerates = {web1 = "5m", db1 = "1m"}
flows = [{from = "web1", to = "db1", service = "postgresql"}]
none = "signed by A. Weber, 2026-03-01"
""")
        == ()
    )


CASES = {
    "safety unsaid beyond shadow": (
        'safety = "sis1"\n',
        "",
        Severity.ERROR,
        "processes.filling",
        (
            "does not say where the safety function is, yet ot may act beyond shadow; "
            'write safety = "ASSET", or none = "signed by NAME, DATE"'
        ),
    ),
    "no view": (
        'views = ["hmi1", "hmi2"]\n',
        "",
        Severity.WARNING,
        "processes.filling",
        "has a controller and no view, so that no screen is protected; list them in views",
    ),
    "a view without a flow": (
        '  {from = "hmi2", to = "plc1", service = "modbus", access = "read"},\n',
        "",
        Severity.WARNING,
        "processes.filling",
        "has the view hmi2, which no flow feeds: its traffic would not be protected; add it to flows",
    ),
    "a need without tolerance": (
        'tolerates = {historian = "8h"}\n',
        "",
        Severity.NOTE,
        "processes.filling",
        'needs historian and stops at once without it; if it need not, add tolerates = {historian = "1h"}',
    ),
    "no state": (
        'state = "modbus:plc1/coil/0"\n',
        "",
        Severity.NOTE,
        "processes.filling",
        'has no state, so that it always counts as running; add state = "modbus:ASSET/coil/N"',
    ),
    "hold without phases": (
        'phases = "modbus:plc1/register/7"\n',
        "",
        Severity.WARNING,
        "processes.filling",
        "has hold and no phases: an unknown phase counts as one to hold, always; say where the phase is read",
    ),
    "hold without names": (
        'phase_names = {1 = "fill", 2 = "dose", 3 = "sterilise"}\n',
        "",
        Severity.WARNING,
        "processes.filling",
        'has hold and no phase_names to tell a phase by its number; add phase_names = {1 = "NAME"}',
    ),
    "a line that costs nothing": (
        "outage_per_hour = 42000",
        "outage_per_hour = 0",
        Severity.WARNING,
        "processes.filling",
        "costs nothing while it stands still; give outage_per_hour",
    ),
    "no controller": (
        'role = "plc"',
        'role = "sensor"',
        Severity.WARNING,
        "processes.filling",
        "has assets at control level and no controller among them; add it to needs, or correct a role",
    ),
    "never where intruders arrive": (
        '[never]\nassets = ["sis1"]',
        '[never]\nassets = ["sis1", "ws1"]',
        Severity.WARNING,
        "never.assets",
        (
            "has ws1, which stands in office where intruders arrive: once taken it could not be stopped; "
            "take it off the list, or move it inwards"
        ),
    ),
    "an asset that costs nothing": (
        "outage_per_hour = 20\n",
        "",
        Severity.NOTE,
        "assets.scan1",
        "is in no process and has no outage_per_hour, so that cutting it off costs nothing; add one of them",
    ),
    "a role misspelt": (
        'role = "scanner"',
        'role = "scaner"',
        Severity.NOTE,
        "assets.scan1",
        "has the role 'scaner', which means nothing; did you mean 'scanner'?",
    ),
    "a jump host for one": (
        'role = "scanner"',
        'role = "jump"',
        Severity.NOTE,
        "assets.scan1",
        "is a jump and not marked shared: a block would cut off all behind it; add shared = true",
    ),
    "one card in two assets": (
        'role = "scanner"',
        'role = "scanner"\nmac = "02:00:0a:4d:1e:15"',
        Severity.WARNING,
        "assets.plc1",
        "has the mac of scan1; a network card belongs to one asset",
    ),
    "a flow past the DMZ": (
        '{from = "hmi1", to = "plc1", service = "modbus"},',
        '{from = "hmi1", to = "plc1", service = "modbus"}, {from = "ws1", to = "plc1", service = "modbus"},',
        Severity.WARNING,
        "processes.filling",
        (
            "the flow ws1 -> plc1 (modbus) writes from office straight into ot, past any DMZ; if it only reads, "
            'add access = "read", else lead it through a conduit'
        ),
    ),
    "a flow that can't exist": (
        'addresses = ["10.77.30.11"]',
        'addresses = ["fd00:77:30::11"]',
        Severity.ERROR,
        "processes.filling",
        (
            "the flow hmi2 -> plc1 (modbus) can't exist: one end has only IPv4, the other only IPv6 addresses; "
            "correct the addresses"
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_gap_gives_one_remark_that_says_what_to_do(case: str):
    old, new, severity, place, words = CASES[case]
    text = broken(old, new)
    if case == "a flow that can't exist":
        text = text.replace(', "fd00:77:30:0::21"', "")
    found = remarks(text)
    assert Remark(severity, place, words) in found
    also = {"no view", "no controller"}  # what is a view or a controller no more is a need like others
    assert len(found) == (2 if case in also else 1)


def test_in_shadow_a_missing_answer_on_safety_is_a_warning():
    text = broken('safety = "sis1"\n', "").replace('autonomy = "act"\n', "")
    (remark,) = remarks(text)
    assert remark.severity is Severity.WARNING
    assert "cannot leave shadow without" in remark.words


def test_a_cheap_asset_at_control_level_weighs_more_than_elsewhere():
    cell = '[assets.cell1]\naddresses = ["10.77.30.99"]\nzone = "ot"\nrole = "robot"\n'
    (remark,) = remarks(GOOD + cell)
    assert (remark.severity, remark.place) == (Severity.WARNING, "assets.cell1")


def test_a_site_without_a_process_says_so():
    (remark,) = remarks('[site]\nname = "x"\ncurrency = "EUR"\n')
    assert remark.place == "processes"


def test_errors_come_first():
    text = broken("outage_per_hour = 20\n", "").replace('safety = "sis1"\n', "").replace("hour = 42000", "hour = 0")
    assert [r.severity for r in remarks(text)] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
