import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tercio.app.assemble import site_of
from tercio.app.checkup import Weight
from tercio.app.settings import load
from tercio.app.sight import DEEP, sight
from tests.app.given import home


def record(kind: str = "flow", seconds: float = 0, **more: object) -> bytes:
    at = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()
    return json.dumps({"timestamp": at, "event_type": kind, **more}).encode() + b"\n"


def stats(uptime: int, packets: int, drops: int) -> bytes:
    return record("stats", stats={"uptime": uptime, "capture": {"kernel_packets": packets, "kernel_drops": drops}})


def told(folder: Path, *lines: bytes, shadow: bool = False) -> list[tuple[Weight, str]]:
    settings = load(home(folder))
    if shadow:
        text = settings.site.read_text()
        settings.site.write_text(text.replace('autonomy = "act"', 'autonomy = "shadow"'))
    (folder / "eve.json").write_bytes(b"".join(lines))
    return [(finding.weight, finding.words) for finding in sight(settings, site_of(settings))]


def everywhere() -> list[bytes]:
    """Records that speak of every zone."""
    ends = (("10.77.10.10", "10.77.20.10"), ("10.77.30.21", "192.0.2.1"))
    return [record(src_ip=src, dest_ip=dst) for src, dst in ends]


@pytest.mark.parametrize(("counts", "weight", "words"), [
    ([(5, 100, 0), (10, 300, 0)], Weight.OK, "lost none of 200 packets in its last 5 s"),
    ([(5, 100, 2), (10, 300, 52)], Weight.WARN, "lost 50 of 250 packets in its last 5 s: an intruder may"),
    ([(5, 100, 2), (10, 300, 2)], Weight.WARN, "lost 2 packets since it began, none in its last 5 s"),
    ([(10, 300, 7)], Weight.WARN, "lost 7 of 307 packets in its last 10 s"),
    ([(99, 9000, 9), (5, 100, 0)], Weight.OK, "lost none of 100 packets in its last 5 s"),
    ([(5, 100, 0), (10, 100, 0)], Weight.WARN, "saw no packet in its last 5 s: is the mirror port still"),
    ([], Weight.WARN, "has no count of lost packets of late: add stats to the types of eve-log"),
])  # fmt: skip
def test_packets_that_the_sensor_lost(tmp_path: Path, counts: list[tuple[int, int, int]], weight: Weight, words: str):
    ((found, said),) = told(tmp_path, *everywhere(), *(stats(*count) for count in counts))
    assert found == weight
    assert said.startswith(words)


def test_a_sensor_that_said_nothing_is_not_accused(tmp_path: Path):
    assert told(tmp_path) == []
    assert told(tmp_path, b"\x00\xff\n", b"[1]\n", b"{}\n") == []
    settings = load(home(tmp_path / "gone"))
    settings.sources[0].path.unlink()
    assert list(sight(settings, None)) == []


