# ruff: noqa: INP001  (a script beside what it writes into)
"""Writes the figures in ``docs/storage.md`` from what ``./run bench store --json`` printed into
``docs/bench-store.json``. Run ``python docs/store_figures.py`` after it."""

from typing import Any

from page import found_in, rewrite, where

FILE, PAGE = "bench-store.json", "storage.md"
BEGIN, END = "<!-- figures: written by docs/store_figures.py -->", "<!-- end of figures -->"


def tables(found: dict[str, Any]) -> str:
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
    about = (
        f"{found['rows']:,} recorded Windows events of {found['raw_bytes_per_row']:,.0f} bytes on average, in "
        f"{found['n']} batches. {where(found['machine'])}"
    )
    return "\n".join(["| what | measured |", "|---|---|", *rows, "", about])


if __name__ == "__main__":
    rewrite(PAGE, BEGIN, END, tables(found_in(FILE)))
