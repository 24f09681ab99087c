"""Sensors by name: what turns a product's raw records into events. A new source is one file and one line here."""

from collections.abc import Callable
from typing import NamedTuple

from tercio.model.events import Event, LogSource, Unparsed
from tercio.products.sensors import suricata, windows


class Sensor(NamedTuple):
    """One kind of source. ``parse(source, generation, offset, raw, received)`` makes an event of a line, or says why it
    cannot; ``observes(raw)`` says cheaply whether the line tells of the process or of traffic (a reading, a witness,
    a contradiction), so that it is worth parsing though no rule cites it."""

    log_source: LogSource
    parse: Callable[[str, str, int, bytes, int], Event | Unparsed]
    observes: Callable[[bytes], bool]


SENSORS: dict[str, Sensor] = {
    "suricata": Sensor(suricata.LOG_SOURCE, suricata.parse, suricata.observes),
    **{
        name: Sensor(windows.log_source(shape), windows.parser(shape), windows.observes)
        for name, shape in {"windows": windows.FLAT, "winlogbeat": windows.WINLOGBEAT, "evtx": windows.EVTX}.items()
    },
}
"""The name is what a source's ``sensor`` says in the settings."""
