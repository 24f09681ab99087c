"""An effect was taken back because a view fell silent: was it the effect, or something else?

Production comes first, so the effect is taken back, and its target is not chosen again. But not for ever: whoever can
silence a view would be free for good. The effect was not to blame where its view falls silent again without it, nor
where the sensor shows no session at all: one that was started anew does not know those that were open before, and shows
none of their polls. After a while the target may be chosen again in any case. Pure.
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

LONGEST = 600 * SECOND
"""A target that was let go for a view is held off so long (microseconds), then it may be tried once more: if it takes
the view away again, that costs the line one silence of a few polls."""


def blame(state: LoopState, effect: Effect, view: str) -> LoopState:
    """Remember that an effect was taken back for a view (``hmi1>plc1``), and whether every flow that was known then
    fell silent with it, and there was another."""
    polls = _polls(state.memory.processes)
    last = polls.get(view, 0)
    lately = [seen for key, seen in polls.items() if key != view and seen >= last - LATELY]
    blind = bool(lately) and max(lately) <= last + TOGETHER
    seen = max(last, *lately) if blind else last
    blamed = Blamed(effect.incident, target_name(effect.target), seen, view=view, blind=blind)
    return remember(state, blamed={**state.memory.blamed, effect.lease: blamed})


def acquit(state: LoopState, heard: int, now: int) -> LoopState:
    """Let those targets be chosen again that were not to blame, or were held off long enough, while the sensor speaks
    (``heard`` is when it last did)."""
    for lease, blamed in sorted(state.memory.blamed.items()):
        if lease in state.effects:
            continue
        if blamed.since == 0:
            state = _note(state, lease, msgspec.structs.replace(blamed, since=now))
        elif now - heard < SECOND and _over(state, blamed, now):
            state = _free(_forget(state, lease), blamed, now)
    return state


def _over(state: LoopState, blamed: Blamed, now: int) -> bool:
    polls = _polls(state.memory.processes)
    back = polls.get(blamed.view, 0)
    if not 0 <= now - blamed.since < LONGEST:
        return True
    if back > blamed.seen:
        return now - back > max(s.patience(blamed.view) for s in state.memory.processes.values())
    return blamed.blind and max(polls.values(), default=0) <= blamed.seen and now - blamed.since >= PROBATION


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
