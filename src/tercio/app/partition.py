"""Which sources are looked at first, and which worker looks at the others.

The loop looks itself at what is looked at first. A worker keeps nothing, so sources may go to another worker with each
start: they are dealt out by name, in turn, which leaves no worker idle as a hash of few names would.
"""

from collections.abc import Sequence

from tercio.model.tomltable import Table

FIRST, BULK = LANES = ("first", "bulk")
"""Alerts and the plant's own traffic; what hosts and servers log."""

MOST = 64
"""Workers at the most."""


def lane_of(sensor: str) -> str:
    """The lane of a source whose settings name none."""
    return FIRST if sensor == "suricata" else BULK


def shares(table: Table, bulk: Sequence[str], cores: int) -> dict[str, tuple[str, ...]]:
    """The bulk sources of each worker, by its name. Unless the table ``[workers]`` says how many there are, one worker
    is started where there is a second core for it; never more than there are sources."""
    default = 1 if cores > 1 else 0
    count = table.number("count", MOST, default=default)
    if count != int(count):
        table.fault("count", f"is {count:g}; it must be a whole number")
        count = default
    table.done()
    names = sorted(bulk)
    number = min(int(count), len(names))
    return {f"bulk-{n + 1}": tuple(names[n::number]) for n in range(number)}
