"""An effect was taken back because a view fell silent: was it the effect, or does the sensor see no session any more?

A sensor that was started anew does not know the sessions that were open before, and shows none of their polls. To the
loop that looks like a view that was lost; so the effect is taken back, since production comes first. Where then no poll
of any flow is seen, though several were known and all fell silent together, the effect was not to blame, and its target
may be chosen again. Pure.
"""

import msgspec

from tercio.loop.standing import call, remember
from tercio.loop.state import Blamed, LoopState
from tercio.model.commands import Effect, target_name
from tercio.model.processes import ProcessState
from tercio.model.units import SECOND

TOGETHER = SECOND
"""A flow that was polled this long after the view's last poll (microseconds) did not fall silent with it."""

LATELY = 10 * SECOND
"""A flow of which a poll was seen within this before the view's last one (microseconds) was going on."""

PROBATION = 10 * SECOND
"""So long after the effect was taken back (microseconds) a poll that it stood in the way of would be seen again."""


def blame(state: LoopState, effect: Effect, view: str) -> LoopState:
    """Remember that an effect was taken back for a view (``hmi1>plc1``), if every flow that was known then fell silent
    with it, and there was another."""
    polls = _polls(state.memory.processes)
    last = polls.get(view, 0)
    lately = [seen for key, seen in polls.items() if key != view and seen >= last - LATELY]
    if not lately or max(lately) > last + TOGETHER:
        return state
    blamed = Blamed(effect.incident, target_name(effect.target), max(last, *lately))
    return remember(state, blamed={**state.memory.blamed, effect.lease: blamed})


def acquit(state: LoopState, heard: int, now: int) -> LoopState:
    """Let those targets be chosen again that were not to blame, where the sensor speaks (``heard`` is when it last did)
    and shows no poll; forget those after which one came back."""
    for lease, blamed in sorted(state.memory.blamed.items()):
        if lease in state.effects:
            continue
        if blamed.since == 0:
            state = _note(state, lease, msgspec.structs.replace(blamed, since=now))
        elif max(_polls(state.memory.processes).values(), default=0) > blamed.seen:
            state = _forget(state, lease)
        elif now - heard < SECOND and not 0 <= now - blamed.since < PROBATION:
            state = _free(_forget(state, lease), blamed, now)
    return state


def _polls(processes: dict[str, ProcessState]) -> dict[str, int]:
    """When an answered poll of each flow was last seen."""
    return {key: seen for process in processes.values() for key, seen in process.polls.items()}


def _note(state: LoopState, lease: str, blamed: Blamed) -> LoopState:
    return remember(state, blamed={**state.memory.blamed, lease: blamed})


def _forget(state: LoopState, lease: str) -> LoopState:
    return remember(state, blamed={key: each for key, each in state.memory.blamed.items() if key != lease})


def _free(state: LoopState, blamed: Blamed, now: int) -> LoopState:
    held = state.memory.held_off
    names = tuple(name for name in held.get(blamed.incident, ()) if name != blamed.target)
    state = remember(state, held_off={**held, blamed.incident: names})
    return call(state, blamed.incident, now) if blamed.incident in state.incidents else state
