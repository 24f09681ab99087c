"""What becomes of orders when a loop dies and another takes over: adopted, sent again, or lapsed and decided anew."""

from pathlib import Path

import pytest

from tercio.agents.mandate import load
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import Windows
from tercio.content import mandate_schema, mandate_texts
from tercio.loop.engine import turn
from tercio.loop.inventory import ASK_BUSY, ASK_UNHEARD
from tercio.loop.leases import RESEND
from tercio.loop.restart import recalled, restored, wanted
from tercio.loop.sift import sift
from tercio.loop.state import Inputs, LoopState, Memory
from tercio.model.commands import Action, Command, Status
from tercio.model.events import Batch
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.products.sensors import SENSORS
from tercio.store.state import State
from tests.loop.given import OUTLOOK, PLC1, START, WS1, Desk, alert, content, listing, poll, replace, reply
from tests.loop.shell import ORIGIN
from tests.loop.test_inventory import until_asked

REQUEST = b'10.77.10.66 - - [15/Jan/2027:08:00:%02d +0000] "GET /x HTTP/1.1" %d 5\n'
ABSENT = """\
title: Nothing there
name: absent
level: low
logsource: {category: webserver}
detection: {s: {sc-status: 404}, condition: s}
"""
OFTEN = """\
title: Looking around
name: often
level: high
correlation: {type: event_count, rules: [absent], group-by: [c-ip], timespan: 5m, condition: {gte: 9}}
"""


def reborn(desk: Desk, folder: Path, away: int) -> Desk:
    """Another loop on what this one and those before it wrote in ``folder``, after some time."""
    with State.open(folder, origin=ORIGIN) as store:
        for turn in desk.turns:
            if turn.transaction is not None:
                store.commit(turn.transaction)
        state, *_ = restored(store.restore(), desk.content, desk.now + away)
    heir = Desk(desk.content, state)
    heir.now, heir.offset = desk.now + away, desk.offset
    return heir


def attacked(half_life: int = 3600 * SECOND, **changes: object) -> Desk:
    """An intruder wrote, and his block is ordered: nobody has answered yet."""
    desk = Desk(content(outlook=replace(OUTLOOK, half_life=half_life), **changes))
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    assert [command.action for command in desk.orders] == [Action.DENY]
    return desk


def denies(desk: Desk) -> list[Command]:
    """The blocks that were ordered and not answered, each once however often it was sent."""
    return list(dict.fromkeys(command for command in desk.orders if command.action == Action.DENY))


def commands(*desks: Desk) -> dict[str, str]:
    """Where each command stands at last, by the journal of these lives."""
    return {row["command"]["id"]: row["state"] for desk in desks for row in desk.records("command")}


def test_a_fresh_order_without_an_answer_goes_out_again_as_the_same_order(tmp_path: Path):
    """Whether the hand has carried it out or never heard of it: it does nothing twice, and says what stands."""
    desk = attacked()
    heir = reborn(desk, tmp_path, 5 * SECOND)
    heir.take(poll(heir.now))
    assert heir.orders == desk.orders
    heir.answer()
    assert heir.effect.state == "standing"
    assert set(commands(desk, heir).values()) == {"done"}
    assert len([e for e in heir.records("effect") if e["state"] == "standing"]) == 1


def test_an_order_that_ended_while_nobody_was_there_has_lapsed_and_is_decided_anew(tmp_path: Path):
    desk = attacked()
    (old,) = desk.orders
    heir = reborn(desk, tmp_path, 61 * SECOND)
    for _ in range(3):
        heir.take(poll(heir.now + SECOND), after=SECOND)
    (new,) = denies(heir)
    assert (new.lease != old.lease, new.target) == (True, old.target)
    assert commands(desk, heir)[old.id] == "lapsed"
    assert [e["state"] for e in heir.records("effect") if e["lease"] == old.lease] == ["failed"]


