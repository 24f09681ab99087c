"""Leases end by decision, not only by timer: renewed, released, rolled back, expired. Pure."""

import msgspec

from tercio.agents.engineer import Verdict, review, review_open
from tercio.agents.situation import Cut, against, cut_flows
from tercio.brain.correlate.incidents import proved_now
from tercio.brain.decide.loss import tolerated
from tercio.loop.effects import answered, expired
from tercio.loop.ledger import Ledger
from tercio.loop.standing import (
    LONGEST_WAIT,
    call,
    care,
    care_of,
    hold_off,
    pause,
    send,
    settle,
    withdraw,
)
from tercio.loop.state import Content, Inputs, LoopState
from tercio.loop.targets import resolved, strayed
from tercio.model.commands import Action, Command, Effect, EffectState, HostTarget, Response, Status, Target
from tercio.model.ids import command_id, mint
from tercio.model.units import SECOND
from tercio.model.whereabouts import ends_of

RESEND = SECOND
"""A command without an answer is sent again after this (microseconds); the hand does nothing twice."""

REVIEW = SECOND // 5
"""Leases are reviewed this often (microseconds) and when a hand has answered, not in every turn: the shortest lasts
seconds, a turn milliseconds."""


def tend(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    """Whatever of leases and their commands is due by the clock alone."""
    state = _expire(content, state, ledger)
    state = _review(content, state, inputs, ledger)
    state = _resend(state, ledger)
    return _cancel_again(state, ledger)


def cancel(
    state: LoopState, lease: str, why: str, ledger: Ledger, ending: EffectState = EffectState.RELEASED
) -> LoopState:
    """Order the end of a lease, which then becomes ``ending``. It stands until its hand says that nothing is left."""
    if care_of(state, lease).ending is not None:
        return state
    effect = state.effects[lease]
    state = withdraw(care(state, lease, ending=ending, failed=0, again=0), lease, ledger)
    state = settle(state, effect, msgspec.structs.replace(effect, why=why), ledger)
    return send(state, cancelling(effect, ledger.now), ledger)


def roll_back(state: LoopState, lease: str, why: str, ledger: Ledger) -> LoopState:
    """Take back an effect that the world contradicts; its target is not chosen again in this incident by itself."""
    return cancel(hold_off(state, state.effects[lease]), lease, why, ledger, EffectState.ROLLED_BACK)


def answer(state: LoopState, response: Response, ledger: Ledger) -> LoopState:
    """A hand's answer to a command, and what follows. What failed is tried again in measure, what is refused is not."""
    command, _ = state.commands[response.command]
    failure = str(Status.FAILED if response.status == Status.DONE else response.status)
    ledger.note(command.id, response)
    ledger.command(command, "done" if response.held else failure)
    rest = {key: value for key, value in state.commands.items() if key != command.id}
    state = msgspec.structs.replace(state, commands=rest)
    before = state.effects.get(command.lease)
    if before is None:
        return state
    kept = care_of(state, command.lease)
    failed = 0 if response.held else kept.failed + 1
    state = care(state, command.lease, failed=failed, again=ledger.now + pause(failed, LONGEST_WAIT) if failed else 0)
    if failed and command.action == Action.DENY and not response.retry:
        state = hold_off(state, before)
    if failed and kept.ending == EffectState.ROLLED_BACK:
        state = call(state, before.incident, ledger.now)
    after = answered(before, command, response, kept.ending or EffectState.RELEASED)
    return settle(state, before, after, ledger, wanted=kept.ending != EffectState.RELEASED)


def cancelling(effect: Effect, now: int) -> Command:
    """The order to end an effect; the same one however often it is given."""
    return Command(
        id=mint("cmd", effect.lease, "cancel"),
        lease=effect.lease,
        incident=effect.incident,
        decision=effect.decision,
        hand=effect.hand,
        action=Action.CANCEL,
        target=effect.target,
        issued=now,
        until=effect.until,
    )


def _cancel_again(state: LoopState, ledger: Ledger) -> LoopState:
    """What its hand failed to end is ordered to end again, in measure."""
    waiting = {command.lease for command, _ in state.commands.values()}
    for lease, effect in sorted(state.effects.items()):
        kept = care_of(state, lease)
        if kept.ending is not None and lease not in waiting and kept.again <= ledger.now:
            state = send(state, cancelling(effect, ledger.now), ledger)
    return state


def _expire(content: Content, state: LoopState, ledger: Ledger) -> LoopState:
    """What is over by its own time. It was meant to end where people said so, where it was handed over, or where
    nothing new was seen behind a lease that a process pays for; else it is decided anew."""
    for lease, effect in sorted(state.effects.items()):
        after = expired(effect, ledger.now)
        if after is not effect:
            kept = care_of(state, lease)
            meant = kept.handed or kept.ending == EffectState.RELEASED or _runs_out(content, state, effect)
            state = settle(state, effect, after, ledger, wanted=not meant)
    return state


def _runs_out(content: Content, state: LoopState, effect: Effect) -> bool:
    incident = state.incidents.get(effect.incident)
    seen = incident.last_evidence if incident is not None else 0
    began = effect.until - content.outlook.span
    return effect.state == EffectState.STANDING and bool(cut_flows(content.site, effect.target)) and seen <= began


def _review(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    if not inputs.responses and 0 <= ledger.now - state.reviewed < REVIEW:
        return state
    state = msgspec.structs.replace(state, reviewed=ledger.now)
    waiting = {command.lease for command, _ in state.commands.values()}
    for lease, effect in sorted(state.effects.items()):
        kept = care_of(state, lease)
        if effect.state != EffectState.STANDING or lease in waiting or kept.ending or kept.again > ledger.now:
            continue
        target = resolved(state.memory.at, effect)
        if target != effect.target:
            state = _resolve(state, effect, target, ledger)
            continue
        state, quiet = _quiet(content, state, lease, inputs.draw)
        verdict, why = _verdict(content, state, effect, quiet, ledger.now)
        if verdict == Verdict.RENEW and not inputs.spare:
            state = _renew(content, state, effect, ledger)
        elif verdict == Verdict.RELEASE:
            state = cancel(state, lease, why, ledger)
        elif verdict == Verdict.HAND_OVER and not kept.handed:
            state = care(state, lease, handed=True)
            state = settle(state, effect, msgspec.structs.replace(effect, why=why), ledger)
    return state


def _resolve(state: LoopState, effect: Effect, target: Target | None, ledger: Ledger) -> LoopState:
    """What went to another machine is let go at once; what is left stands no longer for it."""
    why = f"{', '.join(strayed(effect.target, target))} moved to another machine"
    if target is None:
        return cancel(state, effect.lease, why, ledger)
    state = settle(state, effect, msgspec.structs.replace(effect, why=why), ledger)
    return send(state, _denial(effect, target, ledger.now, effect.until - 1), ledger)


def _verdict(content: Content, state: LoopState, effect: Effect, quiet: int, now: int) -> tuple[Verdict, str]:
    incident = state.incidents.get(effect.incident)
    half_life = content.outlook.half_life
    names = against(content.site, effect.target, incident.beliefs) if incident is not None else ()
    held = [proved_now(incident, name, now, half_life) for name in names if incident is not None]
    cuts = cut_flows(content.site, effect.target)
    look = review_open if cuts else review
    return look(
        effect,
        belief=max(held, default=0.0),
        last_evidence=incident.last_evidence if incident is not None else 0,
        now=now,
        span=content.outlook.span,
        threshold=content.release.threshold,
        quiet=quiet,
        longest=_longest(content, effect, cuts),
    )


def _longest(content: Content, effect: Effect, cuts: tuple[Cut, ...]) -> int:
    """How long a lease may be renewed in all: no longer than every process goes without what it takes, where a process
    can go without it for a while. What comes after that was never weighed: a person must take it over."""
    site, target = content.site, effect.target
    near = ends_of(site, target)[0] if isinstance(target, HostTarget) else frozenset()
    spans = [tolerated(process, near, cuts) for process in site.processes.values()]
    return round(min([content.release.longest, *(span for span in spans if span > 0)]))


def _quiet(content: Content, state: LoopState, lease: str, draw: float) -> tuple[LoopState, int]:
    """The quiet period of a lease: drawn once, so that nobody can wait for it to the second."""
    known = care_of(state, lease).quiet
    if known >= 0:
        return state, known
    bounds = content.release
    drawn = bounds.quiet_least + round(draw * (bounds.quiet_most - bounds.quiet_least))
    return care(state, lease, quiet=drawn), drawn


def _renew(content: Content, state: LoopState, effect: Effect, ledger: Ledger) -> LoopState:
    longest = _longest(content, effect, cut_flows(content.site, effect.target))
    until = min(ledger.now + content.outlook.span, effect.since + longest)
    state = settle(state, effect, msgspec.structs.replace(effect, renewed=effect.renewed + 1), ledger)
    return send(state, _denial(effect, effect.target, ledger.now, until), ledger)


def _denial(effect: Effect, target: Target, now: int, until: int) -> Command:
    """One more command of a lease that stands."""
    return Command(
        id=command_id(effect.lease, until),
        lease=effect.lease,
        incident=effect.incident,
        decision=effect.decision,
        hand=effect.hand,
        action=Action.DENY,
        target=target,
        issued=now,
        until=until,
    )


def _resend(state: LoopState, ledger: Ledger) -> LoopState:
    """Commands without an answer go out again while they are fresh; after that they have lapsed."""
    commands = dict(state.commands)
    for key, (command, sent) in sorted(state.commands.items()):
        if command.until <= ledger.now:
            ledger.command(command, "lapsed")
            del commands[key]
        elif not 0 <= ledger.now - sent < RESEND:
            ledger.orders.append(command)
            commands[key] = (command, ledger.now)
    return msgspec.structs.replace(state, commands=commands)
