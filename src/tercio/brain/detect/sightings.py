"""What a correlation remembers of matches, and when it has seen enough."""

import operator
from bisect import insort
from collections import Counter
from collections.abc import Set as AbstractSet
from math import ceil
from statistics import fmean, median

import msgspec

from tercio.brain.detect.ir import number_of
from tercio.brain.detect.rules import Correlation, Every, Expression, Never, Seen
from tercio.model.events import Provenance

PER_RULE = 64
"""Sightings of one rule that a temporal correlation keeps per group."""
MOST_MEASURED = 1_024
"""Numbers that a sum, an average or a percentile is made of at the most: the latest of a group's window."""

_RELATIONS = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


class Sighting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One match, as far as a later finding may need it. ``value`` is what a correlation counts or measures, None where
    it counts nothing of this match; ``context`` marks matches of informational rules. The finding of a correlation that
    another builds on is sighted, too: then ``event`` is its id, ``cites`` are its events and ``others`` whom it names
    beside ``dst``."""

    rule: str
    event: str
    source: str
    time: int
    provenance: Provenance
    src: str = ""
    dst: str = ""
    service: str = ""
    port: int = 0
    flow: str = ""
    value: str | None = None
    context: bool = False
    machine: str = ""
    cites: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


Track = tuple[Sighting, ...]
"""The sightings of one group, by time and then by event."""


def order(sighting: Sighting) -> tuple[int, str, str]:
    """The place of a sighting in its track."""
    return sighting.time, sighting.event, sighting.rule


def insert(correlation: Correlation, track: Track, sighting: Sighting) -> tuple[Track, int]:
    """The track with the sighting in it, and how many older ones had to go whose loss may matter: of a value that is
    counted once anyway, repetitions are none.

    A line seen twice counts once. Where there is no room, repetition goes first: a value_count drops the oldest
    sighting of its most frequent value, a sum the smallest number, a temporal correlation keeps a number per rule. So
    none can be made to forget others. Where windows stand end to end, each has room of its own.
    """
    if any(known.event == sighting.event and known.rule == sighting.rule for known in track):
        return track, 0
    members = list(track)
    insort(members, sighting, key=order)
    rivals = [known for known in members if _rival(correlation, known, sighting)]
    if len(rivals) <= _room(correlation):
        return tuple(members), 0
    lost = 1
    if correlation.kind == "value_count":
        often, times = Counter(known.value for known in rivals).most_common(1)[0]
        rivals = [known for known in rivals if known.value == often]
        lost = int(times == 1)
    elif correlation.kind == "value_sum":
        rivals.sort(key=_number)
    members.remove(rivals[0])
    return tuple(members), lost


def _rival(correlation: Correlation, known: Sighting, new: Sighting) -> bool:
    if correlation.at_end and ends(correlation, known.time) != ends(correlation, new.time):
        return False
    return known.rule == new.rule if correlation.kind.startswith("temporal") else True


def _room(correlation: Correlation) -> int:
    match correlation.kind:
        case "temporal" | "temporal_ordered":
            return PER_RULE
        case "event_count" | "value_count":
            return 2 * int(correlation.count) + PER_RULE
        case _:
            return MOST_MEASURED


def ends(correlation: Correlation, time: int) -> int:
    """When the window that holds this instant is over, where windows stand end to end."""
    return (time // correlation.span + 1) * correlation.span


def judge(correlation: Correlation, window: Track) -> Track:
    """What is cited of a window that is over, empty where the correlation is not true of it."""
    if correlation.expression is not None:
        latest = {known.rule: known for known in window}
        return tuple(sorted(latest.values(), key=order)) if holds(correlation.expression, latest.keys()) else ()
    counted = window if correlation.kind == "event_count" else tuple(s for s in window if s.value is not None)
    if not counted or not _RELATIONS[correlation.op](measured(correlation, counted), correlation.count):
        return ()
    if correlation.kind == "value_count":
        by_value = {(known.value, known.rule if known.value is None else ""): known for known in window}
        return tuple(sorted(by_value.values(), key=order))
    return window


def measured(correlation: Correlation, counted: Track) -> float:
    """The number that a correlation holds against its bound; there is at least one sighting."""
    match correlation.kind:
        case "value_count":
            return len({known.value for known in counted})
        case "value_sum":
            return sum(map(_number, counted))
        case "value_avg":
            return fmean(map(_number, counted))
        case "value_median":
            return median(map(_number, counted))
        case "value_percentile":
            place = max(1, ceil(correlation.percentile * len(counted) / 100))
            return sorted(map(_number, counted))[place - 1]
        case _:
            return len(counted)


def _number(sighting: Sighting) -> float:
    return number_of(sighting.value) or 0


def holds(expression: Expression, seen: AbstractSet[str]) -> bool:
    """Whether an extended condition is true of the rules that were seen."""
    match expression:
        case Seen():
            return expression.rule in seen
        case Never():
            return not holds(expression.of, seen)
        case Every():
            return all(holds(member, seen) for member in expression.of)
        case _:
            return any(holds(member, seen) for member in expression.of)


def fire(correlation: Correlation, track: Track, new: Sighting) -> tuple[Track, Track]:
    """(cited, rest): the sightings that make the correlation true together with the new one, and what is left of the
    track; cited is empty where it is not true.

    What lies in the window that fired is used up, so the same evidence is not reported twice; context (sightings of
    informational rules) stays, unless there was nothing else.
    """
    ends = sorted({known.time for known in track if new.time <= known.time <= new.time + correlation.span})
    for end in ends:
        window = tuple(known for known in track if end - correlation.span <= known.time <= end)
        cited = _cite(correlation, window, new)
        if cited:
            spent = {known for known in window if not known.context} or set(window)
            return cited, tuple(known for known in track if known not in spent)
    return (), track


def _cite(correlation: Correlation, window: Track, new: Sighting) -> Track:
    match correlation.kind:
        case "event_count":
            return window if len(window) >= correlation.count else ()
        case "value_count":
            return _different(int(correlation.count), window, new)
        case "temporal":
            latest = {known.rule: known for known in window} | {new.rule: new}
            asked = correlation.expression
            enough = len(latest) >= correlation.count if asked is None else holds(asked, latest.keys())
            return tuple(sorted(latest.values(), key=order)) if enough else ()
        case "temporal_ordered":
            return _chain(correlation.rules, window, new)
        case _:
            return _summed(correlation, window, new)


def _summed(correlation: Correlation, window: Track, new: Sighting) -> Track:
    """All that has a number, once their sum is enough. What has none completes nothing."""
    counted = tuple(known for known in window if known.value is not None)
    if new.value is None or not _RELATIONS[correlation.op](measured(correlation, counted), correlation.count):
        return ()
    return counted


def _different(count: int, window: Track, new: Sighting) -> Track:
    """The latest sighting of each value, and of each rule that has none, once the values are enough. What has no value
    completes nothing."""
    if new.value is None:
        return ()
    values = {known.value: known for known in window if known.value is not None} | {new.value: new}
    beside = {known.rule: known for known in window if known.value is None}
    return tuple(sorted((*values.values(), *beside.values()), key=order)) if len(values) >= count else ()


def _chain(rules: tuple[str, ...], window: Track, new: Sighting) -> Track:
    """Sightings of the rules in their order, the new one among them, as close together as they come; else empty. Those
    of one instant are in any order: many logs know seconds only, and nobody can tell."""
    for place in (i for i, rule in enumerate(rules) if rule == new.rule):
        earlier = [known for known in window[::-1] if known.time <= new.time and known is not new]
        before = _follow(rules[:place][::-1], earlier)
        if before is None:
            continue
        later = [known for known in window if known.time >= new.time and known is not new and known not in before]
        after = _follow(rules[place + 1 :], later)
        if after is not None:
            return (*before[::-1], new, *after)
    return ()


def _follow(rules: tuple[str, ...], known: list[Sighting]) -> Track | None:
    """The next sighting of each rule, none twice, going through time one way; None where one is missing."""
    found: list[Sighting] = []
    for rule in rules:
        place = next((place for place, each in enumerate(known) if each.rule == rule), None)
        if place is None:
            return None
        chosen = known[place]
        found.append(chosen)
        known = [each for each in known[:place] if each.time == chosen.time] + known[place + 1 :]
    return tuple(found)
