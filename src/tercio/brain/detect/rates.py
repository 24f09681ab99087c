"""How many findings a rule gives: of a flood it is said that it is one."""

from collections.abc import Mapping

import msgspec

from tercio.model.events import Provenance
from tercio.model.findings import Finding, Level
from tercio.model.ids import finding_id
from tercio.model.units import SECOND

FLOOD = 1_000
"""Findings of one rule within a minute by one source's clock that are a flood; it is told once in that minute."""
MINUTE = 60 * SECOND


class Rate(msgspec.Struct, frozen=True):
    """Findings by rule in the latest minute (minutes since the epoch) of a source's clock."""

    minute: int
    findings: dict[str, int]


class Rates:
    """The rates by source, one step's working copy of them: a source's are copied when they are touched."""

    def __init__(self, known: Mapping[str, Rate]) -> None:
        self._rates = dict(known)
        self._own: set[str] = set()

    def count(self, finding: Finding, clock: int) -> Finding | None:
        """Count a finding, told while its source's clock stood at an instant. Returns what is said of the flood that it
        completes."""
        rate = self._rates.get(finding.source)
        minute = clock // MINUTE
        if rate is None or rate.minute != minute or finding.source not in self._own:
            kept = rate.findings if rate is not None and rate.minute == minute else {}
            rate = self._rates[finding.source] = Rate(minute, dict(kept))
            self._own.add(finding.source)
        count = rate.findings[finding.rule] = rate.findings.get(finding.rule, 0) + 1
        return flooding(finding) if count == FLOOD else None

    def state(self) -> dict[str, Rate]:
        """The rates as a value."""
        return self._rates


def flooding(finding: Finding) -> Finding:
    """What is said where a rule gives findings without end: that it does, as of this one. It describes, and proves
    nothing of anybody: a thousand copies are one piece of evidence. None of them is left out for it."""
    name = f"flood of {finding.rule}"
    last = finding.events[-1:]
    return msgspec.structs.replace(
        finding,
        id=finding_id(name, finding.version, last),
        rule=name,
        title=f"A flood of findings: {finding.title}",
        level=Level.INFORMATIONAL,
        tactics=(),
        techniques=(),
        events=last,
        provenance=Provenance.DERIVED,
        author="",
    )
