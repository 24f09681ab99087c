"""Everything the range's tests need a kernel for, played once inside one sandbox: prints what it saw as JSON.

The sensor's rules here are the test's own, so that the range is judged apart from the content that ships.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tercio.drills.range.cast import STANDING
from tercio.drills.range.range import Range, RangeError
from tercio.drills.range.topology import GATEWAY, HOSTS
from tercio.drills.range.traces import now

RULES = """
alert tcp any any -> $OT_NET any (msg:"sweep"; flags:S,12; threshold: type both, track by_src, count 10, seconds 5; \
sid:1; rev:1; metadata: provenance forgeable;)
alert modbus any any -> $OT_NET 502 (msg:"write"; modbus: access write; sid:2; rev:1;)
"""
CONNECT = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family) as s:
    s.settimeout(1)
    print(s.connect_ex((sys.argv[1], int(sys.argv[2]))))
"""

POLLS, BOTTLES = 15, 10
"""The healthy line is looked at once it has come so far, however long that takes on this machine."""


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("did not come true")
        time.sleep(0.05)


def until_quiet(plant: Range) -> None:
    """Until the screen sees its plant again: ten polls in a row that were answered."""
    before = after = states(plant)
    while after["missed_polls"] > before["missed_polls"] or after["polls"] == before["polls"]:
        before, goal = after, after["polls"] + 10
        until(lambda goal=goal: states(plant)["polls"] >= goal)
        after = states(plant)


def must(plant: Range, host: str, argv: list[str], text: str = "") -> str:
    done = plant.run_in(host, argv, text)
    if done.returncode:
        raise RuntimeError(f"{argv}: {done.stderr}")
    return done.stdout


def cut(plant: Range, address: str, verdict: str, seconds: float) -> tuple[int, int]:
    """Cut an address off for a while by hand, in a table of the test's own; the interval comes back."""
    rules = f"""table inet byhand {{ chain f {{ type filter hook forward priority -10;
      ip saddr {address} {verdict}
      ip daddr {address} {verdict}
    }}
    }}"""
    start = now()
    must(plant, GATEWAY, ["nft", "-f", "-"], rules)
    time.sleep(seconds)
    must(plant, GATEWAY, ["nft", "delete", "table", "inet", "byhand"])
    return start, now()


def reach(plant: Range, host: str, address: str, port: int) -> int:
    done = plant.run_in(host, [sys.executable, "-c", CONNECT, address, str(port)])
    return int(done.stdout)


def look(plant: Range) -> dict[str, object]:
    """The network as it stands."""
    plc = HOSTS["plc1"]
    sysctls = ("ipv4/conf/all/rp_filter", "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables")
    seen = {
        f"{host} {address}": reach(plant, host, address, 502)
        for host in ("ws1", "hist1", "hmi1")
        for address in (plc.address4, plc.address6)
    }
    return {
        "reach": seen,
        "sysctls": {name: plant.run_in(GATEWAY, ["cat", f"/proc/sys/net/{name}"]).stdout.strip() for name in sysctls},
        "tables": plant.run_in(GATEWAY, ["nft", "list", "tables"]).stdout.split("\n")[:-1],
        "macs": {name: must(plant, name, ["ip", "-br", "link", "show", "eth0"]).split()[2] for name in HOSTS},
        "forged": forged(plant),
        "refused_v6": packets(must(plant, GATEWAY, ["nft", "list", "chain", "inet", "plant", "reverse_path"])),
    }


def forged(plant: Range) -> dict[str, int]:
    """How many packets in the screen's name the gateway forwarded, by where they came from and the family."""
    table = """table inet watch {
      counter forged {}
      chain f { type filter hook forward priority -20; tcp sport 20000-20398 counter name forged
    }
    }"""
    seen = {}
    for family, address in (("4", HOSTS["hmi1"].address4), ("6", HOSTS["hmi1"].address6)):
        for side, name in (("office", "outsider"), ("ot", "spoofer")):
            must(plant, GATEWAY, ["nft", "-f", "-"], table)
            plant.visit(name, "--source", address, "--ports", "502", "--rate", "500")
            plant.finish(name)
            seen[f"{side} {family}"] = packets(
                must(plant, GATEWAY, ["nft", "list", "counter", "inet", "watch", "forged"])
            )
            must(plant, GATEWAY, ["nft", "delete", "table", "inet", "watch"])
    return seen


def packets(listing: str) -> int:
    return int(listing.partition("packets")[2].split(maxsplit=1)[0])


def capabilities(plant: Range) -> str:
    pid = plant.running["suricata"].pid
    return next(
        line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("CapEff")
    )


def users(program: str) -> list[int]:
    """Who the processes of this sandbox run as that are a program."""
    status = [p.joinpath("status").read_text() for p in Path("/proc").iterdir() if p.name.isdecimal()]
    return [int(text.partition("Uid:")[2].split()[0]) for text in status if text.startswith(f"Name:\t{program}\n")]


