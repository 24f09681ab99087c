# ruff: noqa: INP001  (a script beside what it draws)
"""Draws ``docs/loop.svg``: the loop in its three layers. Run ``python docs/draw.py`` after a change to it."""

from html import escape
from pathlib import Path

LAYERS = (
    ("brain", "intelligence, decision", "#e8f0fb", "#2457a5", ("sense", "detect", "correlate", "decide")),
    ("agents", "command", "#fdf1e0", "#a8620b", ("authorise", "order")),
    ("products", "execution", "#e6f5ea", "#1f7a3d", ("act", "verify")),
)
"""Layer, what it is for, its fill and stroke, and its steps in order."""

SAYS = {
    "sense": "Suricata's records,\nas they are written",
    "detect": "Sigma rules, and what\nthe wire can prove",
    "correlate": "one incident, belief\nin every asset",
    "decide": "is it safe? then:\nwhat does it cost?",
    "authorise": "the mandate: may we,\nor who must consent?",
    "order": "signed, with an end,\njournaled before it goes",
    "act": "a hand with one\nprivilege, nftables",
    "verify": "read back, then seen:\nheld, confirmed",
}

BOX, GAP, HIGH, TOP, LEFT = 142, 18, 84, 92, 24
MARKER = (
    "<defs><marker id='a' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
    "<path d='M0 0 L8 4 L0 8 z' fill='#555'/></marker></defs>"
)
LINE = "stroke='#555' stroke-width='1.6' marker-end='url(#a)'"
FONT = "font-family='system-ui, sans-serif'"


def picture() -> str:
    """The whole drawing as SVG text."""
    steps = [step for *_, names in LAYERS for step in names]
    width = LEFT * 2 + len(steps) * BOX + (len(steps) - 1) * GAP
    head = f"xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} 318' role='img' aria-label='The loop of Tercio'"
    parts = [
        f"<svg {head}>",
        MARKER,
        f"<rect width='{width}' height='318' rx='10' fill='#ffffff'/>",
    ]
    at = 0
    for layer, duty, fill, stroke, names in LAYERS:
        x, wide = place(at) - 10, len(names) * BOX + (len(names) - 1) * GAP + 20
        parts.append(f"<rect x='{x}' y='20' width='{wide}' height='176' rx='10' fill='{fill}' stroke='{stroke}'/>")
        parts.append(text(x + wide / 2, 46, layer, 17, stroke, "bold"))
        parts.append(text(x + wide / 2, 66, duty, 12, stroke))
        parts += [box(place(at + n), name, stroke) for n, name in enumerate(names)]
        at += len(names)
    parts += [arrow(place(n) + BOX, place(n + 1)) for n in range(len(steps) - 1)]
    parts += people(width)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def place(number: int) -> int:
    """Left edge of a step's box."""
    return LEFT + number * (BOX + GAP)


def box(x: int, name: str, stroke: str) -> str:
    """One step with what it does."""
    lines = [text(x + BOX / 2, TOP + 24, name, 15, "#111", "bold")]
    lines += [text(x + BOX / 2, TOP + 46 + 17 * n, words, 11, "#333") for n, words in enumerate(SAYS[name].split("\n"))]
    return f"<rect x='{x}' y='{TOP}' width='{BOX}' height='{HIGH}' rx='8' fill='#fff' stroke='{stroke}'/>" + "".join(
        lines
    )


def arrow(start: float, end: float) -> str:
    """From one step to the next."""
    y = TOP + HIGH / 2
    return f"<line x1='{start + 2}' y1='{y}' x2='{end - 2}' y2='{y}' {LINE}/>"


def people(width: int) -> list[str]:
    """What people say, and what the loop learns."""
    middle = place(4) + BOX / 2
    back = f"M{place(7) + BOX / 2} {TOP + HIGH + 4} V292 H{place(0) + BOX / 2} V{TOP + HIGH + 6}"
    return [
        f"<path d='{back}' fill='none' stroke='#555' stroke-width='1.6' stroke-dasharray='5 4' marker-end='url(#a)'/>",
        text(
            width / 2,
            311,
            "leases end by decision: renewed while believed, released after quiet, undone in one command",
            12,
            "#333",
        ),
        f"<line x1='{middle}' y1='246' x2='{middle}' y2='{TOP + HIGH + 6}' {LINE}/>",
        text(middle, 264, "people: consent, windows, undo, stand down", 13, "#111", "bold"),
    ]


def text(x: float, y: float, words: str, size: int, colour: str, weight: str = "normal") -> str:
    """One centred line."""
    return (
        f"<text x='{x:g}' y='{y:g}' text-anchor='middle' font-size='{size}' font-weight='{weight}' "
        f"fill='{colour}' {FONT}>"
        f"{escape(words)}</text>"
    )


if __name__ == "__main__":
    Path(__file__).with_name("loop.svg").write_text(picture(), encoding="utf-8")
