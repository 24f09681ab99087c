"""From an incident to a decision: candidates, safety, the mandate's word on each, the choice. Pure."""

from collections.abc import Iterable

import msgspec

from tercio.agents.mandate import Mandate, rule
from tercio.agents.situation import Condition, State, World, cut_flows, situate
from tercio.brain.correlate.belief import decayed
from tercio.brain.decide.candidates import candidates
from tercio.brain.decide.choose import choose
from tercio.brain.decide.loss import Prices
from tercio.brain.decide.question import Question
from tercio.brain.decide.safety import filtered
from tercio.brain.decide.survey import survey, weighed
from tercio.loop.state import Content, LoopState
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.model.decisions import Candidate, Decision, Permission, Ruling
from tercio.model.incidents import Incident
from tercio.model.processes import ProcessState
from tercio.model.site import Autonomy, Site
from tercio.model.units import SECOND
from tercio.model.whereabouts import Machine, Whereabouts, ends_of, index_of, machine_of

OWN = ("gateway", "tercio")
"""Roles of what Tercio itself stands on: never refused anything."""


class Circumstances(msgspec.Struct, frozen=True):
    """What the mandate's rulings depend on beside the question: the world as the loop knew it (with the limits in
    force), where people told Tercio to stand down, which sensors were silent."""

    world: World
    stood_down: tuple[str, ...]
    silent: tuple[str, ...]


class Deliberation(msgspec.Struct, frozen=True):
    """A decision with the whole input that made it: what the journal keeps, and what a replay recomputes it from."""

    question: Question
    circumstances: Circumstances
    decision: Decision


def deliberate(content: Content, state: LoopState, incident: Incident, now: int) -> Deliberation:
    """Decide one incident at one instant, under the mandate and what people said."""
    question = question_of(content, state, incident, now)
    memory = state.memory
    circumstances = Circumstances(_world(content, state, question), memory.stood_down, memory.silent)
    decision = decided(content.mandate, question, circumstances, content.basis.digest)
    return Deliberation(question, circumstances, decision)


def decided(mandate: Mandate, question: Question, circumstances: Circumstances, digest: str) -> Decision:
    """The decision that follows from its recorded input: candidates, safety, rulings, choice."""
    kept, removed = filtered(question, candidates(question))
    prices = Prices(question, survey(question))
    bench = Bench(site=restrained(question.site, circumstances.silent), given=circumstances, prices=prices)
    rulings = {candidate.id: _ruling(mandate, question, bench, candidate) for candidate in kept}
    return choose(question, kept, removed, rulings, digest, prices)


def question_of(content: Content, state: LoopState, incident: Incident, now: int) -> Question:
    """Everything the decision depends on, with belief as faded by now."""
    fade = content.outlook.half_life
    beliefs = {name: decayed(belief, now, fade) for name, belief in incident.beliefs.items()}
    sure = {name: decayed(belief, now, fade) for name, belief in incident.sure.items()}
    return Question(
        site=content.site,
        incident=msgspec.structs.replace(weighed(incident), beliefs=beliefs, sure=sure),
        processes=state.memory.processes,
        effects=tuple(e for _, e in sorted(state.effects.items()) if e.live),
        reaches=content.reaches,
        outlook=content.outlook,
        now=now,
        held_off=state.memory.held_off.get(incident.id, ()),
        machines=_machines(content.site, state.memory.at, incident),
    )


def _machines(site: Site, at: Whereabouts, incident: Incident) -> dict[str, Machine]:
    """What the names mean on which acting may be weighed, where sensors showed more than the site says."""
    if not at.homes:
        return {}
    index = index_of(at)
    names = {*incident.proven, *(dst for _, dst, _ in incident.reached)}
    return {
        name: machine_of(site, at, index, name, incident.sources.get(name, ()), incident.last_evidence)
        for name in sorted(names)
    }


class Bench(msgspec.Struct, frozen=True):
    """What all rulings of one decision have in common: the site as restrained, the circumstances, the money."""

    site: Site
    given: Circumstances
    prices: Prices


def _ruling(mandate: Mandate, question: Question, bench: Bench, candidate: Candidate) -> Ruling:
    cost = bench.prices.production((candidate,)) if candidate.target is not None else 0
    situation = situate(bench.site, candidate, question.incident, bench.given.world, cost)
    ruling = rule(mandate, candidate, situation)
    if candidate.target is None or ruling.permission != Permission.PERMITTED:
        return ruling
    name = stood_down(question.site, bench.given.stood_down, question.incident, candidate.target)
    if not name:
        return ruling
    words = f"people told Tercio to stand down on {name}"
    return msgspec.structs.replace(ruling, permission=Permission.CONSENT, of=("security",), words=words)


def _world(content: Content, state: LoopState, question: Question) -> World:
    now = question.now
    refused = [e.target for e in question.effects if isinstance(e.target, HostTarget)]
    return World(
        now=now,
        conditions={
            process.name: _condition(state.memory.processes.get(process.name, ProcessState()), process.hold, now)
            for process in content.site.processes.values()
        },
        lost=frozenset().union(*(ends_of(content.site, target)[0] for target in refused)),
        own=tuple(a for asset in content.site.assets.values() if asset.role in OWN for a in asset.addresses),
        acts={zone: sum(now - at < 3600 * SECOND for at in instants) for zone, instants in state.memory.acts.items()},
        limits=content.limits,
    )


def _condition(state: ProcessState, hold: tuple[str, ...], now: int) -> Condition:
    known = State.RUNNING if state.running is not None and state.seen > 0 else State.UNKNOWN
    return Condition(State.STOPPED if state.stopped(now) else known, state.holds(hold, now), state.loading(now))


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


def stood_down(site: Site, told: Iterable[str], incident: Incident | None, target: Target) -> str:
    """Which of the people's stand-downs covers acting on a target for an incident; empty if none.

    One on a process covers whatever takes a flow from it, and whatever refuses a step of the intruder from or to
    one of its members. Of an incident that nobody knows any more, everything is covered.
    """
    cut = {name for name, *_ in cut_flows(site, target)}
    steps = incident.reached if incident is not None else ()
    touched = {end for src, dst, _ in steps if _refuses(site, target, src, dst) for end in (src, dst)}
    for name in told:
        process = site.processes.get(name)
        members: set[str] = set()
        if process is not None:
            members = {*process.needs, *process.views, *(end for f in process.flows for end in (f.src, f.dst))}
        if incident is None or name in ("all", incident.id) or name in cut or members & touched:
            return name
    return ""


def _refuses(site: Site, target: Target, src: str, dst: str) -> bool:
    match target:
        case HostTarget(asset=name):
            return name in (src, dst)
        case FlowTarget(src=one, dst=other):
            return (one, other) == (src, dst)
        case ConduitTarget(src_zone=one, dst_zone=other):
            return {one, other} == {site.zone_of(src), site.zone_of(dst)}
