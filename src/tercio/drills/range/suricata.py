"""The sensor: Suricata on every zone's bridge, with the distribution's settings and what a plant needs beside.

The OT bridge is watched whole. On an inner zone's bridge a machine is seen under its own MAC address, which a routed
packet no longer carries: there the sensor follows what the zone's own machines begin. Of sessions with OT it gets the
empty segments only (handshake, acknowledgements, end): enough to tell whose they are, while what is said in them is
evidence once, and behind the plant's firewall.
"""

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from tercio.drills.range.sandbox import inside
from tercio.drills.range.topology import GATEWAY, SEGMENTS, Segment

STOCK = Path("/etc/suricata/suricata.yaml")
PATIENCE = 30.0
"""Seconds that the engine may take to start."""

CAPABILITIES = "-all,+net_raw,+net_admin,+sys_nice,+ipc_lock"
"""What packet capture needs, and nothing else; files belong to the user it runs as."""

_EVENTS: list[Any] = [
    {"alert": {"metadata": {"app-layer": True, "flow": True, "rule": {"metadata": True, "raw": False}}}},
    {"anomaly": {"enabled": True, "types": {"decode": False, "stream": False, "applayer": True}}},
    *["modbus", "dnp3", "dns", "http", "tls", "ssh", "smb", "krb5", "flow"],
    {"dhcp": {"enabled": True, "extended": True}},
    {"stats": {"totals": True, "threads": False, "deltas": False}},
]
_TIMEOUTS = {"new": 5, "established": 60, "closed": 0, "bypassed": 10}
_EMERGENCY = {"emergency-new": 2, "emergency-established": 30, "emergency-closed": 0, "emergency-bypassed": 5}


class SensorError(Exception):
    """Suricata is missing, or did not start: one sentence that says what to do."""


class Sensor:
    """A running Suricata. ``eve`` is where its events lie, ``version`` what it called itself."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, version: str) -> None:
        self.process = process
        self.eve = folder / "eve.json"
        self.version = version


def missing() -> str:
    """Why there can be no sensor, as one sentence; empty when there can."""
    if shutil.which("suricata") is None:
        return "suricata is missing: install the package suricata (on Debian 12 it comes from bookworm-backports)"
    return "" if STOCK.exists() else f"{STOCK} is missing: reinstall the package suricata"


def start(folder: Path, rules: Path) -> "subprocess.Popen[bytes]":
    """Write the settings and start the engine in the gateway; ``ready`` waits for it. Raises ``SensorError``."""
    if reason := missing():
        raise SensorError(reason)
    if not rules.is_file():
        raise SensorError(f"{rules} is missing: the sensor has no rules to run")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "suricata.yaml"
    stock = yaml.safe_load(STOCK.read_text())
    path.write_text("%YAML 1.1\n---\n" + yaml.safe_dump(settings(stock, folder, rules), sort_keys=False))
    command = ["suricata", "-c", str(path), "--af-packet", "--runmode", "workers", "-k", "none", "-l", str(folder)]
    caged = ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", "--no-new-privs", *command]
    with (folder / "console.log").open("wb") as console:
        argv, quiet = inside(GATEWAY, caged), subprocess.DEVNULL
        return subprocess.Popen(argv, stdin=quiet, stdout=console, stderr=console, process_group=0)


def ready(process: "subprocess.Popen[bytes]", folder: Path) -> Sensor:
    """Wait until the engine says that it runs. Raises ``SensorError`` with its own last words if it does not."""
    log = folder / "suricata.log"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        text = log.read_text(errors="replace") if log.exists() else ""
        if "Engine started" in text:
            found = re.search(r"Suricata version (\S+)", text)
            return Sensor(process, folder, found[1] if found else "unknown")
        if process.poll() is not None:
            break
        time.sleep(0.02)
    words = (folder / "console.log").read_text(errors="replace").strip().splitlines()[-3:]
    raise SensorError(f"suricata did not start, see {log}: {' / '.join(words)}")


def settings(stock: dict[str, Any], folder: Path, rules: Path) -> dict[str, Any]:
    """The distribution's settings, changed where a plant differs: OT parsers on, one capture on every bridge.

    Sessions are followed only from their handshake on (no midstream pickup), so that what is called established is so;
    checksums are not checked, as a virtual link leaves them to hardware that is not there.
    """
    ot = SEGMENTS["ot"]
    groups = {
        **stock["vars"]["address-groups"],
        "HOME_NET": "[" + ",".join(net for each in SEGMENTS.values() for net in (each.network4, each.network6)) + "]",
        "OT_NET": f"[{ot.network4},{ot.network6}]",
    }
    protocols = dict(stock["app-layer"]["protocols"])
    for name in ("modbus", "dnp3", "enip"):
        protocols[name] = {**protocols[name], "enabled": True}
    eve = {"enabled": True, "filetype": "regular", "filename": "eve.json", "community-id": True, "ethernet": True}
    return {
        **stock,
        "vars": {**stock["vars"], "address-groups": groups},
        "default-log-dir": str(folder),
        "pid-file": str(folder / "suricata.pid"),
        "stats": {"enabled": True, "interval": 5},
        "outputs": [{"eve-log": {**eve, "types": _EVENTS}}],
        "logging": {
            "default-log-level": "notice",
            "outputs": [{"console": {"enabled": True}}, {"file": {"enabled": True, "filename": "suricata.log"}}],
        },
        "app-layer": {**stock["app-layer"], "protocols": protocols},
        "af-packet": [capture(number, segment) for number, segment in enumerate(SEGMENTS.values())],
        "unix-command": {"enabled": False},
        "stream": {**stock["stream"], "midstream": False, "checksum-validation": False},
        "flow-timeouts": dict.fromkeys(("default", "tcp", "udp", "icmp"), _TIMEOUTS | _EMERGENCY),
        "default-rule-path": str(rules.parent),
        "rule-files": [str(rules)],
    }


def capture(number: int, segment: Segment) -> dict[str, Any]:
    """How one bridge is watched: by one thread, frame by frame (version 3 of the ring would hold frames back)."""
    whole = {"interface": segment.bridge, "threads": 1, "cluster-id": 90 + number, "cluster-type": "cluster_flow"}
    whole |= {"defrag": True, "tpacket-v3": False, "use-mmap": True, "ring-size": 4096}
    return whole if segment.zone == "ot" else {**whole, "bpf-filter": own_side(segment)}


def own_side(segment: Segment) -> str:
    """What is captured on an inner zone's bridge, as a packet filter.

    A session's first packet only from the zone's own addresses: nobody here can begin one in another zone's name. Of
    sessions with OT empty segments only. (In IPv6 a segment behind extension headers counts as no TCP.)
    """
    ot = SEGMENTS["ot"]
    begins4, begins6 = "tcp[13] & 0x12 = 2", "ip6[53] & 0x12 = 2"
    empty4 = "ip[2:2] = ((ip[0] & 0xf) << 2) + ((tcp[12] & 0xf0) >> 2)"
    empty6 = "ip6[4:2] = (ip6[52] & 0xf0) >> 2"
    in4 = f"(src net {segment.network4} or not tcp or not {begins4}) and (not net {ot.network4} or (tcp and {empty4}))"
    in6 = (
        f"(src net {segment.network6} or not ip6[6] = 6 or not {begins6})"
        f" and (not net {ot.network6} or (ip6[6] = 6 and {empty6}))"
    )
    return f"(ip and {in4}) or (ip6 and {in6})"
