from datetime import UTC, timedelta, timezone

from tercio.app.clock import Clock
from tercio.model.units import SECOND

NOON = 1_800_014_400 * SECOND
INDIA = timezone(timedelta(hours=5, minutes=30))


def test_a_time_is_of_the_day_and_carries_its_day_only_where_it_is_another():
    clock = Clock(INDIA, NOON)
    assert clock.at(NOON + SECOND // 4) == "17:30:00.250"
    assert clock.at(NOON, day=True) == "2027-01-15 17:30:00.000"
    assert clock.at(NOON + 7 * 3600 * SECOND) == "2027-01-16 00:30:00.000"
    assert clock.offset(NOON) == "UTC+05:30"


def test_stamps_in_sentences_become_local_and_nothing_else_does():
    clock = Clock(UTC, NOON)
    assert clock.localised("until 2027-01-15T12:05:00.000000Z.") == "until 12:05:00.000."
    for words in ("9999-99-99T99:99:99.999999Z", "9999-12-31T23:59:60.000000Z", "2027-01-15T12:05:00Z"):
        assert clock.localised(words) == words


def test_without_a_zone_it_is_the_machines():
    assert Clock(None, NOON).offset(NOON).startswith("UTC")
