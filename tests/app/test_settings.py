import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.agents.situation import Limits
from tercio.app.settings import SettingsError, load, wrong
from tercio.brain.decide.question import Outlook
from tercio.loop.state import Release
from tercio.model.units import SECOND
from tests.app.given import TOML, changed


def read(folder: Path, text: str):
    (folder / "tercio.toml").write_text(text)
    return load(folder / "tercio.toml")


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_what_is_written_is_read_and_the_rest_is_the_default(tmp_path: Path):
    found = read(tmp_path, TOML)
    assert (found.state, found.site) == (tmp_path / "state", tmp_path / "site.toml")
    (source,) = found.sources
    assert (source.name, source.sensor, source.path) == ("ot", "suricata", tmp_path / "eve.json")
    assert source.silent_after == 60 * SECOND
    assert source.from_start is False
    (hand,) = found.hands
    assert (hand.mechanism, hand.zones, hand.socket) == (
        "nftables",
        ("office", "dmz", "ot"),
        tmp_path / "run" / "gateway.sock",
    )
    assert (hand.file, hand.start) == (None, ())
    assert (found.limits, found.outlook, found.release) == (Limits(), Outlook(), Release())
    assert found.text == TOML


@pytest.mark.parametrize(("word", "from_start"), [("start", True), ("now", False)])
def test_where_a_first_start_begins_to_read(tmp_path: Path, word: str, from_start: bool):
    text = changed('path = "eve.json"', f'path = "eve.json"\nfrom = "{word}"')
    assert read(tmp_path, text).sources[0].from_start is from_start


def test_paths_are_relative_to_the_file_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path)
    text = changed('state = "state"', 'state = "../kept/./state"\nrules = ["own", "/abs/rules"]\nmandate = ["m.cedar"]')
    (tmp_path / "site" / "tercio.toml").write_text(text)
    found = load(Path("site/tercio.toml"))
    assert found.file == tmp_path / "site" / "tercio.toml"
    assert found.state == tmp_path / "kept" / "state"
    assert found.rules == (tmp_path / "site" / "own", Path("/abs/rules"))
    assert found.mandate == (tmp_path / "site" / "m.cedar",)


def test_an_explicit_zero_is_a_zero(tmp_path: Path):
    more = (
        '[limits]\nacts_per_hour = 0\nsmall_cost = 0\n[release]\nthreshold = 0\nquiet_least = "0s"\nquiet_most = "0s"\n'
    )
    found = read(tmp_path, TOML + more)
    assert (found.limits.acts_per_hour, found.limits.small_cost) == (0, 0)
    assert found.release == Release(0.0, 0, 0, Release().longest)
    assert found.limits.belief == Limits().belief


def test_all_numbers_reach_their_place(tmp_path: Path):
    more = """
[limits]
belief = 0.7
consent_belief = 0.3
small_cost = 12.34
longest = "2h"
acts_per_hour = 5
[outlook]
tempo = "average"
lease = "6s"
attended_within = "30m"
answered_within = "10m"
wait = "61s"
belief_half_life = "5s"
[release]
threshold = 0.25
quiet_least = "7s"
quiet_most = "10s"
longest = "2m"
"""
    found = read(tmp_path, TOML + more)
    assert found.limits == Limits(belief=700, consent_belief=300, small_cost=1234, longest=7200, acts_per_hour=5)
    assert found.outlook == Outlook(
        span=6 * SECOND, horizon=1800 * SECOND, wait=61 * SECOND, answer=600 * SECOND, half_life=5 * SECOND,
        tempo="average",
    )  # fmt: skip
    assert found.release == Release(0.25, 7 * SECOND, 10 * SECOND, 120 * SECOND)


def test_a_belief_below_the_usual_consent_takes_consent_along(tmp_path: Path):
    assert read(tmp_path, TOML + "[limits]\nbelief = 0.1\n").limits == Limits(belief=100, consent_belief=100)


def test_start_is_parted_as_a_shell_would(tmp_path: Path):
    found = read(tmp_path, TOML + 'file = "g.toml"\nstart = "nsenter --net=\'/run/net ns/gw\' setpriv"\n')
    assert found.hands[0].start == ("nsenter", "--net=/run/net ns/gw", "setpriv")
    assert found.hands[0].file == tmp_path / "g.toml"


LINES = {line: number for number, line in enumerate(TOML.splitlines(), 1)}
LAST = len(TOML.splitlines()) + 1

