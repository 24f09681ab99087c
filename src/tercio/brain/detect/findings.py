"""What is said of matches: findings of single rules and of correlations, and how correlations see either."""

from typing import NamedTuple

from tercio.brain.detect.rules import Correlation, Rule, RuleSet
from tercio.brain.detect.sightings import Sighting, Track
from tercio.model.events import Event, Match, Provenance
from tercio.model.findings import Finding
from tercio.model.ids import finding_id

STRENGTH = {
    Provenance.AUTHENTICATED: 3,
    Provenance.ESTABLISHED: 2,
    Provenance.DERIVED: 1,
    Provenance.FORGEABLE: 0,
}
"""How far each kind of origin proves a source's address."""


class Hit(NamedTuple):
    """A match, with the event that its line became."""

    match: Match
    event: Event


class Heard(NamedTuple):
    """The latest record that was read of a source, whatever it says: its place, and the time that it bears."""

    source: str
    generation: str
    offset: int
    received: int
    time: int


Place = Event | Heard
"""What completes a finding: the line of a source's file behind which it is told, received at an instant."""


def sighted(ruleset: RuleSet, hit: Hit) -> Sighting:
    """A match, as correlations see it."""
    event = hit.event
    src, dst = parties(event)
    return Sighting(
        rule=hit.match.rule,
        event=event.id,
        source=event.source,
        time=min(event.time, event.received),
        provenance=event.provenance,
        src=src,
        dst=dst,
        service=event.service,
        port=event.dst.port if event.dst else 0,
        flow=event.flow,
        context=ruleset.is_context(hit.match.rule),
        machine=event.machine,
    )


def resighted(ruleset: RuleSet, finding: Finding) -> Sighting:
    """A correlation's finding, as those that build on it see it."""
    return Sighting(
        rule=finding.rule,
        event=finding.id,
        source=finding.source,
        time=finding.time,
        provenance=finding.provenance,
        src=finding.src,
        dst=finding.dst[0] if finding.dst else "",
        service=finding.service,
        port=finding.port,
        flow=finding.flow,
        context=ruleset.is_context(finding.rule),
        machine=finding.machine,
        cites=finding.events,
        others=finding.dst[1:],
    )


def parties(event: Event) -> tuple[str, str]:
    """Who did it, to whom, as observed; empty where the event does not say.

    What a host logs of itself is its own doing, by its own name. Where it names somebody who came from elsewhere and no
    other end, it is what was done to the host.
    """
    src, dst = event.src.address if event.src else "", event.dst.address if event.dst else ""
    if not event.host:
        return src, dst
    return (src, event.host) if src and not dst else (event.host, dst)


def single(rule: Rule, event: Event) -> Finding:
    """What a base rule says of one event."""
    src, dst = parties(event)
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
        src=src,
        dst=(dst,) if dst else (),
        service=event.service,
        port=event.dst.port if event.dst else 0,
        flow=event.flow,
        source=event.source,
        generation=event.generation,
        offset=event.offset,
        machine=event.machine,
        author=rule.author,
    )


def correlated(correlation: Correlation, cited: Track, time: int, place: Place) -> Finding:
    """What a correlation says of the cited sightings, true since ``time``, completed at ``place``.

    Who did what to whom is told by the sightings that are not context (the latest of them names source, service and
    flow); the context may prove the source's address: the strongest provenance among sightings of that address counts.
    """
    acts = tuple(s for s in cited if not s.context) or cited
    chief = acts[-1]
    proofs = [s.provenance for s in cited if s.src == chief.src]
    events = tuple(dict.fromkeys(event for s in cited for event in s.cites or (s.event,)))
    return Finding(
        id=finding_id(correlation.id, correlation.version, events),
        rule=correlation.id,
        version=correlation.version,
        title=correlation.title,
        level=correlation.level,
        tactics=correlation.tactics,
        techniques=correlation.techniques,
        events=events,
        time=time,
        received=place.received,
        provenance=max(proofs, key=lambda p: STRENGTH[p]),
        src=chief.src,
        dst=tuple(sorted({name for s in acts for name in (s.dst, *s.others) if name})),
        service=chief.service,
        port=chief.port,
        flow=chief.flow,
        source=place.source,
        generation=place.generation,
        offset=place.offset,
        machine=chief.machine,
        author=correlation.author,
    )
