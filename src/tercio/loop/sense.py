"""From what was sifted to events and findings: the first half of a turn. Pure."""

from collections.abc import Sequence

import msgspec

from tercio.brain.correlate.whereabouts import Census
from tercio.brain.detect.windows import Hit, step
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


def sense(content: Content, memory: Memory, lots: Sequence[Sifted], offsets: dict[str, tuple[str, int]]) -> Sensed:
    """Take what was sifted in its order, say whose machines did it, advance the windows of correlations."""
    read, census = _Read(), Census(content.site, memory.at)
    heard, reached, counts = dict(memory.heard), dict(offsets), dict(memory.unparsed)
    for lot in lots:
        _lot(lot, census, read)
        if lot.unparsed:
            counts[lot.source] = counts.get(lot.source, 0) + len(lot.unparsed)
        reached[lot.source] = (lot.generation, lot.end)
        heard[lot.source] = lot.received
    windows, findings = step(content.rules, memory.windows, read.hits)
    views = {event.source for event in read.events if event.readings}
    after = msgspec.structs.replace(
        memory,
        windows=windows,
        heard=heard,
        unparsed=counts,
        at=census.at,
        views=memory.views if views <= set(memory.views) else tuple(sorted({*memory.views, *views})),
    )
    unparsed = tuple(line for lot in lots for line in lot.unparsed)
    return Sensed(after, tuple(read.events), (*findings, *census.findings), read.cited, unparsed, reached)


def _lot(lot: Sifted, census: Census, read: _Read) -> None:
    for seen in lot.seen:
        said = len(census.findings)
        event = census.take(seen.event)
        read.events.append(event)
        read.hits += [Hit(match, event) for match in seen.matches]
        if seen.matches or len(census.findings) > said:
            read.cited[event.id] = Cited(event, seen.line)
