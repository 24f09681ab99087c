"""Which rules are live for which source, which never run and why, and what that means by ATT&CK technique."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import Correlation, Rejected, Rule, RuleSet
from tercio.model.events import LogSource


class Silent(msgspec.Struct, frozen=True):
    """A rule that never runs."""

    rule: str
    title: str
    reason: str


class Technique(msgspec.Struct, frozen=True):
    """How many rules about one technique run, and how many never do."""

    live: int
    silent: int


class Coverage(msgspec.Struct, frozen=True):
    """``sources``: rules that run, by source, with what it sees in words; ``unrouted``: those that run nowhere;
    ``rejected``: those that were left out; ``techniques``, by their ATT&CK id."""

    rules: int
    live: int
    sources: dict[str, tuple[str, tuple[str, ...]]]
    unrouted: tuple[Silent, ...]
    rejected: tuple[Rejected, ...]
    techniques: dict[str, Technique]


def coverage(
    ruleset: RuleSet, detector: Detector, log_sources: Mapping[str, LogSource], aside: Mapping[str, str] | None = None
) -> Coverage:
    """Of all rules and correlations; a correlation runs where each rule that it needs does. ``aside`` are rules that
    were set aside, and why."""
    dead = {**detector.unrouted, **{rule: why for rule, why in (aside or {}).items() if rule in ruleset.rules}}
    silent = {rule: Silent(rule, ruleset.rules[rule].title, why) for rule, why in dead.items()}
    for correlation in ruleset.correlations.values():
        missing = [rule for rule in correlation.rules if rule in silent]
        if missing:
            why = f"it needs {silent[missing[0]].title!r}: {silent[missing[0]].reason}"
            silent[correlation.id] = Silent(correlation.id, correlation.title, why)
    everything: list[Rule | Correlation] = [*ruleset.rules.values(), *ruleset.correlations.values()]
    live = Counter(t for each in everything if each.id not in silent for t in each.techniques)
    mute = Counter(t for each in everything if each.id in silent for t in each.techniques)
    return Coverage(
        rules=len(everything),
        live=len(everything) - len(silent),
        sources={
            name: (log_sources[name].sees, tuple(sorted(rules - silent.keys())))
            for name, rules in detector.live.items()
        },
        unrouted=tuple(silent.values()),
        rejected=ruleset.rejected,
        techniques={name: Technique(live[name], mute[name]) for name in sorted({*live, *mute})},
    )


def reasons(found: Coverage) -> list[tuple[str, int]]:
    """Why rules never run, the most frequent reason first."""
    return sorted(Counter(each.reason for each in found.unrouted).items(), key=lambda pair: (-pair[1], pair[0]))
