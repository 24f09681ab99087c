"""Bytes as Suricata prints them in a Modbus record; whole records are golden cases of the sensor."""

from hypothesis import given
from hypothesis import strategies as st

from tercio.model.events import Endpoint
from tercio.products.sensors.suricata_modbus import exchanged, unprintable


def test_without_a_server_or_a_record_nothing_was_read() -> None:
    assert exchanged(b"", Endpoint("10.77.30.21")) == (False, ())
    asked = b'{"function_raw":1,"read":{"address":0,"quantity":1}}'
    record = b'{"request":' + asked + b',"response":{"function_raw":1,"read":{"data":"x"}}}'
    assert exchanged(record, None) == (True, ())
    answered, (only,) = exchanged(record, Endpoint("10.77.30.21"))
    assert answered
    assert (only.table, only.index, only.value) == ("coil", 0, 0)


def suricata_prints(data: bytes) -> str:
    """Bytes as Suricata 7 prints them: as text where they are UTF-8, else high bytes escaped and the rest as it is."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 128 else f"\\x{byte:02x}" for byte in data)


@given(
    st.binary(max_size=40) | st.lists(st.sampled_from([b"\\", b"x", b"e9", b"\xe9", b"\xc3"]), max_size=8).map(b"".join)
)
def test_printed_bytes_are_read_back_or_refused_never_misread(data: bytes) -> None:
    assert unprintable(suricata_prints(data), len(data)) in (data, None)
    if b"\\" not in data:
        assert unprintable(suricata_prints(data), len(data)) == data


def test_printed_bytes_that_could_be_two_things_are_refused() -> None:
    assert unprintable(suricata_prints(b"\\xe9\xff"), 5) is None
    assert unprintable("é", 1) is None
