"""What hands say stands, against what should stand: a difference is an input, never repaired silently. Pure."""

import msgspec

from tercio.loop.effects import gone
from tercio.loop.leases import roll_back
from tercio.loop.ledger import Ledger
from tercio.loop.standing import LONGEST_PAUSE, care, care_of, send, settle
from tercio.loop.state import Asked, Content, LoopState
from tercio.model.commands import Action, Command, EffectState, Response, Standing
from tercio.model.ids import mint
from tercio.model.journal import Stray
from tercio.model.units import SECOND

ASK_BUSY = 5 * SECOND
ASK_IDLE = 15 * SECOND
"""Hands are asked this often what they find, while something should stand and while nothing should (microseconds)."""

ASK_UNHEARD = SECOND
"""A hand that went away is asked this often until it answers: with it, what it had set may have gone."""

STRAY = 2 * SECOND
"""What ends within this (microseconds) anyhow is left to its own time."""


def ask(content: Content, state: LoopState, ledger: Ledger) -> LoopState:
    """Ask each hand what it finds: at once where something is in doubt, often while it should find something, now and
    then while it should not. Questions change nothing and are not journaled."""
    queries = state.queries
    busy = {effect.hand for effect in state.effects.values()}
    doubts = [(e.hand, care_of(state, e.lease)) for e in state.effects.values()]
    for hand in sorted(busy | {reach.hand for reach in content.reaches}):
        last = next((asked for asked in queries.values() if asked.hand == hand), None)
        doubted = max((kept.doubted for name, kept in doubts if name == hand and not kept.ending), default=0)
        every = ASK_UNHEARD if last is not None and last.unheard else ASK_BUSY if hand in busy else ASK_IDLE
        if last is not None and last.at >= doubted and 0 <= ledger.now - last.at < every:
            continue
        command = Command(
            id=mint("cmd", hand, "query", ledger.now),
            lease="",
            incident="",
            decision="",
            hand=hand,
            action=Action.QUERY,
            target=None,
            issued=ledger.now,
            until=ledger.now + ASK_BUSY,
        )
        queries = {key: asked for key, asked in queries.items() if asked.hand != hand}
        queries[command.id] = Asked(hand, ledger.now)
        ledger.orders.append(command)
    return msgspec.structs.replace(state, queries=queries)


def unheard(state: LoopState, hand: str) -> LoopState:
    """A hand has gone, or cannot be reached: what it was asked is asked again soon."""
    queries = {
        key: msgspec.structs.replace(asked, unheard=True) if asked.hand == hand else asked
        for key, asked in state.queries.items()
    }
    return msgspec.structs.replace(state, queries=queries)


def listed(state: LoopState, response: Response, ledger: Ledger) -> LoopState:
    """A hand said what stands: what it finds no more is lost, what nobody here ordered is journaled and ended."""
    hand, asked = state.queries[response.command].hand, state.queries[response.command].at
    if not response.held:
        return state
    for lease, effect in sorted(state.effects.items()):
        if effect.hand == hand:
            after, kept = gone(effect, response, asked, ledger.now), care_of(state, lease)
            if after is not effect:
                state = settle(state, effect, after, ledger, wanted=kept.ending is None)
            elif kept.doubt and effect.state == EffectState.STANDING:
                state = roll_back(state, lease, kept.doubt, ledger)
    for standing in response.standing:
        known = standing.lease in state.effects or care_of(state, standing.lease).again > ledger.now
        if not known and standing.until > ledger.now + STRAY:
            state = _stray(state, hand, standing, ledger)
    return state


def _stray(state: LoopState, hand: str, standing: Standing, ledger: Ledger) -> LoopState:
    """An order that arrived after it was withdrawn, or before a state was restored: no decision stands behind it."""
    ledger.note(standing.lease, Stray(hand, standing.lease, standing.until))
    state = care(state, standing.lease, again=ledger.now + LONGEST_PAUSE)
    command = Command(
        id=mint("cmd", standing.lease, "cancel"),
        lease=standing.lease,
        incident="",
        decision="",
        hand=hand,
        action=Action.CANCEL,
        target=None,
        issued=ledger.now,
        until=standing.until,
    )
    return send(state, command, ledger)
