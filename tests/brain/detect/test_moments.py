from typing import Any

import pytest

from tercio.brain.detect.moments import part_of


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-24T08:30:15Z",
        "2026-11-24 08:30:15.123456789",
        "2026-11-24T09:30:15+01:00",
        "2026-11-24t08:30:15,5z",
        "2026-11-24T10:00+0130",
        1795509015,
        1795509015.5,
        1795509015_000,
        1795509015_000_000,
    ],
)
def test_the_same_moment_however_it_is_written(value: Any) -> None:
    parts = {name: part_of(value, name) for name in ("minute", "hour", "day", "week", "month", "year")}
    assert parts == {"minute": 30, "hour": 8, "day": 24, "week": 48, "month": 11, "year": 2026}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "2026-11-24T25:00Z",
        "2026-02-30",
        "2026-11-24T08:30:15+99:99",
        "1795509015",
        "٢٠٢٦-11-24",
        None,
        True,
        -1,
        1e300,
        float("inf"),
        float("nan"),
        [],
        {},
        "2026-11-24T08:30Z" * 10_000,
    ],
)
def test_what_is_no_time_has_no_parts(value: Any) -> None:
    assert part_of(value, "hour") is None
