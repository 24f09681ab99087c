"""Bystanders on a real kernel, played once inside one sandbox: what harms them, what only looks so. Prints JSON.

Each scene is a span of its own; what it did to the bystanders is counted over that span by the module under test.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tercio.drills.range.cast import BYSTANDERS
from tercio.drills.range.harm import LATEST, account, harm, watched
from tercio.drills.range.range import Range
from tercio.drills.range.topology import FLOATING, GATEWAY, HOSTS, SEGMENTS
from tercio.drills.range.traces import Asked, Cycles, Reading, SessionLost, Silence, Started, TakeOver, now, read_trace
from tercio.products.effectors.nft_ruleset import TABLE, declaration

BUSY = 6
"""Processes that burn the CPU: three times as many as the smallest machine has cores."""
WALL_L2 = "table bridge byhand { chain f { type filter hook forward priority 0; ether type 0x8892 drop; }; }"
WALL_UDP = "table inet byhand { chain f { type filter hook forward priority -10; udp dport 2222 drop; }; }"
WALL_REST = """table inet byhand { chain f { type filter hook forward priority -10;
  meta l4proto 112 drop
  tcp dport 102 reject with tcp reset
  tcp dport 44818 drop
}; }"""


TALK = f"import socket, time; socket.socket(2, 2).sendto(b'x', ('{FLOATING}', 9)); time.sleep(0.2)"


class Scenes:
    """The range with nobody on it but bystanders, and the spans of what was played."""

    def __init__(self, folder: Path) -> None:
        self.plant = Range.up(folder, sensor=False, actors=tuple(BYSTANDERS))
        self.spans: dict[str, tuple[int, int]] = {}

    def traces(self) -> dict[str, Reading]:
        return {name: read_trace(self.plant.trace(name)) for name in BYSTANDERS}

    def records(self, name: str, kind: type) -> list[Any]:
        return [each for each in read_trace(self.plant.trace(name)).records if isinstance(each, kind)]

    @contextmanager
    def scene(self, name: str) -> Iterator[int]:
        """A span of its own: it ends when everybody has been heard again since."""
        start = now()
        yield start
        self.settle()
        self.spans[name] = (start, now())

    def settle(self, cycles: int = 50) -> None:
        """Wait until every flow and session has gone on for a while."""
        before = self.progress()
        wanted = {"cyclic": cycles, "io": cycles // 2, "heartbeat": 4, "s7": 2, "io parent": 2}
        self.until(lambda: all(self.progress()[key] >= seen + wanted[key[1]] for key, seen in before.items()))

    def progress(self) -> dict[tuple[str, str], int]:
        """How far each flow and session is. An I/O connection that was opened anew counts from there on."""
        found: dict[tuple[str, str], int] = {}
        for name, reading in self.traces().items():
            last: dict[tuple[str, str], int] = {}
            for each in reading.records:
                if isinstance(each, Cycles | Asked):
                    key = (name, each.flow if isinstance(each, Cycles) else each.session)
                    count = each.received if isinstance(each, Cycles) else each.answered
                    found[key] = found.get(key, 0) + max(
                        0, count - (last.get(key, 0) if count >= last.get(key, 0) else 0)
                    )
                    last[key] = count
        return found

    def until(self, holds: Callable[[], object], seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            ended = [name for name, process in self.plant.running.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = {name: (self.plant.folder / f"{name}.log").read_text()[-400:] for name in BYSTANDERS}
                raise RuntimeError(f"did not come true; ended: {ended}; {logs}; {self.progress()}")
            time.sleep(0.05)

    @contextmanager
    def standstill(self, name: str, seconds: float = 0.0) -> Iterator[None]:
        """An actor's process does not get to run."""
        process = self.plant.running[name]
        process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    @contextmanager
    def rules(self, *texts: str, family: tuple[str, ...]) -> Iterator[None]:
        for text in texts:
            done = self.plant.run_in(GATEWAY, ["nft", "-f", "-"], text)
            if done.returncode:
                raise RuntimeError(done.stderr)
        try:
            yield
        finally:
            for each in family:
                self.plant.run_in(GATEWAY, ["nft", "delete", "table", *each.split()])

    def neighbour(self) -> str:
        """The MAC address at which a neighbour who has talked to it knows the floating address."""
        words = self.plant.run_in("plc2", ["ip", "neigh", "show", FLOATING]).stdout.split()
        return words[words.index("lladdr") + 1] if "lladdr" in words else ""

    def holder(self) -> list[str]:
        """Who carries the floating address."""
        return [n for n in ("hmi2", "hmi3") if f" {FLOATING}/32" in self.plant.run_in(n, ["ip", "-br", "addr"]).stdout]


def burdened(stage: Scenes) -> None:
    with stage.scene("burdened"):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY)]
        try:
            stage.settle(300)
        finally:
            for process in busy:
                process.kill()
                process.wait()


def stood_still(stage: Scenes, out: dict[str, Any]) -> None:
    """Processes that do not run: senders, receivers and servers."""
    stage.plant.run_in("plc2", [sys.executable, "-c", TALK])
    out["announced"] = [stage.neighbour()]
    with stage.scene("cyclic stood still") as start, stage.standstill("cyclic-plc2", 0.3):
        pass
    longest = {
        name: max((each.span for each in stage.records(name, Silence) if each.at >= start), default=0)
        for name in ("cyclic-plc2", "cyclic-rio1")
    }
    out["longest"] = longest
    with stage.scene("main station stood still"):
        with stage.standstill("pair-hmi2"):
            stage.until(lambda: stage.records("pair-hmi3", TakeOver))
            out["holders"] = stage.holder()
            stage.until(lambda: stage.neighbour() != out["announced"][0])
            out["announced"].append(stage.neighbour())
        stage.until(lambda: not stage.records("pair-hmi3", TakeOver)[-1].took)
        stage.until(lambda: stage.records("pair-hmi3", Silence))
        out["holders_after"] = stage.holder()
    with stage.scene("server stood still"), stage.standstill("s7-plc2", 2.0):
        pass


