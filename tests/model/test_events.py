import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.events import Batch, Event, LogSource, Match, Provenance, Unparsed
from tests.model.values import any_of, survives


@given(any_of(Event))
def test_an_event_survives_being_stored(event: Event):
    survives(event)


@given(any_of(Unparsed))
def test_a_line_that_nobody_understood_survives_too(line: Unparsed):
    survives(line)


@given(any_of(LogSource), any_of(Match))
def test_what_sensors_and_detectors_say_survives(source: LogSource, match: Match):
    survives(source)
    survives(match)


@given(st.lists(st.binary(max_size=20).map(lambda line: line + b"\n"), max_size=8), st.integers(0, 10**12))
def test_a_batch_ends_where_the_next_begins(lines: list[bytes], offset: int):
    whole = Batch("eve", "1", offset, tuple(lines), 0)
    first = Batch("eve", "1", offset, tuple(lines[:3]), 0)
    rest = Batch("eve", "1", first.end, tuple(lines[3:]), 0)
    assert rest.end == whole.end == offset + len(b"".join(lines))


def test_events_are_not_changed():
    with pytest.raises(AttributeError):
        Batch("eve", "1", 0, (), 0).offset = 1  # type: ignore[misc]


def test_only_two_kinds_of_provenance_prove_an_origin():
    assert {p.value for p in Provenance} == {"authenticated", "established", "forgeable", "derived"}
