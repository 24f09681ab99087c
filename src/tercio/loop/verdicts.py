"""What people say of incidents: right or wrong, and closed; and how often rules were part of them. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from tercio.brain.correlate.incidents import Note
from tercio.brain.detect.rules import Correlation, Rule
from tercio.brain.learn.precision import fired, judged
from tercio.loop.heard import Heard, begins, refused
from tercio.loop.standing import remember
from tercio.loop.state import Content, LoopState
from tercio.model.commands import target_name
from tercio.model.incidents import Incident, Status
from tercio.model.precision import LONGEST_NOTE, Judged, Judgement, Verdict
from tercio.model.words import Word

CLOSES = (Judgement.RIGHT, Judgement.WRONG, Judgement.UNSURE)
"""What ends an incident; to withdraw a verdict opens none and ends none."""


def close(content: Content, state: LoopState, recalled: Mapping[str, Incident], word: Word) -> Heard:
    """Take a verdict on an incident, open or closed long ago (``recalled``), and close it as soon as nothing stands for
    it: what stands is attended to as before, and nothing new is let in by it."""
    if word.verdict is None:
        return refused(state, "say whether it was right, wrong, or unsure")
    if len(word.note) > LONGEST_NOTE:
        return refused(state, f"a note has at most {LONGEST_NOTE} characters")
    known = {**recalled, **state.incidents}
    named = [name for name in sorted(known) if begins(name, word.target)] if word.target else []
    if word.target in known:
        named = [word.target]
    if len(named) != 1:
        why = f"{word.target!r} begins more than one name; say which: {', '.join(named)}" if named else ""
        return refused(state, why or f"no incident {word.target!r}; `tercio incidents` lists them")
    incident = known[named[0]]
    if word.verdict == Judgement.WITHDRAWN and (incident.verdict is None or not incident.verdict.rules):
        return refused(state, f"there is no verdict on {incident.id} that could be withdrawn")
    rules = _meant(content, incident, word.rules)
    if isinstance(rules, str):
        return refused(state, rules)
    precisions, held = judged(
        state.memory.precisions,
        incident.verdict.rules if incident.verdict is not None else (),
        dict.fromkeys(rules, word.verdict),
        word.time,
    )
    after = _said(state, incident, word, held)
    memory = msgspec.structs.replace(state.memory, precisions=precisions)
    changed = tuple(
        new
        for rule, versions in sorted(precisions.items())
        for new in versions
        if new not in state.memory.precisions.get(rule, ())
    )
    return Heard(memory, (), _answer(state, after, word, held), after, changed)


def _meant(content: Content, incident: Incident, names: tuple[str, ...]) -> tuple[tuple[str, str], ...] | str:
    """The rules of an incident that are meant, by the beginning of their ids or by their titles; all of them where none
    is named; or why that can't be said."""
    if not names:
        return incident.rules
    rules: dict[str, Rule | Correlation] = {**content.rules.rules, **content.rules.correlations}
    meant: list[tuple[str, str]] = []
    for name in names:
        ids = {
            rule
            for rule, _ in incident.rules
            if begins(rule, name) or (rule in rules and rules[rule].title.casefold() == name.casefold())
        }
        if len(ids) != 1:
            known = ", ".join(dict.fromkeys(rule for rule, _ in incident.rules)) or "none"
            return f"{name!r} is not one rule of this incident; its rules are {known}"
        meant += [each for each in incident.rules if each[0] in ids]
    return tuple(dict.fromkeys(meant))


def _said(state: LoopState, incident: Incident, word: Word, held: tuple[Judged, ...]) -> Incident:
    """The incident with the verdict; closed where it ends it and nothing stands for it. A verdict on some of its rules
    leaves what was said of the whole."""
    old = incident.verdict
    if not word.rules:
        whole = word.verdict or Judgement.UNSURE
    else:
        whole = old.judgement if old is not None else Judgement.UNSURE
    verdict = Verdict(judgement=whole, who=word.who, at=word.time, note=word.note, rules=held)
    ends = whole in CLOSES and not standing(state, incident.id)
    return msgspec.structs.replace(incident, verdict=verdict, status=Status.CLOSED if ends else incident.status)


def _answer(state: LoopState, after: Incident, word: Word, held: tuple[Judged, ...]) -> str:
    said = f"{after.id}: {'the verdict is withdrawn' if word.verdict == Judgement.WITHDRAWN else word.verdict}"
    beyond = sum(not each.counted and each.judgement != Judgement.UNSURE for each in held)
    if word.verdict == Judgement.WITHDRAWN:
        return f"{said}; it stays {after.status}"
    said += f"; {beyond} of its rules had their allowance of today and are not moved by it" if beyond else ""
    if after.status == Status.CLOSED:
        return f"{said}; it is closed, and what comes after it opens a new one"
    stands = standing(state, after.id)
    if stands and after.verdict is not None and after.verdict.judgement in CLOSES:
        return (
            f"{said}; what stands for it is attended to as before, and it is closed once nothing does: "
            f"{', '.join(stands)}; `tercio undo {after.id}` takes it back"
        )
    return f"{said}; it stays {after.status}"


def standing(state: LoopState, incident: str) -> tuple[str, ...]:
    """What stands for an incident, or was ordered and may stand."""
    mine = [effect for _, effect in sorted(state.effects.items()) if effect.incident == incident]
    return tuple(f"{target_name(effect.target)} ({effect.lease})" for effect in mine)


def over(state: LoopState, incident: Incident) -> bool:
    """Whether a person's verdict ends an incident now: nothing stands for it, and nothing proven came after it."""
    verdict = incident.verdict
    return (
        verdict is not None
        and verdict.judgement in CLOSES
        and incident.last_evidence <= verdict.at
        and not standing(state, incident.id)
    )


def kept(state: LoopState, recalled: dict[str, Incident], incident: Incident) -> tuple[LoopState, dict[str, Incident]]:
    """An incident that a person judged, where it is kept now: one that is closed has left the state."""
    incidents = {key: known for key, known in state.incidents.items() if key != incident.id}
    if incident.status == Status.CLOSED:
        return msgspec.structs.replace(state, incidents=incidents), {**recalled, incident.id: incident}
    return msgspec.structs.replace(state, incidents={**state.incidents, incident.id: incident}), recalled


def counted(state: LoopState, incidents: Mapping[str, Incident], notes: Iterable[Note]) -> LoopState:
    """How often rules fired by now, and in how many incidents, as ``incidents`` come out of what the notes tell."""
    gained = [
        rule
        for key, incident in incidents.items()
        if (before := state.incidents.get(key)) is not incident
        for rule in incident.rules[len(before.rules) if before is not None else 0 :]
    ]
    told = (note.finding for note in notes if note.change != "seen")
    return remember(state, precisions=fired(state.memory.precisions, told, gained))
