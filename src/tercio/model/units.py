"""Units: instants, durations, money, probabilities; how each is read and written."""

import re
from datetime import UTC, datetime

SECOND = 1_000_000
"""Microseconds in a second: instants and spans are integers of microseconds."""

HOUR = 3600 * SECOND

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)")
_SPANS = {
    "ms": SECOND // 1000,
    "s": SECOND,
    "m": 60 * SECOND,
    "min": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86400 * SECOND,
}


def probability(value: float) -> float:
    """Clamp to [0, 1] and round to 1e-6, the grain in which probabilities are compared and written."""
    return round(min(1.0, max(0.0, value)), 6)


def cents(amount: float) -> int:
    """Round an amount in whole units of the currency to integer cents."""
    return round(amount * 100)


def duration(text: str) -> int:
    """Read ``"8h"``, ``"45m"``, ``"90s"`` or ``"250ms"`` as microseconds.

    Raises ValueError with the offending text.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 45m, 8h or 2d")
    return round(float(match[1]) * _SPANS[match[2]])


def timestamp(instant: int) -> str:
    """Write an instant as RFC 3339 in UTC, to the microsecond."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{instant % SECOND:06d}Z"


def instant(text: str) -> int:
    """Read an ISO 8601 time with its offset (as Suricata writes it) as an instant. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    delta = moment - datetime.fromtimestamp(0, UTC)
    return (delta.days * 86400 + delta.seconds) * SECOND + delta.microseconds


def money(amount: int, currency: str) -> str:
    """Write cents for a person: ``EUR 12,345`` (cents only where the amount is below 100)."""
    whole = f"{amount / 100:,.0f}" if abs(amount) >= 10_000 else f"{amount / 100:,.2f}"
    return f"{currency} {whole}"


def span(length: int) -> str:
    """Write a span for a person in its largest fitting unit."""
    if length < SECOND:
        return f"{length / 1000:.1f} ms"
    seconds = length / SECOND
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            amount = seconds / size
            return f"{amount:,.0f} {unit}" if amount >= 999.5 else f"{amount:.3g} {unit}"
    return f"{seconds:.3g} s"
