from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model import units

instants = st.integers(-(10**15), 4 * 10**15)


@given(instants)
def test_an_instant_survives_being_written_and_read(moment: int):
    assert units.instant(units.timestamp(moment)) == moment


@given(instants, st.integers(-14 * 60, 14 * 60))
def test_the_offset_of_a_time_is_taken_into_account(moment: int, minutes: int):
    sign, ahead = "-" if minutes < 0 else "+", abs(minutes)
    local = datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(microseconds=moment, minutes=minutes)
    assert units.instant(f"{local.isoformat()}{sign}{ahead // 60:02d}{ahead % 60:02d}") == moment


def test_suricatas_own_form_is_read():
    assert units.instant("2026-01-01T01:00:00.000001+0100") == units.instant("2026-01-01T00:00:00.000001Z")


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_time_without_zone_or_sense_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 (the words are Python's own in part)
        units.instant(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("250ms", 250_000),
        ("90s", 90 * units.SECOND),
        ("45m", 45 * 60 * units.SECOND),
        ("45 min", 45 * 60 * units.SECOND),
        ("8h", 8 * 3600 * units.SECOND),
        (" 1.5d ", 36 * 3600 * units.SECOND),
        ("0s", 0),
    ],
)
def test_durations(text: str, length: int):
    assert units.duration(text) == length


@pytest.mark.parametrize("text", ["", "8", "h", "-1h", "8 hours", "1h30m", "8H", "1e3s", ".5h", "nanh"])
def test_what_is_no_duration_is_named_with_an_example(text: str):
    with pytest.raises(ValueError, match="is not a duration; write for example 30s") as error:
        units.duration(text)
    assert repr(text) in str(error.value)


@given(st.integers(0, 10**9), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_grow_with_their_number(number: int, unit: str):
    assert units.duration(f"{number + 1}{unit}") > units.duration(f"{number}{unit}") >= 0


@given(st.floats(allow_nan=False))
def test_probabilities_are_between_0_and_1_in_grains(value: float):
    p = units.probability(value)
    assert 0 <= p <= 1
    assert units.probability(p) == p
    assert p == round(p, 6)


@given(st.integers(-(10**9), 10**9))
def test_whole_amounts_become_exact_cents(amount: int):
    assert units.cents(amount) == amount * 100


def test_fractions_of_a_cent_are_rounded():
    assert units.cents(0.1 + 0.2) == 30
    assert units.cents(19.99) == 1999


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1_234_500, "EUR 12,345"),
        (9_999, "EUR 99.99"),
        (10_000, "EUR 100"),
        (0, "EUR 0.00"),
        (-1_234_500, "EUR -12,345"),
    ],
)
def test_money_for_a_person(amount: int, text: str):
    assert units.money(amount, "EUR") == text


@given(st.integers(-(10**12), 10**12))
def test_money_never_misleads_by_more_than_half_a_unit(amount: int):
    shown = float(units.money(amount, "EUR").removeprefix("EUR ").replace(",", ""))
    assert abs(shown - amount / 100) <= (0.5 if abs(amount) >= 10_000 else 0)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (1500, "1.5 ms"),
        (units.SECOND, "1 s"),
        (90 * units.SECOND, "1.5 min"),
        (3600 * units.SECOND, "1 h"),
        (36 * 3600 * units.SECOND, "1.5 d"),
        (2258 * 86_400 * units.SECOND, "2,258 d"),
    ],
)
def test_spans_for_a_person(length: int, text: str):
    assert units.span(length) == text
