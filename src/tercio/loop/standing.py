"""What is ordered and what stands: the one place where an effect's state changes. Pure."""

from typing import Any

import msgspec

from tercio.loop.ledger import Ledger
from tercio.loop.state import Care, Docket, LoopState
from tercio.model.commands import Command, Effect, EffectState, target_name
from tercio.model.incidents import Incident, Status
from tercio.model.units import SECOND

AGAIN = SECOND
LONGEST_PAUSE = 300 * SECOND
"""After a hand failed, the next try comes this much later (microseconds), then twice as late, up to the longest."""

LONGEST_WAIT = 10 * SECOND
"""The same for commands of a lease that stands: people may be waiting for its end."""


def pause(failed: int, longest: int = LONGEST_PAUSE) -> int:
    """How long to wait after so many failures in a row (at least one)."""
    return min(AGAIN << min(failed - 1, 20), longest)


def care_of(state: LoopState, lease: str) -> Care:
    """What is remembered of a lease."""
    return state.memory.leases.get(lease, Care())


def docket_of(state: LoopState, incident: str) -> Docket:
    """What is due for an incident."""
    return state.memory.dockets.get(incident, Docket())


def remember(state: LoopState, **changes: Any) -> LoopState:
    """The state with some fields of its memory changed."""
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, **changes))


def care(state: LoopState, lease: str, **changes: Any) -> LoopState:
    """The state with something new remembered of a lease."""
    after = msgspec.structs.replace(care_of(state, lease), **changes)
    return remember(state, leases={**state.memory.leases, lease: after})


def enter(state: LoopState, incident: str, **changes: Any) -> LoopState:
    """The state with something new in an incident's docket."""
    after = msgspec.structs.replace(docket_of(state, incident), **changes)
    return remember(state, dockets={**state.memory.dockets, incident: after})


def call(state: LoopState, incident: str, at: int) -> LoopState:
    """Have an incident decided again at an instant, unless that is due sooner already: something happened to it."""
    due = docket_of(state, incident).due
    return enter(state, incident, due=min(due, at) if due else at, looked=0)


def hold_off(state: LoopState, effect: Effect) -> LoopState:
    """Do not choose this effect's target again in its incident by itself."""
    names = (*state.memory.held_off.get(effect.incident, ()), target_name(effect.target))
    return remember(state, held_off={**state.memory.held_off, effect.incident: tuple(dict.fromkeys(names))})


def send(state: LoopState, command: Command, ledger: Ledger) -> LoopState:
    """Journal a command as ordered and put it among the orders of this turn."""
    ledger.command(command, "ordered")
    ledger.orders.append(command)
    return msgspec.structs.replace(state, commands={**state.commands, command.id: (command, ledger.now)})


def withdraw(state: LoopState, lease: str, ledger: Ledger) -> LoopState:
    """Send no command for this lease again: one that arrived late would bring back what was ended."""
    gone = [command for command, _ in state.commands.values() if command.lease == lease]
    if not gone:
        return state
    for command in gone:
        ledger.command(command, "lapsed")
    rest = {key: value for key, value in state.commands.items() if value[0].lease != lease}
    return msgspec.structs.replace(state, commands=rest)


def settle(state: LoopState, before: Effect | None, after: Effect, ledger: Ledger, *, wanted: bool = True) -> LoopState:
    """Write an effect's new state, and let its incident follow. ``wanted`` says, of one that ended by its own time,
    that it should have gone on."""
    ledger.effect(after)
    effects = {**state.effects, after.lease: after}
    if not after.live:
        del effects[after.lease]
        state = withdraw(state, after.lease, ledger)
        state = remember(state, leases={k: v for k, v in state.memory.leases.items() if k != after.lease})
    state = msgspec.structs.replace(state, effects=effects)
    incident = state.incidents.get(after.incident)
    if incident is None or (before is not None and before.state == after.state):
        return state
    return _follow(state, incident, after, ledger, wanted=wanted)


def _follow(state: LoopState, incident: Incident, effect: Effect, ledger: Ledger, *, wanted: bool) -> LoopState:
    """What an effect's new state means for its incident: its status, its round, when it is decided again.

    A new round begins with each release, also while something else of the incident still stands: the released
    intruder's next act must count as new.
    """
    released = effect.state == EffectState.RELEASED or (not effect.live and not wanted)
    standing = any(e.incident == incident.id and e.state == EffectState.STANDING for e in state.effects.values())
    status = incident.status
    if standing:
        status = Status.CONTAINED
    elif released:
        status = Status.RELEASED
    elif not effect.live:
        status = Status.OPEN
    if effect.state == EffectState.STANDING:
        state = enter(state, incident.id, failed=0)
    elif effect.state == EffectState.FAILED and not released:
        failed = docket_of(state, incident.id).failed + 1
        state = call(enter(state, incident.id, failed=failed), incident.id, ledger.now + pause(failed))
    elif not effect.live and not released:
        state = call(state, incident.id, ledger.now)
    changed = msgspec.structs.replace(incident, status=status, round=incident.round + released)
    if changed != incident:
        ledger.incident(changed)
    return msgspec.structs.replace(state, incidents={**state.incidents, incident.id: changed})
