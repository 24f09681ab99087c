"""What is ordered and what stands: the one place where an effect's state changes. Pure."""

from collections.abc import Mapping

import msgspec

from tercio.loop.authorise import LIVE
from tercio.loop.ledger import Ledger
from tercio.loop.state import LoopState
from tercio.model.commands import Command, Effect, EffectState, target_name
from tercio.model.incidents import Incident, Status
from tercio.model.units import SECOND

AGAIN = SECOND
"""After a hand failed, its incident is decided again this much later (microseconds), not at once."""


def hold_off(state: LoopState, effect: Effect) -> LoopState:
    """Do not choose this effect's target again in its incident by itself."""
    names = (*state.memory.held_off.get(effect.incident, ()), target_name(effect.target))
    held_off = {**state.memory.held_off, effect.incident: tuple(dict.fromkeys(names))}
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, held_off=held_off))


def send(state: LoopState, command: Command, ledger: Ledger) -> LoopState:
    """Journal a command as ordered and put it among the orders of this turn."""
    ledger.command(command, "ordered")
    ledger.orders.append(command)
    return msgspec.structs.replace(state, commands={**state.commands, command.id: (command, ledger.now)})


def settle(state: LoopState, before: Effect | None, after: Effect, ledger: Ledger) -> LoopState:
    """Write an effect's new state, and let its incident follow."""
    ledger.effect(after)
    effects = {**state.effects, after.lease: after}
    if after.state not in LIVE:
        effects = {lease: effect for lease, effect in effects.items() if lease != after.lease}
    state = msgspec.structs.replace(state, effects=effects)
    incident = state.incidents.get(after.incident)
    if incident is None or (before is not None and before.state == after.state):
        return state
    return _follow(state, incident, after, effects, ledger)


def _follow(
    state: LoopState, incident: Incident, effect: Effect, effects: Mapping[str, Effect], ledger: Ledger
) -> LoopState:
    standing = any(e.incident == incident.id and e.state == EffectState.STANDING for e in effects.values())
    status, round_, due = incident.status, incident.round, dict(state.memory.due)
    if standing:
        status = Status.CONTAINED
    elif effect.state == EffectState.RELEASED:
        status, round_ = Status.RELEASED, incident.round + 1
    elif effect.state in (EffectState.LOST, EffectState.FAILED, EffectState.EXPIRED, EffectState.ROLLED_BACK):
        status = Status.OPEN
        due[incident.id] = ledger.now + (AGAIN if effect.state == EffectState.FAILED else 0)
    changed = msgspec.structs.replace(incident, status=status, round=round_)
    if changed != incident:
        ledger.incident(changed)
    memory = msgspec.structs.replace(state.memory, due=due)
    return msgspec.structs.replace(state, incidents={**state.incidents, incident.id: changed}, memory=memory)
