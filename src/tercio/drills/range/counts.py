"""What a drill came to, counted from the actors' traces alone. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from tercio.drills.range.topology import name_of
from tercio.drills.range.traces import Line, Missed, Polls, Reading, Record, Request, Started, Trip, Write

WRITING = frozenset({5, 6, 15, 16, 22, 23})
"""Modbus functions that change a controller."""
EMPTY = Reading((), 0)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """The scoreboard's raw figures.

    ``polls`` and ``missed_polls`` are the operator view's; ``writes_received`` counts what the controller received, by
    who sent it; ``writes_tried`` and ``writes_landed`` are the intruder's; ``first_write_stopped`` is None while he
    tried none; ``replayed_writes`` are those that he sent before a block ended and that arrived after its end;
    ``running`` is how the line was last seen; ``broken`` counts trace lines that were unreadable.
    """

    polls: int
    missed_polls: int
    writes_received: dict[str, int]
    writes_tried: int
    writes_landed: int
    first_write_stopped: bool | None
    replayed_writes: int
    trips: int
    bottles: int
    running: bool | None
    broken: int


def count(traces: Mapping[str, Reading], blocks: Iterable[tuple[int, int]] = ()) -> Counts:
    """Count. ``traces`` maps an actor's name (plc, hmi, intruder, any others) to its trace; ``blocks`` are the
    intervals (instants) in which the intruder was cut off, each from its start to its end."""
    plc, hmi = traces.get("plc", EMPTY).records, traces.get("hmi", EMPTY).records
    received = [each for each in plc if isinstance(each, Request) and each.function in WRITING]
    tried = [each for each in traces.get("intruder", EMPTY).records if isinstance(each, Write)]
    landed = landings(tried, received)
    lines = [each for each in plc if isinstance(each, Line)]
    return Counts(
        polls=polled(hmi)[0],
        missed_polls=_number(hmi, Missed),
        writes_received=dict(sorted(Counter(name_of(each.peer) for each in received).items())),
        writes_tried=len(tried),
        writes_landed=len(landed),
        first_write_stopped=all(each is not tried[0] for each, _ in landed) if tried else None,
        replayed_writes=replayed(landed, tuple(blocks)),
        trips=_number(plc, Trip),
        bottles=max((each.bottles for each in lines), default=0),
        running=lines[-1].running if lines else None,
        broken=sum(each.broken for each in traces.values()),
    )


def polled(view: Iterable[Record]) -> tuple[int, int]:
    """(polls, missed) of an operator's view as it last reported, over all its starts: each counts from 0 again."""
    before, run = (0, 0), (0, 0)
    for each in view:
        if isinstance(each, Started):
            before, run = (before[0] + run[0], before[1] + run[1]), (0, 0)
        elif isinstance(each, Polls):
            run = each.polls, each.missed
    return before[0] + run[0], before[1] + run[1]


def landings(tried: Iterable[Write], received: Iterable[Request]) -> list[tuple[Write, int]]:
    """The intruder's writes that reached the controller, and when: matched by port, register and value."""
    arrived = {(each.port, each.address, each.values): each.at for each in reversed(list(received))}
    keyed = ((each, (each.local_port, each.register, (each.value,))) for each in tried if each.at)
    return [(each, arrived[key]) for each, key in keyed if key in arrived]


def replayed(landed: Iterable[tuple[Write, int]], blocks: Iterable[tuple[int, int]]) -> int:
    """Writes sent before a block's end that the controller received at or after it: stale, but TCP kept them."""
    ends = [end for _, end in blocks]
    return sum(any(each.at < end <= at for end in ends) for each, at in landed)


def _number(records: Iterable[Record], kind: type) -> int:
    return sum(isinstance(each, kind) for each in records)
