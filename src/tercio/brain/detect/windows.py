"""From matches to findings: single ones, and streaming correlations with their whole state as one value."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tercio.brain.detect.findings import STRENGTH, Heard, Hit, Place, correlated, resighted, sighted, single
from tercio.brain.detect.ir import number_of
from tercio.brain.detect.rates import Rate, Rates
from tercio.brain.detect.rules import Correlation, RuleSet
from tercio.brain.detect.sightings import Sighting, Track, ends, fire, insert, judge
from tercio.model.canon import canonical
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
    sighted, machines under one address apart. ``heard`` is the time that the latest record of a source bears: that a
    window is over is told by what comes after it, whether a rule matches that or not; it makes nothing late.
    Counted since the beginning: ``late`` sightings older than all that is remembered, ``ungrouped`` ones without the
    fields to group by or to measure, ``dropped`` ones for which there was no room; ``crowded`` says, by correlation,
    how often room was made among its groups. ``rates`` are findings of late, by source.
    """

    clocks: dict[str, int] = {}
    heard: dict[str, int] = {}
    tracks: dict[str, dict[str, Track]] = {}
    purged: int = 0
    late: int = 0
    ungrouped: int = 0
    dropped: int = 0
    crowded: dict[str, int] = {}
    rates: dict[str, Rate] = {}


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


def hear(ruleset: RuleSet, windows: Windows, heard: Iterable[Heard]) -> tuple[Windows, tuple[Finding, ...]]:
    """Take note of how far sources have come, and judge the windows that are over by that, late lines given their time.
    A time beyond its receipt counts as that. Findings are completed by the record that was heard."""
    turn = _Turn(ruleset, windows)
    for each in heard if ruleset.judged_at_end else ():
        turn.hear(each)
    return (turn.state(), tuple(turn.findings)) if turn.changed else (windows, ())


def finish(ruleset: RuleSet, windows: Windows, last: Mapping[str, Heard]) -> tuple[Windows, tuple[Finding, ...]]:
    """Judge every window that is open, where nothing more comes. ``last`` is what was heard last, by source."""
    turn = _Turn(ruleset, windows)
    turn.finish(last)
    return (turn.state(), tuple(turn.findings)) if turn.changed else (windows, ())


