"""How precise rules are, as the loop last wrote it: what fired, what people said of it, what it weighs by that."""

from collections.abc import Iterable, Mapping

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.brain.correlate.likelihood import ratio
from tercio.brain.learn.precision import A_DAY, interval, odds, posterior
from tercio.model.findings import Level
from tercio.model.incidents import Stage
from tercio.model.precision import Precision
from tercio.model.units import timestamp

MOST_SHOWN = 40
"""Rules on a screen; --json has all."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a rule; the ``present`` one is the last that fired. ``mean`` and the middle 90 % (``low`` to
    ``high``) are of its precision by its level and by what people judged; ``ratio`` is the likelihood ratio with which
    its finding says that a host is held, within its bounds. Instants are microseconds since the epoch."""

    rule: str
    version: str
    title: str
    present: bool
    level: Level
    since: int
    last: int
    fired: int
    incidents: int
    right: int
    wrong: int
    unsure: int
    beyond: int
    mean: float
    low: float
    high: float
    ratio: float

    @property
    def noise(self) -> float:
        """Incidents in which it was probably wrong."""
        return self.incidents * (1 - self.mean)


def rows(known: Mapping[str, Iterable[Precision]]) -> tuple[Row, ...]:
    """All that ever fired, the noisiest first."""
    found = [_row(each, present=place == 0) for versions in known.values() for place, each in enumerate(versions)]
    return tuple(sorted(found, key=lambda row: (not row.present, -row.noise, -row.fired, row.rule, row.version)))


def _row(each: Precision, *, present: bool) -> Row:
    right, wrong = posterior(each.level, each.right, each.wrong)
    low, high = interval(right, wrong)
    shared = {name: getattr(each, name) for name in Precision.__struct_fields__ if name in Row.__struct_fields__}
    mean = round(right / (right + wrong), 6)
    weight = round(ratio(odds(each), Stage.FOOTHOLD), 6)
    return Row(**shared, present=present, mean=mean, low=low, high=high, ratio=weight)


def page(found: tuple[Row, ...]) -> RenderableType:
    """A table of the rules as they are now; earlier versions are counted below it."""
    now = [row for row in found if row.present]
    if not now:
        return Text("No rule has fired yet.")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(Text("rule"), overflow="fold", min_width=16)
    for name in ("fired", "in", "right", "wrong", "unsure", "precision", "ratio", "last"):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for row in now[:MOST_SHOWN]:
        counts = (f"{n:,}" for n in (row.fired, row.incidents, row.right, row.wrong, row.unsure))
        precise = f"{row.mean:.0%} {row.low:.0%}-{row.high:.0%}"
        cells = (f"{plain(row.title or row.rule, 60)} ({row.level})", *counts, precise, f"{row.ratio:,.0f}")
        table.add_row(*map(Text, (*cells, timestamp(row.last)[5:10])))
    return Group(table, *_below(found, now))


def _below(found: tuple[Row, ...], now: list[Row]) -> Iterable[Text]:
    yield Text("")
    yield Text("in: incidents that it was part of; right, wrong, unsure: what people said of those (`tercio close`)")
    yield Text(f"precision: by its level and by that, with the middle 90 %; {A_DAY} verdicts a day may move it")
    if len(now) > MOST_SHOWN:
        yield Text(f"{len(now) - MOST_SHOWN:,} more have fired; --json has all.")
    beyond = sum(row.beyond for row in found)
    if beyond:
        yield Text(f"{beyond:,} verdicts came beyond a day's bound and moved nothing.")
    earlier = [row for row in found if not row.present]
    if earlier:
        said = sum(row.right + row.wrong for row in earlier)
        yield Text(
            f"{len(earlier):,} earlier versions, with {said:,} verdicts, count for nothing now; --json has them."
        )
