from tercio.model.events import LogSource
from tercio.products.sensors import SENSORS
from tercio.products.sensors.contract import Sensor

BARE = Sensor(LogSource("p", (), {}, "nothing"), lambda *_: None, lambda _: False)


def test_lines_are_records_unless_a_sensor_says_otherwise():
    lines = (b"{}\n", b"[]\n")
    assert BARE.records(lines) == (lines, lines)
    assert BARE.whole(lines) == 2
    joined = BARE._replace(reshape=lambda rows: ((b"".join(rows),), (b"{}\n",)))
    assert joined.records(lines) == ((b"{}\n[]\n",), (b"{}\n",))


def test_every_sensor_says_what_it_sees():
    assert all(sensor.log_source.sees for sensor in SENSORS.values())
