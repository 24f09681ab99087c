"""Which sensor understands the lines of a file that nobody named one for."""

from collections.abc import Sequence

from tercio.model.events import Event
from tercio.products.sensors import SENSORS

LOOKED_AT = 50
"""Lines from the beginning of a file that are enough to tell whose records they are."""


def recognised(lines: Sequence[bytes]) -> str:
    """The name of the sensor that understands most of these lines; empty where none understands any."""
    understood = {name: _understood(name, lines) for name in SENSORS}
    best = max(understood, key=lambda name: understood[name])
    return best if understood[best] else ""


def _understood(name: str, lines: Sequence[bytes]) -> int:
    sensor = SENSORS[name]
    raw, _ = sensor.records(tuple(lines))
    parsed = (sensor.parse(name, "", number, line, 0) for number, line in enumerate(raw))
    return sum(isinstance(event, Event) for event in parsed)
