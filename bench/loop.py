"""``bench loop``: from the kernel's time stamp of the packet that completes the rule to *held*, on the range."""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.machine import machine, percentile
from tercio.drills.exercise import Follower
from tercio.drills.platform import Platform
from tercio.drills.range.range import Range
from tercio.drills.range.sandbox import inside, wrap
from tercio.drills.scoreboard import blocks
from tercio.model.commands import Effect, HostTarget

FIRST_HOST = 100
"""Strikes come from 10.77.10.100 and up: hosts that the site does not list."""
HOSTS = 150


def main(argv: list[str]) -> int:
    """Run the bench; enters a sandbox by itself."""
    parser = argparse.ArgumentParser(prog="bench loop", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="strikes of each kind")
    parser.add_argument("--rate", type=float, default=100.0, help="connections a second of a sweep")
    parser.add_argument("--seed", type=int, default=1, help="order of the strikes")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if not options.inside:
        words = wrap([sys.executable, "-P", "-m", "bench", "loop", "--inside", *argv])
        os.execvp(words[0], words)  # noqa: S606  # The sandbox takes this process's place.
    with tempfile.TemporaryDirectory(prefix="tercio-bench-") as place:
        result = measure(Path(place), options)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for key, value in result.items():
            print(f"{key:22} {value}")
    return 0


def measure(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Strike ``--runs`` times in each way, each time from another host; gather what journal and traces say."""
    order = ["sweep", "write"] * options.runs
    random.Random(options.seed).shuffle(order)
    plant = Range.up(folder / "range")
    try:
        addresses(plant)
        with platform(folder, plant) as tercio, striker(options.rate) as attacker:
            follower = Follower(tercio, lambda entry: None)
            strikes: dict[str, str] = {}
            missed = 0
            for number, kind in enumerate(order):
                source = f"10.77.10.{FIRST_HOST + number % HOSTS}"
                progress(number, len(order))
                held = strike(attacker, follower, kind, source)
                missed += held is None
                if held is not None:
                    strikes[held.lease] = kind
            follower.until(lambda: all(e.ended for e in follower.effects.values()), 30)
            time.sleep(1.0)
            follower.follow()
    finally:
        plant.down()
    counts = plant.counts(blocks(follower.effects.values(), time.time_ns() // 1000))
    return {
        "bench": "loop",
        **figures(follower, strikes),
        "n": options.runs,
        "not_contained": missed,
        "missed_polls": counts.missed_polls,
        "polls": counts.polls,
        "replayed_writes": counts.replayed_writes,
        "trips": counts.trips,
        "connection_rate_per_s": options.rate,
        "background_events_per_s": 0,
        "seed": options.seed,
        "machine": machine(),
    }


def figures(follower: Follower, strikes: dict[str, str]) -> dict[str, float | None]:
    """Milliseconds from the completing packet to *held* and to *confirmed*, by kind of strike."""
    decisions = {decision.id: decision for decision in follower.decisions}
    times = {told.finding.id: told.finding for told in follower.findings}
    held: dict[str, list[float]] = {"sweep": [], "write": []}
    confirmed: list[float] = []
    for lease, kind in strikes.items():
        effect = follower.effects[lease]
        cited = [times[key] for key in decisions[effect.decision].evidence if key in times]
        start = max(finding.time for finding in cited)
        held[kind].append((effect.held - start) / 1000)
        if effect.confirmed:
            confirmed.append((effect.confirmed - start) / 1000)
    return {
        "sweep_p50_ms": percentile(held["sweep"], 0.5),
        "sweep_p95_ms": percentile(held["sweep"], 0.95),
        "write_p50_ms": percentile(held["write"], 0.5),
        "write_p95_ms": percentile(held["write"], 0.95),
        "confirmed_p50_ms": percentile(confirmed, 0.5),
    }


def strike(attacker: "subprocess.Popen[str]", follower: Follower, kind: str, source: str) -> Effect | None:
    """One strike: the effect that stopped it, or None where none did within three seconds."""
    before = set(follower.effects)
    assert attacker.stdin is not None and attacker.stdout is not None
    attacker.stdin.write(f"{kind} {source}\n")
    attacker.stdin.flush()

    def stopped() -> Effect | None:
        mine = [e for lease, e in follower.effects.items() if lease not in before and e.held]
        return next((e for e in mine if isinstance(e.target, HostTarget) and source in e.target.addresses), None)

    follower.until(lambda: stopped() is not None, 3.0)
    attacker.stdout.readline()
    effect = stopped()
    if effect is not None:
        lease = effect.lease
        follower.until(lambda: bool(follower.effects[lease].confirmed), 2.0)
    return effect


def addresses(plant: Range) -> None:
    """Give the office workstation the addresses that strikes come from."""
    lines = "\n".join(f"addr add 10.77.10.{FIRST_HOST + n}/24 dev eth0" for n in range(HOSTS))
    done = plant.run_in("ws1", ["ip", "-batch", "-"], lines)
    if done.returncode:
        raise RuntimeError(f"the bench's addresses could not be set: {done.stderr}")


@contextlib.contextmanager
def platform(folder: Path, plant: Range) -> Iterator[Platform]:
    """Tercio with leases of seconds and without a blast budget, which a bench of hundreds of strikes would exhaust."""
    tercio = Platform(folder, plant, changes=SETTINGS)
    try:
        tercio.ready()
        yield tercio
    finally:
        tercio.stop()


SETTINGS = {
    "tercio.toml": {
        'lease = "6s"': 'lease = "3s"',
        'belief_half_life = "5s"': 'belief_half_life = "300ms"',
        'quiet_least = "7s"': 'quiet_least = "500ms"',
        'quiet_most = "10s"': 'quiet_most = "600ms"',
        "[release]": "[limits]\nacts_per_hour = 10000\n\n[release]",
    },
    "gateway.toml": {"targets_per_hour = 20": "targets_per_hour = 10000"},
}
"""What differs from the drill's settings: the text in the file, and what stands in its place."""


@contextlib.contextmanager
def striker(rate: float) -> Iterator["subprocess.Popen[str]"]:
    """The attacker's process in the office workstation's namespace."""
    words = inside("ws1", [sys.executable, str(Path(__file__).with_name("striker.py")), str(rate)])
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def progress(done: int, whole: int) -> None:
    """A line that replaces itself, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\rstrike {done + 1} of {whole}", end="", file=sys.stderr, flush=True)