def moved(plant: Range) -> dict[str, object]:
    """An address passes from one office machine to another: who has it then, and whom the gateway takes for it."""
    address, new = HOSTS["ws1"].address4, HOSTS["ws2"].mac
    plant.run_in(GATEWAY, [sys.executable, "-c", CONNECT, address, "9"])
    plant.visit("lease")
    plant.finish("lease")
    until(lambda: new in plant.run_in(GATEWAY, ["ip", "neigh", "show", address]).stdout)
    held = {
        name: re.findall(r"inet ([\d.]+)/", must(plant, name, ["ip", "-4", "addr", "show", "dev", "eth0"]))
        for name in ("ws1", "ws2")
    }
    return {**held, "neighbour": new}


def states(plant: Range) -> dict[str, Any]:
    return msgspec.to_builtins(plant.counts())


def play(folder: Path) -> dict[str, object]:
    rules = folder / "own.rules"
    rules.write_text(RULES)
    plant = Range.up(folder / "first", rules=rules)
    out: dict[str, object] = {"took": plant.took, "folder": str(plant.folder)}
    try:
        out["version"], out["capabilities"] = plant.sensor.version, capabilities(plant)
        out["root"], out["directory_uid"] = len(Path("/proc/self/uid_map").read_text().split()) == 3, users("slapd")
        out["network"] = look(plant)
        plant.visit("scanner", "--rate", "200")
        plant.visit("ews", "--count", "3", "--every", "0.2")
        plant.visit("vault")
        plant.visit("backup", "--rate", "200")
        out["status"] = [plant.finish("scanner"), plant.finish("ews"), plant.finish("backup")]
        plant.stop(["vault"])
        until(lambda: states(plant)["polls"])
        plant.restart("hmi", "--burst", "20")
        before = states(plant)["polls"]
        until(lambda: states(plant)["polls"] > before + POLLS and states(plant)["bottles"] > BOTTLES)
        out["healthy"] = states(plant)
        cut(plant, HOSTS["hmi1"].address4, "drop", 1.0)
        until(lambda: states(plant)["missed_polls"] >= 2)
        until_quiet(plant)
        out["blinded"] = states(plant)
        plant.visit("intruder", "--sweep", "--write", "--seconds", "5.5", "--rate", "10", "--register", "1")
        until(lambda: states(plant)["writes_landed"])
        dropped = cut(plant, HOSTS["ws1"].address4, "drop", 1.3)
        out["status"].append(plant.finish("intruder"))
        out["dropped"] = msgspec.to_builtins(plant.counts([dropped]))
        plant.visit("intruder", "--write", "--seconds", "0.5", "--rate", "10", "--first", "200", "--v6")
        plant.finish("intruder")
        plant.visit("intruder", "--write", "--seconds", "2", "--rate", "10", "--first", "300")
        until(lambda: any(b"1200]" in line for line in plant.trace("plc").read_bytes().splitlines()))
        refused = cut(plant, HOSTS["ws1"].address4, "meta l4proto tcp reject with tcp reset", 1.0)
        plant.finish("intruder")
        out["refused"] = msgspec.to_builtins(plant.counts([refused]))
        out["moved"] = moved(plant) if shutil.which("busybox") else {}
    finally:
        plant.down()
    out["final"] = msgspec.to_builtins(plant.counts([dropped]))
    out["left"] = left()
    out["second"] = second(folder)
    return out


def second(folder: Path) -> dict[str, object]:
    """Up and down once more, and once where an actor can't start: nothing may be left either time."""
    plant = Range.up(folder / "second", sensor=False, actors=["plc"])
    plant.down()
    again = {"took": plant.took, "running": states(plant)["running"], "left": left()}
    STANDING["plc"] = msgspec.structs.replace(STANDING["plc"], arguments=("--bind", "192.0.2.1"))
    for name, wrong in (("no_actor", {"sensor": False}), ("no_rules", {"rules": folder / "absent.rules"})):
        try:
            Range.up(folder / name, **wrong)
        except RangeError as error:
            again[name] = str(error)
    return {**again, "left_after_failure": left()}


def left() -> dict[str, object]:
    """Processes of this sandbox beside this one, namespaces by name, and links; who has ended is gone."""
    here = [p for p in Path("/proc").iterdir() if p.name.isdecimal() and int(p.name) != 1]
    names = [words(p) for p in here]
    bound = [p.name for p in Path("/run/netns").iterdir()]
    links = subprocess.run(["ip", "-br", "link"], text=True, capture_output=True, check=True).stdout.splitlines()
    return {
        "processes": [name for name in names if name],
        "namespaces": bound,
        "links": [line.split()[0] for line in links],
    }


def words(process: Path) -> str:
    """The command line of a process; empty if it has ended (the kernel gives none for one that nobody waited for)."""
    try:
        return process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


if __name__ == "__main__":
    sys.stdout.write(json.dumps(play(Path(sys.argv[1]))))
