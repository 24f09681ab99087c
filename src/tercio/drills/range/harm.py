"""What happened to innocent bystanders, and what of it exceeds a control span without any defence. Pure.

A silence that the sender's own lateness explains is none of the network's doing and counts nowhere, so a busy machine
harms nobody. What is left is compared with the control span of the same run: what was counted there was there anyway.
"""

from collections.abc import Iterable, Mapping

import msgspec

from tercio.drills.range.cast import COUNTING
from tercio.drills.range.traces import Asked, Cycles, Reading, Record, SessionLost, Silence, TakeOver
from tercio.model.units import SECOND

HEARTBEAT = "heartbeat"
"""The flow by which a station in reserve knows that the main one is there."""

LATEST = 3 * SECOND
"""A flow was watched to the end where it was seen to go on within this before it (microseconds): actors report twice a
second, and a client gives up a session on which nothing gets through after 1.5 s."""


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """Harm to bystanders: ``io_timeouts`` (watchdogs of cyclic traffic that the network tripped), ``sessions_lost``
    (reset, hung up or nothing acknowledged any more), ``failovers`` (unwanted take-overs of a floating address)."""

    io_timeouts: int = 0
    sessions_lost: int = 0
    failovers: int = 0


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """How much was watched, so that no harm means something: cyclic frames received, questions answered on lasting
    sessions, heartbeats heard. ``longest`` is how long the network had a frame at most (microseconds); ``unwatched``
    names each flow, by who should have counted it, that was not seen to go on to the end, and each actor that died."""

    cycles: int = 0
    answers: int = 0
    heartbeats: int = 0
    longest: int = 0
    unwatched: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether every flow of every bystander was watched to the end."""
        return bool(self.cycles and self.answers and self.heartbeats) and not self.unwatched


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """How the bystanders fared: ``harm`` exceeds what ``control`` lets expect, which was counted over
    ``control_seconds`` before any defence began; ``watched`` says over how much."""

    harm: Harm
    control: Harm
    control_seconds: float
    watched: Watched


def account(traces: Mapping[str, Reading], began: int, defended: int, ended: int, died: Iterable[str] = ()) -> Account:
    """Settle the account of a run that began without defence, was defended from some instant on, and ended. ``died``
    names bystanders whose process ended before it was told to."""
    seen = watched(traces, ended)
    dead = tuple(f"{name} died" for name in sorted(died))
    control = harm(traces, began, defended)
    found = harm(traces, defended, ended)
    return Account(
        harm=excess(found, ended - defended, control, defended - began),
        control=control,
        control_seconds=(defended - began) / SECOND,
        watched=msgspec.structs.replace(seen, unwatched=(*dead, *seen.unwatched)),
    )


def harm(traces: Mapping[str, Reading], since: int, until: int) -> Harm:
    """What the bystanders suffered from ``since`` on and before ``until`` (instants)."""
    records = [each for reading in traces.values() for each in reading.records]
    inside = [each for each in records if since <= each.at < until]
    silences = [each for each in inside if isinstance(each, Silence) and each.unexplained]
    return Harm(
        io_timeouts=sum(each.flow != HEARTBEAT for each in silences),
        sessions_lost=sum(isinstance(each, SessionLost) for each in inside),
        failovers=_failovers(inside, records),
    )


def watched(traces: Mapping[str, Reading], ended: int) -> Watched:
    """How much the bystanders had to tell until the watched span ended (an instant)."""
    cycles: dict[tuple[str, str], Cycles] = {}
    answers: dict[tuple[str, str], int] = {}
    latest: dict[tuple[str, str], int] = {}
    for name, reading in traces.items():
        for each in reading.records:
            if isinstance(each, Cycles):
                key = name, each.flow
                count, before = each.received, cycles[key].received if key in cycles else 0
                cycles[key] = each
            elif isinstance(each, Asked):
                key = name, each.session
                count, before = each.answered, answers.get(key, 0)
                answers[key] = count
            else:
                continue
            if count not in (0, before):
                latest[key] = each.at
    wanted = [(name, flow) for name, flows in COUNTING.items() for flow in flows]
    return Watched(
        cycles=sum(each.received for (_, flow), each in cycles.items() if flow != HEARTBEAT),
        answers=sum(answers.values()),
        heartbeats=sum(each.received for (_, flow), each in cycles.items() if flow == HEARTBEAT),
        longest=max((each.longest for each in cycles.values()), default=0),
        unwatched=tuple(f"{flow} at {name}" for name, flow in wanted if latest.get((name, flow), 0) < ended - LATEST),
    )


def excess(found: Harm, span: int, control: Harm, control_span: int) -> Harm:
    """What of ``found`` in ``span`` exceeds the control (spans in microseconds): nothing less than none, and all of it
    where there was no control. One accident before is no licence for many after it, however much longer the span: at
    most as much is excused as the control saw, and less where the span is shorter."""

    def beyond(seen: int, before: int) -> int:
        return seen if control_span <= 0 else max(0, seen - before * min(span, control_span) // control_span)

    return Harm(
        io_timeouts=beyond(found.io_timeouts, control.io_timeouts),
        sessions_lost=beyond(found.sessions_lost, control.sessions_lost),
        failovers=beyond(found.failovers, control.failovers),
    )


def _failovers(inside: Iterable[Record], records: Iterable[Record]) -> int:
    """Take-overs, but for those in a silence that turned out to be the main station's own."""
    own = [
        (each.at - each.watchdog, each.at - each.watchdog + each.span)
        for each in records
        if isinstance(each, Silence) and each.flow == HEARTBEAT and not each.unexplained
    ]
    taken = [each for each in inside if isinstance(each, TakeOver) and each.took]
    return sum(not any(start <= each.at <= end for start, end in own) for each in taken)
