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
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.machine import interval, machine, percentile, tell
from bench.stages import Background, Note, Strike, Traced, busy, cpu_seconds, medians, split, turns
from tercio.drills.exercise import Follower
from tercio.drills.platform import Changes
from tercio.drills.range.range import Range
from tercio.drills.range.sandbox import inside, wrap
from tercio.drills.range.topology import SEGMENTS, mac_of
from tercio.drills.scoreboard import blocks
from tercio.model.commands import Effect, HostTarget

FIRST_HOST = 100
"""Strikes come from 10.77.10.100 and up: machines that the site does not list."""
HOSTS = 150

SETTLED = 2.0
"""Seconds between a start and the first strike: what is measured is a running site, not its start."""


def main(argv: list[str]) -> int:
    """Run the bench; enters a sandbox by itself."""
    parser = argparse.ArgumentParser(prog="bench loop", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="strikes of each kind")
    parser.add_argument("--rate", type=float, default=100.0, help="connections a second of a sweep")
    parser.add_argument("--together", type=int, default=10, help="strikes until a site with a clean state is struck")
    parser.add_argument("--background", type=float, default=0.0, help="records of innocent hosts a second beside them")
    parser.add_argument("--seed", type=int, default=1, help="order of the strikes")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if not options.inside:
        words = wrap([sys.executable, "-P", "-m", "bench", "loop", "--inside", *argv])
        os.execvp(words[0], words)  # noqa: S606  # The sandbox takes this process's place.
    with tempfile.TemporaryDirectory(prefix="tercio-bench-") as place:
        result = measure(Path(place), options)
    tell(result, as_json=options.json)
    return 0


class Round(msgspec.Struct):
    """What one site saw: its journal, which lease stopped which kind of strike, how many strikes nothing stopped, the
    loop's own notes, the share of a core each process took, background records a second that were written."""

    follower: Follower
    strikes: dict[str, str] = {}
    missed: int = 0
    notes: list[Note] = []
    shares: dict[str, float] = {}
    written: float = 0.0


