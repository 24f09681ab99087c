# ruff: noqa: INP001  (a script beside what it writes into)
"""Writes the table about detection in ``docs/performance.md`` from what ``./run bench detect --json`` printed into
``docs/bench-detect.json``. Run ``python docs/detect_figures.py`` after it."""

from typing import Any

from page import found_in, rewrite, where

FILE, PAGE = "bench-detect.json", "performance.md"
BEGIN, END = "<!-- detection: written by docs/detect_figures.py -->", "<!-- end of detection -->"

ROWS = (
    ("events_per_cpu_s", "all recorded events, caches empty", ""),
    ("peer_events_per_cpu_s", "the peer, every 14th of them", ""),
    ("ratio", "ours to the peer's", "at least 100"),
    ("worst_events_per_cpu_s", "process starts only, every value new", "at least 15,000"),
    ("batch100_p99_ms", "a batch of a hundred, plans still to be made", "at most 5"),
    ("batch100_planned_p99_ms", "the same with plans made", ""),
    ("rss_mb", "the most memory held, MiB", "at most 300 and the bound"),
    ("cache_bound_mb", "of which remembered answers take at most, MiB", ""),
    ("start_cpu_s", "compiled rules and pattern databases from a cache", "at most 1"),
    ("ratio_same_events", "ours over the peer's events alone, to the peer's", ""),
)
"""Each figure, what it is, and its target."""


def tables(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = ["| figure | what | target | measured | 95 % interval |", "|---|---|---|---|---|"]
    spans = found["intervals95"]
    lines += [
        f"| `{key}` | {what} | {target} | {_number(found.get(key))} | {_span(spans.get(key))} |"
        for key, what, target in ROWS
    ]
    what = f"{found['rules']:,} rules, {found['events']:,.0f} events, {found['n']} round(s), median"
    return "\n".join([*lines, "", f"{where(found['machine'])} {what}."])


def _number(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def _span(ends: list[float] | None) -> str:
    return " to ".join(map(_number, ends)) if ends else ""


if __name__ == "__main__":
    rewrite(PAGE, BEGIN, END, tables(found_in(FILE)))
