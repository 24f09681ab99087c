"""``bench hunt``: rules over recorded telemetry in the real embedded store, beside the same hunt that reads every row.

Seconds are of processor time, of the hunt and of the store together, since the machine may be shared; wall time is told
beside them. *Everything* asks the store for all rows, so it costs what hunting without a condition would.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from bench import recorded
from bench.detecting import most_mb
from bench.machine import machine, percentile, tell
from tercio.app.filing import filer
from tercio.app.hunt import Hunt
from tercio.app.quest import Answer, Question
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.subset import subset
from tercio.model.archive import EVERYTHING
from tercio.model.events import Batch
from tercio.model.units import HOUR
from tercio.products.sensors import SENSORS
from tercio.store.events import Events

SOURCE = "windows"
ROWS = 10_000
"""Rows that are kept at once."""
KEEP = 3660 * 24 * HOUR
PASSWORD = "of a measurement"  # noqa: S105  It guards public data on 127.0.0.1 for a minute.
SERVE = (
    "import sys; from pathlib import Path; from tercio.store.http import Account; from tercio.store.serve import serve;"
    f" serve(Path(sys.argv[1]), int(sys.argv[2]), Account('tercio', {PASSWORD!r}))"
)


def main(argv: list[str]) -> int:
    """Run the bench; status 2 where the data is not here."""
    parser = argparse.ArgumentParser(prog="bench hunt", description=__doc__)
    parser.add_argument("--copies", type=int, default=2, help="how often the recorded lines are kept, as so many files")
    parser.add_argument("--rules", type=int, default=20, help="an even choice of so many rules, each hunted by itself")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    options = parser.parse_args(argv)
    if options.copies < 1 or options.rules < 1:
        parser.error("at least one")
    if absent := recorded.missing():
        print(absent, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tercio-hunt-") as place, own_store(Path(place)) as (events, pid):
        result = measure(events, pid, options)
    tell(result, as_json=options.json)
    return 0


def measure(events: Events, pid: int, options: argparse.Namespace) -> dict[str, object]:
    """All figures."""
    say("compiling rules")
    whole = recorded.read_compiled(recorded.compiled(recorded.rule_texts()))
    say("keeping recorded lines")
    rows = keep(events, options.copies)
    names = sorted(whole.rules)
    chosen = [names[place * len(names) // options.rules] for place in range(options.rules)]
    alone = []
    for number, name in enumerate(chosen, 1):
        say(f"rule {number} of {options.rules}")
        alone.append(compared(events, pid, subset(whole, [name])))
    say("200 rules together")
    many = compared(events, pid, subset(whole, [names[place * len(names) // 200] for place in range(200)]))
    say("all rules together")
    every = compared(events, pid, whole)
    middle = {key: percentile([each[key] for each in alone], 0.5) for key in alone[0] if key != "identical"}
    return {
        "bench": "hunt",
        "rows": rows,
        "rows_per_cpu_s": rows / (middle["cpu_s"] or 1),
        "rows_per_s": rows / (middle["wall_s"] or 1),
        "share_read": sum(each["read"] for each in alone) / (rows * len(alone)),
        "share_read_most": max(each["read"] for each in alone) / rows,
        "ratio": (middle["everything_cpu_s"] or 0) / (middle["cpu_s"] or 1),
        "identical": all(each["identical"] for each in (*alone, many, every)),
        "one_rule": middle,
        "rules_200": many,
        "rules_all": {**every, "rules": len(whole.rules)},
        "rss_mb": most_mb(),
        "n": options.rules,
        "seed": None,
        "machine": machine(),
    }


def compared(events: Events, pid: int, rules: RuleSet) -> dict[str, float]:
    """One hunt, and the same over everything."""
    narrowed, cpu_s, wall_s, ready_s = timed(events, pid, rules, everything=False)
    full, everything_cpu_s, everything_wall_s, _ = timed(events, pid, rules, everything=True)
    return {
        "read": narrowed.progress.read,
        "found": narrowed.progress.found,
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "ready_cpu_s": ready_s,
        "everything_cpu_s": everything_cpu_s,
        "everything_wall_s": everything_wall_s,
        "identical": narrowed.rules == full.rules,
    }


def timed(events: Events, pid: int, rules: RuleSet, *, everything: bool) -> tuple[Answer, float, float, float]:
    """What a hunt found, its seconds of processor and of wall, and those in which rules were made ready."""
    at = time.process_time()
    question = Question(rules=rules, asked=tuple(rules.rules), since=0, until=time.time_ns() // 1000, limit=100)
    hunt = Hunt(question, {SOURCE: SENSORS[SOURCE]}, events)
    if everything:
        hunt.condition = EVERYTHING
    began, wall = spent(pid), time.monotonic()
    ready = time.process_time() - at
    for _ in hunt.run():
        pass
    return hunt.answer(), spent(pid) - began, time.monotonic() - wall, ready


def spent(pid: int) -> float:
    """Seconds of processor time of this process and of the store's."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return time.process_time() + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def keep(events: Events, copies: int) -> int:
    """Keep the recorded lines so often, each time as a file of their own; returns how many rows that makes."""
    file, count = filer(SENSORS[SOURCE]), 0
    events.prepare(SENSORS[SOURCE].log_source.routes, KEEP)
    for number in range(copies):
        offset, lines = 0, recorded.lines()
        while taken := tuple(islice(lines, ROWS)):
            batch = Batch(SOURCE, f"copy{number}", offset, taken, time.time_ns() // 1000)
            events.write(list(file(batch)))
            offset, count = batch.end, count + len(taken)
    return count


@contextmanager
def own_store(folder: Path) -> Iterator[tuple[Events, int]]:
    """A store of its own, and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-c", SERVE, str(folder / "events"), str(port)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            while not _listens(port):
                if process.poll() is not None:
                    raise RuntimeError(f"the store ended with status {process.returncode}")
                time.sleep(0.05)
            with closing(Events.connect(f"http://127.0.0.1:{port}", "tercio", PASSWORD, "bench")) as events:
                yield events, process.pid
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
