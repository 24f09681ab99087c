"""What is written for the site's Suricata, by Suricata's own word."""

import json
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from tercio.app.suricata import INCLUDED, RULES, ot_networks, signatures, stale, texts
from tercio.drills.range import suricata as ranged
from tercio.model.siteparse import parse_site
from tests.model.sites import GOOD

SITE = parse_site(GOOD)
OT = SITE.zones["ot"].networks
OFFICE = SITE.zones["office"].networks


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def syn(src: str, dst: str, port: int) -> bytes:
    """A first segment, as it looks on the wire."""
    ends = socket.inet_aton(src) + socket.inet_aton(dst)
    tcp = struct.pack("!HHIIBBHHH", port, 502, 1, 0, 0x50, 2, 1024, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(ends + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return bytes.fromhex("0200000000010200000000020800") + head + tcp


def test_the_distributions_suricata_takes_it_and_says_what_tercio_needs(tmp_path: Path):
    if ranged.missing():
        pytest.skip(ranged.missing())
    folder = tmp_path / 'a "new" site'
    folder.mkdir()
    for name, text in texts(SITE, folder).items():
        (folder / name).write_text(text)
    quoted = str(folder / INCLUDED).replace('"', '\\"')
    (tmp_path / "suricata.yaml").write_text(ranged.STOCK.read_text() + f'\ninclude: "{quoted}"\n')
    frame = syn("10.77.10.66", OT[0].rpartition(".")[0] + ".21", 40000)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    (tmp_path / "a.pcap").write_bytes(head + struct.pack("<IIII", int(time.time()), 0, *[len(frame)] * 2) + frame)
    (tmp_path / "log").mkdir()
    places = {"-c": "suricata.yaml", "-r": "a.pcap", "-l": "log"}
    argv = ["suricata", *(word for key, name in places.items() for word in (key, str(tmp_path / name)))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "log" / "eve-tercio.json").read_text().splitlines()
    (alert,) = [each for each in map(json.loads, lines) if each["event_type"] == "alert"]
    assert alert["alert"]["signature_id"] in signatures()
    assert alert["alert"]["metadata"] == {"provenance": ["forgeable"]}
    assert alert["community_id"].startswith("1:")
    assert alert["ether"]["src_mac"] == "02:00:00:00:00:02"
    assert {"flow", "stats"} <= {json.loads(line)["event_type"] for line in lines}
    assert (tmp_path / "log" / "eve.json").exists(), "the site's own log goes on"
    kept = subprocess.run(["suricata", "--dump-config", *argv[1:3]], capture_output=True, text=True, check=True).stdout
    for wanted in ("modbus.enabled = yes", "stream.midstream = no", "HOME_NET = ", "outputs.0 = fast"):
        assert wanted in kept


def test_it_asks_for_the_same_events_as_the_range():
    included = yaml.safe_load(texts(SITE, Path("/x"))[INCLUDED])
    but = [kind for kind in ranged._EVENTS if "anomaly" not in kind]  # Suricata writes them to one log only.
    assert included["outputs.tercio.eve-log.types"] == but


def test_control_happens_where_controllers_are():
    assert ot_networks(SITE) == OT
    deep = {name: replace(zone, level=4.0) for name, zone in SITE.zones.items()}
    assert ot_networks(replace(SITE, zones=deep)) == OT, "a controller tells, whatever the level"
    bare = replace(SITE, zones=deep, assets={}, processes={})
    assert set(OFFICE) < set(ot_networks(bare)), "where nothing tells, all of it"


def test_every_signature_of_ours_is_known_by_its_number():
    assert len(signatures()) == texts(SITE, Path("/x"))[RULES].count("\nalert ")
    assert 9200001 in signatures()


def test_what_is_not_as_it_would_be_now_is_told(tmp_path: Path):
    assert stale(SITE, tmp_path) == (), "what is not there is not old"
    for name, text in texts(SITE, tmp_path).items():
        (tmp_path / name).write_text(text)
    assert stale(SITE, tmp_path) == ()
    moved = {**SITE.zones, "ot": replace(SITE.zones["ot"], networks=("10.9.0.0/24",))}
    assert stale(replace(SITE, zones=moved), tmp_path) == (INCLUDED,)
    (tmp_path / RULES).write_text("# none\n")
    assert stale(SITE, tmp_path) == (RULES,)