CASES = {
    "unknown key": ('[tercio]\nstates = "x"', "", 2, "unknown key 'states' in tercio; did you mean 'state'?"),
    "unknown table": (
        "[source.x]\npath = 1\n",
        "end",
        LAST,
        "unknown key 'source' in this file; did you mean 'sources'?",
    ),
    "site is a number": (
        'site = "site.toml"',
        "site = 7",
        LINES['site = "site.toml"'],
        "tercio.site is 7; it must be a text",
    ),
    "empty state": ('state = "state"', 'state = " "', 2, "tercio.state is ' '; it must be a text"),
    "no sensor": (
        'sensor = "suricata"\n',
        "",
        5,
        'sources.ot has no sensor; add sensor = "NAME", one of suricata, windows, ',
    ),
    "strange sensor": (
        'sensor = "suricata"',
        'sensor = "zeke"',
        6,
        "sources.ot.sensor is 'zeke'; it must be one of suricata",
    ),
    "no path": ('path = "eve.json"\n', "", 5, "sources.ot has no path; add path = "),
    "no mechanism": ('mechanism = "nftables"\n', "", 9, "hands.gateway has no mechanism; add mechanism = "),
    "no zones": ('zones = ["office", "dmz", "ot"]', "", 9, "hands.gateway has no zones; add zones = "),
    "empty zones": (
        'zones = ["office", "dmz", "ot"]',
        "zones = []",
        11,
        "hands.gateway.zones is empty; write zones = ",
    ),
    "zone twice": ('"dmz", "ot"]', '"ot", "ot"]', 11, "hands.gateway.zones names 'ot' twice; remove one"),
    "a source is a number": (
        "[sources.ot]",
        "[sources]\not = 3\n[sources.more]",
        6,
        "sources.ot is 3; it must be a table",
    ),
    "a name with a slash": (
        "[sources.ot]",
        '[sources."../ot"]',
        5,
        "'../ot' can't be a name here; use 1 to 64 letters",
    ),
    "a name of dots": ("[hands.gateway]", '[hands.".."]', 9, "'..' can't be a name here"),
    "no hand's file": (
        'start = "sudo"\n',
        "end",
        LAST,
        "hands.gateway.start says how to start the hand, but nothing names",
    ),
    "open quote": (
        'file = "x"\nstart = "a \'b"\n',
        "end",
        LAST + 1,
        "hands.gateway.start is no command line (No closing quotation)",
    ),
    "long socket": (f'socket = "{"x" * 120}"\n', "end", LAST, "103 fit: shorten it"),
    "long state": ('state = "state"', f'state = "{"x" * 120}"', 2, "103 fit: shorten it"),
    "two sources, one file": (
        '[sources.b]\nsensor = "suricata"\npath = "./eve.json"\n',
        "end",
        LAST + 2,
        "sources.b.path is",
    ),
    "two hands, one socket": (
        '[hands.b]\nmechanism = "nftables"\nzones = ["ot"]\nsocket = "run/gateway.sock"\n',
        "end",
        LAST + 3,
        "hands.b.socket is",
    ),
    "a place to begin": (
        '[sources.b]\nsensor = "suricata"\npath = "b"\nfrom = "yesterday"\n',
        "end",
        LAST + 3,
        "sources.b.from is 'yesterday'; it must be one of now, start",
    ),
    "silence of nothing": (
        '[sources.b]\nsensor = "suricata"\npath = "b"\nsilent_after = "0s"\n',
        "end",
        LAST + 3,
        "sources.b.silent_after is 0s; write a time from",
    ),
    "a lease of nothing": ('[outlook]\nlease = "0s"\n', "end", LAST + 1, "outlook.lease is 0s; write a time from 1 s"),
    "belief that never fades at all": (
        '[outlook]\nbelief_half_life = "0s"\n',
        "end",
        LAST + 1,
        "outlook.belief_half_life is 0s; write a time from 1.0 ms to 366 d",
    ),
    "a lease of years": ('[outlook]\nlease = "4000d"\n', "end", LAST + 1, "write a time from 1 s to 366 d"),
    "no duration": ('[outlook]\nwait = "soon"\n', "end", LAST + 1, "outlook.wait is wrong: 'soon' is not a duration"),
    "a duration without a unit": ("[outlook]\nwait = 60\n", "end", LAST + 1, "outlook.wait is 60; it must be a text"),
    "strange tempo": ('[outlook]\ntempo = "fast"\n', "end", LAST + 1, "outlook.tempo is 'fast'; it must be one of"),
    "belief of nothing": (
        "[limits]\nbelief = 0\n",
        "end",
        LAST + 1,
        "limits.belief is 0; it must be a number from 0.001 to 1",
    ),
    "belief above one": (
        "[limits]\nbelief = 50\n",
        "end",
        LAST + 1,
        "limits.belief is 50; it must be a number from 0.001 to 1",
    ),
    "belief is no number": ("[limits]\nbelief = nan\n", "end", LAST + 1, "limits.belief is nan"),
    "belief is true": ("[limits]\nbelief = true\n", "end", LAST + 1, "limits.belief is true; it must be a number"),
    "consent above belief": (
        "[limits]\nbelief = 0.5\nconsent_belief = 0.6\n",
        "end",
        LAST + 2,
        "limits.consent_belief is above belief",
    ),
    "half an act": (
        "[limits]\nacts_per_hour = 1.5\n",
        "end",
        LAST + 1,
        "limits.acts_per_hour is 1.5; it must be a whole number",
    ),
    "less than no act": (
        "[limits]\nacts_per_hour = -1\n",
        "end",
        LAST + 1,
        "limits.acts_per_hour is -1; it must be a number from 0",
    ),
    "longest of the mandate": (
        '[limits]\nlongest = "32d"\n',
        "end",
        LAST + 1,
        "limits.longest is 32d; write a time from 1 s to 31 d",
    ),
    "quiet upside down": (
        '[release]\nquiet_least = "3h"\nquiet_most = "2h"\n',
        "end",
        LAST + 1,
        "quiet_least <= quiet_most",
    ),
    "no TOML": ("[limits]\nbelief = \n", "end", LAST + 1, "this is not TOML: invalid value"),
    "no end": ("x = [", "end", LAST, "this is not TOML: "),
    "nesting": ("x = " + "[" * 3000 + "]" * 3000, "end", 1, "brackets are nested too deeply"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fault_names_its_line_and_what_to_do(tmp_path: Path, case: tuple[str, str, int, str]):
    old, new, line, words = case
    text = (
        TOML + old
        if new == "end"
        else TOML.replace("[tercio]", old)
        if old.startswith("[tercio]")
        else changed(old, new)
    )
    found = faults(tmp_path, text)
    assert [f for f in found if f.startswith(f"tercio.toml:{line}: ") and words in f], found
    assert len(found) == 1, found


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_file(tmp_path: Path):
    text = (
        changed('sensor = "suricata"', 'sensor = "?"', changed("[tercio]", "[tercio]\nsort = 1"))
        + "[limits]\nbelief = 2\n"
    )
    lines = [int(fault.split(":")[1]) for fault in faults(tmp_path, text)]
    assert lines == sorted(lines)
    assert len(lines) == 3


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path: Path, name: str):
    with pytest.raises(
        SettingsError, match=r"(No such file|Is a directory).*; name your settings with --settings FILE"
    ):
        load(tmp_path / name)


def test_a_file_that_is_no_text_is_told(tmp_path: Path):
    (tmp_path / "tercio.toml").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(SettingsError, match="this is not UTF-8 text; save it as UTF-8"):
        load(tmp_path / "tercio.toml")


def test_a_fault_found_later_has_its_line_too(tmp_path: Path):
    found = read(tmp_path, TOML)
    (tmp_path / "tercio.toml").unlink()
    error = wrong(found, [(("hands", "gateway", "zones", 1), "one"), (("tercio", "rules", 4), "two")])
    assert str(error).splitlines() == [f"{tmp_path}/tercio.toml:1: two", f"{tmp_path}/tercio.toml:11: one"]


NUMBERS = st.one_of(st.integers(-2, 3), st.floats(-1, 2, allow_nan=False).map(lambda x: round(x, 4)))


@settings(max_examples=60)
@given(belief=NUMBERS, acts=NUMBERS, threshold=NUMBERS)
def test_a_number_is_taken_exactly_or_it_is_a_fault(tmp_path_factory, belief: float, acts: float, threshold: float):
    folder = tmp_path_factory.mktemp("settings")
    text = f"{TOML}[limits]\nbelief = {belief}\nacts_per_hour = {acts}\n[release]\nthreshold = {threshold}\n"
    sound = {
        "belief": 0.001 <= belief <= 1,
        "acts_per_hour": acts >= 0 and acts == int(acts),
        "threshold": 0 <= threshold <= 1,
    }
    try:
        if all(sound.values()):
            found = read(folder, text)
            assert found.limits.belief == round(belief * 1000)
            assert found.limits.acts_per_hour == acts
            assert found.release.threshold == threshold
        else:
            named = {re.search(r": \w+\.(\w+) ", fault)[1] for fault in faults(folder, text)}
            assert named == {key for key, right in sound.items() if not right}
    finally:
        shutil.rmtree(folder)


def test_settings_have_no_secret_in_them_to_print(tmp_path: Path):
    assert "PRIVATE" not in repr(read(tmp_path, TOML))


def test_placeholders_of_rules(tmp_path: Path):
    text = TOML + '\n[placeholders]\nadmins = ["ann", "svc-*"]\n"site name" = "x"\n'
    assert read(tmp_path, text).placeholders == {"admins": ("ann", "svc-*"), "site name": ("x",)}
    empty, number = faults(tmp_path, TOML + "\n[placeholders]\nempty = []\nnumber = 5\n")
    assert "placeholders.empty is empty; write" in empty
    assert "placeholders.number is 5" in number