class _Turn:
    """One step's working copy: groups are copied when they are touched."""

    def __init__(self, ruleset: RuleSet, windows: Windows) -> None:
        self._ruleset = ruleset
        self._clocks = dict(windows.clocks)
        self._heard = dict(windows.heard)
        self._rates = Rates(windows.rates)
        self._crowded = dict(windows.crowded)
        self._tracks = dict(windows.tracks)
        self._copied: set[str] = set()
        self._purged = windows.purged
        self._late, self._ungrouped, self._dropped = windows.late, windows.ungrouped, windows.dropped
        self._waits = ruleset.judged_at_end
        self._due = self._next_end()
        self.changed = False
        self.findings: list[Finding] = []

    def state(self) -> Windows:
        """The new state, without what has expired if it is time to look."""
        now = max(self._clocks.values(), default=0)
        if now - self._purged >= PURGE_EVERY:
            for name in list(self._tracks):
                self._purge(name)
            self._purged = now
        return Windows(
            clocks=self._clocks,
            heard=self._heard,
            tracks=self._tracks,
            purged=self._purged,
            late=self._late,
            ungrouped=self._ungrouped,
            dropped=self._dropped,
            crowded=self._crowded,
            rates=self._rates.state(),
        )

    def take(self, hit: Hit) -> None:
        """One hit: what its instant ends, its own finding, and what it means to each correlation over its rule."""
        event = hit.event
        rule = self._ruleset.rules[hit.match.rule]
        self._clocks[event.source] = max(self._clocks.get(event.source, 0), min(event.time, event.received))
        if self._due is not None and self._clocks[event.source] >= self._due:
            self._end(event)
        if self._ruleset.reports(rule.id):
            self._report(single(rule, event))
        if rule.id in self._ruleset.correlations_of:
            self._sight(sighted(self._ruleset, hit), hit.match.fields, event)

    def hear(self, heard: Heard) -> None:
        """How far a source has come, and what that ends."""
        time = min(heard.time, heard.received)
        if time <= self._heard.get(heard.source, 0):
            return
        self.changed, self._heard[heard.source] = True, time
        if self._due is not None and time >= self._due:
            self._end(heard)

    def finish(self, last: Mapping[str, Heard]) -> None:
        """Everything that is open is over."""
        for correlation in self._waits:
            groups = self._own(correlation.id)
            for _, key in sorted((ends(correlation, track[0].time), key) for key, track in groups.items()):
                self.changed, place = True, last.get(groups[key][-1].source)
                while place is not None and (track := groups.get(key)):
                    self._close(correlation, key, track, place)
            self._drop_empty(correlation)

    def _report(self, finding: Finding) -> None:
        """Tell a finding, and where there is no end of them, that."""
        self.findings.append(finding)
        flood = self._rates.count(finding, self._clocks.get(finding.source, 0))
        if flood is not None:
            self.findings.append(flood)

    def _sight(self, sighting: Sighting, fields: Mapping[str, str], place: Place) -> None:
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
            self._observe(correlation, canonical(values).decode(), known, place)

    def _observe(self, correlation: Correlation, key: str, sighting: Sighting, place: Place) -> None:
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
            self._tell(correlation, key, cited, cited[-1].time, place)

    def _keep(self, correlation: Correlation, key: str, track: Track) -> None:
        groups = self._own(correlation.id)
        if track:
            groups[key] = track
            if len(groups) > MAX_GROUPS:
                self._make_room(correlation)
        else:
            groups.pop(key, None)

    def _tell(self, correlation: Correlation, key: str, cited: Track, time: int, place: Place) -> None:
        """What a correlation found: a finding of its own, and a sighting for those that build on it."""
        finding = correlated(correlation, cited, time, place)
        if self._ruleset.reports(correlation.id):
            self._report(finding)
        if correlation.id in self._ruleset.correlations_of:
            values = dict(zip(correlation.group_by, msgspec.json.decode(key, type=list[str]), strict=False))
            self._sight(resighted(self._ruleset, finding), values, place)

    def _end(self, place: Place) -> None:
        """Judge the windows that are over by the clock of one of their sources, in the order of time and group."""
        for correlation in self._waits:
            over = [(ends(correlation, track[0].time), key) for key, track in self._own(correlation.id).items()]
            for _, key in sorted(over):
                self._judge(correlation, key, place)
            self._drop_empty(correlation)
        self._due = self._next_end()

    def _drop_empty(self, correlation: Correlation) -> None:
        if not self._tracks[correlation.id]:
            del self._tracks[correlation.id]
            self._copied.discard(correlation.id)

    def _judge(self, correlation: Correlation, key: str, place: Place) -> None:
        track = self._tracks[correlation.id].get(key, ())
        while track and self._clock(track) >= ends(correlation, track[0].time) + LATENESS:
            track = self._close(correlation, key, track, place)

    def _close(self, correlation: Correlation, key: str, track: Track, place: Place) -> Track:
        """Judge the earliest window of a track, and return what is behind it."""
        end = ends(correlation, track[0].time)
        window = tuple(s for s in track if s.time < end)
        rest = track[len(window) :]
        self._keep(correlation, key, rest)
        if cited := judge(correlation, window):
            self._tell(correlation, key, cited, end, place)
        return rest

    def _clock(self, track: Track) -> int:
        return max(self._come(sighting.source) for sighting in track)

    def _come(self, source: str) -> int:
        """How far a source has come, by what matched or by what was merely heard."""
        return max(self._clocks.get(source, 0), self._heard.get(source, 0))

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
        if correlation.at_end:
            return self._come(sighting.source) >= ends(correlation, sighting.time) + LATENESS
        return self._clocks.get(sighting.source, 0) - sighting.time > correlation.span + LATENESS

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
        gone = worth[: max(0, len(groups) - MAX_GROUPS * 7 // 8)]
        for _, _, key in gone:
            self._dropped += len(groups.pop(key))
        self._crowded[correlation.id] = self._crowded.get(correlation.id, 0) + bool(gone)


def _countable(correlation: Correlation, counted: list[str | None]) -> bool:
    if None in counted:
        return False
    measures = correlation.kind.startswith("value_") and correlation.kind != "value_count"
    return not measures or all(number_of(value) is not None for value in counted)


__all__ = ["Heard", "Hit", "Windows", "finish", "hear", "step"]
