"""What a condition on archived lines means, read slowly: the oracle of whoever makes one, and of whoever answers it."""

from collections.abc import Mapping
from typing import NamedTuple

from tercio.brain.detect import ir
from tercio.brain.detect.fields import FieldReader
from tercio.model.archive import AllOf, AnyOf, AtHost, Condition, FromSource, Routed, Says
from tercio.model.events import LogSource


class Filed(NamedTuple):
    """A line as an archive files it."""

    source: str
    host: str
    routes: Mapping[str, str]
    line: bytes


def filed(source: str, log_source: LogSource, shaped: bytes, line: bytes | None = None, host: str = "") -> Filed:
    """A line filed; ``shaped`` is what detection reads of it. Raises as FieldReader.read does."""
    values = FieldReader(log_source.routes, log_source.places).read(shaped)
    routes = {field: ir.fold(ir.text_of(value) or "") for field, value in zip(log_source.routes, values, strict=True)}
    return Filed(source, host, routes, shaped if line is None else line)


def holds(condition: Condition, row: Filed) -> bool:
    """Whether the condition holds of the line."""
    match condition:
        case FromSource(names):
            return row.source in names
        case AtHost(names):
            return row.host in names
        case Routed(field, values):
            return row.routes.get(field, "") in values
        case Says(text):
            return text.encode().lower() in row.line.lower()  # Of bytes, lower() changes A to Z alone.
        case AllOf(of):
            return all(holds(each, row) for each in of)
        case AnyOf(of):
            return any(holds(each, row) for each in of)
