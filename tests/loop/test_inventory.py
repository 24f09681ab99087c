"""What hands say stands, against what should."""

from tercio.loop.inventory import ASK_BUSY, ASK_IDLE, STRAY
from tercio.model.commands import Action, Command, Status
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tests.loop.given import PLC1, WS1, Desk, alert, listing, poll, reply


def questions(desk: Desk) -> list[Command]:
    return [command for turn in desk.turns for command in turn.orders if command.action == Action.QUERY]


def until_asked(desk: Desk) -> None:
    """Polls go by until the hand is asked what stands."""
    while True:
        result = desk.take(poll(desk.now + SECOND), after=SECOND)
        if any(command.action == Action.QUERY for command in result.orders):
            return


def test_an_idle_hand_is_asked_now_and_then_a_busy_one_often():
    desk = Desk()
    desk.pass_time(121 * SECOND)
    assert len(questions(desk)) == 1 + 120 * SECOND // ASK_IDLE
    desk.contained()
    start = len(questions(desk))
    desk.pass_time(25 * SECOND)
    assert len(questions(desk)) - start == 25 * SECOND // ASK_BUSY
    assert all(question.hand == "gateway" for question in questions(desk))


def test_questions_are_neither_journaled_nor_repeated_for_want_of_an_answer():
    desk = Desk()
    desk.pass_time(121 * SECOND)
    assert not desk.records("command")
    assert len({question.id for question in questions(desk)}) == len(questions(desk))
    assert len(desk.state.queries) == 1


def test_what_stands_as_it_should_is_no_news():
    desk = Desk().contained()
    until_asked(desk)
    result = desk.take(responses=(listing(desk.turns[-1], desk.now, (desk.effect.lease, desk.effect.until)),))
    assert not result.orders
    assert result.transaction is None


def test_a_hand_that_could_not_look_says_nothing_about_what_stands():
    desk = Desk().contained()
    until_asked(desk)
    (question,) = [c for c in desk.turns[-1].orders if c.action == Action.QUERY]
    for status in (Status.FAILED, Status.UNREACHABLE):
        desk.take(responses=(reply(question, desk.now, status),))
    assert desk.effect.state == "standing"


def test_what_was_ordered_after_the_question_is_not_missed():
    desk = Desk()
    asked = desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.answer()
    desk.take(responses=(listing(asked, desk.now),))
    assert desk.effect.state == "standing"


def test_a_stray_is_journaled_and_taken_back_once():
    desk = Desk()
    asked = desk.take(poll(desk.now))
    end = desk.now + 200 * SECOND
    result = desk.take(responses=(listing(asked, desk.now, ("lse-unknown", end)),))
    assert desk.records("stray") == [{"hand": "gateway", "lease": "lse-unknown", "until": end}]
    (cancel,) = result.orders
    assert (cancel.action, cancel.lease, cancel.until, cancel.hand) == (Action.CANCEL, "lse-unknown", end, "gateway")
    assert [row.command for row in result.transaction.commands] == [cancel]
    desk.take(responses=(listing(asked, desk.now, ("lse-unknown", end)),), after=SECOND // 2)
    assert len(desk.orders) == 1
    desk.answer()
    assert not desk.state.commands
    assert desk.records("command")[-1]["state"] == "done"
    desk.pass_time(400 * SECOND)
    assert desk.state.memory.leases == {}


def test_what_is_about_to_end_by_itself_is_left_to_its_time():
    desk = Desk()
    asked = desk.take(poll(desk.now))
    result = desk.take(responses=(listing(asked, desk.now, ("lse-unknown", desk.now + STRAY)),))
    assert not result.orders


def test_an_undone_lease_that_a_late_order_brought_back_is_taken_back():
    desk = Desk().contained()
    lease, until = desk.effect.lease, desk.effect.until
    desk.say(WordKind.UNDO, lease)
    desk.answer()
    assert not desk.state.effects
    until_asked(desk)
    result = desk.take(responses=(listing(desk.turns[-1], desk.now, (lease, until)),))
    assert [(c.action, c.lease) for c in result.orders] == [(Action.CANCEL, lease)]


def test_a_lease_lost_while_it_is_being_ended_is_no_reason_to_act_again():
    desk = Desk().contained()
    until_asked(desk)
    desk.say(WordKind.UNDO, desk.effect.lease)
    desk.take(responses=(listing(desk.turns[-2], desk.now),))
    assert not desk.state.effects
    desk.orders.clear()
    desk.take(poll(desk.now), after=SECOND)
    assert not desk.orders
