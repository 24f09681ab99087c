"""The watch officer: does this change need a decision now? A thousand copies of one alert need none."""

import msgspec

from tercio.model.incidents import Evidence, Incident, Stage


class Attention(msgspec.Struct, frozen=True):
    """Whether an incident is due for a decision, and why (or why not)."""

    due: bool
    reason: str


def triage(incident: Incident, previous: Incident | None) -> Attention:
    """Compare an incident with itself before. New independent evidence, evidence that was excused or weighs otherwise,
    a source newly proven, a new step and a new status need a decision; repeats do not."""
    if previous is None:
        return Attention(True, "a new incident")
    if incident.status != previous.status:
        return Attention(True, f"it was {previous.status} and is {incident.status}")
    if incident.round != previous.round:
        return Attention(True, "something was released, so the same thing seen again is new")
    known, now = _said(previous), _said(incident)
    if {key for key, *_ in now} - {key for key, *_ in known}:
        return Attention(True, "new independent evidence")
    if now != known:
        return Attention(True, "known evidence weighs otherwise than before")
    if set(incident.proven) - set(previous.proven):
        return Attention(True, "a source is proven that could have been forged before")
    if set(incident.reached) - set(previous.reached):
        return Attention(True, "a step was seen that was not known")
    return Attention(False, "nothing but repeats")


def _said(incident: Incident) -> set[tuple[str, str, Stage, float, str]]:
    """What the evidence says, whichever finding of the same evidence is cited for it."""
    return {_meaning(evidence) for evidence in incident.evidence}


def _meaning(evidence: Evidence) -> tuple[str, str, Stage, float, str]:
    return evidence.key, evidence.asset, evidence.stage, evidence.ratio, evidence.excuse
