"""One run of the detector in a process of its own: ``python -m bench.detecting RULES LINES``; prints one JSON object.

CPU time, not wall time. *start* is reading the compiled rules and building the detector; everything else, reading the
lines, plans and empty caches included, counts for the rate.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from bench.recorded import read_compiled
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.engine import Detector
from tercio.model.events import Batch
from tercio.products.sensors import SENSORS

SOURCE = "windows"


def main(argv: list[str]) -> int:
    """Read, match, print."""
    parser = argparse.ArgumentParser(prog="bench.detecting", description=__doc__)
    parser.add_argument("rules", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--batch", type=int, default=1000, help="lines that are handed over together")
    parser.add_argument("--events", type=int, help="so many, the file from its beginning again where it ends")
    parser.add_argument("--planned", action="store_true", help="with all plans made beforehand")
    print(json.dumps(run(parser.parse_args(argv))))
    return 0


def run(options: argparse.Namespace) -> dict[str, object]:
    """Events, matches, seconds, memory; the CPU time of each batch."""
    began = time.process_time()
    databases = Databases(kept(options.rules))
    detector = Detector(read_compiled(options.rules), {SOURCE: SENSORS[SOURCE].log_source}, databases)
    gc.freeze()  # As the loop does: what is loaded by now stays.
    start = time.process_time() - began
    cached = not databases.made
    if not cached:
        databases_of(options.rules).write_bytes(msgspec.msgpack.encode(databases.used))
    del databases
    if options.planned:
        plan(detector, options.lines)
    before = most_mb()
    events = matches = 0
    each = []
    began = time.process_time()
    for batch in enough(options.lines, options.batch, options.events):
        at = time.process_time()
        matches += len(detector.match(batch))
        each.append(time.process_time() - at)
        events += len(batch.lines)
    spent = time.process_time() - began
    return {
        "events": events,
        "matches": matches,
        "cpu_s": spent,
        "start_cpu_s": start,
        "from_cache": cached,
        "started_mb": before,
        "rss_mb": most_mb(),
        "batches_ms": [round(spent * 1000, 4) for spent in each],
    }


def most_mb() -> float:
    """The most memory that this program held so far, in MiB. The kernel's resource usage would count its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return round(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024, 1)


def databases_of(rules: Path) -> Path:
    """Where the pattern databases of compiled rules are kept beside them."""
    return rules.with_suffix(".databases")


def kept(rules: Path) -> dict[str, bytes]:
    """The pattern databases of an earlier run."""
    path = databases_of(rules)
    return msgspec.msgpack.decode(path.read_bytes(), type=dict[str, bytes]) if path.exists() else {}


def plan(detector: Detector, path: Path) -> None:
    """Show the detector one record of each kind, with nothing but what routes it."""
    kinds = set()
    for batch in batches(path, 1):
        record = json.loads(batch.lines[0])
        kinds.add(json.dumps({name: record[name] for name in ROUTES if name in record}))
    for kind in sorted(kinds):
        detector.match(Batch(SOURCE, "", 0, (kind.encode(),), 0))


ROUTES = ("Channel", "EventID", "Provider_Name", "SourceName", "ProviderName")


def enough(path: Path, size: int, events: int | None) -> Iterator[Batch]:
    """Batches of the file; of so many events where that is said."""
    if events is None:
        yield from batches(path, size)
        return
    left = events
    while left > 0:
        for batch in batches(path, size):
            yield msgspec.structs.replace(batch, lines=batch.lines[:left])
            left -= len(batch.lines)
            if left <= 0:
                return


def batches(path: Path, size: int) -> Iterator[Batch]:
    """The file's lines, so many at a time; never the whole file in memory."""
    offset = 0
    with path.open("rb") as file:
        while lines := tuple(islice(file, size)):
            batch = Batch(SOURCE, "recorded", offset, lines, 0)
            yield batch
            offset = batch.end


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
