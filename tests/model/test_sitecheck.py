import pytest

from tercio.model.decisions import Reach
from tercio.model.sitecheck import Remark, Severity, check_site
from tercio.model.siteparse import parse_site
from tests.model.sites import GOOD, broken


def remarks(text: str, *reaches: tuple[str, ...]) -> tuple[Remark, ...]:
    hands = [Reach(f"hand{n}", "nftables", zones) for n, zones in enumerate(reaches)]
    return check_site(parse_site(text), hands if reaches else None)


@pytest.mark.parametrize(("reaches", "place", "words"), [
    ([("office", "dmz"), ("dmz", "ot")], "zones.office",
     ("no hand reaches the conduit office -> ot: what passes between them can't be refused; "
      "name both in the zones of the hand on the gateway between them")),
    ([("office", "dmz")], "zones.ot",
     "is in no hand's zones: nothing can be stopped there; name it in [hands.NAME] zones of tercio.toml"),
])  # fmt: skip
def test_where_no_hand_reaches_nothing_can_be_stopped(reaches: list, place: str, words: str):
    assert remarks(GOOD, *reaches) == (Remark(Severity.WARNING, place, words),)
    assert remarks(GOOD, ("office", "dmz", "ot")) == ()
    assert len(check_site(parse_site(GOOD), ())) == 3


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
            "does not say where the safety function is, yet ot may act beyond shadow: the whole site is forced to "
            'shadow until it does; write safety = "ASSET", or none = "signed by NAME, DATE"'
        ),
    ),
    "signed to have none, and yet there is one": (
        'safety = "sis1"\n',
        'none = "signed by A. Weber, 2026-03-01"\n',
        Severity.ERROR,
        "processes.filling",
        "is signed to have no safety function, yet sis1 beside it has the role safety; correct one",
    ),
    "one view": (
        'views = ["hmi1", "hmi2"]\n',
        'views = ["hmi1"]\n',
        Severity.NOTE,
        "processes.filling",
        (
            "has one view, hmi1: nothing that takes hmi1's traffic away will ever be ordered; "
            "add a second view if there is one"
        ),
    ),
    "an address family unsaid": (
        ', "fd00:77:30:0::21"',
        "",
        Severity.WARNING,
        "assets.plc1",
        (
            "has no IPv6 address although its zone ot has such a network: if it speaks IPv6, "
            "a block would leave it that way; add the address"
        ),
    ),
    "a zone that nothing may stop": (
        'networks = ["10.77.99.0/24"]',
        'networks = ["10.77.30.0/23"]',
        Severity.WARNING,
        "never.networks",
        "has 10.77.30.0/23, all of ot: nothing will ever be stopped there; name what must be spared",
    ),
    "phases that nobody reads": (
        (
            'phases = "modbus:plc1/register/7"\nphase_names = {1 = "fill", 2 = "dose", 3 = "sterilise"}\n'
            'hold = ["dose", "sterilise"]\n'
        ),
        'phase_names = {1 = "fill"}\n',
        Severity.WARNING,
        "processes.filling",
        'names phases and does not say where the phase is read; add phases = "modbus:ASSET/register/N"',
    ),
    "held in every phase": (
        'hold = ["dose", "sterilise"]',
        'hold = ["dose", "sterilise", "fill"]',
        Severity.WARNING,
        "processes.filling",
        "holds in every phase, so that nothing will ever be taken from it; name only the phases that must be held",
    ),
    "a part dearer than the whole": (
        'role = "historian"\n',
        'role = "historian"\noutage_per_hour = 50000\n',
        Severity.WARNING,
        "processes.filling",
        "costs less an hour than historian alone, which it needs; correct one of the two",
    ),
    "a tolerance for a stranger": (
        '{historian = "8h"}',
        '{historian = "8h", ws1 = "1h"}',
        Severity.WARNING,
        "processes.filling",
        "tolerates the loss of ws1, which it neither needs nor speaks with; add it to needs, or take it off",
    ),
    "a program for no controller": (
        'safety = "sis1"\n',
        'safety = "sis1"\ndownloads = [{from = "hmi1", to = "hmi2", service = "s7"}]\n',
        Severity.WARNING,
        "processes.filling",
        "says that hmi1 loads programs into hmi2, which is no controller; correct it, or the role",
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
        "costs nothing while it stands still, so that nothing is done to keep it; give outage_per_hour",
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
        Severity.WARNING,
        "assets.scan1",
        "has the role 'scaner', which means nothing; did you mean 'scanner'?",
    ),
    "a role by another word": (
        'role = "scanner"',
        'role = "engineer"',
        Severity.WARNING,
        "assets.scan1",
        "has the role 'engineer', which means nothing; did you mean 'ews'?",
    ),
    "a role misspelt on what a process needs": (
        'role = "safety"',
        'role = "safty"',
        Severity.ERROR,
        "assets.sis1",
        "has the role 'safty', which means nothing; did you mean 'safety'?",
    ),
    "a router without its link address": (
        'role = "scanner"',
        'role = "router"',
        Severity.NOTE,
        "assets.scan1",
        "is a router without its mac: what a neighbour forges looks like what it passes on; add mac",
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
        '"10.77.30.11", "fd00:77:30::11"',
        '"fd00:77:30::11"',
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
    assert len(found) == (2 if case in also else 3 if case == "a flow that can't exist" else 1)


@pytest.mark.parametrize(("old", "new", "says"), [
    ('role = "plc"', 'role = "plcc"', "did you mean 'plc'?"),
    ('role = "plc"', 'role = "SPS"', "did you mean 'plc'?"),
    ('role = "historian"', 'role = "qx"', "write one of ai, backup, "),
])  # fmt: skip
def test_what_a_process_needs_must_have_a_role_that_means_something(old: str, new: str, says: str):
    """A controller by another word would be protected as none."""
    error = next(remark for remark in remarks(broken(old, new)) if "which means nothing" in remark.words)
    assert error.severity is Severity.ERROR
    assert says in error.words


def test_a_role_for_what_is_none_of_them():
    assert remarks(broken('role = "scanner"', 'role = "other"')) == ()
    (remark,) = remarks(broken('role = "scanner"', 'role = "qx"'))
    assert remark.severity is Severity.NOTE, "what no process needs may be called anything"


def test_in_shadow_a_missing_answer_on_safety_is_a_warning():
    text = broken('safety = "sis1"\n', "").replace('autonomy = "act"\n', "")
    (remark,) = remarks(text)
    assert remark.severity is Severity.WARNING
    assert "cannot leave shadow without" in remark.words


def test_a_cheap_asset_at_control_level_weighs_more_than_elsewhere():
    cell = '[assets.cell1]\naddresses = ["10.77.30.99", "fd00:77:30::99"]\nzone = "ot"\nrole = "robot"\n'
    (remark,) = remarks(GOOD + cell)
    assert (remark.severity, remark.place) == (Severity.WARNING, "assets.cell1")


def test_a_site_without_a_process_says_so():
    (remark,) = remarks('[site]\nname = "x"\ncurrency = "EUR"\n')
    assert remark.place == "processes"


def test_errors_come_first():
    text = broken("outage_per_hour = 20\n", "").replace('safety = "sis1"\n', "").replace("hour = 42000", "hour = 0")
    assert [r.severity for r in remarks(text)] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
