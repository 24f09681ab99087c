"""Values that are times, and their parts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tercio.brain.detect import ir

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d{1,9})?\s?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE
)
_UNITS = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000))
"""Numbers below the first are seconds since the epoch, below the next milliseconds, then microseconds: up to the year
5138, and from 1973 on."""


def part_of(value: Any, part: ir.Part) -> int | None:
    """The part of a time in UTC: of an ISO 8601 text (without a zone, it is UTC) or of a number since the epoch; None
    for what is neither."""
    moment = _moment(value)
    if moment is None:
        return None
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            return _read(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            unit = next((unit for limit, unit in _UNITS if value < limit), None)
            return datetime.fromtimestamp(0, UTC) + timedelta(seconds=value / unit) if unit else None
    except (ValueError, OverflowError):
        pass
    return None


def _read(text: str) -> datetime | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, clock, zone = found.groups()
    zone = "+00:00" if not zone or zone in "Zz" else zone
    return datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}").astimezone(UTC)
