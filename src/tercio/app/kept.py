"""What there is of the past: does the store answer, what does it hold, how far behind is the archive, what was lost?"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec

from tercio.app.checkup import Finding, Weight, loop
from tercio.app.eventstore import archive_of
from tercio.app.settings import Settings, SettingsError, SourceSettings
from tercio.app.storesettings import DAY, Kind
from tercio.model.units import SECOND, span, timestamp
from tercio.products.transports.logfile import end_of
from tercio.store.events import Events, EventsSilent

PATIENCE = 5
"""Seconds that one look waits for an answer."""

LATE = 60 * SECOND
"""Where lines wait and none was kept for so long (microseconds), something is wrong: the archive looks every second."""

LOOKED_BACK = 7 * DAY
"""Losses are told for so long."""

LOSSES = "losses"
"""What the finding is called that tells of losses: they are past, and no failure of now."""

NEEDED = {
    Kind.NONE: (),
    Kind.EMBEDDED: ("chdb", "clickhouse_connect", "uvicorn"),
    Kind.CLICKHOUSE: ("clickhouse_connect",),
}
"""The Python packages behind each kind of store."""


def kept(settings: Settings, now: int) -> Iterator[Finding]:
    """Look once; nothing where the settings name no store."""
    missing = [name for name in NEEDED[settings.store.kind] if find_spec(name) is None]
    if missing:
        words = f"the Python packages {', '.join(missing)} are missing: install tercio with its extra, tercio[store]"
        yield Finding("store", Weight.FAIL, words)
    elif settings.store.kind != Kind.NONE:
        try:
            with closing(archive_of(settings, patience=PATIENCE)) as events:
                yield from _past(settings, events, now)
        except (SettingsError, EventsSilent) as error:
            runs = all(found.weight == Weight.OK for found in loop(settings))
            words = "; nothing is kept of the past meanwhile" if runs else "; it does not run now: start `tercio up`"
            yield Finding("store", Weight.FAIL if runs else Weight.WARN, f"{error}{words}")


def _past(settings: Settings, events: Events, now: int) -> Iterator[Finding]:
    held = events.held()
    since = f", received since {timestamp(held.oldest)[:16]}Z" if held.rows else ""
    words = f"it answers and holds {held.rows:,} records{since}; {held.size / 1e6:,.0f} MB on its disk"
    yield Finding("store", Weight.OK, words)
    reached = events.reached(source.name for source in settings.sources)
    for source in settings.sources:
        yield _archived(source, reached[source.name], now)
    lost = events.losses(now - LOOKED_BACK)
    if lost:
        size = sum(each.size for each in lost)
        words = f"{sum(each.times for each in lost):,} times something was not kept in {span(LOOKED_BACK)}"
        yield Finding(LOSSES, Weight.WARN, f"{words} ({size:,} bytes as far as known), last: {lost[0].words}")


def _archived(source: SourceSettings, ends: Mapping[str, tuple[int, int]], now: int) -> Finding:
    """How far one source's file is kept."""
    name = f"archive {source.name}"
    last = max((received for _, received in ends.values()), default=0)
    ago = f"last kept {span(max(0, now - last))} ago" if last else "nothing is kept of it yet"
    place = end_of(source.path)
    if place is None:
        return Finding(name, Weight.OK, f"{source.path} has nothing to keep now; {ago}")
    generation, end = place
    behind = end - ends.get(generation, (0, 0))[0]
    if behind <= 0:
        return Finding(name, Weight.OK, f"all of {source.path} is kept; {ago}")
    weight = Weight.FAIL if now - last > LATE else Weight.OK
    return Finding(name, weight, f"{behind:,} bytes of {source.path} wait to be kept; {ago}")
