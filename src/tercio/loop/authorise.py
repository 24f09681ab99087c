"""From an incident to a decision: candidates, safety, the mandate's word on each, the choice. Pure."""

from collections.abc import Iterable

import msgspec

from tercio.agents.mandate import rule
from tercio.agents.situation import Condition, State, World, situate
from tercio.brain.correlate.belief import decayed
from tercio.brain.decide.candidates import candidates
from tercio.brain.decide.choose import choose
from tercio.brain.decide.loss import production
from tercio.brain.decide.question import Question
from tercio.brain.decide.safety import filtered
from tercio.brain.decide.survey import Survey, survey
from tercio.loop.state import Content, LoopState
from tercio.model.commands import EffectState, HostTarget
from tercio.model.decisions import Candidate, Decision, Permission, Ruling
from tercio.model.incidents import Incident
from tercio.model.processes import ProcessState
from tercio.model.site import Autonomy, Site
from tercio.model.units import SECOND

OWN = ("gateway", "tercio")
"""Roles of what Tercio itself stands on: never refused anything."""

LIVE = (EffectState.ORDERED, EffectState.STANDING)


class Deliberation(msgspec.Struct, frozen=True):
    """A decision with the whole input that made it: what the journal keeps, and what a replay recomputes it from."""

    question: Question
    decision: Decision


def deliberate(content: Content, state: LoopState, incident: Incident, now: int) -> Deliberation:
    """Decide one incident at one instant, under the mandate and what people said."""
    question = question_of(content, state, incident, now)
    kept, removed = filtered(question, candidates(question))
    seen = survey(question)
    rulings = {candidate.id: _ruling(content, state, question, seen, candidate) for candidate in kept}
    return Deliberation(question, choose(question, kept, removed, rulings, content.digest))


def question_of(content: Content, state: LoopState, incident: Incident, now: int) -> Question:
    """Everything the decision depends on, with belief as faded by now."""
    beliefs = {name: decayed(b, now, content.outlook.half_life) for name, b in incident.beliefs.items()}
    return Question(
        site=content.site,
        incident=msgspec.structs.replace(incident, beliefs=beliefs),
        processes=state.memory.processes,
        effects=tuple(e for _, e in sorted(state.effects.items()) if e.state in LIVE),
        reaches=content.reaches,
        outlook=content.outlook,
        now=now,
        held_off=state.memory.held_off.get(incident.id, ()),
    )


def _ruling(content: Content, state: LoopState, question: Question, seen: Survey, candidate: Candidate) -> Ruling:
    cost = production(question, seen, (candidate,)) if candidate.target is not None else 0
    world = _world(content, state, question)
    site = restrained(content.site, state.memory.silent)
    ruling = rule(content.mandate, candidate, situate(site, candidate, question.incident, world, cost))
    told = _stood_down(content.site, state.memory.stood_down, candidate)
    if told and ruling.permission == Permission.PERMITTED:
        return msgspec.structs.replace(
            ruling, permission=Permission.CONSENT, of=("security",), words=f"people told Tercio to stand down on {told}"
        )
    return ruling


def _world(content: Content, state: LoopState, question: Question) -> World:
    now = question.now
    return World(
        now=now,
        conditions={
            process.name: _condition(state.memory.processes.get(process.name, ProcessState()), process.hold, now)
            for process in content.site.processes.values()
        },
        lost=frozenset(e.target.asset for e in question.effects if isinstance(e.target, HostTarget)),
        own=tuple(a for asset in content.site.assets.values() if asset.role in OWN for a in asset.addresses),
        acts={zone: sum(now - at < 3600 * SECOND for at in instants) for zone, instants in state.memory.acts.items()},
        limits=content.limits,
    )


def _condition(state: ProcessState, hold: tuple[str, ...], now: int) -> Condition:
    if state.stopped(now):
        return Condition(State.STOPPED, state.holds(hold, now))
    known = state.running is not None and state.seen > 0
    return Condition(State.RUNNING if known else State.UNKNOWN, state.holds(hold, now))


def restrained(site: Site, silent: Iterable[str]) -> Site:
    """The site as it is while a sensor is silent: nothing acts by itself where nobody sees."""
    if not tuple(silent):
        return site
    zones = {
        name: msgspec.structs.replace(
            zone, autonomy=Autonomy.ADVISE if zone.autonomy != Autonomy.SHADOW else zone.autonomy
        )
        for name, zone in site.zones.items()
    }
    return msgspec.structs.replace(site, zones=zones)


def _stood_down(site: Site, told: Iterable[str], candidate: Candidate) -> str:
    """Which of the people's stand-downs covers a candidate; empty if none."""
    if candidate.target is None:
        return ""
    cut = {name for name, *_ in candidate.cuts}
    text = candidate.path
    for name in told:
        process = site.processes.get(name)
        members = {*process.needs, *process.views} if process is not None else set()
        if name in ("all", *cut) or any(member in text.split() for member in members):
            return name
    return ""
