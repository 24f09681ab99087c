"""The sensor: Suricata on the OT bridge, with the settings of the distribution and what a plant needs beside them."""

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from tercio.drills.range.sandbox import inside
from tercio.drills.range.topology import GATEWAY, SEGMENTS

STOCK = Path("/etc/suricata/suricata.yaml")
PATIENCE = 30.0
"""Seconds that the engine may take to start."""

CAPABILITIES = "-all,+net_raw,+net_admin,+sys_nice,+ipc_lock"
"""What packet capture needs, and nothing else; files belong to the user it runs as."""

_EVENTS: list[Any] = [
    {"alert": {"metadata": {"app-layer": True, "flow": True, "rule": {"metadata": True, "raw": False}}}},
    {"anomaly": {"enabled": True, "types": {"decode": False, "stream": False, "applayer": True}}},
    *["modbus", "dnp3", "dns", "http", "tls", "ssh", "smb", "krb5", {"dhcp": {"enabled": True}}, "flow"],
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
    command = ["suricata", "-c", str(path), "--af-packet", "--runmode", "single", "-k", "none", "-l", str(folder)]
    caged = ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", "--no-new-privs", *command]
    with (folder / "console.log").open("wb") as console:
        return subprocess.Popen(inside(GATEWAY, caged), stdin=subprocess.DEVNULL, stdout=console, stderr=console)


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
    """The distribution's settings, changed where a plant differs: OT parsers on, one capture on the OT bridge.

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
    eve = {"enabled": True, "filetype": "regular", "filename": "eve.json", "community-id": True, "types": _EVENTS}
    capture = {"interface": ot.bridge, "threads": 1, "cluster-id": 99, "cluster-type": "cluster_flow", "defrag": True}
    return {
        **stock,
        "vars": {**stock["vars"], "address-groups": groups},
        "default-log-dir": str(folder),
        "pid-file": str(folder / "suricata.pid"),
        "stats": {"enabled": True, "interval": 5},
        "outputs": [{"eve-log": eve}],
        "logging": {
            "default-log-level": "notice",
            "outputs": [{"console": {"enabled": True}}, {"file": {"enabled": True, "filename": "suricata.log"}}],
        },
        "app-layer": {**stock["app-layer"], "protocols": protocols},
        "af-packet": [{**capture, "tpacket-v3": False, "use-mmap": True, "ring-size": 4096}],
        "unix-command": {"enabled": False},
        "stream": {**stock["stream"], "midstream": False, "checksum-validation": False},
        "flow-timeouts": dict.fromkeys(("default", "tcp", "udp", "icmp"), _TIMEOUTS | _EMERGENCY),
        "default-rule-path": str(rules.parent),
        "rule-files": [str(rules)],
    }
