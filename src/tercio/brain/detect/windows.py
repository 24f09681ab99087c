"""From matches to findings: single ones, and streaming correlations with their whole state as one value."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tercio.brain.detect.rules import Correlation, Rule, RuleSet
from tercio.brain.detect.sightings import Sighting, Track, fire, insert
from tercio.model.canon import canonical
from tercio.model.events import Event, Match, Provenance
from tercio.model.findings import Finding
from tercio.model.ids import finding_id
from tercio.model.units import SECOND

LATENESS = 60 * SECOND
"""How much longer than its span a correlation remembers, so that lines which come late still find each other."""
MAX_GROUPS = 4_096
"""Groups (keys) that one correlation keeps. When there are more, an eighth goes: unproven and idle ones first."""
PURGE_EVERY = 10 * SECOND

_STRENGTH = {
    Provenance.AUTHENTICATED: 3,
    Provenance.ESTABLISHED: 2,
    Provenance.DERIVED: 1,
    Provenance.FORGEABLE: 0,
}


class Hit(NamedTuple):
    """A match, with the event that its line became."""

    match: Match
    event: Event


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """All that detection remembers between turns; a plain value for snapshots.

    ``clocks`` holds, per source, the latest event time seen (an event from the future counts as of its receipt): the
    source's watermark. ``tracks`` holds, per correlation and group (a canonical list of the group's values), what was
    sighted, machines under one address apart. Counted since the beginning: ``late`` sightings older than all that is
    remembered, ``ungrouped`` ones without the fields to group by, ``dropped`` ones for which there was no room.
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
        """One hit: its own finding, and what it means to each correlation over its rule."""
        event = hit.event
        rule = self._ruleset.rules[hit.match.rule]
        self._clocks[event.source] = max(self._clocks.get(event.source, 0), min(event.time, event.received))
        if self._ruleset.reports(rule.id):
            self.findings.append(single(rule, event))
        for correlation in self._ruleset.correlations_of.get(rule.id, ()):
            values = [hit.match.fields.get(correlation.field_of(group, rule.id)) for group in correlation.group_by]
            counted = correlation.counted_of(rule.id)
            value = hit.match.fields.get(counted)
            if None in values or (counted and value is None):
                self._ungrouped += 1
                continue
            sighting = _sighting(self._ruleset, hit, value)
            if self._expired(correlation, sighting):
                self._late += 1
                continue
            if event.machine:  # What another machine does under the same address is not this one's doing.
                values.append(event.machine)
            self._observe(correlation, canonical(values).decode(), sighting, event)

    def _observe(self, correlation: Correlation, key: str, sighting: Sighting, event: Event) -> None:
        groups = self._own(correlation.id)
        known = tuple(s for s in groups.get(key, ()) if not self._expired(correlation, s))
        track, lost = insert(correlation, known, sighting)
        self._dropped += lost
        cited, rest = fire(correlation, track, sighting) if sighting in track else ((), track)
        if cited:
            self.findings.append(correlated(correlation, cited, event))
        if rest:
            groups[key] = rest
            if len(groups) > MAX_GROUPS:
                self._make_room(correlation)
        else:
            groups.pop(key, None)

    def _own(self, name: str) -> dict[str, Track]:
        if name not in self._copied:
            self._copied.add(name)
            self._tracks[name] = dict(self._tracks.get(name, {}))
        return self._tracks[name]

    def _expired(self, correlation: Correlation, sighting: Sighting) -> bool:
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
        worth = sorted((max(_STRENGTH[s.provenance] for s in t), t[-1].time, key) for key, t in groups.items())
        for _, _, key in worth[: max(0, len(groups) - MAX_GROUPS * 7 // 8)]:
            self._dropped += len(groups.pop(key))


def _sighting(ruleset: RuleSet, hit: Hit, value: str | None) -> Sighting:
    event = hit.event
    return Sighting(
        rule=hit.match.rule,
        event=event.id,
        source=event.source,
        time=min(event.time, event.received),
        provenance=event.provenance,
        src=event.src.address if event.src else "",
        dst=event.dst.address if event.dst else "",
        service=event.service,
        port=event.dst.port if event.dst else 0,
        flow=event.flow,
        value=value,
        context=ruleset.is_context(hit.match.rule),
        machine=event.machine,
    )


def single(rule: Rule, event: Event) -> Finding:
    """What a base rule says of one event."""
    return Finding(
        id=finding_id(rule.id, rule.version, (event.id,)),
        rule=rule.id,
        version=rule.version,
        title=rule.title,
        level=rule.level,
        tactics=rule.tactics,
        techniques=rule.techniques,
        events=(event.id,),
        time=event.time,
        received=event.received,
        provenance=event.provenance,
        src=event.src.address if event.src else "",
        dst=(event.dst.address,) if event.dst else (),
        service=event.service,
        port=event.dst.port if event.dst else 0,
        flow=event.flow,
        source=event.source,
        generation=event.generation,
        offset=event.offset,
        machine=event.machine,
    )


def correlated(correlation: Correlation, cited: Track, event: Event) -> Finding:
    """What a correlation says of the cited sightings, completed by ``event``.

    Who did what to whom is told by the sightings that are not context (the latest of them names source, service and
    flow); the context may prove the source's address: the strongest provenance among sightings of that address counts.
    """
    acts = tuple(s for s in cited if not s.context) or cited
    chief = acts[-1]
    proofs = [s.provenance for s in cited if s.src == chief.src]
    events = tuple(s.event for s in cited)
    return Finding(
        id=finding_id(correlation.id, correlation.version, events),
        rule=correlation.id,
        version=correlation.version,
        title=correlation.title,
        level=correlation.level,
        tactics=correlation.tactics,
        techniques=correlation.techniques,
        events=events,
        time=cited[-1].time,
        received=event.received,
        provenance=max(proofs, key=lambda p: _STRENGTH[p]),
        src=chief.src,
        dst=tuple(sorted({s.dst for s in acts if s.dst})),
        service=chief.service,
        port=chief.port,
        flow=chief.flow,
        source=event.source,
        generation=event.generation,
        offset=event.offset,
        machine=chief.machine,
    )
