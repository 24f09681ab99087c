"""What time alone changes: silent sensors, closed incidents, notes about what is over. Pure."""

import msgspec

from tercio.brain.correlate.incidents import JOINS
from tercio.loop.ledger import Ledger
from tercio.loop.standing import call, remember
from tercio.loop.state import Content, LoopState
from tercio.loop.verdicts import over, standing
from tercio.model.incidents import Status
from tercio.model.journal import Silence
from tercio.model.units import HOUR, SECOND

REMEMBERED = 24 * 3600 * SECOND
"""A window is remembered this long after its end (microseconds): lines from its time may be read late."""


def tidy(content: Content, state: LoopState, ledger: Ledger) -> LoopState:
    """Notice who fell silent, close what is over, forget what was only noted about it."""
    state = _silence(content, state, ledger)
    state = _close(state, ledger)
    return _forget(content, state, ledger.now)


def _silence(content: Content, state: LoopState, ledger: Ledger) -> LoopState:
    """A silent sensor is a finding, and nothing acts by itself until it speaks again; then all that is open is looked
    at anew."""
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
        ledger.note(source, Silence(source, source in silent))
    if len(silent) < len(state.memory.silent):
        for key in state.incidents:
            state = call(state, key, ledger.now)
    return remember(state, silent=silent)


def _close(state: LoopState, ledger: Ledger) -> LoopState:
    """An incident that nothing stands for is closed and leaves the state where nothing was heard of it for a day, or
    where a person judged it."""
    for key, incident in sorted(state.incidents.items()):
        idle = ledger.now - incident.last_evidence > JOINS
        if over(state, incident) or (idle and not standing(state, key)):
            ledger.incident(msgspec.structs.replace(incident, status=Status.CLOSED))
            rest = {k: v for k, v in state.incidents.items() if k != key}
            state = msgspec.structs.replace(state, incidents=rest)
    return state


def _forget(content: Content, state: LoopState, now: int) -> LoopState:
    """Notes about what is over go, so that memory stays as small as what is going on."""
    old = state.memory
    announced = tuple(window for window in old.announced if now - window.until < REMEMBERED)
    dockets = {key: docket for key, docket in old.dockets.items() if key in state.incidents}
    held_off = {key: names for key, names in old.held_off.items() if key in state.incidents}
    leases = {key: kept for key, kept in old.leases.items() if key in state.effects or kept.again > now}
    acts = {zone: at for zone, at in old.acts.items() if now - at[-1] < HOUR}
    acted = {name: at for name, at in old.acted.items() if now - at < HOUR}
    known = {"all", *content.site.processes, *state.incidents}
    told = tuple(name for name in old.stood_down if name in known)
    kept = msgspec.structs.replace(
        old,
        announced=announced,
        dockets=dockets,
        held_off=held_off,
        leases=leases,
        acts=acts,
        acted=acted,
        stood_down=told,
    )
    return state if kept == old else msgspec.structs.replace(state, memory=kept)
