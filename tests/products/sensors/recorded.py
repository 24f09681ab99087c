"""Golden cases of sensors whose lines are not their records: what detection reads of them, and the events."""

from typing import Any

import msgspec

from tercio.model.events import Unparsed
from tercio.products.sensors import SENSORS

LEFT_OUT = {"source", "generation", "offset", "product", "received", "id", "began", "until", "provenance"}


def produce(name: str, lines: list[str]) -> list[dict[str, Any]]:
    """Each record as detection reads it and as its event; what stands in every event, and what is empty, is left
    out."""
    sensor = SENSORS[name]
    given = tuple(line.encode() + b"\n" for line in lines)
    raw, shaped = sensor.records(given)
    assert sorted(b"".join(raw).splitlines()) == sorted(b"".join(given).splitlines()), "no byte is lost"
    assert len(raw) == len(shaped)
    told = []
    for record, read in zip(raw, shaped, strict=True):
        event = sensor.parse(name, "g1", 4096, record, 1_800_000_000_000_000)
        if isinstance(event, Unparsed):
            told.append({"unparsed": event.reason})
            continue
        assert (event.source, event.generation, event.offset) == (name, "g1", 4096)
        fields = msgspec.to_builtins(event)
        kept = {k: v for k, v in fields.items() if v not in ("", [], None) and k not in LEFT_OUT}
        told.append({"reads": msgspec.json.decode(read), "event": kept})
    return told
