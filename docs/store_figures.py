# ruff: noqa: INP001  (a script beside what it writes into)
"""Writes the figures in ``docs/storage.md`` from what ``./run bench store --json`` printed into
``docs/bench-store.json``. Run ``python docs/store_figures.py`` after it."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILE = "bench-store.json"
BEGIN, END = "<!-- figures: written by docs/store_figures.py -->", "<!-- end of figures -->"


def figures(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    kept = [
        ("filed (fields, time and host read of each line)", f"{found['filed_per_cpu_s']:,.0f} records a CPU-second"),
        ("written, client and store together", f"{found['written_per_cpu_s']:,.0f} records a CPU-second"),
        ("both", f"{found['kept_per_cpu_s']:,.0f} records a CPU-second"),
        ("written, by the clock", f"{found['written_per_s']:,.0f} records a second"),
        (
            f"one batch of {found['batch_rows']:,.0f}, synced to the disk",
            f"{found['batch_p50_ms']:,.0f} ms (median), {found['batch_p99_ms']:,.0f} ms (99th of a hundred)",
        ),
        ("on the disk", f"{found['disk_bytes_per_row']:,.0f} bytes a record"),
        ("memory of the store, at most", f"{found['store_rss_mb']:,.0f} MiB"),
    ]
    questions = {
        "host_hour": "one host, one hour, whole lines",
        "rare_word": "lines with a rare word, of all times",
        "absent_word": "lines with a word that is in none",
        "everything": "every line",
    }
    for key, what in questions.items():
        each = found[key]
        kept.append((what, f"{each['rows']:,} records in {each['ms']:,.0f} ms ({each['cpu_ms']:,.0f} ms of processor)"))
    rows = [f"| {what} | {value} |" for what, value in kept]
    machine = found["machine"]
    loads = ", ".join(f"{load:g}" for load in machine["load"])
    where = f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}"
    about = (
        f"{found['rows']:,} recorded Windows events of {found['raw_bytes_per_row']:,.0f} bytes on average, in "
        f"{found['n']} batches. Measured on {machine['date']}: {where}; load average at the end {loads}."
    )
    return "\n".join(["| what | measured |", "|---|---|", *rows, "", about])


def written(page: str, found: dict[str, Any]) -> str:
    """The page with its figures made anew. Raises ValueError where it has no place for them."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no {BEGIN} with {END} behind it")
    return f"{before}{BEGIN}\n{figures(found)}\n{END}{after}"


if __name__ == "__main__":
    page = HERE / "storage.md"
    found = json.loads((HERE / FILE).read_text(encoding="utf-8"))
    page.write_text(written(page.read_text(encoding="utf-8"), found), encoding="utf-8")
