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

from bench.machine import interval, machine, percentile
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
    random.Random(options.seed).shuffle(order)  # noqa: S311  # A seeded order, no secret.
    plant = Range.up(folder / "range")
    try:
        addresses(plant)
        with platform(folder, plant) as tercio, contextlib.closing(Striker(options.rate)) as attacker:
            follower = Follower(tercio.news, lambda _: None)
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
        **figures(follower, strikes, options.seed),
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


def figures(follower: Follower, strikes: dict[str, str], seed: int) -> dict[str, object]:
    """Milliseconds from the completing packet to *held* and to *confirmed*, by kind of strike, with 95 % intervals."""
    decisions = {decision.id: decision for decision in follower.decisions}
    times = {told.finding.id: told.finding for told in follower.findings}
    took: dict[str, list[float]] = {"sweep": [], "write": [], "confirmed": []}
    for lease, kind in strikes.items():
        effect = follower.effects[lease]
        cited = [times[key] for key in decisions[effect.decision].evidence if key in times]
        start = max(finding.time for finding in cited)
        took[kind].append((effect.held - start) / 1000)
        if effect.confirmed:
            took["confirmed"].append((effect.confirmed - start) / 1000)
    wanted = [(kind, share) for kind in ("sweep", "write") for share in (0.5, 0.95)] + [("confirmed", 0.5)]
    names = {(kind, share): f"{kind}_p{share * 100:.0f}_ms" for kind, share in wanted}
    return {
        **{names[kind, share]: percentile(took[kind], share) for kind, share in wanted},
        "intervals95": {names[kind, share]: interval(took[kind], share, seed) for kind, share in wanted},
    }


def strike(attacker: "Striker", follower: Follower, kind: str, source: str) -> Effect | None:
    """One strike: the effect that stopped it, or None where none did within three seconds."""
    before = set(follower.effects)
    attacker.begin(kind, source)

    def stopped() -> Effect | None:
        mine = [e for lease, e in follower.effects.items() if lease not in before and e.held]
        return next((e for e in mine if isinstance(e.target, HostTarget) and source in e.target.addresses), None)

    follower.until(lambda: stopped() is not None, 3.0)
    attacker.finish()
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


class Striker:
    """The attacker's process in the office workstation's namespace."""

    def __init__(self, rate: float) -> None:
        words = inside("ws1", [sys.executable, str(Path(__file__).with_name("striker.py")), str(rate)])
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, kind: str, source: str) -> None:
        """Tell it to strike. Raises RuntimeError where it has ended."""
        if self._process.stdin is None or self._process.poll() is not None:
            raise RuntimeError(f"the striker has ended with status {self._process.returncode}")
        self._process.stdin.write(f"{kind} {source}\n")
        self._process.stdin.flush()

    def finish(self) -> None:
        """Wait until it has done so. Raises RuntimeError where it ended over it."""
        if self._process.stdout is None or not self._process.stdout.readline():
            raise RuntimeError(f"the striker has ended with status {self._process.wait()}")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate()


def progress(done: int, whole: int) -> None:
    """A line that replaces itself, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\rstrike {done + 1} of {whole}", end="", file=sys.stderr, flush=True)
