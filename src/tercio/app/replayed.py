"""What a replay came to, for people and for programs. File names and titles may be an attacker's: shown as visible
text."""

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.replay import Outcome, Seen
from tercio.brain.detect.rules import Rejected
from tercio.loop.state import Content
from tercio.model.units import timestamp
from tercio.products.transports.recorded import Skipped

MOST_RULES, MOST_NAMES = 8, 6
"""Rules and hosts of one incident that are written out on the page; the others are counted."""

Timed = tuple[Outcome, float]
"""A replay, and the seconds that it took."""


def whole(content: Content, told: Sequence[Timed], skipped: Sequence[Skipped]) -> dict[str, Any]:
    """All of it as one JSON object."""
    return {
        "site": content.site.name,
        "rules": {
            "read": len(content.rules.rules) + len(content.rules.correlations),
            "rejected": content.rules.rejected,
            "unrouted": content.detector.unrouted,
        },
        "replays": [{**msgspec.to_builtins(outcome), "seconds": round(seconds, 3)} for outcome, seconds in told],
        "skipped": skipped,
    }


def page(content: Content, told: Sequence[Timed]) -> RenderableType:
    """One part a replay, and a table of all where there are several."""
    unrouted, every = len(content.detector.unrouted), len(content.rules.rules)
    parts: list[RenderableType] = [
        Text(f"{every:,} rules, of which {unrouted:,} have no source here. In shadow: nothing was touched.")
    ]
    for outcome, seconds in told:
        parts += [Text(""), *_replay(outcome, seconds)]
    if len(told) > 1:
        parts += [Text(""), _table(told)]
    return Group(*parts)


def _replay(outcome: Outcome, seconds: float) -> list[RenderableType]:
    hits, count = sum(outcome.hits.values()), len(outcome.incidents)
    when = f", {timestamp(outcome.begins)[:19]}Z to {timestamp(outcome.ends)[:19]}Z" if outcome.ends else ""
    parts: list[RenderableType] = [
        Text(named(outcome.name), style="bold"),
        Text(f"  {outcome.lines:,} lines of {_counted(len(outcome.files), 'file')} in {seconds:.1f} s{when}"),
        Text(
            f"  {_counted(hits, 'match', 'es')} of {_counted(len(outcome.hits), 'rule')}, {_counted(count, 'incident')}"
        ),
    ]
    for file in outcome.files:
        words = [plain(file.trouble)] if file.trouble else []
        words += [f"{file.unparsed:,} of {file.lines:,} lines not understood"] if file.unparsed else []
        if words:
            parts.append(Text(f"  {named(file.name)}: {'; '.join(words)}", style="yellow"))
    parts += [Padding(Group(*_incident(seen)), (1, 0, 0, 2), expand=False) for seen in outcome.incidents]
    if outcome.below:
        titles = "; ".join(f"{plain(each.title, 80)} ({each.count})" for each in outcome.below[:MOST_RULES])
        parts.append(Text(f"\n  Too little to suspect anybody: {titles}{_more(outcome.below, MOST_RULES)}"))
    return parts


def _incident(seen: Seen) -> list[RenderableType]:
    likely = sorted(seen.held, key=lambda name: (-seen.held[name], name))
    who = ", ".join(f"{plain(name, 60)} {seen.held[name]:.0%}" for name in likely[:MOST_NAMES])
    rows = [
        ("believed held", who + _more(likely, MOST_NAMES)),
        (
            "of that proven",
            ", ".join(plain(n, 60) for n in likely if seen.proven[n] >= 0.5) or "nothing: it could be forged",
        ),
        ("techniques", ", ".join(seen.techniques) or "none named"),
        ("rests on", f"{seen.evidence} pieces of evidence from {seen.findings} findings, {seen.repeats} repeats"),
        *(("rule", f"{each.level}: {plain(each.title, 100)} ({each.count})") for each in seen.rules[:MOST_RULES]),
        (
            "would have",
            f"{plain(seen.chosen, 160) or 'decided nothing'}; with full authority {plain(seen.would, 160) or '-'}",
        ),
    ]
    if len(seen.rules) > MOST_RULES:
        rows.insert(-1, ("", f"and {len(seen.rules) - MOST_RULES} rules more"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    opened = timestamp(seen.opened)[:19]
    return [Text(f"Incident {seen.id}: {seen.status}, from {opened}Z", style="bold"), Padding(grid, (0, 0, 0, 2))]


def _table(told: Sequence[Timed]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("file", "sensor", "lines", "rules", "matches", "incidents", "techniques", "s"):
        right = name in ("lines", "rules", "matches", "incidents", "s")
        table.add_column(Text(name), justify="right" if right else "left", overflow="fold")
    for outcome, seconds in told:
        sensors = ", ".join(sorted({file.sensor for file in outcome.files}))
        counts = (len(outcome.hits), sum(outcome.hits.values()), len(outcome.incidents))
        cells = (named(outcome.name), sensors, f"{outcome.lines:,}", *(f"{n:,}" for n in counts))
        table.add_row(*map(Text, (*cells, " ".join(outcome.techniques), f"{seconds:.2f}")))
    return table


def named(path: str) -> str:
    """A file's name, as visible text of bounded length: its end, which tells files apart."""
    return plain(path if len(path) <= 120 else f"...{path[-117:]}", 120)


def shown(file: Skipped) -> str:
    """Why a file was not read, in a sentence."""
    return f"{named(file.name)}: {plain(file.why, 300)}"


def left_out(rejected: Rejected) -> str:
    """Why a rule was left out, in a sentence."""
    return f"{named(rejected.file)}:{rejected.line}: {plain(rejected.reason, 300)}"


def _counted(number: int, one: str, ending: str = "s") -> str:
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}{ending}"


def _more(listed: Sequence[object], most: int) -> str:
    return f" and {len(listed) - most} more" if len(listed) > most else ""
