"""Of a line that a rule matched, what the rule asked about: why it matched, in few words."""

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.fields import ANYWHERE, FieldReader
from tercio.brain.detect.rules import RuleSet
from tercio.model.archive import Kept
from tercio.products.sensors import Sensor

MOST_FIELDS = 12
"""So many of the fields that a rule asks about are told."""

LONGEST_VALUE = 300
"""Characters of one value that are told."""


class Essentials:
    """Reads them from archived lines."""

    def __init__(self, ruleset: RuleSet, sensors: Mapping[str, Sensor]) -> None:
        self._ruleset = ruleset
        self._sensors = sensors
        self._readers: dict[tuple[str, str], FieldReader] = {}

    def of(self, rule: str, row: Kept) -> dict[str, str]:
        """The values of the fields that a rule asks about, of which the line has one; several with commas between."""
        sensor = self._sensors[row.source]
        reader = self._readers.get((row.source, rule))
        if reader is None:
            reader = FieldReader(fields_of(self._ruleset, rule)[:MOST_FIELDS], sensor.log_source.places)
            self._readers[row.source, rule] = reader
        values = reader.read(shaped(sensor, row.line)) if reader.fields else ()
        return dict(_texts(zip(reader.fields, values, strict=True)))


def fields_of(ruleset: RuleSet, rule: str) -> tuple[str, ...]:
    """The fields that a rule's condition asks about, in its order."""
    found: dict[str, None] = {}
    waiting = [ruleset.rules[rule].condition]
    while waiting:
        match ruleset.nodes[waiting.pop()]:
            case ir.And(of) | ir.Or(of):
                waiting += reversed(of)
            case ir.Not(inner):
                waiting.append(inner)
            case leaf:
                found[leaf.field] = None
    found.pop(ANYWHERE, None)
    return tuple(found)


def shaped(sensor: Sensor, record: bytes) -> bytes:
    """One record as detection reads it; nothing where it has no such shape."""
    _, (found,) = sensor.records((record,))
    return found


def _texts(values: Iterator[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    for field, value in values:
        texts = [text for each in ir.scalars(value) if (text := ir.text_of(each)) is not None]
        if value is not UNSET and texts:
            text = ", ".join(texts)
            yield field, text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