def measure(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Strike ``--runs`` times in each way, each time from another host; gather what journals and traces say.

    A site starts with a clean state after ``--together`` strikes. They become one incident, and after some more of them
    the decision closes the whole conduit: then there is nothing left to strike.
    """
    order = ["sweep", "write"] * options.runs
    random.Random(options.seed).shuffle(order)  # noqa: S311  # A seeded order, no secret.
    loads, rounds = [os.getloadavg()[0]], []
    plant = Range.up(folder / "range")
    try:
        machines(plant)
        with contextlib.closing(Striker(options.rate)) as attacker:
            for first in range(0, len(order), options.together):
                progress(first, len(order))
                kinds = dict(enumerate(order[first : first + options.together], first))
                rounds.append(one_round(folder / f"site{first}", plant, attacker, kinds, options))
                loads.append(os.getloadavg()[0])
    finally:
        plant.down()
    effects = [effect for each in rounds for effect in each.follower.effects.values()]
    counts = plant.counts(blocks(effects, time.time_ns() // 1000))
    return {
        "bench": "loop",
        **figures(rounds, options.seed),
        "n": options.runs,
        "runs": options.runs,
        "together": options.together,
        "not_contained": sum(each.missed for each in rounds),
        "missed_polls": counts.missed_polls,
        "polls": counts.polls,
        "replayed_writes": counts.replayed_writes,
        "trips": counts.trips,
        "connection_rate_per_s": options.rate,
        "background_events_per_s": percentile([each.written for each in rounds], 0.5),
        "load_average": {"least": round(min(loads), 2), "most": round(max(loads), 2)},
        "seed": options.seed,
        "machine": machine(),
    }


def one_round(
    folder: Path, plant: Range, attacker: "Striker", kinds: dict[int, str], options: argparse.Namespace
) -> Round:
    """Strike one site with a clean state in each of these ways, by number."""
    folder.mkdir(parents=True)
    bulk = folder / "bulk.json"
    noise = Background(bulk, options.background, options.seed) if options.background else None
    tercio = Traced(folder, plant, changes=settings(bulk if noise else None))
    found = Round(Follower(tercio.news, lambda _: None))
    try:
        tercio.ready()
        time.sleep(SETTLED)
        before, began = cpu_seconds(), time.monotonic()
        for number, kind in kinds.items():
            held = strike(attacker, found.follower, kind, source(number))
            found.missed += held is None
            if held is not None:
                found.strikes[held.lease] = kind
        found.shares = busy(before, cpu_seconds(), time.monotonic() - began)
        found.follower.until(lambda: all(e.ended for e in found.follower.effects.values()), 30)
        time.sleep(1.0)
        found.follower.follow()
    finally:
        tercio.stop()
        found.written = noise.close() if noise else 0.0
    found.notes = tercio.notes()
    return found


def evidence(follower: Follower, lease: str) -> Strike:
    """The strike that a lease stopped: when the packet that completed its evidence passed the sensor."""
    told = {each.finding.id: each.finding for each in follower.findings}
    decisions = {decision.id: decision for decision in follower.decisions}
    effect = follower.effects[lease]
    cited = [told[key] for key in decisions[effect.decision].evidence if key in told]
    last = max(cited, key=lambda finding: finding.time)
    return Strike(lease=lease, source=last.source, packet=last.time, held=effect.held)


def figures(rounds: list[Round], seed: int) -> dict[str, object]:
    """Milliseconds from the completing packet to *held* and to *confirmed*, by kind of strike, with 95 % intervals;
    where they go; how busy everybody was."""
    took: dict[str, list[float]] = {"sweep": [], "write": [], "confirmed": []}
    spans: list[dict[str, float]] = []
    for each in rounds:
        struck = [evidence(each.follower, lease) for lease in each.strikes]
        for strike in struck:
            effect = each.follower.effects[strike.lease]
            took[each.strikes[strike.lease]].append((strike.held - strike.packet) / 1000)
            if effect.confirmed:
                took["confirmed"].append((effect.confirmed - strike.packet) / 1000)
        spans += split(each.notes, struck)
    wanted = [(kind, share) for kind in ("sweep", "write") for share in (0.5, 0.95)] + [("confirmed", 0.5)]
    names = {(kind, share): f"{kind}_p{share * 100:.0f}_ms" for kind, share in wanted}
    return {
        **{names[kind, share]: percentile(took[kind], share) for kind, share in wanted},
        "intervals95": {names[kind, share]: interval(took[kind], share, seed) for kind, share in wanted},
        "stage_ms": medians(spans),
        "loop": turns(note for each in rounds for note in each.notes),
        "cores_used": shares(rounds),
    }


def shares(rounds: list[Round]) -> Mapping[str, float | None]:
    """The median share of one core that each process took."""
    names = {name for each in rounds for name in each.shares}
    return {name: percentile([each.shares[name] for each in rounds], 0.5) for name in sorted(names)}


def strike(attacker: "Striker", follower: Follower, kind: str, source: str) -> Effect | None:
    """One strike: the effect that stopped it, or None where none did within ten seconds."""
    before = set(follower.effects)
    attacker.begin(kind, source)

    def stopped() -> Effect | None:
        mine = [e for lease, e in follower.effects.items() if lease not in before and e.held]
        return next((e for e in mine if isinstance(e.target, HostTarget) and source in e.target.addresses), None)

    follower.until(lambda: stopped() is not None, 10.0)
    attacker.finish()
    effect = stopped()
    if effect is not None:
        lease = effect.lease
        follower.until(lambda: bool(follower.effects[lease].confirmed), 2.0)
    return effect


def machines(plant: Range) -> None:
    """Give the office workstation's namespace the machines that strikes come from: each an interface with a link
    address, an address and a way out of its own. One machine with many addresses would be one suspect."""
    gateway = f"{SEGMENTS['office'].prefix4}.1"
    lines = []
    for number in range(HOSTS):
        name, address, table = f"m{number}", source(number), 1000 + number
        lines += [
            f"link add link eth0 name {name} address {mac_of(address)} type macvlan mode bridge",
            f"addr add {address}/24 dev {name} noprefixroute",
            f"link set {name} up",
            f"route add default via {gateway} dev {name} onlink table {table}",
            f"rule add from {address} lookup {table}",
        ]
    answers = ["net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"]
    for words, text in ((["sysctl", "-q", "-w", *answers], ""), (["ip", "-batch", "-"], "\n".join(lines))):
        done = plant.run_in("ws1", words, text)
        if done.returncode:
            raise RuntimeError(f"the bench's machines could not be made: {done.stderr}")


def source(number: int) -> str:
    """The address from which a strike comes."""
    return f"{SEGMENTS['office'].prefix4}.{FIRST_HOST + number % HOSTS}"


def settings(bulk: Path | None) -> Changes:
    """What differs from the drill's settings: leases of seconds, and no blast budget, which strikes by the dozen would
    exhaust; with ``bulk``, a second source."""
    more = (
        f'[sources.bulk]\nsensor = "suricata"\npath = {json.dumps(str(bulk))}\nsilent_after = "10s"\n\n' if bulk else ""
    )
    tercio = {**SETTINGS["tercio.toml"], "[hands.gateway]": f"{more}[hands.gateway]"}
    return {**SETTINGS, "tercio.toml": tercio}


SETTINGS = {
    "tercio.toml": {
        'lease = "6s"': 'lease = "3s"',
        'belief_half_life = "5s"': 'belief_half_life = "2s"',
        'quiet_least = "7s"': 'quiet_least = "500ms"',
        'quiet_most = "10s"': 'quiet_most = "600ms"',
        "[release]": "[limits]\nacts_per_hour = 10000\n\n[release]",
    },
    "gateway.toml": {"targets_per_hour = 20": "targets_per_hour = 10000"},
}
"""The text in each file, and what stands in its place."""


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