def walled(stage: Scenes, out: dict[str, Any]) -> None:
    """Rules that stop the bystanders' own traffic."""

    def unexplained(name: str, start: int) -> bool:
        return any(each.unexplained and each.at >= start for each in stage.records(name, Silence))

    with stage.scene("cyclic data dropped") as start:
        with stage.rules(WALL_L2, WALL_UDP, family=("bridge byhand", "inet byhand")):
            time.sleep(1.0)
        names = ("cyclic-plc2", "cyclic-rio1", "io-plc2", "io-rio1")
        stage.until(lambda: all(unexplained(name, start) for name in names))
    with stage.scene("the rest stopped") as start:
        with stage.rules(WALL_REST, family=("inet byhand",)):
            for name in ("s7-hmi2", "io-plc2"):
                stage.until(lambda name=name: any(each.at > start for each in stage.records(name, SessionLost)))
            stage.until(lambda: any(each.took and each.at > start for each in stage.records("pair-hmi3", TakeOver)))
            out["both_hold"] = stage.holder()
        stage.until(lambda: not stage.records("pair-hmi3", TakeOver)[-1].took)


def slowed(stage: Scenes, out: dict[str, Any]) -> None:
    """A rate limit on the device's port: nothing is lost, but it comes late."""
    with stage.scene("slowed") as start:
        limit = [
            "tc",
            "qdisc",
            "add",
            "dev",
            "v-rio1",
            "root",
            "tbf",
            "rate",
            "8kbit",
            "burst",
            "1600",
            "limit",
            "100000",
        ]
        done = stage.plant.run_in(GATEWAY, limit)
        out["limit"] = done.stderr
        if done.returncode:
            return
        time.sleep(1.0)
        stage.plant.run_in(GATEWAY, ["tc", "qdisc", "change", *limit[3:7], "rate", "10mbit", *limit[9:]])
        stage.until(
            lambda: any(each.unexplained and each.at >= start for each in stage.records("cyclic-rio1", Silence))
        )
        out["slowed"] = msgspec.to_builtins([e for e in stage.records("cyclic-rio1", Silence) if e.at >= start])
    stage.plant.run_in(GATEWAY, ["tc", "qdisc", "del", "dev", "v-rio1", "root"])


def defended(stage: Scenes) -> None:
    """Tercio's own rules stand: a host blocked, a flow refused, a conduit closed; then a bystander blocked."""
    office, ot = SEGMENTS["office"].network4, SEGMENTS["ot"].network4
    ws1, plc1, scan1 = HOSTS["ws1"].address4, HOSTS["plc1"].address4, HOSTS["scan1"].address4
    elements = [
        f"add element {TABLE} hosts4 {{ {ws1} timeout 60s }}",
        f"add element {TABLE} flows4 {{ {scan1} . {plc1} . tcp . 502 timeout 60s }}",
        f"add element {TABLE} conduits4 {{ {office} . {ot} timeout 60s }}",
    ]
    text = "\n".join([declaration(()), *elements])
    with stage.scene("defended"), stage.rules(text, family=(TABLE,)):
        stage.settle(100)
    wrong = f"{declaration(())}\nadd element {TABLE} hosts4 {{ {HOSTS['hmi2'].address4} timeout 60s }}"
    with stage.scene("defended wrongly"), stage.rules(wrong, family=(TABLE,)):
        stage.until(lambda: stage.records("s7-hmi2", SessionLost))


def killed(folder: Path) -> dict[str, Any]:
    """Another range, whose bystanders all die at once, two watched spans before its end."""
    stage = Scenes(folder)
    try:
        began = now()
        stage.settle(5)
        dead = now()
        for name in BYSTANDERS:
            stage.plant.running[name].kill()
            stage.plant.running[name].wait()
        ended = now() + 2 * LATEST
    finally:
        stage.plant.down()
    found = account(stage.traces(), began, dead, ended, stage.plant.died)
    return {"died": stage.plant.died, "unwatched": found.watched.unwatched}


def play(folder: Path) -> dict[str, Any]:
    stage = Scenes(folder)
    out: dict[str, Any] = {}
    try:
        with stage.scene("quiet"):
            pass
        burdened(stage)
        stood_still(stage, out)
        defended(stage)
        slowed(stage, out)
        walled(stage, out)
        last = now()
        stage.plant.run_in(GATEWAY, ["nft", "-f", "-"], WALL_L2)
        time.sleep(0.2)
    finally:
        stage.plant.down()
    stage.spans["dropped to the end"] = (last, now())
    traces = stage.traces()
    return {
        **out,
        "opened": len(stage.records("io-plc2", Started)),
        "harm": {name: msgspec.to_builtins(harm(traces, *span)) for name, span in stage.spans.items()},
        "lost": {name: msgspec.to_builtins(stage.records(name, SessionLost)) for name in ("s7-hmi2", "io-plc2")},
        "watched": msgspec.to_builtins(watched(traces, last)),
        "killed": killed(folder.with_name("killed")),
        "broken": sum(each.broken for each in traces.values()),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(play(Path(sys.argv[1]))))
