"""Leases end by decision, not only by timer: renewed, released, rolled back, lost, expired, asked after. Pure."""

import msgspec

from tercio.agents.engineer import Verdict, review, review_open
from tercio.agents.situation import cut_flows
from tercio.brain.correlate.incidents import JOINS, held_now
from tercio.loop.authorise import LIVE
from tercio.loop.effects import expired, gone
from tercio.loop.ledger import Ledger
from tercio.loop.standing import hold_off, send, settle
from tercio.loop.state import Content, Inputs, LoopState
from tercio.model.commands import Action, Command, Effect, EffectState, Response
from tercio.model.ids import command_id, mint
from tercio.model.incidents import Status
from tercio.model.units import SECOND

RESEND = SECOND
"""A command without an answer is sent again after this (microseconds); the hand does nothing twice."""

ASK_AFTER = 5 * SECOND
"""Hands are asked this often what still stands."""


def tend(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    """Everything that is due by the clock alone."""
    state = _expire(state, ledger)
    state = _review(content, state, inputs, ledger)
    state = _resend(state, ledger)
    state = _ask(content, state, ledger)
    state = _silence(content, state, ledger)
    return _close(state, ledger)


def cancel(state: LoopState, lease: str, why: str, ledger: Ledger) -> LoopState:
    """Order the end of a lease. The effect stands until its hand says that nothing of it is left."""
    effect = state.effects[lease]
    command = Command(
        id=mint("cmd", lease, "cancel"),
        lease=lease,
        incident=effect.incident,
        decision=effect.decision,
        hand=effect.hand,
        action=Action.CANCEL,
        target=effect.target,
        issued=ledger.now,
        until=effect.until,
    )
    after = msgspec.structs.replace(effect, why=why)
    state = settle(state, effect, after, ledger)
    return send(state, command, ledger)


def roll_back(state: LoopState, lease: str, why: str, ledger: Ledger) -> LoopState:
    """Take back an effect that the world contradicts; its target is not chosen again in this incident by itself."""
    effect = state.effects[lease]
    state = cancel(state, lease, why, ledger)
    state = hold_off(state, effect)
    after = msgspec.structs.replace(effect, state=EffectState.ROLLED_BACK, ended=ledger.now, why=why)
    return settle(state, effect, after, ledger)


def listed(state: LoopState, response: Response, ledger: Ledger) -> LoopState:
    """A hand said what stands: what it no longer finds is lost."""
    hand, asked = state.queries[response.command]
    if not response.held:
        return state
    for _, effect in sorted(state.effects.items()):
        if effect.hand == hand:
            after = gone(effect, response.standing, asked, response.at)
            if after is not effect:
                state = settle(state, effect, after, ledger)
    return state


def _expire(state: LoopState, ledger: Ledger) -> LoopState:
    for _, effect in sorted(state.effects.items()):
        after = expired(effect, ledger.now)
        if after is not effect:
            state = settle(state, effect, after, ledger)
    return state


def _review(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    waiting = {command.lease for command, _ in state.commands.values()}
    for lease, effect in sorted(state.effects.items()):
        if effect.state != EffectState.STANDING or lease in waiting:
            continue
        state, quiet = _quiet(content, state, lease, inputs.draw)
        incident = state.incidents.get(effect.incident)
        held = held_now(incident, ledger.now, content.outlook.half_life) if incident is not None else {}
        look = review_open if cut_flows(content.site, effect.target) else review
        verdict, why = look(
            effect,
            belief=max((held[s] for s in incident.sources), default=0.0) if incident is not None else 0.0,
            last_evidence=incident.last_evidence if incident is not None else 0,
            now=ledger.now,
            span=content.outlook.span,
            threshold=content.release.threshold,
            quiet=quiet,
            longest=content.release.longest,
        )
        if verdict == Verdict.RENEW:
            state = _renew(content, state, effect, ledger)
        elif verdict == Verdict.RELEASE:
            state = cancel(state, lease, why, ledger)
        elif verdict == Verdict.HAND_OVER and effect.why != why:
            state = settle(state, effect, msgspec.structs.replace(effect, why=why), ledger)
    return state


def _quiet(content: Content, state: LoopState, lease: str, draw: float) -> tuple[LoopState, int]:
    """The quiet period of a lease: drawn once, so that nobody can wait for it to the second."""
    known = state.memory.quiet.get(lease)
    if known is not None:
        return state, known
    bounds = content.release
    drawn = bounds.quiet_least + round(draw * (bounds.quiet_most - bounds.quiet_least))
    live = {key: value for key, value in state.memory.quiet.items() if key in state.effects}
    memory = msgspec.structs.replace(state.memory, quiet={**live, lease: drawn})
    return msgspec.structs.replace(state, memory=memory), drawn


def _renew(content: Content, state: LoopState, effect: Effect, ledger: Ledger) -> LoopState:
    until = min(ledger.now + content.outlook.span, effect.since + content.release.longest)
    command = Command(
        id=command_id(effect.lease, until),
        lease=effect.lease,
        incident=effect.incident,
        decision=effect.decision,
        hand=effect.hand,
        action=Action.DENY,
        target=effect.target,
        issued=ledger.now,
        until=until,
    )
    state = settle(state, effect, msgspec.structs.replace(effect, renewed=effect.renewed + 1), ledger)
    return send(state, command, ledger)


def _resend(state: LoopState, ledger: Ledger) -> LoopState:
    """Commands without an answer go out again while they are fresh; after that they have lapsed."""
    commands = dict(state.commands)
    for key, (command, sent) in sorted(state.commands.items()):
        if command.until <= ledger.now:
            ledger.command(command, "lapsed")
            del commands[key]
        elif ledger.now - sent >= RESEND:
            ledger.orders.append(command)
            commands[key] = (command, ledger.now)
    return msgspec.structs.replace(state, commands=commands)


def _ask(content: Content, state: LoopState, ledger: Ledger) -> LoopState:
    """Ask each hand with standing effects what it finds; questions change nothing and are not journaled."""
    queries = {key: value for key, value in state.queries.items() if ledger.now - value[1] < ASK_AFTER}
    hands = {effect.hand for effect in state.effects.values() if effect.state in LIVE}
    for hand in sorted(hands - {hand for hand, _ in queries.values()}):
        command = Command(
            id=mint("cmd", hand, "query", ledger.now),
            lease="",
            incident="",
            decision="",
            hand=hand,
            action=Action.QUERY,
            target=None,
            issued=ledger.now,
            until=ledger.now + ASK_AFTER,
        )
        queries[command.id] = (hand, ledger.now)
        ledger.orders.append(command)
    return msgspec.structs.replace(state, queries=queries)


def _silence(content: Content, state: LoopState, ledger: Ledger) -> LoopState:
    """A silent sensor is a finding, and nothing acts by itself until it speaks again."""
    silent = tuple(
        sorted(
            source
            for source, after in content.silent_after.items()
            if ledger.now - state.memory.heard.get(source, ledger.now) > after
        )
    )
    if silent == state.memory.silent:
        return state
    for source in sorted({*silent} ^ {*state.memory.silent}):
        ledger.note("input", source, {"source": source, "silent": source in silent})
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, silent=silent))


def _close(state: LoopState, ledger: Ledger) -> LoopState:
    """An incident that nothing stands for and nothing was heard of for a day is closed and leaves the state."""
    for key, incident in sorted(state.incidents.items()):
        idle = ledger.now - incident.last_evidence > JOINS
        if idle and not any(effect.incident == key for effect in state.effects.values()):
            ledger.incident(msgspec.structs.replace(incident, status=Status.CLOSED))
            rest = {k: v for k, v in state.incidents.items() if k != key}
            state = msgspec.structs.replace(state, incidents=rest)
    return state
