# ruff: noqa: INP001  (a script beside what it writes into)
"""Writes the figures in ``docs/hunting.md`` from what ``./run bench hunt --json`` printed into
``docs/bench-hunt.json``. Run ``python docs/hunt_figures.py`` after it."""

from typing import Any

from page import found_in, rewrite, where

FILE, PAGE = "bench-hunt.json", "hunting.md"
BEGIN, END = "<!-- figures: written by docs/hunt_figures.py -->", "<!-- end of figures -->"

HUNTS = (("one_rule", "one rule (median)"), ("rules_200", "200 rules together"), ("rules_all", "all rules together"))


def tables(found: dict[str, Any]) -> str:
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
    same = "the same matches" if found["identical"] else "NOT the same matches"
    what = (
        f"{found['rows']:,} recorded Windows events; {found['n']} rules one by one, an even choice of "
        f"{found['rules_all']['rules']:,}. Both ways gave {same} in each of the hunts. For one rule "
        f"{found['share_read']:.2%} of the records were read on average, {found['share_read_most']:.2%} at most; "
        f"{found['rows_per_cpu_s']:,.0f} were passed over a CPU-second, store and hunt together, which is "
        f"{found['ratio']:.0f} times as many as by reading all."
    )
    lines += ["", what, "", where(found["machine"])]
    return "\n".join(lines)


if __name__ == "__main__":
    rewrite(PAGE, BEGIN, END, tables(found_in(FILE)))