def test_the_latest_count_is_found_in_a_long_file(tmp_path: Path):
    filler = record(src_ip="10.77.10.10", payload="x" * 1000)
    words = [said for _, said in told(tmp_path, *[filler] * (DEEP // 1000), stats(5, 9, 3))]
    assert words[0].startswith("lost 3 of 12 packets")


@pytest.mark.parametrize(("seconds", "begin", "end"), [
    (36_000, "dates its records ", " h ahead of this machine's clock; set the sensor's clock"),
    (-36_000, "writes records that are ", " h old: its clock is behind, or it can't keep up"),
])  # fmt: skip
def test_a_sensor_with_a_wrong_clock(tmp_path: Path, seconds: float, begin: str, end: str):
    weight, words = told(tmp_path, *everywhere(), stats(5, 9, 0), record("flow", seconds))[-1]
    assert weight == Weight.WARN
    assert words.startswith(begin)
    assert words.endswith(end)


@pytest.mark.parametrize("date", ["yesterday", "2026-11-24T08:00:00", "9" * 60, ""])
def test_a_date_that_is_none_is_no_clock(tmp_path: Path, date: str):
    line = json.dumps({"timestamp": date, "event_type": "flow"}).encode() + b"\n"
    assert [said for _, said in told(tmp_path, stats(5, 9, 0), line) if "clock" in said] == []


def test_zones_that_no_sensor_sees_are_named(tmp_path: Path):
    weight, said = told(tmp_path, record(src_ip="10.77.10.10", dest_ip="not an address"), stats(5, 9, 0))[-1]
    assert (weight, said) == (Weight.WARN, "no record of late speaks of dmz, ot: does a sensor see its traffic?")
    assert len(told(tmp_path, *everywhere(), stats(5, 9, 0))) == 1
    assert [f for f in sight(load(home(tmp_path)), None) if f.what == "sight"] == []


def test_an_old_file_is_measured_by_when_it_was_written(tmp_path: Path):
    told(tmp_path, record("stats", -86400))
    before = time.time() - 86400
    os.utime(tmp_path / "eve.json", (before, before))
    assert [f.words for f in sight(load(tmp_path / "tercio.toml"), None) if " old: " in f.words] == []


ALERT = {"signature_id": 9200001, "signature": "TERCIO TCP handshake completed"}
WHOLE = {"proto": "TCP", "community_id": "1:x", "ether": {"src_mac": "02:00:00:00:00:01"}}


def session(seconds: float = 3600, *, psh: bool = True, state: str = "closed", **more: object) -> bytes:
    """A flow record whose session began so many seconds from now (collection counts)."""
    start = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()
    return record(flow={"start": start, "state": state}, tcp={"psh": psh}, **{**WHOLE, **more})


def lacking(folder: Path, *lines: bytes, shadow: bool = False) -> list[tuple[Weight, str]]:
    found = told(folder, *everywhere(), stats(5, 9, 0), *lines, shadow=shadow)
    return [each for each in found if "tercio-suricata" in each[1]]


def test_a_sensor_that_says_what_rules_wait_for_is_not_accused(tmp_path: Path):
    assert lacking(tmp_path, session(), record("alert", alert=ALERT, **WHOLE), record("modbus", **WHOLE)) == []
    assert lacking(tmp_path / "udp", record(proto="UDP")) == []


@pytest.mark.parametrize(("line", "words"), [
    (session(), "1 TCP sessions began in its last 5 records, and none of Tercio's own signatures alerted"),
    (record("alert", alert={**ALERT, "signature_id": 1}, **WHOLE) + session(), "1 TCP sessions began in its last 6"),
    (record("alert", alert=ALERT, **{**WHOLE, "community_id": ""}), "no community_id in 1 records of TCP"),
    (record("alert", alert=ALERT, proto="TCP", community_id="1:x"), "no ether in 1 records of TCP"),
])  # fmt: skip
@pytest.mark.parametrize("shadow", [True, False])
def test_what_rules_wait_for_in_vain_fails_where_tercio_may_act(tmp_path: Path, line: bytes, words: str, shadow: bool):
    modbus = record("modbus", community_id="", ether=None)
    ((weight, said),) = lacking(tmp_path, modbus, line, shadow=shadow)
    assert weight == (Weight.WARN if shadow else Weight.FAIL)
    assert said.startswith(words)


@pytest.mark.parametrize("line", [session(-99), session(psh=False), session(state="new")])
def test_only_a_handshake_that_must_have_been_seen_is_missed(tmp_path: Path, line: bytes):
    """A screen polls over one session for days; a refused connection has no handshake."""
    assert lacking(tmp_path, record("modbus", **WHOLE), line) == []


def test_a_site_with_modbus_waits_for_it(tmp_path: Path):
    ((weight, said),) = lacking(tmp_path, session(), record("alert", alert=ALERT, **WHOLE))
    assert (weight, said.partition(",")[0]) == (Weight.WARN, "no modbus record of late")


def test_what_was_written_for_another_site_is_told(tmp_path: Path):
    settings = load(home(tmp_path))
    (tmp_path / "tercio-suricata.yaml").write_text("vars.address-groups.OT_NET: any\n")
    ((weight, words),) = [(f.weight, f.words) for f in sight(settings, site_of(settings))]
    assert weight == Weight.FAIL
    assert words.endswith("write it anew with `tercio site suricata`")
