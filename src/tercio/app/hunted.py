"""What a hunt came to, for people. What lines say may be an attacker's: shown as visible text of bounded length."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.quest import Answer, Correlated, Found, Held, Matched
from tercio.model.findings import Finding
from tercio.model.units import HOUR, span, timestamp

SLACK = HOUR
"""What the store lacks at either end of the span is said where it is more than this (microseconds)."""

CITED = 3
"""Events of a correlation's finding that are listed; the others are counted."""

QUIET = 20
"""Rules without a match that are listed; the others are counted."""


def page(answer: Answer) -> RenderableType:
    """What was looked at, what was found by rule, and what can't have been found."""
    parts: list[RenderableType] = [Text(words) for words in looked_at(answer)]
    every: list[Matched | Correlated] = [*answer.correlations, *answer.rules]
    for each in every:
        if not each.count:
            continue
        parts += [Text(""), _head(each), Padding(_table(each), (0, 0, 0, 2))]
    quiet = [each for each in every if each.asked and not each.count]
    parts += [Text("")] if quiet else []
    parts += [Text(_nothing(each)) for each in quiet[:QUIET]]
    parts += [Text(f"and {len(quiet) - QUIET:,} rules more without a match")] if len(quiet) > QUIET else []
    return Group(*parts)


def looked_at(answer: Answer) -> Iterator[str]:
    """What was asked and what the archive could answer, one sentence each."""
    at = answer.progress
    where = f" of {plain(answer.host, 100)}" if answer.host else ""
    yield f"Looked for {_utc(answer.since)} to {_utc(answer.until)}{where}."
    yield f"{at.passed:,} of {at.rows:,} records were passed over, {at.read:,} of them had to be read."
    hunted = [held for held in answer.held if held.hunted]
    if not hunted:
        yield "The store holds nothing of that time that these rules are about: it does not say what happened then."
    for held in hunted:
        yield from _gaps(answer, held)
    if strange := [plain(held.source, 60) for held in answer.held if not held.known]:
        yield f"The store also holds records of {', '.join(strange)}, which your settings do not name: not looked at."
    if not answer.whole:
        yield f"It ended early: this is all until {_utc(at.through)}, and nothing is said of what came after it."
    for why, count in answer.broken.items():
        yield f"{count:,} records are not looked at: {why}."
    if answer.unparsed:
        yield f"{answer.unparsed:,} lines matched, but no sensor understands them: they are no findings, here and live."


def _gaps(answer: Answer, held: Held) -> Iterator[str]:
    source = plain(held.source, 60)
    if held.begins - answer.since > SLACK:
        missing = span(held.begins - answer.since)
        yield f"Of {source} the store holds nothing before {_utc(held.begins)}: the first {missing} are not answered."
    if answer.until - held.ends > SLACK:
        missing = span(answer.until - held.ends)
        yield f"Of {source} the store holds nothing after {_utc(held.ends)}: the last {missing} are not answered."


def _head(each: Matched | Correlated) -> Text:
    what = "finding" if isinstance(each, Correlated) else "match"
    plural = {"finding": "findings", "match": "matches"}[what]
    count = f"{each.count:,} {what if each.count == 1 else plural}"
    kept = f", the first {len(each.kept):,} below" if len(each.kept) < each.count else ""
    needed = "" if each.asked else ", needed by a correlation"
    failed = _failed(each)
    return Text(
        f"{each.level}: {plain(each.title, 120)} ({plain(each.rule, 60)}{needed}): {count}{kept}{failed}", style="bold"
    )


def _nothing(each: Matched | Correlated) -> str:
    why = f"can't find anything here: {plain(each.silent, 200)}" if each.silent else "nothing found"
    return f"{plain(each.title, 120)} ({plain(each.rule, 60)}): {why}{_failed(each)}"


def _failed(each: Matched | Correlated) -> str:
    if isinstance(each, Correlated) or not each.failed:
        return ""
    return f"; it failed on {sum(each.failed.values()):,} lines ({plain(next(iter(each.failed)), 80)})"


def _table(each: Matched | Correlated) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("time (UTC)", "who", "to", "what"):
        table.add_column(Text(name), overflow="fold", no_wrap=name == "time (UTC)")
    for row in each.kept:
        what = _cites(row) if isinstance(row, Finding) else _says(row)
        to = ", ".join(row.dst) if isinstance(row, Finding) else row.dst
        table.add_row(Text(_utc(row.time)), Text(plain(row.src, 60)), Text(plain(to, 100)), what)
    return table


def _cites(finding: Finding) -> Text:
    more = len(finding.events) - CITED
    return Text(", ".join(finding.events[:CITED]) + (f" and {more} more" if more > 0 else ""), style="dim")


def _says(found: Found) -> Text:
    """What the rule asked about, and below where the line lies."""
    fields = "; ".join(f"{plain(field, 40)}: {plain(value, 160)}" for field, value in found.fields.items())
    place = f"{found.event} in {plain(found.source, 40)} {plain(found.generation, 40)}:{found.offset}"
    return Text.assemble(fields, "\n" if fields else "", (place, "dim"))


def _utc(moment: int) -> str:
    return f"{timestamp(moment)[:19].replace('T', ' ')}Z"
