"""One run of the detector in a process of its own: ``python -m bench.detecting RULES LINES``; prints one JSON object.

CPU time, not wall time. *start* is reading the compiled rules and building the detector; everything else, reading the
lines, plans and empty caches included, counts for the rate.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.recorded import read_compiled
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
    parser.add_argument("--planned", action="store_true", help="with all plans made beforehand")
    print(json.dumps(run(parser.parse_args(argv))))
    return 0


def run(options: argparse.Namespace) -> dict[str, object]:
    """Events, matches, seconds, memory; the CPU time of each batch."""
    began = time.process_time()
    detector = Detector(read_compiled(options.rules), {SOURCE: SENSORS[SOURCE].log_source})
    start = time.process_time() - began
    if options.planned:
        plan(detector, options.lines)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    events = matches = 0
    each = []
    began = time.process_time()
    for batch in batches(options.lines, options.batch):
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
        "started_mb": round(before / 1024, 1),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "batches_ms": [round(spent * 1000, 4) for spent in each],
    }


def plan(detector: Detector, path: Path) -> None:
    """Show the detector one record of each kind, with nothing but what routes it."""
    kinds = set()
    for batch in batches(path, 1):
        record = json.loads(batch.lines[0])
        kinds.add(json.dumps({name: record[name] for name in ROUTES if name in record}))
    for kind in sorted(kinds):
        detector.match(Batch(SOURCE, "", 0, (kind.encode(),), 0))


ROUTES = ("Channel", "EventID", "Provider_Name", "SourceName", "ProviderName")


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
