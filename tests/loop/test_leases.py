"""Leases: renewed, handed over, released, undone; what hands fail to do is tried again in measure."""

import itertools
import re

import pytest

from tercio.loop.leases import RESEND, roll_back
from tercio.loop.ledger import Ledger
from tercio.loop.standing import care_of
from tercio.model.commands import Action, ConduitTarget, EffectState, Status
from tercio.model.incidents import Status as Life
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tests.loop.given import (
    HOUR,
    OUTLOOK,
    PLC1,
    RELEASE,
    START,
    WS1,
    Desk,
    alert,
    content,
    poll,
    replace,
    reply,
)

CONDUIT = ConduitTarget("dmz", "ot", ("10.77.20.0/24",), ("10.77.30.0/24",), ())
"""Closing it takes the historian's flow from the line: the open class."""


def sent(desk: Desk, action: Action, since: int = 0) -> list[int]:
    return [t.transaction.time for t in desk.turns[since:] if t.transaction for c in t.orders if c.action == action]


def go_on(desk: Desk, span: int, status: Status, step: int = SECOND, **changes: object) -> None:
    """Time goes by while the intruder is known but not heard and the hand answers everything in one way."""
    for _ in range(span // step):
        desk.take(poll(desk.now + step), after=step)
        if desk.orders:
            desk.answer(status, after=0, **changes)


def test_a_renewal_is_a_new_command_of_the_same_lease():
    desk = Desk().contained()
    first = desk.effect
    while not desk.orders:
        desk.take(poll(desk.now + SECOND), after=SECOND)
    (renewal,) = desk.orders
    assert renewal.lease == first.lease
    assert renewal.id != first.command
    assert renewal.until == desk.now + desk.content.outlook.span
    assert first.until - desk.now < desk.content.outlook.span // 2
    desk.answer()
    assert (desk.effect.command, desk.effect.until, desk.effect.held) == (renewal.id, renewal.until, first.held)


@pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED, Status.INVALID])
def test_a_renewal_that_fails_is_tried_again_ever_more_rarely_and_the_lease_ends(status: Status):
    desk = Desk().contained()
    lease = desk.effect.lease
    start = len(desk.turns)
    go_on(desk, 58 * SECOND, status)
    tries = [c.issued for t in desk.turns[start:] for c in t.orders if c.lease == lease and c.action == Action.DENY]
    gaps = [b - a for a, b in itertools.pairwise(tries)]
    assert 3 <= len(tries) <= 7
    assert gaps == sorted(gaps)
    assert desk.effect.why.startswith("not renewed")
    go_on(desk, 4 * SECOND, status)
    assert [e["state"] for e in desk.records("effect") if e["lease"] == lease][-1] == "expired"
    assert lease not in desk.state.memory.leases


def test_a_renewal_without_an_answer_does_not_outlive_its_lease():
    """It is withdrawn when the lease ends; else it would come back later, as a wall that nobody knows."""
    desk = Desk().contained()
    lease = desk.effect.lease
    go_on(desk, 70 * SECOND, Status.UNREACHABLE)
    late = [
        c for t in desk.turns if t.transaction for c in t.orders if c.lease == lease and c.issued > START + 62 * SECOND
    ]
    assert not late
    assert not [command for command, _ in desk.state.commands.values() if command.lease == lease]


