import json
from collections import Counter
from itertools import islice

from bench.background import KINDS, records
from tercio.model.events import Event
from tercio.products.sensors import SENSORS

TIME = "2026-11-24T10:00:00.000000+0000"


def lines(count: int, seed: int = 1) -> list[bytes]:
    return [TIME.join(pieces).encode() for pieces in islice(records(seed), count)]


def test_every_record_is_one_that_the_sensor_understands():
    offset = 0
    for line in lines(KINDS):
        event = SENSORS["suricata"].parse("bulk", "g", offset, line, 1)
        assert isinstance(event, Event), event
        offset += len(line)


def test_the_mixture_is_what_is_said():
    kinds = Counter(json.loads(line)["event_type"] for line in lines(KINDS))
    shares = {kind: round(count / KINDS, 1) for kind, count in kinds.items()}
    assert shares == {"flow": 0.5, "dns": 0.3, "modbus": 0.2}


def test_records_follow_from_the_seed_and_begin_again():
    assert lines(200) == lines(200)
    assert lines(200) != lines(200, seed=2)
    many = lines(KINDS + 5)
    assert many[KINDS:] == many[:5]
    assert len(set(many)) == KINDS
