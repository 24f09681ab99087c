"""What the product's detection says of what is sensed: the same findings, whoever defends."""

from tercio.brain.correlate.whereabouts import Census
from tercio.brain.detect.windows import Heard, Hit, Windows, hear, step
from tercio.drills.simulated.defenders import Brief, Sensed
from tercio.drills.simulated.rules import ruleset
from tercio.model.findings import Finding, Level
from tercio.model.site import Site, ip_of
from tercio.model.whereabouts import NOWHERE

SEVERITY = {level: place for place, level in enumerate(Level)}
"""Levels from the least to the most severe."""


class Alarms:
    """Findings of single rules and of correlations, as the loop makes them of the same records."""

    def __init__(self, brief: Brief) -> None:
        self._site, self._rules = brief.site, ruleset()
        self._at, self._windows = NOWHERE, Windows()

    def of(self, sensed: Sensed) -> tuple[Finding, ...]:
        """What is found in what has just arrived, in its order."""
        census = Census(self._site, self._at)
        hits = []
        for lot in sensed.lots:
            for seen in lot.seen:
                event = census.take(seen.event)
                hits += [Hit(match, event) for match in seen.matches]
        self._at = census.at
        self._windows, found = step(self._rules, self._windows, hits)
        timed = [lot for lot in sensed.lots if lot.latest]
        heard = [Heard(lot.source, lot.generation, lot.end - 1, lot.received, lot.latest) for lot in timed]
        self._windows, more = hear(self._rules, self._windows, heard)
        return found + more


def severe(finding: Finding, least: Level) -> bool:
    """Whether a finding is at least of a level."""
    return SEVERITY[finding.level] >= SEVERITY[least]


def culprit(site: Site, finding: Finding) -> tuple[str, str]:
    """Who did it by the finding's own word: the name of the asset, or the address itself, and the address; both empty
    where it says nobody that has one."""
    asset = site.asset_at(finding.src) if finding.src else None
    if ip_of(finding.src) is not None:
        return (asset.name if asset is not None else finding.src), finding.src
    return (asset.name, asset.addresses[0]) if asset is not None and asset.addresses else ("", "")
