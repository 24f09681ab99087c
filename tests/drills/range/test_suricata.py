import json
from pathlib import Path

import pytest
import yaml

from tercio.drills.range import suricata
from tercio.drills.range.suricata import STOCK, SensorError, missing, ready, settings, start


@pytest.fixture(scope="session")
def events(drill):
    return [json.loads(line) for line in Path(drill["folder"], "suricata", "eve.json").read_text().splitlines()]


@pytest.fixture
def made(tmp_path):
    if not STOCK.exists():
        pytest.skip(missing())
    return settings(yaml.safe_load(STOCK.read_text()), tmp_path, tmp_path / "tercio.rules")


def test_it_says_which_version_it_is(drill):
    assert drill["version"].split(".")[0].isdecimal()


def test_it_runs_with_four_capabilities_only(drill):
    assert int(drill["capabilities"], 16) == sum(1 << bit for bit in (12, 13, 14, 23))


def test_it_sees_polls_and_what_they_read(events):
    polls = [e for e in events if e["event_type"] == "modbus" and e["src_ip"] == "10.77.30.10"]
    assert len(polls) > 50, "frames that are switched inside the zone"
    assert {e["modbus"]["request"]["function_code"] for e in polls} == {"RdCoils", "RdInputRegs"}
    assert all("response" in e["modbus"] for e in polls[:20])
    assert all(e["community_id"].startswith("1:") for e in polls)


def test_it_raises_the_alerts_of_its_rules_with_their_metadata(events):
    alerts = [e for e in events if e["event_type"] == "alert"]
    swept = {e["src_ip"]: e["alert"]["metadata"] for e in alerts if e["alert"]["signature"] == "sweep"}
    assert {"10.77.10.10", "10.77.20.40"} <= swept.keys()
    assert all(said == {"provenance": ["forgeable"]} for said in swept.values())
    wrote = [e["src_ip"] for e in alerts if e["alert"]["signature"] == "write"]
    assert wrote.count("10.77.30.30") == 3
    assert wrote.count("10.77.10.10") > 20
    assert {e["in_iface"] for e in alerts if e["alert"]["signature"] == "write"} == {"br-ot"}, "evidence once"


def test_whoever_comes_from_an_inner_zone_is_seen_there_under_his_own_mac(events):
    flows = [
        e for e in events if e["event_type"] == "flow" and (e["src_ip"], e.get("dest_port")) == ("10.77.10.10", 502)
    ]
    own = {e["community_id"]: e for e in flows if e["in_iface"] == "br-office"}
    behind = {e["community_id"]: e for e in flows if e["in_iface"] == "br-ot"}
    both = own.keys() & behind.keys()
    assert both, "the gateway's two sides of one session carry one community id"
    assert all("02:00:0a:4d:0a:0a" in own[name]["ether"]["src_macs"] for name in both)
    assert all("02:00:0a:4d:1e:01" in behind[name]["ether"]["src_macs"] for name in both)
    assert any(e["tcp"].get("state") == "closed" for e in own.values()), "and whole sessions are followed there"


def test_what_is_said_to_ot_and_who_lies_about_his_zone_is_seen_on_the_ot_side_only(events):
    assert {e["in_iface"] for e in events if e["event_type"] == "modbus" and e["dest_ip"] == "10.77.30.21"} == {"br-ot"}
    begun = [
        e for e in events if e.get("in_iface") == "br-office" and e["event_type"] == "flow" and e["proto"] == "TCP"
    ]
    inner = {e["src_ip"] for e in begun if e["tcp"].get("state") not in (None, "none")}
    office = {f"10.77.10.{n}" for n in (1, 10, 11)} | {f"fd00:0077:0010:0000:0000:0000:0000:00{n}" for n in (10, 11)}
    assert {"10.77.10.10", "10.77.10.11"} < inner <= office, "nobody there begins a session in another zone's name"


def test_one_packet_is_seen_once(events):
    wrote = [
        (e["src_port"], e["modbus"]["request"]["write"]["data"])
        for e in events
        if e["event_type"] == "alert" and e["alert"]["signature"] == "write" and e["src_ip"] == "10.77.30.30"
    ]
    assert len(wrote) == len(set(wrote)) == 3


def test_it_counts_its_own_losses(events):
    stats = [e["stats"]["capture"] for e in events if e["event_type"] == "stats"]
    assert stats
    assert stats[-1]["kernel_packets"] > 500


def test_settings_differ_from_the_distributions_where_a_plant_does(made, tmp_path):
    assert made["vars"]["address-groups"]["OT_NET"] == "[10.77.30.0/24,fd00:77:30::/64]"
    assert all(made["app-layer"]["protocols"][name]["enabled"] for name in ("modbus", "dnp3", "enip", "smb", "krb5"))
    assert [each["interface"] for each in made["af-packet"]] == ["br-office", "br-dmz", "br-ot"]
    assert {(each["tpacket-v3"], each["threads"]) for each in made["af-packet"]} == {(False, 1)}
    assert [each["interface"] for each in made["af-packet"] if "bpf-filter" not in each] == ["br-ot"]
    assert len({each["cluster-id"] for each in made["af-packet"]}) == 3
    assert (made["stream"]["midstream"], made["stream"]["checksum-validation"]) == (False, False)
    (output,) = made["outputs"]
    kinds = [next(iter(each)) if isinstance(each, dict) else each for each in output["eve-log"]["types"]]
    wanted = "alert anomaly modbus dnp3 dns http tls ssh smb krb5 flow dhcp stats"
    assert kinds == wanted.split()
    assert output["eve-log"]["ethernet"] is True
    assert {"dhcp": {"enabled": True, "extended": True}} in output["eve-log"]["types"]
    assert made["rule-files"] == [str(tmp_path / "tercio.rules")]


def test_nothing_is_written_outside_the_folder(made, tmp_path):
    paths = [made["default-log-dir"], made["pid-file"]]
    assert all(Path(path).is_relative_to(tmp_path) for path in paths)
    assert not made["unix-command"]["enabled"]


def test_a_missing_suricata_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SensorError, match="suricata is missing: install the package suricata"):
        start(tmp_path, tmp_path / "x.rules")


def test_missing_rules_are_named(tmp_path):
    if missing():
        pytest.skip(missing())
    with pytest.raises(SensorError, match=r"absent\.rules is missing"):
        start(tmp_path, tmp_path / "absent.rules")


class Ended:
    def poll(self):
        return 1


def test_an_engine_that_did_not_start_is_quoted(tmp_path):
    (tmp_path / "console.log").write_text("one\ntwo\nE: br-ot: no such device\n")
    with pytest.raises(SensorError, match="no such device"):
        ready(Ended(), tmp_path)


def test_an_engine_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(suricata, "PATIENCE", 0.05)
    (tmp_path / "console.log").write_text("busy\n")

    class Hanging:
        def poll(self):
            return None

    with pytest.raises(SensorError, match="did not start"):
        ready(Hanging(), tmp_path)