def test_an_intruder_who_goes_on_after_his_order_lapsed_and_belief_faded_is_contained(tmp_path: Path):
    """Nothing is chosen when the loop is back, as it was long ago; and the same act once more is only a repetition."""
    desk = attacked(5 * SECOND)
    heir = reborn(desk, tmp_path, 90 * SECOND)
    for _ in range(3):
        heir.take(poll(heir.now + SECOND), after=SECOND)
    assert not denies(heir)
    assert heir.records("decision")[-1]["decision"]["chosen"]["title"] == "do nothing"
    for _ in range(OUTLOOK.wait // SECOND):
        heir.take(poll(heir.now + SECOND), alert(heir.now + SECOND, WS1, PLC1), after=SECOND)
    assert denies(heir)


def test_so_is_one_while_another_of_the_same_incident_stands_refused():
    words = '@id("own") @words("hosts only") forbid (principal, action == Action::"close conduit", resource);'
    own = {"own.cedar": words}
    desk = attacked(5 * SECOND, mandate=load(mandate_texts(), mandate_schema(), own))
    desk.answer(Status.FAILED, retry=True)
    (mine,) = desk.state.incidents
    other = "10.77.10.66"
    desk.take(alert(desk.now + 20 * SECOND, other, PLC1, sport=41000), after=20 * SECOND)
    desk.answer()
    assert set(desk.state.incidents) == {mine}
    against = [effect.target.asset for effect in desk.state.effects.values()]
    assert against == [other], "the first one's evidence is old by now"
    for _ in range(2 * OUTLOOK.wait // SECOND):
        at = desk.now + SECOND
        desk.take(poll(at), alert(at, WS1, PLC1), after=SECOND)
        if "ws1" in {command.target.asset for command in denies(desk) if command.target is not None}:
            return
        if desk.orders:
            desk.answer(after=0)
    raise AssertionError("who goes on is never decided on again")


def test_an_order_that_the_hand_found_too_late_is_decided_anew(tmp_path: Path):
    """That it came too late says nothing against its target."""
    desk = attacked()
    (old,) = desk.orders
    heir = reborn(desk, tmp_path, 59 * SECOND + SECOND // 2)
    heir.take(poll(heir.now))
    assert denies(heir) == [old]
    heir.answer(Status.REFUSED, retry=True, detail="lapsed: its end is less than a second away")
    assert not heir.state.memory.held_off
    for _ in range(3):
        heir.take(poll(heir.now + SECOND), after=SECOND)
    (new,) = denies(heir)
    assert (new.lease != old.lease, new.target) == (True, old.target)


def test_an_order_withdrawn_before_the_crash_does_not_come_back(tmp_path: Path):
    desk = attacked()
    desk.say(WordKind.UNDO, desk.effect.lease)
    deny, cancel = desk.orders
    heir = reborn(desk, tmp_path, SECOND)
    heir.take(poll(heir.now))
    assert heir.orders == [cancel]
    heir.answer()
    assert commands(desk, heir) == {deny.id: "lapsed", cancel.id: "done"}
    heir.pass_time(30 * SECOND)
    assert heir.states()[-1] == "released"
    assert not heir.state.effects


def test_a_cancel_that_nobody_answered_lapses_with_its_lease(tmp_path: Path):
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.effect.lease)
    (cancel,) = desk.orders
    heir = reborn(desk, tmp_path, 61 * SECOND)
    heir.take(poll(heir.now))
    assert not heir.orders
    assert commands(desk, heir)[cancel.id] == "lapsed"
    assert heir.states()[-1] == "expired"
    heir.pass_time(30 * SECOND)
    assert not heir.state.effects, "people undid it: it is no reason to act again"


def test_what_stood_and_is_gone_is_lost_and_decided_anew(tmp_path: Path):
    """The gateway was started anew while no loop ran: its sets are empty."""
    desk = attacked()
    desk.answer()
    old = desk.effect
    heir = reborn(desk, tmp_path, SECOND)
    asked = heir.take(poll(heir.now))
    heir.take(responses=(listing(asked, heir.now),))
    assert heir.states()[-2:] == ["lost", "ordered"]
    assert heir.effect.lease != old.lease


def test_a_hand_that_died_is_asked_every_second_until_it_lists_what_stands():
    desk = attacked()
    desk.answer()
    until_asked(desk)
    away = replace(reply(desk.turns[-1].orders[-1], desk.now, Status.UNREACHABLE), command="")
    desk.take(responses=(away,))
    for _ in range(8):
        result = desk.take(poll(desk.now + ASK_UNHEARD), after=ASK_UNHEARD)
        (question,) = [command for command in result.orders if command.action == Action.QUERY]
        desk.take(responses=(reply(question, desk.now, Status.UNREACHABLE),))
    question = desk.take(poll(desk.now + SECOND), after=SECOND)
    desk.take(responses=(listing(question, desk.now, (desk.effect.lease, desk.effect.until)),))
    quiet = [desk.take(poll(desk.now + SECOND), after=SECOND) for _ in range(ASK_BUSY // SECOND - 1)]
    assert not any(command.action == Action.QUERY for turn in quiet for command in turn.orders)
    assert desk.effect.state == "standing"


@pytest.mark.parametrize("back", [2 * SECOND, 3600 * SECOND])
def test_a_clock_set_back_delays_no_order_and_no_question(back: int):
    desk = attacked()
    (order,) = desk.orders
    result = desk.take(poll(desk.now), after=-back)
    assert order in result.orders
    assert any(command.action == Action.QUERY for command in result.orders)
    assert result.transaction is not None, "and offsets are written on"
    again = desk.take(poll(desk.now), after=RESEND)
    assert order in again.orders


def test_every_order_of_a_life_full_of_crashes_comes_to_an_end(tmp_path: Path):
    lives = [attacked()]
    for number, away in enumerate((SECOND, 30 * SECOND, 61 * SECOND, 2 * SECOND)):
        heir = reborn(lives[-1], tmp_path, away)
        heir.take(alert(heir.now, WS1, PLC1, sport=41000 + number))
        heir.take(poll(heir.now + SECOND), after=2 * SECOND)
        lives.append(heir)
    lives[-1].answer()
    lives[-1].pass_time(600 * SECOND)
    assert set(commands(*lives).values()) <= {"done", "lapsed"}
    assert not lives[-1].state.commands


def test_lines_that_are_no_json_are_found_again_after_a_crash():
    lines = tuple(REQUEST % (second, status) for second, status in ((1, 404), (2, 200), (3, 404)))
    rules = compile_rules({"r": ABSENT, "c": OFTEN})
    sensors = {"web": SENSORS["weblog"]}
    made = content(
        sensors=sensors, rules=rules, detector=Detector(rules, {"web": SENSORS["weblog"].log_source}), silent_after={}
    )
    batch = Batch("web", "1", 0, lines, START)
    state = turn(
        made, LoopState(memory=Memory(windows=Windows())), Inputs(now=START, draw=0.5, lots=sift(made, batch))
    ).state
    lost = replace(state, seen={})
    assert len(wanted(lost)) == 2
    assert recalled(made, lost, [batch]) == state.seen
    assert {cited.raw for cited in state.seen.values()} == {lines[0], lines[2]}
