import typing

import pytest

from tercio.drills.range.traces import Missed, Polls, Record, Request, Trace, Trip, now, read_trace


def test_what_is_added_is_read_back(tmp_path):
    path = tmp_path / "deep" / "plc.jsonl"
    records = (Request(1, "10.0.0.1", 5, 6, 0, 1, (900,)), Trip(2, "overflow", 90.1), Polls(3, 4, 0))
    trace = Trace(path)
    for each in records:
        trace.add(each)
    assert read_trace(path).records == records
    assert path.read_bytes().count(b"\n") == 3


def test_a_second_actor_appends(tmp_path):
    for at in (1, 2):
        Trace(tmp_path / "t").add(Missed(at, "x"))
    assert [each.at for each in read_trace(tmp_path / "t").records] == [1, 2]


def test_a_missing_trace_is_an_empty_one(tmp_path):
    assert read_trace(tmp_path / "none").records == ()


@pytest.mark.parametrize(
    "bad",
    [
        b'{"kind":"trip","at":1,"rea',
        b"\xff\xfe\x00",
        b"[]",
        b'{"kind":"nonsense","at":1}',
        b'{"kind":"trip","at":"x"}',
        b"",
    ],
)
def test_a_broken_line_is_counted_and_costs_nothing_else(tmp_path, bad):
    path = tmp_path / "t"
    Trace(path).add(Missed(1, "first"))
    with path.open("ab") as file:
        file.write(bad + b"\n")
    Trace(path).add(Missed(2, "last"))
    reading = read_trace(path)
    assert [each.reason for each in reading.records] == ["first", "last"]
    assert reading.broken == 1


def test_every_record_has_its_own_tag_and_an_instant():
    kinds = typing.get_args(Record)
    assert len({kind.__struct_config__.tag for kind in kinds}) == len(kinds)
    assert all("at" in kind.__struct_fields__ for kind in kinds)


def test_now_is_an_instant_in_microseconds():
    first, second = now(), now()
    assert 1_600_000_000_000_000 < first <= second < 10_000_000_000_000_000
