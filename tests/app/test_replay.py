import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.app.recordings import looked_into
from tercio.app.replay import HAND, UNKNOWN, Outcome, Seen, content, replay
from tercio.drills.range.range import site_file
from tercio.model.site import Autonomy
from tercio.model.siteparse import parse_site
from tercio.products.transports.recorded import Recording
from tests.house import tree

RULES = tree.SRC / "content" / "rules"
SITE = parse_site(site_file().read_text())
RULE = """\
title: A tool of the trade
id: 7b6f0d6e-1c1f-4c6f-9a52-0a4c1f7f3a01
level: high
tags: [attack.credential-access, attack.t1003.001]
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: '\\\\dump.exe'}, condition: s}
"""
Take = Callable[..., Outcome]


def started(second: int, host: str, image: str) -> bytes:
    record = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "Computer": host,
        "SystemTime": f"2020-05-02T08:00:{second:02}Z",
        "Image": f"C:\\\\{image}",
    }
    return json.dumps(record).encode() + b"\n"


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Replay files of these lines, with one rule of the site's own beside ours."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "tool.yml").write_text(RULE.replace("\\\\\\\\", "\\\\"))

    def take(*files: bytes, site=UNKNOWN) -> Outcome:
        found = []
        for number, data in enumerate(files):
            path = tmp_path / f"log{number}"
            path.write_bytes(data)
            found.append(looked_into(Recording(path.name, path)))
        made = content(site, [folder], {each.sensor for each in found})
        assert made.rules.rejected == ()
        return replay(made, "all", found)

    return take


def told(outcome: Outcome) -> Seen:
    (seen,) = outcome.incidents
    return seen


def test_what_a_host_logged_is_an_incident_of_that_host(take: Take):
    lines = [
        started(1, "WS1.plant", "calc.exe"),
        started(2, "WS1.plant", "dump.exe"),
        started(9, "WS1.plant", "dump.exe"),
    ]
    outcome = take(b"".join(lines))
    seen = told(outcome)
    assert (seen.sources, seen.techniques, seen.tactics) == (("ws1.plant",), ("T1003.001",), ("credential-access",))
    assert (seen.findings, seen.evidence, seen.repeats) == (1, 1, 1)
    assert [(rule.title, rule.count) for rule in seen.rules] == [("A tool of the trade", 1)]
    assert 0.02 < seen.held["ws1.plant"] <= 0.3, "a log proves nothing"
    assert seen.proven["ws1.plant"] < 0.01
    assert (seen.chosen, seen.would) == ("do nothing", "do nothing")
    assert outcome.lines == 3
    assert sum(outcome.hits.values()) == 2
    assert outcome.techniques == outcome.matched == ("T1003.001",)


def test_with_a_site_a_host_has_its_name_and_its_zone_and_is_left_alone(take: Take):
    seen = told(take(started(1, "EWS1.plant.example", "dump.exe"), site=SITE))
    assert seen.sources == ("ews1",)
    assert "block" not in seen.would


def test_two_files_are_one_history(take: Take):
    alone = take(started(1, "ws1", "dump.exe"))
    both = take(started(1, "ws1", "dump.exe"), started(3, "ws1", "dump.exe"))
    assert told(both).id == told(alone).id
    assert told(both).repeats == 1
    assert [(file.name, file.lines) for file in both.files] == [("log0", 1), ("log1", 1)]


def test_lines_that_nobody_understands_are_counted(take: Take):
    (file,) = take(started(1, "ws1", "calc.exe") + b"{}x\n" + b'{"EventID": 1, cut off\n').files
    assert (file.sensor, file.lines, file.unparsed) == ("windows", 3, 2)


def test_a_recorded_attack_on_the_plant_says_what_would_have_been_done(take: Take):
    sweep = (RULES / "port-sweep" / "positive.ndjson").read_bytes()
    write = (RULES / "modbus-write" / "positive.ndjson").read_bytes()
    site = SITE
    assert any(zone.autonomy is not Autonomy.SHADOW for zone in site.zones.values())
    outcome = take(sweep, write, site=site)
    assert outcome.incidents
    proven = [seen for seen in outcome.incidents if any(held > 0.5 for held in seen.proven.values())]
    assert proven
    assert all(not seen.chosen.startswith("block") for seen in outcome.incidents), "it is in shadow"
    assert any("block" in seen.would or "close" in seen.would for seen in proven)


def test_in_a_replay_every_zone_is_in_shadow_and_in_reach_of_a_hand_that_is_not_there():
    made = content(SITE, [], ["suricata"])
    assert {zone.autonomy for zone in made.site.zones.values()} == {Autonomy.SHADOW}
    assert [(reach.hand, set(reach.zones)) for reach in made.reaches] == [(HAND, set(SITE.zones))]
    assert content(UNKNOWN, [], ["suricata"]).reaches == ()


def test_a_folder_without_rules_is_said(tmp_path: Path):
    with pytest.raises(ValueError, match=r"has no Sigma rules"):
        content(UNKNOWN, [tmp_path], ["windows"])


FEW = """\
title: Fewer than three starts
name: few
level: high
tags: [attack.execution]
correlation: {type: event_count, rules: 7b6f0d6e-1c1f-4c6f-9a52-0a4c1f7f3a01, group-by: [Computer], timespan: 1h,
  condition: {lt: 3}}
"""


def test_windows_that_wait_for_their_end_are_judged_where_the_recording_ends(take: Take, tmp_path: Path):
    (tmp_path / "rules" / "few.yml").write_text(FEW)
    found = take(b"".join(started(at, "ws1", "dump.exe") for at in (1, 2)))
    assert [rule.title for rule in told(found).rules] == ["Fewer than three starts"]
    assert found.incidents[0].opened == found.ends, "nothing is known to have happened later"
    assert not take(b"".join(started(at, "ws1", "dump.exe") for at in (1, 2, 3))).incidents
