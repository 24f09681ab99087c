import json
import subprocess
import sys
from pathlib import Path

import pytest

from tercio.drills.range.cast import STANDING, VISITING
from tercio.drills.range.range import Range, RangeError, content_rules, site_file
from tercio.drills.range.topology import FLOATING, HOSTS, SEGMENTS, mac_of
from tercio.model.site import Autonomy
from tercio.model.siteparse import parse_site


def test_it_says_how_long_it_took(drill):
    assert drill["took"] > 0


def test_a_healthy_line_runs_through_its_look_alikes(drill):
    healthy = drill["healthy"]
    assert (healthy["missed_polls"], healthy["trips"], healthy["running"], healthy["broken"]) == (0, 0, True, 0)
    assert healthy["bottles"] > 10
    assert healthy["first_write_stopped"] is None


def test_without_defence_the_writes_land_and_the_line_suffers(drill):
    final = drill["final"]
    assert final["first_write_stopped"] is False
    assert final["trips"] == 1
    assert final["running"] is False
    assert drill["dropped"]["bottles"] == final["bottles"], "nothing was filled after the trip"
    assert final["writes_received"]["ws1"] == final["writes_landed"] > 20


def test_lifting_a_plain_drop_replays_stale_writes(drill):
    assert drill["dropped"]["replayed_writes"] > 0


def test_lifting_a_reset_replays_none(drill):
    assert drill["refused"]["replayed_writes"] == 0
    assert drill["refused"]["writes_tried"] > drill["refused"]["writes_landed"] > drill["dropped"]["writes_landed"]


def test_it_comes_up_again_and_leaves_nothing(drill):
    again = drill["second"]
    assert again["running"] is True
    assert again["left"]["processes"] == []


def test_what_did_not_start_is_named(drill):
    assert drill["second"]["no_actor"].startswith("plc did not start, see ")
    assert "absent.rules is missing" in drill["second"]["no_rules"]


def test_everything_is_written_inside_its_folder(drill):
    names = {path.name for path in Path(drill["folder"]).iterdir()}
    logs = {f"{name}.log" for name in STANDING | VISITING}
    whole = {"traces", "suricata", "historian.jsonl", "backup", "directory", "lease"} | logs
    assert {"traces", "suricata", "historian.jsonl", "backup"} <= names <= whole


def test_a_folder_that_was_used_is_refused(tmp_path):
    (tmp_path / "traces").mkdir()
    with pytest.raises(RangeError, match="use a new folder"):
        Range.up(tmp_path)


def test_missing_tools_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RangeError, match="install the package iproute2"):
        Range.up(tmp_path)


def test_actors_live_on_hosts_of_the_range():
    assert {actor.host for actor in (STANDING | VISITING).values()} >= set(HOSTS)


def test_its_site_file_is_a_site_and_says_what_the_table_says():
    site = parse_site(site_file().read_text(), "site.toml")
    routers = {
        f"gate-{zone}": ((f"{each.prefix4}.1", f"{each.prefix6}::1"), mac_of(f"{each.prefix4}.1"), zone)
        for zone, each in SEGMENTS.items()
    }
    assert {name: (asset.addresses, asset.mac, asset.zone) for name, asset in site.assets.items()} == {
        **{name: ((host.address4, host.address6), host.mac, host.zone) for name, host in HOSTS.items()},
        **routers,
        "pair": ((FLOATING,), "", "ot"),
    }
    assert {site.assets[name].role for name in routers} == {"router"}
    assert site.assets["pair"].shared
    assert {name: zone.networks for name, zone in site.zones.items()} == {
        name: (segment.network4, segment.network6) for name, segment in SEGMENTS.items()
    }
    assert {zone.autonomy for zone in site.zones.values()} == {Autonomy.ACT}
    filling = site.processes["filling"]
    assert filling.safety_signed
    assert [(flow.src, flow.access) for flow in filling.flows] == [("hmi1", "write"), ("hist1", "read")]
    assert [(each.asset, each.activity, each.target) for each in site.schedules] == [("scan1", "scan", "ot")]


def test_the_rules_that_ship_are_found():
    assert content_rules().parts[-3:] == ("content", "suricata", "tercio.rules")


@pytest.mark.usefixtures("sandboxed")
def test_the_command_runs_it_and_prints_one_object(tmp_path):
    argv = ["--folder", str(tmp_path / "f"), "--no-sensor", "--seconds", "0.5", "--intrude", "write", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tercio.drills.range", *argv], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["writes_landed"] == counts["writes_received"]["ws1"] > 0
    assert counts["writes_received"]["ews1"] == 4
    assert "range up after" in done.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--folder", "x", "--intrude", "sweep,dance"], "does not know dance"),
        ([], "--folder"),
    ],
)
def test_the_command_refuses_what_it_does_not_know(argv, words, tmp_path):
    command = [sys.executable, "-m", "tercio.drills.range", *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
