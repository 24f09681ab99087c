"""What happened, one moment at a time: records of the journal in words, without what only follows from another."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tercio.agents.scribe import decided, line, plain, seen
from tercio.app.aftermath import aftermath, doubted, witness
from tercio.loop.authorise import Deliberation
from tercio.model.commands import Action, Effect, EffectState, Response
from tercio.model.incidents import Incident
from tercio.model.journal import Authorisation, Spoken, Told
from tercio.model.records import CommandRow
from tercio.model.site import Site
from tercio.model.units import SECOND
from tercio.store.reader import Entry

SLOWEST = 3600 * SECOND
"""A sensor's word older than this (microseconds) when it came is told when it came."""

WHY_WITNESS = "The link and the sensor are alive, so what is refused is missing because of the block."
"""Why other traffic proves that a block works."""

REPEATS = ("seen", "decided", "allowed", "renewed")
"""Steps that may say the same again and again; every other word of a step is news."""


class Moment(msgspec.Struct, frozen=True):
    """One thing that happened, in words: ``step`` of the loop, ``record`` of the journal. What only went on is counted:
    ``times`` in all, ``last`` at."""

    at: int
    step: str
    text: str
    record: int
    times: int = 1
    last: int = 0


def collapsed(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """Moments in which a step only says again what it said before are one, with a count and the last time."""
    kept: list[Moment] = []
    latest: dict[str, int] = {}
    for moment in moments:
        place = latest.get(moment.step)
        before = kept[place] if place is not None else None
        if place is not None and before is not None and before.text == moment.text and moment.step in REPEATS:
            kept[place] = msgspec.structs.replace(before, times=before.times + 1, last=moment.at)
        else:
            latest[moment.step] = len(kept)
            kept.append(moment)
    return tuple(kept)


def moments_of(read: list[tuple[Entry, Any]], site: Site | None) -> Iterator[Moment]:
    """What records say, in their order. ``read`` holds each record with its value; where no ``site`` is known, machines
    have their addresses for names."""
    known: dict[str, object] = {}
    effects = doubted(value for _, value in read if isinstance(value, Effect))
    for entry, value in read:
        for step, text in _said(entry, value, site, known, effects):
            yield Moment(_when(entry, value), step, text, entry.seq)


def _seen(told: Told, site: Site | None, effects: dict[str, Effect]) -> str:
    text = seen(told.finding, site) if site is not None else line("finding", told.finding)
    excuse = next((piece.excuse for piece in told.evidence if piece.excuse), "")
    text += f" It weighs little: {plain(excuse)}." if excuse else ""
    after = aftermath(told.finding, effects.values())
    return f"{text} {after}" if after else text


def _when(entry: Entry, value: object) -> int:
    """What a sensor saw is told when it saw it, unless its clock can't be right; else when it was journaled."""
    seen_at = value.finding.time if isinstance(value, Told) else entry.time
    return seen_at if 0 <= entry.time - seen_at <= SLOWEST else entry.time


def _said(
    entry: Entry, value: object, site: Site | None, known: dict[str, object], effects: dict[str, Effect]
) -> Iterator[tuple[str, str]]:
    """What one record says that those before it (``known``: by subject) did not; ``effects`` as they ended."""
    currency = site.currency if site is not None else "EUR"
    match value:
        case Told():
            yield "seen", _seen(value, site, effects)
        case Deliberation(decision=decision, question=question):
            standing = [e for e in question.effects if e.incident == decision.incident]
            yield "decided", decided(decision, currency, standing)
        case CommandRow(command=command, state="ordered") if command.id not in known:
            renewal = command.action == Action.DENY and known.setdefault(command.lease, command.id) != command.id
            known[command.id] = "renewed" if renewal else "ordered"
            yield ("renewed", f"Renewed {command.lease}.") if renewal else ("ordered", line("command", command))
        case Response() if not (value.held and known.get(value.command) == "renewed"):
            yield ("held" if value.held else "failed"), line("response", value)
        case Effect() if value.state not in (EffectState.ORDERED, known.get(entry.subject + " state")):
            known[entry.subject + " state"] = value.state
            if value.state != EffectState.STANDING:
                yield "ended", line("effect", value)
        case Effect() if value.confirmed and entry.subject + " works" not in known:
            known[entry.subject + " works"] = True
            by = f": {witness(value, site)}" if site is not None else ""
            yield "works", f"Seen to work{by}. {WHY_WITNESS}"
        case Spoken():
            yield "said", f"{line('word', value.word)} The answer: {plain(value.answer, 400)}."
        case Incident() if known.get(value.id, value.status) != value.status:
            yield "status", f"The incident is {value.status}."
        case Authorisation():
            yield from (("allowed", line("authorisation", ruling)) for ruling in value.rulings)
        case _:
            pass
    if isinstance(value, Incident):
        known[value.id] = value.status