def test_a_lease_is_handed_over_once_and_ends_at_its_longest():
    desk = Desk(content(release=replace(RELEASE, longest=150 * SECOND, quiet_least=HOUR, quiet_most=HOUR))).contained()
    lease = desk.effect.lease
    desk.pass_time(200 * SECOND, step=SECOND // 2)
    told = [e["why"] for e in desk.records("effect") if e["lease"] == lease and "a person must take over" in e["why"]]
    expired = [e for e in desk.records("effect") if e["lease"] == lease and e["state"] == "expired"]
    assert len(told) == 1 + len(expired)
    assert [e["until"] - e["since"] for e in expired] == [150 * SECOND]
    assert not desk.state.effects, "what may not last longer is not begun anew without a new reason"
    assert (desk.incident.status, desk.incident.round) == (Life.RELEASED, 1)
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    assert desk.effect.lease != lease


def test_a_lease_is_not_renewed_beyond_what_a_process_goes_without():
    site = content().site
    line = site.processes["filling"]
    line = replace(line, needs=(*line.needs, "ws1"), tolerates={**line.tolerates, "ws1": 150 * SECOND})
    patient = replace(RELEASE, quiet_least=HOUR, quiet_most=HOUR)
    hasty = replace(OUTLOOK, horizon=100 * SECOND)
    desk = Desk(content(site=replace(site, processes={"filling": line}), release=patient, outlook=hasty)).contained()
    lease = desk.effect.lease
    desk.pass_time(200 * SECOND, step=SECOND // 2)
    expired = [e for e in desk.records("effect") if e["lease"] == lease and e["state"] == "expired"]
    assert [e["until"] - e["since"] for e in expired] == [150 * SECOND]
    assert "a person must take over" in expired[0]["why"]


def test_a_lease_that_a_process_pays_for_ends_by_itself_and_is_not_begun_anew():
    desk = Desk().contained()
    paid = replace(desk.effect, target=CONDUIT)
    desk.story.state = replace(desk.state, effects={paid.lease: paid})
    desk.pass_time(70 * SECOND)
    assert not desk.state.effects
    assert not desk.orders
    assert desk.states()[-1] == "expired"
    assert desk.incident.status == Life.RELEASED


def test_a_lease_that_should_have_gone_on_is_decided_anew():
    """Tercio was away, so nobody renewed it."""
    desk = Desk(content(outlook=replace(OUTLOOK, half_life=HOUR))).contained()
    lease = desk.effect.lease
    desk.take(poll(desk.now + 61 * SECOND), after=61 * SECOND)
    desk.take(poll(desk.now), after=SECOND)
    assert desk.incident.status == Life.OPEN
    assert desk.effect.lease != lease
    assert desk.effect.state == EffectState.ORDERED


def test_the_quiet_period_is_drawn_once_between_its_bounds():
    for draw, quiet in ((0.0, RELEASE.quiet_least), (0.999999, RELEASE.quiet_most)):
        desk = Desk()
        desk.take(poll(desk.now))
        (order,) = desk.take(alert(desk.now, WS1, PLC1), after=SECOND).orders
        desk.take(responses=(reply(order, desk.now),), draw=draw)
        desk.take(poll(desk.now), draw=1 - draw, after=SECOND)
        assert care_of(desk.state, desk.effect.lease).quiet == pytest.approx(quiet, rel=1e-4)


def test_released_only_once_belief_has_faded_and_the_quiet_period_has_passed():
    desk = Desk().contained()
    while not any(c.action == Action.CANCEL for c in desk.orders):
        assert desk.effect.state == EffectState.STANDING
        desk.answer(after=0) if desk.orders else None
        desk.take(poll(desk.now + SECOND), after=SECOND)
    quiet = desk.now - desk.incident.last_evidence
    assert quiet >= RELEASE.quiet_least
    assert re.search(r"fell to [\d.]+%, below 20%, and the quiet period has passed$", desk.effect.why)
    assert desk.effect.state == EffectState.STANDING, "it stands until its hand says otherwise"
    desk.answer()
    assert desk.states()[-1] == "released"


def test_a_cancel_that_fails_is_tried_again_in_measure_and_the_effect_stands_meanwhile():
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.effect.lease)
    start = len(desk.turns)
    go_on(desk, 40 * SECOND, Status.FAILED, detail="busy")
    tries = sent(desk, Action.CANCEL, start)
    assert 4 <= len(tries) <= 8
    assert desk.effect.state == EffectState.STANDING
    assert desk.effect.why == "cancel failed: busy"
    assert not sent(desk, Action.DENY, start), "what is being ended is not renewed"
    go_on(desk, 18 * SECOND, Status.DONE)
    assert desk.states()[-1] == "released"
    assert not desk.state.effects


def test_an_undo_that_no_hand_ever_heard_ends_with_the_lease_and_is_no_reason_to_act_again():
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.effect.lease)
    go_on(desk, 62 * SECOND, Status.UNREACHABLE)
    assert not desk.state.effects
    assert not desk.orders
    assert desk.incident.status == Life.RELEASED


def test_an_order_on_its_way_is_withdrawn_by_the_cancel_that_overtakes_it():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    (order,) = desk.orders
    desk.say(WordKind.UNDO, desk.effect.lease)
    assert [c.action for c, _ in desk.state.commands.values()] == [Action.CANCEL]
    assert desk.records("command")[1]["state"] == "lapsed"
    cancel = desk.orders[1]
    desk.take(responses=(reply(order, desk.now), reply(cancel, desk.now)))
    assert not desk.state.effects
    assert desk.states()[-1] == "released"


def test_a_roll_back_that_fails_is_decided_on_all_the_same():
    before, ledger = Desk().contained(), Ledger(START)
    desk = Desk(state=roll_back(before.state, before.effect.lease, "the view went with it", ledger))
    (cancel,) = ledger.orders
    desk.take(responses=(reply(cancel, desk.now, Status.FAILED),))
    assert len(desk.records("decision")) == 1


def test_what_is_being_ended_is_not_ended_twice():
    desk = Desk().contained()
    lease = desk.effect.lease
    state = roll_back(desk.state, lease, "first", Ledger(desk.now))
    ledger = Ledger(desk.now)
    again = roll_back(state, lease, "second", ledger)
    assert (ledger.orders, ledger.records) == ([], [])
    assert again.effects[lease].why == "first"
    assert care_of(again, lease).ending == EffectState.ROLLED_BACK


def test_orders_that_fail_are_decided_again_ever_more_rarely():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.answer(Status.FAILED, detail="busy")
    go_on(desk, HOUR, Status.FAILED)
    times = [record["decision"]["time"] for record in desk.records("decision")]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert len(times) < 30
    assert gaps[:4] == sorted(gaps[:4])
    assert gaps[3] >= 8 * SECOND


def test_what_a_hand_can_never_do_is_not_ordered_from_it_again():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.answer(Status.FAILED, detail="not permitted", retry=False)
    assert "host ws1" in desk.state.memory.held_off[desk.incident.id]


def test_answers_to_what_nobody_asked_change_nothing():
    desk = Desk().contained()
    before = desk.state
    stranger = replace(reply(desk.turns[1].orders[0], desk.now), command="cmd-unknown")
    result = desk.take(responses=(stranger, replace(stranger, status=Status.FAILED, held=False)))
    assert desk.state == before
    assert result.transaction is None


def test_a_command_without_an_answer_goes_out_again_as_the_same_command():
    desk = Desk()
    desk.take(poll(desk.now))
    (first,) = desk.take(alert(desk.now, WS1, PLC1), after=SECOND).orders[:1]
    desk.take(poll(desk.now), after=RESEND - 1)
    assert first not in desk.turns[-1].orders
    result = desk.take(poll(desk.now), after=1)
    assert first in result.orders
    assert result.transaction is None or not result.transaction.commands
