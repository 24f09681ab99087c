"""From matches to findings: single ones, and streaming correlations with their whole state as one value."""

from collections.abc import Mapping, Sequence

import msgspec

from tercio.brain.detect.findings import STRENGTH, Hit, correlated, resighted, sighted, single
from tercio.brain.detect.patterns import number_of
from tercio.brain.detect.rules import Correlation, RuleSet
from tercio.brain.detect.sightings import Sighting, Track, ends, fire, insert, judge
from tercio.model.canon import canonical
from tercio.model.events import Event
from tercio.model.findings import Finding
from tercio.model.units import SECOND

LATENESS = 60 * SECOND
"""How much longer than its span a correlation remembers, so that lines which come late still find each other."""
MAX_GROUPS = 4_096
"""Groups (keys) that one correlation keeps. When there are more, an eighth goes: unproven and idle ones first."""
PURGE_EVERY = 10 * SECOND
_NEVER = 1 << 62


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """All that detection remembers between turns; a plain value for snapshots.

    ``clocks`` holds, per source, the latest event time seen (an event from the future counts as of its receipt): the
    source's watermark. ``tracks`` holds, per correlation and group (a canonical list of the group's values), what was
    sighted, machines under one address apart. Counted since the beginning: ``late`` sightings older than all that is
    remembered, ``ungrouped`` ones without the fields to group by or to measure, ``dropped`` ones for which there was no
    room.
    """

    clocks: dict[str, int] = {}
    tracks: dict[str, dict[str, Track]] = {}
    purged: int = 0
    late: int = 0
    ungrouped: int = 0
    dropped: int = 0


def step(ruleset: RuleSet, windows: Windows, hits: Sequence[Hit]) -> tuple[Windows, tuple[Finding, ...]]:
    """Take in the hits, in the order of their lines, and return the new state and what it makes of them.

    The old state is not changed. Findings come in the order of the hits that completed them; a finding's ``offset``,
    ``source`` and ``generation`` are of that line.
    """
    if not hits:
        return windows, ()
    turn = _Turn(ruleset, windows)
    for hit in hits:
        turn.take(hit)
    return turn.state(), tuple(turn.findings)


