"""From lines to events and findings: the first half of a turn. Pure."""

from collections.abc import Sequence

import msgspec

from tercio.brain.detect.windows import Hit, step
from tercio.loop.state import Content, Memory
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


def sense(content: Content, memory: Memory, batches: Sequence[Batch], offsets: dict[str, tuple[str, int]]) -> Sensed:
    """Parse what is worth parsing, match rules, advance the windows of correlations."""
    events: list[Event] = []
    hits: list[Hit] = []
    unparsed: list[Unparsed] = []
    cited: dict[str, Cited] = {}
    heard, reached, counts = dict(memory.heard), dict(offsets), dict(memory.unparsed)
    for batch in batches:
        matches: dict[int, list[Match]] = {}
        for match in content.detector.match(batch):
            matches.setdefault(match.index, []).append(match)
        sensor = content.sensors[batch.source]
        offset = batch.offset
        for index, line in enumerate(batch.lines):
            if index in matches or sensor.observes(line) or not line.startswith(b"{"):
                parsed = sensor.parse(batch.source, batch.generation, offset, line, batch.received)
                if isinstance(parsed, Unparsed):
                    unparsed.append(parsed)
                    counts[batch.source] = counts.get(batch.source, 0) + 1
                else:
                    events.append(parsed)
                    for match in matches.get(index, ()):
                        hits.append(Hit(match, parsed))
                        cited[parsed.id] = Cited(parsed, line)
            offset += len(line)
        reached[batch.source] = (batch.generation, batch.end)
        heard[batch.source] = max(heard.get(batch.source, 0), batch.received)
    windows, findings = step(content.rules, memory.windows, hits)
    after = msgspec.structs.replace(memory, windows=windows, heard=heard, unparsed=counts)
    return Sensed(after, tuple(events), findings, cited, tuple(unparsed), reached)
