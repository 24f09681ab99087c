# ruff: noqa: INP001  (a script beside what it writes into)
"""Writes the figures in ``docs/hunting.md`` from what ``./run bench hunt --json`` printed into
``docs/bench-hunt.json``. Run ``python docs/hunt_figures.py`` after it."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILE = "bench-hunt.json"
BEGIN, END = "<!-- figures: written by docs/hunt_figures.py -->", "<!-- end of figures -->"

HUNTS = (("one_rule", "one rule (median)"), ("rules_200", "200 rules together"), ("rules_all", "all rules together"))


def figures(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        "| hunted | records read | CPU-s | CPU-s, every record read | s | s, every record read |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for key, what in HUNTS:
        each = found[key]
        spent = (each[name] for name in ("cpu_s", "everything_cpu_s", "wall_s", "everything_wall_s"))
        cells = (what, f"{each['read']:,}", *(f"{value:.2f}" for value in spent))
        lines.append(f"| {' | '.join(cells)} |")
    machine = found["machine"]
    loads = ", ".join(f"{load:g}" for load in machine["load"])
    where = f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}"
    same = "the same matches" if found["identical"] else "NOT the same matches"
    what = (
        f"{found['rows']:,} recorded Windows events; {found['n']} rules one by one, an even choice of "
        f"{found['rules_all']['rules']:,}. Both ways gave {same} in each of the hunts. For one rule "
        f"{found['share_read']:.2%} of the records were read on average, {found['share_read_most']:.2%} at most; "
        f"{found['rows_per_cpu_s']:,.0f} were passed over a CPU-second, store and hunt together, which is "
        f"{found['ratio']:.0f} times as many as by reading all."
    )
    lines += ["", what, "", f"Measured on {machine['date']}: {where}; load average at the end {loads}."]
    return "\n".join(lines)


def written(page: str, found: dict[str, Any]) -> str:
    """The page with its figures made anew. Raises ValueError where it has no place for them."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no {BEGIN} with {END} behind it")
    return f"{before}{BEGIN}\n{figures(found)}\n{END}{after}"


if __name__ == "__main__":
    page = HERE / "hunting.md"
    found = json.loads((HERE / FILE).read_text(encoding="utf-8"))
    page.write_text(written(page.read_text(encoding="utf-8"), found), encoding="utf-8")
