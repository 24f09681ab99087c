"""``bench store``: recorded telemetry through the archive's own path into the real embedded store, and questions to it.

Rates are told a second of wall and a second of processor time, of whoever files and sends and of the store together,
since the machine may be shared.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench import recorded
from bench.hunt import KEEP, SOURCE, own_store, say, spent
from bench.machine import machine, percentile, tell
from tercio.app.archive import MOST_BYTES, MOST_LINES
from tercio.app.filing import filer
from tercio.model.archive import EVERYTHING, AtHost, Condition, Says
from tercio.model.events import Batch
from tercio.model.units import HOUR
from tercio.products.sensors import SENSORS
from tercio.store.events import EARLIEST, LATEST, Events

ASKED = 9
"""So often is each question asked; the middle one counts."""

RARE, ABSENT = "mimikatz", "quetzalcoatl"
"""A word in few of the recorded lines, and one in none."""


def main(argv: list[str]) -> int:
    """Run the bench; status 2 where the data is not here."""
    parser = argparse.ArgumentParser(prog="bench store", description=__doc__)
    parser.add_argument("--copies", type=int, default=2, help="how often the recorded lines are kept, as so many files")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    options = parser.parse_args(argv)
    if options.copies < 1:
        parser.error("at least one")
    if absent := recorded.missing():
        print(absent, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tercio-store-") as place, own_store(Path(place)) as (events, pid):
        result = measure(events, pid, options.copies)
    tell(result, as_json=options.json)
    return 0


def measure(events: Events, pid: int, copies: int) -> dict[str, object]:
    """All figures."""
    events.prepare(SENSORS[SOURCE].log_source.routes, KEEP)
    say("keeping recorded lines")
    size, rows = 0, 0
    filing, cpu_s, writing_s = 0.0, 0.0, 0.0
    batches: list[float] = []
    hosts: Counter[tuple[str, int]] = Counter()
    file = filer(SENSORS[SOURCE])
    for batch in read(copies):
        at = time.process_time()
        lines = list(file(batch))
        filing += time.process_time() - at
        at, cpu = time.monotonic(), spent(pid)
        events.write(lines)
        batches.append(time.monotonic() - at)
        cpu_s += spent(pid) - cpu
        writing_s += batches[-1]
        rows, size = rows + len(lines), size + sum(len(line.raw) for line in lines)
        hosts.update((line.host, line.time // HOUR * HOUR) for line in lines)
    say("asking")
    (host, hour), _ = sorted(hosts.items(), key=lambda item: item[1])[len(hosts) // 2]
    held = events.held()
    return {
        "bench": "store",
        "rows": rows,
        "raw_bytes_per_row": size / rows,
        "disk_bytes_per_row": held.size / rows,
        "filed_per_cpu_s": rows / filing,
        "written_per_s": rows / writing_s,
        "written_per_cpu_s": rows / cpu_s,
        "kept_per_cpu_s": rows / (cpu_s + filing),
        "batch_rows": rows / len(batches),
        "batch_p50_ms": percentile([1000 * each for each in batches], 0.5),
        "batch_p99_ms": percentile([1000 * each for each in batches], 0.99),
        "host_hour": asked(events, pid, AtHost((host,)), hour, hour + HOUR),
        "rare_word": asked(events, pid, Says(RARE)),
        "absent_word": asked(events, pid, Says(ABSENT)),
        "everything": asked(events, pid, EVERYTHING, times=1),
        "store_rss_mb": most_mb(pid),
        "n": len(batches),
        "seed": None,
        "machine": machine(),
    }


def read(copies: int) -> Iterator[Batch]:
    """The recorded lines, so often, each time as a file of their own."""
    for number in range(copies):
        offset, lines = 0, recorded.lines()
        while taken := some(lines):
            batch = Batch(SOURCE, f"copy{number}", offset, taken, time.time_ns() // 1000)
            yield batch
            offset = batch.end


def some(lines: Iterator[bytes]) -> tuple[bytes, ...]:
    """As many lines as the archive writes at once."""
    taken, size = [], 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if len(taken) >= MOST_LINES or size >= MOST_BYTES:
            break
    return tuple(taken)


def asked(
    events: Events, pid: int, condition: Condition, since: int = EARLIEST, until: int = LATEST, times: int = ASKED
) -> dict[str, float]:
    """How many rows a question finds, and the middle of its milliseconds, of wall and of processor."""
    walls, cpus, rows = [], [], 0
    for _ in range(times):
        at, cpu = time.monotonic(), spent(pid)
        rows = sum(map(len, events.scan(condition, since, until)))
        walls.append(time.monotonic() - at)
        cpus.append(spent(pid) - cpu)
    return {"rows": rows, "ms": round(1000 * median(walls), 1), "cpu_ms": round(1000 * median(cpus), 1)}


def most_mb(pid: int) -> float:
    """The most memory that a process held so far, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return round(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024, 1)
