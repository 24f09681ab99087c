"""What a correlation remembers of matches, and when it has seen enough."""

from bisect import insort
from collections import Counter

import msgspec

from tercio.brain.detect.rules import Correlation
from tercio.model.events import Provenance

PER_RULE = 64
"""Sightings of one rule that a temporal correlation keeps per group."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One match, as far as a later finding may need it. ``value`` is what a value_count counts, None where it counts
    nothing of this match; ``context`` marks matches of informational rules."""

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


Track = tuple[Sighting, ...]
"""The sightings of one group, by time and then by event."""


def order(sighting: Sighting) -> tuple[int, str, str]:
    """The place of a sighting in its track."""
    return sighting.time, sighting.event, sighting.rule


def insert(correlation: Correlation, track: Track, sighting: Sighting) -> tuple[Track, int]:
    """The track with the sighting in it, and how many older ones had to go.

    A line seen twice counts once. Where there is no room, repetition goes first: a value_count drops the oldest
    sighting of its most frequent value, a temporal correlation keeps a number per rule. So neither can be made to
    forget others.
    """
    if any(known.event == sighting.event and known.rule == sighting.rule for known in track):
        return track, 0
    members = list(track)
    insort(members, sighting, key=order)
    if correlation.kind.startswith("temporal"):
        rivals, limit = [known for known in members if known.rule == sighting.rule], PER_RULE
    else:
        rivals, limit = members, 2 * correlation.count + PER_RULE
    if len(rivals) <= limit:
        return tuple(members), 0
    if correlation.kind == "value_count":
        often = Counter(known.value for known in members).most_common(1)[0][0]
        rivals = [known for known in members if known.value == often]
    members.remove(rivals[0])
    return tuple(members), 1


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
            return _different(correlation.count, window, new)
        case "temporal":
            latest = {known.rule: known for known in window} | {new.rule: new}
            return tuple(sorted(latest.values(), key=order)) if len(latest) >= correlation.count else ()
        case "temporal_ordered":
            return _chain(correlation.rules, window, new)


def _different(count: int, window: Track, new: Sighting) -> Track:
    """The latest sighting of each value, and of each rule that has none, once the values are enough. What has no value
    completes nothing."""
    if new.value is None:
        return ()
    values = {known.value: known for known in window if known.value is not None} | {new.value: new}
    beside = {known.rule: known for known in window if known.value is None}
    return tuple(sorted((*values.values(), *beside.values()), key=order)) if len(values) >= count else ()


def _chain(rules: tuple[str, ...], window: Track, new: Sighting) -> Track:
    """Sightings of the rules in their order, the new one among them, as close together as they come; else empty."""
    at = window.index(new)
    for place in (i for i, rule in enumerate(rules) if rule == new.rule):
        before = _follow(rules[:place][::-1], window[:at][::-1])
        after = _follow(rules[place + 1 :], window[at + 1 :])
        if before is not None and after is not None:
            return (*before[::-1], new, *after)
    return ()


def _follow(rules: tuple[str, ...], window: Track) -> Track | None:
    found: list[Sighting] = []
    for sighting in window:
        if len(found) < len(rules) and sighting.rule == rules[len(found)]:
            found.append(sighting)
    return tuple(found) if len(found) == len(rules) else None
