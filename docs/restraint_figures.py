# ruff: noqa: INP001  (a script beside what it writes into)
"""Writes the tables about restraint in ``docs/decision.md`` from what ``./run bench restraint --json`` printed into
``docs/bench-restraint.json``. Run ``python docs/restraint_figures.py`` after it."""

from collections.abc import Iterator
from typing import Any

from page import found_in, rewrite

FILE, PAGE = "bench-restraint.json", "decision.md"
BEGIN, END = "<!-- restraint: written by docs/restraint_figures.py -->", "<!-- end of restraint -->"

ROWS = (
    ("wrong_rate", "of all episodes", "at most 0.01"),
    ("wrong_rate_upper95", "its exact one-sided 95 % bound", "at most 0.02"),
    ("wrong_benign_rate", "of benign days", "at most 0.01"),
    ("contained_before_impact", "of what a clairvoyant stops", "at least 0.95"),
    ("benign_site_days", "benign site-days of the deep run", "at least 11,000"),
    ("wrong_ot_per_site_year_upper95", "wrong acts that touch control, by site-year, 95 % bound", "at most 0.1"),
    ("wrong_it_per_site_year_upper95", "all other wrong acts, likewise", "at most 1"),
    ("benign_questions_a_day", "questions on a benign day", ""),
)
"""Each figure, what it is, and its target."""


def tables(found: dict[str, Any]) -> str:
    """All of it as Markdown."""
    return "\n".join([*_targets(found), "", *_defenders(found), "", *_groups(found), "", *_trials(found), *_end(found)])


def _targets(found: dict[str, Any]) -> Iterator[str]:
    yield "| figure | what | target | measured |"
    yield "|---|---|---|---|"
    for key, what, target in ROWS:
        yield f"| `{key}` | {what} | {target} | {_number(found.get(key))} |"
    yield ""
    missed = found["targets_missed"]
    yield f"Targets missed: {', '.join(missed)}." if missed else "No target is missed."


def _defenders(found: dict[str, Any]) -> Iterator[str]:
    """Everybody who played; money in whole units of the currency, an episode on average."""
    yield (
        "| defender | wrong | of benign days | stopped | attack | trips | response | questions a shift | Tercio saves "
        "| 95 % interval |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for name, board in {found["defender"]: found["board"], **found["baselines"]}.items():
        saved = found["money_saved"].get(name)
        low, high = saved["interval95"] if saved else (0, 0)
        cells = [
            name,
            f"{board['wrong_rate']:.1%}",
            f"{board['wrong_benign_rate']:.1%}",
            _share(board["contained_before_impact"]),
            *(f"{board[key]:,.0f}" for key in ("attack_lost", "production_lost", "cost_of_response")),
            f"{board['questions_a_shift']:.2f}",
            *((f"{saved['mean']:,.0f}", f"{low:,.0f} to {high:,.0f}") if saved else ("", "")),
        ]
        yield f"| {' | '.join(cells)} |"


def _groups(found: dict[str, Any]) -> Iterator[str]:
    yield "| Tercio, by family and by intruder | episodes | wrong | stopped | of | questions a shift |"
    yield "|---|--:|--:|--:|--:|--:|"
    for what, one in (("families", "family"), ("intruders", "intruder")):
        for name, board in found[what].items():
            worst = " (the worst family)" if what == "families" and name == found["worst_family"] else ""
            cells = [f"{board['wrong_rate']:.0%}", _share(board["contained_before_impact"]), str(board["stoppable"])]
            counts = f"{board['episodes']} | {' | '.join(cells)} | {board['questions_a_shift']:.2f}"
            yield f"| {one} {name}{worst} | {counts} |"


def _trials(found: dict[str, Any]) -> Iterator[str]:
    yield "| hostile trials a day | what one costs the site, to what it costs him | acts | questions |"
    yield "|--:|--:|--:|--:|"
    for point in found["attacker_cost_ratio"]:
        yield f"| {point['trials']:,} | {point['ratio']:,.2f} | {point['acts']:.1f} | {point['questions']:.1f} |"


def _end(found: dict[str, Any]) -> Iterator[str]:
    machine, last = found["machine"], found["seed"] + found["n"] - 1
    yield ""
    yield (
        f"Seeds {found['seed']} to {last}, on {machine['date']}, Tercio {machine['tercio']}, Python "
        f"{machine['python']}. "
        "The same seeds give the same figures on every machine."
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    rewrite(PAGE, BEGIN, END, tables(found_in(FILE)))
