"""From lines to events and findings: the first half of a turn. Pure."""

from collections.abc import Sequence

import msgspec

from tercio.brain.correlate.whereabouts import Census
from tercio.brain.detect.windows import Hit, step
from tercio.loop.state import Content, Memory, Refused
from tercio.model.events import Batch, Event, Match, Unparsed
from tercio.model.findings import Finding
from tercio.model.records import Cited


class Sensed(msgspec.Struct, frozen=True):
    """What a turn's batches said: events worth looking at, findings, the lines they cite, lines nobody understood."""

    memory: Memory
    events: tuple[Event, ...]
    findings: tuple[Finding, ...]
    cited: dict[str, Cited]
    unparsed: tuple[Unparsed, ...]
    offsets: dict[str, tuple[str, int]]


class _Read(msgspec.Struct):
    """What is gathered while batches are read."""

    events: list[Event] = []
    hits: list[Hit] = []
    unparsed: list[Unparsed] = []
    cited: dict[str, Cited] = {}


def sense(
    content: Content,
    memory: Memory,
    batches: Sequence[Batch],
    offsets: dict[str, tuple[str, int]],
    refused: Sequence[Refused] = (),
) -> Sensed:
    """Parse what is worth parsing, match rules, advance the windows of correlations. What was ``refused`` is passed
    over, and kept.

    Worth parsing is a line that a rule matched, that its sensor observes, or that is not even the shape of a record.
    """
    read, census = _Read(), Census(content.site, memory.at)
    heard, reached, counts = dict(memory.heard), dict(offsets), dict(memory.unparsed)
    for batch, why in (*((each.batch, each.reason) for each in refused), *((each, "") for each in batches)):
        before = len(read.unparsed)
        end = _refused(batch, why, read) if why else _batch(content, batch, census, read)
        if len(read.unparsed) > before:
            counts[batch.source] = counts.get(batch.source, 0) + len(read.unparsed) - before
        reached[batch.source] = (batch.generation, end)
        heard[batch.source] = batch.received
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
    return Sensed(after, tuple(read.events), (*findings, *census.findings), read.cited, tuple(read.unparsed), reached)


def _batch(content: Content, batch: Batch, census: Census, read: _Read) -> int:
    """Read one batch; returns the offset behind it."""
    matches: dict[int, list[Match]] = {}
    sensor = content.sensors[batch.source]
    lines, shaped = sensor.records(batch.lines)
    for match in content.detector.match(msgspec.structs.replace(batch, lines=shaped)):
        matches.setdefault(match.index, []).append(match)
    offset = batch.offset
    for index, line in enumerate(lines):
        if index in matches or sensor.observes(line) or not _shaped(shaped[index]):
            parsed = sensor.parse(batch.source, batch.generation, offset, line, batch.received)
            if isinstance(parsed, Unparsed):
                read.unparsed.append(parsed)
            else:
                said = len(census.findings)
                event = census.take(parsed)
                read.events.append(event)
                read.hits += [Hit(match, event) for match in matches.get(index, ())]
                if index in matches or len(census.findings) > said:
                    read.cited[event.id] = Cited(event, line)
        offset += len(line)
    return offset


def _refused(batch: Batch, why: str, read: _Read) -> int:
    """Keep a record as not understood; returns the offset behind it."""
    read.unparsed.append(Unparsed(batch.source, batch.generation, batch.offset, b"".join(batch.lines), why))
    return batch.end


def _shaped(line: bytes) -> bool:
    """Whether a record begins and ends as a JSON object does: one that was cut off, or grew together, does not, and
    neither does what its sensor can give no shape."""
    return line.startswith(b"{") and line.endswith(b"}\n")
