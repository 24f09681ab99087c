"""``bench detect``: all Windows rules over recorded telemetry, beside a peer in the same call; CPU time, one core."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import peer, recorded
from bench.machine import interval, machine, percentile, tell
from tercio.brain.detect.memory import ROOM

WORST = 20_000
"""Events of the worst case."""
PEER_SHARE = 14
"""The peer sees every so manieth event: it takes as long for each, however many there are."""


def main(argv: list[str]) -> int:
    """Run the bench; status 2 where the data is not here."""
    parser = argparse.ArgumentParser(prog="bench detect", description=__doc__)
    parser.add_argument("--rules", type=int, help="an even choice of so many rules instead of all")
    parser.add_argument("--rounds", type=int, default=3, help="each in new processes")
    parser.add_argument("--seed", type=int, default=1, help="of the intervals; nothing else is left to chance")
    parser.add_argument("--no-peer", action="store_true", help="without the peer")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    options = parser.parse_args(argv)
    if options.rounds < 1 or (options.rules is not None and options.rules < 1):
        parser.error("at least one")
    if absent := recorded.missing():
        print(absent, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tercio-detect-") as place:
        result = measure(Path(place), options)
    tell(result, as_json=options.json)
    return 0


def measure(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """All figures: the median of the rounds, and what they lay between."""
    say("reading and compiling rules, reading telemetry")
    texts = recorded.rule_texts(options.rules)
    rules = recorded.compiled(texts)
    events = list(recorded.lines())
    whole = written(folder / "whole.ndjson", events)
    sample = written(folder / "sample.ndjson", events[::PEER_SHARE])
    worst = written(folder / "worst.ndjson", recorded.never_alike(recorded.processes(events), WORST))
    del events
    detecting(rules, sample)  # Makes the pattern databases, which later runs take as they are.
    python, reason = (None, "not asked for") if options.no_peer else peer_python()
    series: dict[str, list[float]] = {}
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}")
        found = once(rules, whole, sample, worst)
        if python is not None:
            theirs = peer.measure(python, texts, sample, folder)
            found["peer_events_per_cpu_s"] = theirs["events"] / theirs["cpu_s"]
            found["peer_rules"] = theirs["rules"]
            found["ratio"] = found["events_per_cpu_s"] / found["peer_events_per_cpu_s"]
            found["ratio_same_events"] = found["sample_events_per_cpu_s"] / found["peer_events_per_cpu_s"]
        for key, value in found.items():
            series.setdefault(key, []).append(value)
    middle = {key: percentile(values, 0.5) for key, values in series.items()}
    return {
        "bench": "detect",
        **{key: middle.get(key) for key in ("events_per_cpu_s", "peer_events_per_cpu_s", "ratio")},
        **middle,
        "cache_bound_mb": ROOM / 2**20,
        "peer": peer.PEER if python is not None else None,
        "peer_skipped": reason,
        "rules": len(recorded.read_compiled(rules).rules),
        "intervals95": {key: interval(values, 0.5, options.seed) for key, values in series.items()},
        "n": options.rounds,
        "seed": options.seed,
        "machine": machine(),
    }


def once(rules: Path, whole: Path, sample: Path, worst: Path) -> dict[str, float]:
    """One round of ours: rates over everything, the peer's sample and the worst case; batches of a hundred."""
    everything = detecting(rules, whole)
    hundreds = detecting(rules, whole, "--batch", "100")
    planned = detecting(rules, whole, "--batch", "100", "--planned")
    few, hardest = detecting(rules, sample), detecting(rules, worst)
    return {
        "events_per_cpu_s": everything["events"] / everything["cpu_s"],
        "worst_events_per_cpu_s": hardest["events"] / hardest["cpu_s"],
        "batch100_p99_ms": percentile(hundreds["batches_ms"], 0.99) or 0.0,
        "batch100_p50_ms": percentile(hundreds["batches_ms"], 0.5) or 0.0,
        "batch100_planned_p99_ms": percentile(planned["batches_ms"], 0.99) or 0.0,
        "rss_mb": max(run["rss_mb"] for run in (everything, hardest)),
        "started_mb": everything["started_mb"],
        "start_cpu_s": everything["start_cpu_s"],
        "sample_events_per_cpu_s": few["events"] / few["cpu_s"],
        "events": everything["events"],
        "matches": everything["matches"],
        "worst_events": hardest["events"],
        "worst_matches": hardest["matches"],
    }


def detecting(rules: Path, lines: Path, *options: str) -> dict[str, Any]:
    """One process of ours."""
    words = [sys.executable, "-P", "-m", "bench.detecting", str(rules), str(lines), *options]
    env = {**os.environ, "PYTHONPATH": str(recorded.ROOT)}
    ended = subprocess.run(words, env=env, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def peer_python() -> tuple[Path | None, str]:
    """The peer's Python, or why there is none."""
    say("the peer's environment")
    try:
        return peer.environment(), ""
    except peer.Unavailable as reason:
        return None, str(reason)


def written(path: Path, lines: Iterable[bytes]) -> Path:
    """A file of these lines."""
    with path.open("wb") as file:
        file.writelines(lines)
    return path


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
