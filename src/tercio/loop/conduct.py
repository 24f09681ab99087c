"""How rules behave: one that keeps failing is set aside with a reason, and the rest run on. Pure.

Only errors do that. A rule that gives findings without end, or whose groups overflow, is never set aside: whoever it
proves could make it do so.
"""

from collections.abc import Iterator, Mapping

import msgspec

from tercio.brain.detect.rules import RuleSet
from tercio.model.events import Failed
from tercio.model.journal import Aside

MOST_FAILED = 64
"""Records on which a rule fails, with no match of it in between, until it is set aside: until then it is only passed
over on each of them, since one such record is easily sent by whom it would have found on another."""


class Setback(msgspec.Struct, frozen=True):
    """What is held against one version of a rule: ``times`` it failed since its last match, first at ``since`` (an
    instant), for the last time for this ``reason``; ``aside`` says that it counts for nothing any more."""

    version: str
    since: int
    times: int
    reason: str
    aside: bool = False


Setbacks = Mapping[str, Setback]
"""By rule."""


class Conduct:
    """The setbacks of one turn as it goes; what it ends with is a value."""

    def __init__(self, rules: RuleSet, known: Setbacks) -> None:
        self._rules = rules
        self._setbacks = dict(known)

    def heeded(self, rule: str) -> bool:
        """Whether a match of this rule counts. Where it does, the rule works."""
        if not self._setbacks or rule not in self._setbacks:
            return True
        if self._setbacks[rule].aside:
            return False
        del self._setbacks[rule]
        return True

    def failed(self, failed: Failed, now: int) -> str:
        """Take down that a rule failed on a record; returns what is to be told with the record, empty of a rule that is
        set aside."""
        rule = self._rules.rules[failed.rule]
        known = self._setbacks.get(rule.id, Setback(rule.version, now, 0, ""))
        if known.aside:
            return ""
        times = known.times + 1
        self._setbacks[rule.id] = Setback(rule.version, known.since, times, failed.reason, times >= MOST_FAILED)
        return f"the rule {rule.id} failed on it: {failed.reason}"

    def state(self) -> dict[str, Setback]:
        """All setbacks that stand."""
        return self._setbacks


def present(rules: RuleSet, known: Setbacks) -> dict[str, Setback]:
    """The setbacks of rules as they are now: a new version begins anew, and what is gone has none."""
    return {
        name: setback
        for name, setback in known.items()
        if name in rules.rules and rules.rules[name].version == setback.version
    }


def turned(rules: RuleSet, before: Setbacks, after: Setbacks) -> Iterator[Aside]:
    """The rules that were set aside, or taken back, between the two."""
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if (old is not None and old.aside) == (new is not None and new.aside):
            continue
        known = new or old
        if known is not None:
            title = rules.rules[name].title if name in rules.rules else ""
            reason = f"it failed on {known.times} records; on the last: {known.reason}" if new is not None else ""
            yield Aside(name, known.version, title, aside=new is not None and new.aside, reason=reason)
