"""How the cost of detection grows with rules and with events: ``python -m bench.growth FILE`` writes it and a drawing.

FILE ends in ``.json``; the drawing stands beside it as ``.svg``.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import recorded
from bench.detect import detecting, say, written
from bench.machine import machine

RULES = (500, 1_000, 2_000, 4_000)
EVENTS = (10_000, 100_000, 1_000_000)
Points = list[tuple[float, float]]


def main(argv: list[str]) -> int:
    """Measure and draw; status 2 where the data is not here."""
    path = Path(argv[0])
    if absent := recorded.missing():
        print(absent, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tercio-growth-") as place:
        found = measure(written(Path(place) / "whole.ndjson", recorded.lines()))
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".svg").write_text(picture(found["by_rules"], found["by_events"]), encoding="utf-8")
    return 0


def measure(whole: Path) -> dict[str, Any]:
    """Events per CPU second, by rules and by events. More rules than there are stand for all."""
    by_rules, by_events = [], []
    for number in RULES:
        say(f"{number} rules")
        rules = recorded.compiled(recorded.rule_texts(number))
        detecting(rules, whole, "--events", "1")  # Makes the pattern databases.
        run = detecting(rules, whole)
        by_rules.append((len(recorded.read_compiled(rules).rules), round(run["events"] / run["cpu_s"])))
    for number in EVENTS:
        say(f"{number} events")
        run = detecting(rules, whole, "--events", str(number))
        by_events.append((run["events"], round(run["events"] / run["cpu_s"])))
    return {"by_rules": by_rules, "by_events": by_events, "machine": machine()}


WIDE, HIGH, EDGE = 380, 240, 56


def picture(by_rules: Points, by_events: Points) -> str:
    """Both curves as SVG text."""
    head = f"xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {2 * WIDE} {HIGH}' role='img'"
    parts = [
        f"<svg {head} aria-label='Events per CPU second by rules and by events'>",
        f"<rect width='{2 * WIDE}' height='{HIGH}' rx='10' fill='#ffffff'/>",
        *curve(by_rules, 0, "rules (all recorded events, cold caches)"),
        *curve(by_events, WIDE, "events (all rules; recorded ones again and again)"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def curve(points: Points, left: int, title: str) -> list[str]:
    """One curve with its values; the steps on the lower axis are equally far apart."""
    top = max(rate for _, rate in points)
    step = (WIDE - 2 * EDGE) / max(1, len(points) - 1)
    places = [(left + EDGE + n * step, HIGH - EDGE - (HIGH - 2 * EDGE) * y / top) for n, (_, y) in enumerate(points)]
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
    foot = HIGH - EDGE
    return [
        text(left + WIDE / 2, 22, "events per CPU second"),
        f"<line x1='{left + EDGE - 16}' y1='{foot}' x2='{left + WIDE - EDGE + 16}' y2='{foot}' stroke='#555'/>",
        f"<polyline points='{line}' fill='none' stroke='#2457a5' stroke-width='2'/>",
        *(f"<circle cx='{x:.0f}' cy='{y:.0f}' r='3' fill='#2457a5'/>" for x, y in places),
        *(text(x, y - 8, f"{rate:,.0f}") for (x, y), (_, rate) in zip(places, points, strict=True)),
        *(text(x, foot + 18, f"{many:,.0f}") for (x, _), (many, _) in zip(places, points, strict=True)),
        text(left + WIDE / 2, HIGH - 12, title),
    ]


def text(x: float, y: float, words: str) -> str:
    """One centred line."""
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='middle' font-size='11' font-family='sans-serif'>{words}</text>"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
