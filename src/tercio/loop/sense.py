"""From what was sifted to events and findings: the first half of a turn. Pure."""

from collections.abc import Sequence

import msgspec

from tercio.brain.correlate.whereabouts import Census
from tercio.brain.detect.windows import Heard, Hit, Windows, finish, hear, step
from tercio.loop.conduct import Conduct
from tercio.loop.state import Content, Memory
from tercio.model.events import Event, Unparsed
from tercio.model.findings import Finding
from tercio.model.records import Cited
from tercio.model.sifted import Sifted


class Sensed(msgspec.Struct, frozen=True):
    """What a turn's lines said: events worth looking at, findings, the lines they cite, lines nobody understood."""

    memory: Memory
    events: tuple[Event, ...]
    findings: tuple[Finding, ...]
    cited: dict[str, Cited]
    unparsed: tuple[Unparsed, ...]
    offsets: dict[str, tuple[str, int]]


class _Read(msgspec.Struct):
    """What is gathered while lots are taken."""

    events: list[Event] = []
    hits: list[Hit] = []
    cited: dict[str, Cited] = {}
    unparsed: list[Unparsed] = []


def sense(
    content: Content,
    memory: Memory,
    lots: Sequence[Sifted],
    offsets: dict[str, tuple[str, int]],
    over: int = 0,
) -> Sensed:
    """Take what was sifted in its order, say whose machines did it, advance the windows of correlations. Where nothing
    comes after it, ``over`` is the instant at which all windows are judged (0: more may come)."""
    read, census, conduct = _Read(), Census(content.site, memory.at), Conduct(content.rules, memory.setbacks)
    heard, reached, counts = dict(memory.heard), dict(offsets), dict(memory.unparsed)
    for lot in lots:
        before = len(read.unparsed)
        _lot(lot, census, conduct, read)
        if len(read.unparsed) > before:
            counts[lot.source] = counts.get(lot.source, 0) + len(read.unparsed) - before
        reached[lot.source] = (lot.generation, lot.end)
        heard[lot.source] = lot.received
    windows, findings = _advanced(content, memory.windows, lots, read.hits)
    if over:
        last = {name: Heard(name, generation, end, over, 0) for name, (generation, end) in reached.items()}
        windows, more = finish(content.rules, windows, last)
        findings += more
    views = {event.source for event in read.events if event.readings}
    after = msgspec.structs.replace(
        memory,
        windows=windows,
        heard=heard,
        unparsed=counts,
        setbacks=conduct.state(),
        at=census.at,
        views=memory.views if views <= set(memory.views) else tuple(sorted({*memory.views, *views})),
    )
    return Sensed(after, tuple(read.events), (*findings, *census.findings), read.cited, tuple(read.unparsed), reached)


def _advanced(
    content: Content, windows: Windows, lots: Sequence[Sifted], hits: Sequence[Hit]
) -> tuple[Windows, tuple[Finding, ...]]:
    """The windows after the hits, and after what was heard of sources beside them."""
    windows, findings = step(content.rules, windows, hits)
    heard = [Heard(lot.source, lot.generation, lot.end - 1, lot.received, lot.latest) for lot in lots if lot.latest]
    windows, more = hear(content.rules, windows, heard)
    return windows, findings + more


def _lot(lot: Sifted, census: Census, conduct: Conduct, read: _Read) -> None:
    read.unparsed += lot.unparsed
    for seen in lot.seen:
        said = len(census.findings)
        event = census.take(seen.event)
        read.events.append(event)
        read.hits += [Hit(match, event) for match in seen.matches if conduct.heeded(match.rule)]
        for failed in seen.failed:
            if why := conduct.failed(failed, lot.received):
                read.unparsed.append(Unparsed(event.source, event.generation, event.offset, seen.line, why))
        if seen.matches or len(census.findings) > said:
            read.cited[event.id] = Cited(event, seen.line)