class _Turn:
    """One step's working copy: groups are copied when they are touched."""

    def __init__(self, ruleset: RuleSet, windows: Windows) -> None:
        self._ruleset = ruleset
        self._clocks = dict(windows.clocks)
        self._tracks = dict(windows.tracks)
        self._copied: set[str] = set()
        self._purged = windows.purged
        self._late, self._ungrouped, self._dropped = windows.late, windows.ungrouped, windows.dropped
        self._waits = ruleset.judged_at_end
        self._due = self._next_end()
        self.findings: list[Finding] = []

    def state(self) -> Windows:
        """The new state, without what has expired if it is time to look."""
        now = max(self._clocks.values())
        if now - self._purged >= PURGE_EVERY:
            for name in list(self._tracks):
                self._purge(name)
            self._purged = now
        return Windows(
            clocks=self._clocks,
            tracks=self._tracks,
            purged=self._purged,
            late=self._late,
            ungrouped=self._ungrouped,
            dropped=self._dropped,
        )

    def take(self, hit: Hit) -> None:
        """One hit: what its instant ends, its own finding, and what it means to each correlation over its rule."""
        event = hit.event
        rule = self._ruleset.rules[hit.match.rule]
        self._clocks[event.source] = max(self._clocks.get(event.source, 0), min(event.time, event.received))
        if self._due is not None and self._clocks[event.source] >= self._due:
            self._end(event)
        if self._ruleset.reports(rule.id):
            self.findings.append(single(rule, event))
        if rule.id in self._ruleset.correlations_of:
            self._sight(sighted(self._ruleset, hit), hit.match.fields, event)

    def _sight(self, sighting: Sighting, fields: Mapping[str, str], event: Event) -> None:
        """What a match of a rule, or a finding of a correlation, means to each correlation over it."""
        for correlation in self._ruleset.correlations_of.get(sighting.rule, ()):
            values = [fields.get(correlation.field_of(group, sighting.rule)) for group in correlation.group_by]
            counted = [fields.get(field) for field in correlation.counted_of(sighting.rule)]
            if None in values or not _countable(correlation, counted):
                self._ungrouped += 1
                continue
            if self._expired(correlation, sighting):
                self._late += 1
                continue
            if sighting.machine:  # What another machine does under the same address is not this one's doing.
                values.append(sighting.machine)
            value = (counted[0] if len(counted) == 1 else canonical(counted).decode()) if counted else None
            known = msgspec.structs.replace(sighting, value=value)
            self._observe(correlation, canonical(values).decode(), known, event)

    def _observe(self, correlation: Correlation, key: str, sighting: Sighting, event: Event) -> None:
        groups = self._own(correlation.id)
        known = tuple(s for s in groups.get(key, ()) if not self._expired(correlation, s))
        track, lost = insert(correlation, known, sighting)
        self._dropped += lost
        cited: Track = ()
        if correlation.at_end:
            self._due = min(self._due or _NEVER, ends(correlation, sighting.time) + LATENESS)
        elif sighting in track:
            cited, track = fire(correlation, track, sighting)
        self._keep(correlation, key, track)
        if cited:
            self._tell(correlation, key, cited, cited[-1].time, event)

    def _keep(self, correlation: Correlation, key: str, track: Track) -> None:
        groups = self._own(correlation.id)
        if track:
            groups[key] = track
            if len(groups) > MAX_GROUPS:
                self._make_room(correlation)
        else:
            groups.pop(key, None)

    def _tell(self, correlation: Correlation, key: str, cited: Track, time: int, event: Event) -> None:
        """What a correlation found: a finding of its own, and a sighting for those that build on it."""
        finding = correlated(correlation, cited, time, event)
        if self._ruleset.reports(correlation.id):
            self.findings.append(finding)
        if correlation.id in self._ruleset.correlations_of:
            values = dict(zip(correlation.group_by, msgspec.json.decode(key, type=list[str]), strict=False))
            self._sight(resighted(self._ruleset, finding), values, event)

    def _end(self, event: Event) -> None:
        """Judge the windows that are over by the clock of one of their sources, in the order of time and group."""
        for correlation in self._waits:
            over = [(ends(correlation, track[0].time), key) for key, track in self._own(correlation.id).items()]
            for _, key in sorted(over):
                self._judge(correlation, key, event)
            if not self._tracks[correlation.id]:
                del self._tracks[correlation.id]
                self._copied.discard(correlation.id)
        self._due = self._next_end()

    def _judge(self, correlation: Correlation, key: str, event: Event) -> None:
        track = self._tracks[correlation.id].get(key, ())
        while track and self._clock(track) >= (end := ends(correlation, track[0].time)) + LATENESS:
            window = tuple(s for s in track if s.time < end)
            track = track[len(window) :]
            self._keep(correlation, key, track)
            if cited := judge(correlation, window):
                self._tell(correlation, key, cited, end, event)

    def _clock(self, track: Track) -> int:
        return max(self._clocks.get(sighting.source, 0) for sighting in track)

    def _next_end(self) -> int | None:
        """When the next window is over and late lines have had their time; None if there is none."""
        found = [
            ends(correlation, track[0].time) + LATENESS
            for correlation in self._waits
            for track in self._tracks.get(correlation.id, {}).values()
        ]
        return min(found, default=None)

    def _own(self, name: str) -> dict[str, Track]:
        if name not in self._copied:
            self._copied.add(name)
            self._tracks[name] = dict(self._tracks.get(name, {}))
        return self._tracks[name]

    def _expired(self, correlation: Correlation, sighting: Sighting) -> bool:
        clock = self._clocks.get(sighting.source, 0)
        if correlation.at_end:
            return clock >= ends(correlation, sighting.time) + LATENESS
        return clock - sighting.time > correlation.span + LATENESS

    def _purge(self, name: str) -> None:
        correlation = self._ruleset.correlations.get(name)
        kept = {}
        for key, track in self._tracks[name].items() if correlation else ():
            rest = tuple(s for s in track if correlation and not self._expired(correlation, s))
            if rest:
                kept[key] = rest
        if kept:
            self._tracks[name] = kept
        else:
            del self._tracks[name]
            self._copied.discard(name)

    def _make_room(self, correlation: Correlation) -> None:
        self._purge(correlation.id)
        groups = self._tracks[correlation.id]
        worth = sorted((max(STRENGTH[s.provenance] for s in t), t[-1].time, key) for key, t in groups.items())
        for _, _, key in worth[: max(0, len(groups) - MAX_GROUPS * 7 // 8)]:
            self._dropped += len(groups.pop(key))


def _countable(correlation: Correlation, counted: list[str | None]) -> bool:
    if None in counted:
        return False
    measures = correlation.kind.startswith("value_") and correlation.kind != "value_count"
    return not measures or all(number_of(value) is not None for value in counted)


__all__ = ["Hit", "Windows", "step"]
