# ruff: noqa: INP001  (a script beside what it draws)
"""Draws ``docs/bench-loop.svg`` and writes the tables in ``docs/performance.md``, both from what
``./run bench loop --json`` printed into ``docs/bench-loop*.json``. Run ``python docs/figures.py`` after one."""

import json
from html import escape
from pathlib import Path
from typing import Any

from page import HERE, rewrite

FILES = ("bench-loop.json", "bench-loop-1000.json", "bench-loop-10000.json")
"""Without background, and beside 1,000 and 10,000 records a second."""

PAGE = "performance.md"
BEGIN, END = "<!-- figures: written by docs/figures.py -->", "<!-- end of figures -->"

STAGES = {
    "sensor": ("Suricata writes the record", "#7a9cc6"),
    "wake": ("the loop awakes", "#b7c9e2"),
    "read": ("it reads the lines", "#9ed2c6"),
    "turn": ("detect, correlate, decide, authorise", "#2457a5"),
    "commit": ("everything on disk, one sync", "#a8620b"),
    "send": ("the order is signed and sent", "#e0b36a"),
    "hand": ("the hand checks, acts, reads back", "#1f7a3d"),
}
"""Each stage in words, and its colour."""

WIDE, LEFT, ROW, TOP = 900, 130, 46, 40
FONT = "font-family='system-ui, sans-serif'"

Result = dict[str, Any]


def results(folder: Path = HERE) -> list[Result]:
    """The measurements that are there, in order."""
    return [json.loads((folder / name).read_text()) for name in FILES if (folder / name).exists()]


def picture(found: list[Result]) -> str:
    """One bar a measurement, its stages side by side, as SVG text."""
    longest = max(sum(float(each["stage_ms"][name]) for name in STAGES) for each in found)
    scale = (WIDE - LEFT - 80) / longest
    high = TOP + ROW * len(found) + 24 * len(STAGES) + 20
    head = f"xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDE} {high}' role='img'"
    parts = [
        f"<svg {head} aria-label='Median milliseconds from packet to held, by stage'>",
        f"<rect width='{WIDE}' height='{high}' rx='10' fill='#ffffff'/>",
        text(16, 24, "From the packet to held: the median of each stage, milliseconds", 14, "bold"),
    ]
    for number, each in enumerate(found):
        y, x = TOP + number * ROW, float(LEFT)
        parts.append(text(16, y + 19, f"{each['background_events_per_s']:,.0f} records/s", 12))
        for name, (_, colour) in STAGES.items():
            wide = float(each["stage_ms"][name]) * scale
            parts.append(f"<rect x='{x:.1f}' y='{y}' width='{wide:.1f}' height='28' fill='{colour}'/>")
            x += wide
        parts.append(text(x + 6, y + 19, f"{(x - LEFT) / scale:.1f}", 12))
    for number, (name, (words, colour)) in enumerate(STAGES.items()):
        y = TOP + ROW * len(found) + 24 * number + 6
        parts.append(f"<rect x='{LEFT}' y='{y}' width='14' height='14' fill='{colour}'/>")
        parts.append(text(LEFT + 22, y + 12, f"{name}: {words}", 12))
    return "\n".join([*parts, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, size: int, weight: str = "normal") -> str:
    """One line of text."""
    return (
        f"<text x='{x:.1f}' y='{y}' font-size='{size}' font-weight='{weight}' fill='#222' {FONT}>{escape(words)}</text>"
    )


def tables(found: list[Result]) -> str:
    """The figures as Markdown: one column a measurement."""
    rows = [
        ("strikes of each kind (n)", [str(each["runs"]) for each in found]),
        ("load average, least to most", [_load(each) for each in found]),
        ("sweep, p50 / p95", [_pair(each, "sweep") for each in found]),
        ("write, p50 / p95", [_pair(each, "write") for each in found]),
        ("confirmed, p50", [_ms(each["confirmed_p50_ms"]) for each in found]),
        *((f"{name}: {words}", [_ms(each["stage_ms"][name]) for each in found]) for name, (words, _) in STAGES.items()),
        ("CPU time of the turn", [_ms(each["stage_ms"]["turn_cpu"]) for each in found]),
        ("CPU time of commit A", [_ms(each["stage_ms"]["commit_cpu"]) for each in found]),
        ("share of a core: loop", [f"{each['cores_used']['loop']:.2f}" for each in found]),
        ("share of a core: hand", [f"{each['cores_used']['hand']:.2f}" for each in found]),
        ("longest turn", [_ms(each["loop"]["longest_turn_ms"]) for each in found]),
        ("strikes not contained", [str(each["not_contained"]) for each in found]),
        ("polls missed of all polls", [f"{each['missed_polls']} of {each['polls']}" for each in found]),
        ("writes replayed", [str(each["replayed_writes"]) for each in found]),
    ]
    heads = [f"{each['background_events_per_s']:,.0f} records/s" for each in found]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(found)}"]
    lines += [f"| {name} | {' | '.join(values)} |" for name, values in rows]
    return "\n".join([*lines, "", _machine(found[0])])


def _ms(value: float) -> str:
    return f"{value:.1f} ms"


def _pair(result: Result, kind: str) -> str:
    return f"{result[f'{kind}_p50_ms']:.1f} / {result[f'{kind}_p95_ms']:.1f} ms"


def _load(result: Result) -> str:
    return f"{result['load_average']['least']} to {result['load_average']['most']}"


def _machine(result: Result) -> str:
    found = result["machine"]
    versions = f"Python {found['python']}, {found['suricata'].removeprefix('This is ')}, {found['nft']}"
    return f"Measured on {found['date']}: {found['cpu']}, {found['cores']} cores, Linux {found['kernel']}, {versions}."


if __name__ == "__main__":
    (HERE / "bench-loop.svg").write_text(picture(results()), encoding="utf-8")
    rewrite(PAGE, BEGIN, END, tables(results()))
