"""Verdicts: what they close, what they never open, what they teach, and that they can be taken back."""

import msgspec
import pytest

from tercio.brain.learn.precision import A_DAY
from tercio.loop.replay import Kept, replayed
from tercio.loop.verdicts import over
from tercio.model.canon import canonical
from tercio.model.commands import Action
from tercio.model.incidents import Incident, Status
from tercio.model.precision import LONGEST_NOTE, Judgement, Precision
from tercio.model.units import SECOND
from tercio.model.words import Word, WordKind
from tests.loop.given import BASIS, EWS1, HOUR, PLC1, WS1, Desk, advising, alert, content, fresh, poll, replace

WRITE = "c4f6a0d8-2e17-4b3a-9d88-7a5b1e0f6e24"
"""Modbus write, the rule."""
RIGHT, WRONG, UNSURE, WITHDRAWN = Judgement


def suspected(**memory: object) -> Desk:
    """An intruder wrote to the controller where nothing acts by itself."""
    desk = Desk(advising(), fresh(memory=replace(fresh().memory, **memory)))
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    return desk


def known(desk: Desk, rule: str = WRITE) -> Precision:
    return desk.state.memory.precisions[rule][0]


def told(desk: Desk) -> Incident:
    """The incident as it was journaled last."""
    return msgspec.convert(desk.records("incident")[-1], Incident)


def test_findings_and_incidents_are_counted_as_they_come():
    desk = suspected()
    for _ in range(3):
        desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    assert (known(desk).fired, known(desk).incidents) == (4, 1)
    assert desk.incident.rules[0] == (WRITE, content().rules.rules[WRITE].version)


def test_a_verdict_closes_an_incident_for_which_nothing_stands():
    desk = suspected()
    key = desk.incident.id
    answer = desk.judge(WRONG, note="\x1b[2Jour own test")
    assert answer == f"{key}: wrong; it is closed, and what comes after it opens a new one"
    assert not desk.state.incidents
    closed = told(desk)
    assert (closed.status, closed.verdict.judgement, closed.verdict.who) == (Status.CLOSED, WRONG, "anna")
    assert closed.verdict.note == "\x1b[2Jour own test", "it is journaled as it was said"
    assert desk.records("precision")[-1] == msgspec.to_builtins(known(desk))
    assert (known(desk).right, known(desk).wrong) == (0, 1)
    desk.take(alert(desk.now, WS1, PLC1, sport=9), after=SECOND)
    assert desk.incident.id != key


def test_a_verdict_leaves_no_wall_unattended_and_opens_none():
    desk = Desk().contained()
    key, lease = desk.incident.id, desk.effect.lease
    answer = desk.judge(RIGHT)
    assert lease in answer
    assert f"`tercio undo {key}` takes it back" in answer
    assert not desk.orders, "nothing is taken back by it"
    assert (desk.incident.status, desk.incident.verdict.judgement) == (Status.CONTAINED, RIGHT)
    until = desk.effect.until
    desk.take(alert(desk.now, WS1, PLC1), after=40 * SECOND)
    desk.answer()
    assert desk.effect.until > until, "it is renewed as before"
    desk.judge(RIGHT)
    desk.say(WordKind.UNDO, lease)
    assert [command.action for command in desk.orders] == [Action.CANCEL]
    assert desk.state.incidents, "until its hand says that it is gone"
    desk.answer()
    assert not desk.state.incidents
    assert told(desk).status == Status.CLOSED


def test_what_goes_on_after_a_verdict_stays_open():
    desk = Desk().contained()
    desk.judge(WRONG)
    desk.take(alert(desk.now + SECOND, EWS1, PLC1), after=SECOND)
    assert not over(replace(desk.state, effects={}), desk.incident)
    desk.judge(WRONG)
    assert over(replace(desk.state, effects={}), desk.incident)
    assert not over(desk.state, desk.incident)
    desk.judge(WITHDRAWN)
    assert not over(replace(desk.state, effects={}), desk.incident)


def test_a_closed_incident_is_judged_anew_and_counts_follow():
    desk = suspected()
    desk.judge(WRONG)
    closed = told(desk)
    assert desk.judge(RIGHT, closed.id).startswith("not done: no incident"), "unless it is brought along"
    assert desk.judge(RIGHT, closed.id, recalled=(closed,)).endswith(
        "it is closed, and what comes after it opens a new one"
    )
    assert (known(desk).right, known(desk).wrong) == (1, 0)
    closed = told(desk)
    assert closed.verdict.judgement == RIGHT
    assert "the verdict is withdrawn; it stays closed" in desk.judge(WITHDRAWN, closed.id, recalled=(closed,))
    assert (known(desk).right, known(desk).wrong) == (0, 0)
    assert not desk.state.incidents
    closed = told(desk)
    assert desk.judge(WITHDRAWN, closed.id, recalled=(closed,)).startswith("not done: there is no verdict")


def test_words_of_one_turn_build_on_each_other():
    desk = suspected()
    key = desk.incident.id
    one = Word(kind=WordKind.CLOSE, who="a", time=desk.now, target=key)
    desk.take(words=tuple(replace(one, verdict=verdict) for verdict in (WRONG, RIGHT, RIGHT)))
    assert (known(desk).right, known(desk).wrong) == (1, 0)


def test_one_rule_of_an_incident_can_be_judged_by_its_id_or_title():
    desk = suspected()
    desk.take(alert(desk.now, WS1, PLC1, sid=9200007), after=SECOND)
    (other,) = {rule for rule, _ in desk.incident.rules} - {WRITE}
    assert desk.judge(WRONG, "", "nonsense").startswith("not done: 'nonsense' is not one rule of this incident")
    desk.judge(RIGHT)
    closed = told(desk)
    desk.judge(WRONG, closed.id, "MODBUS WRITE", recalled=(closed,))
    assert (known(desk).right, known(desk).wrong) == (0, 1)
    assert (known(desk, other).right, known(desk, other).wrong) == (1, 0)
    closed = told(desk)
    assert closed.verdict.judgement == RIGHT, "what was said of the whole stays"
    desk.judge(UNSURE, closed.id, other[:8], recalled=(closed,))
    assert (known(desk, other).right, known(desk, other).unsure) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"target": "inc-ffff"}, "no incident 'inc-ffff'"),
        ({"target": ""}, "no incident ''"),
        ({"target": "inc-"}, "begins more than one name"),
        ({"verdict": None}, "say whether it was right"),
        ({"note": "x" * (LONGEST_NOTE + 1)}, "a note has at most"),
        ({"verdict": WITHDRAWN}, "there is no verdict on"),
    ],
)
def test_what_cannot_be_carried_out_changes_nothing(changes: dict, why: str):
    desk = suspected()
    other = replace(desk.incident, id="inc-0000")
    desk.story.state = replace(desk.state, incidents={**desk.state.incidents, other.id: other})
    before = desk.state.memory.precisions
    said = {"target": other.id, "verdict": WRONG, **changes}
    answer = desk.say(WordKind.CLOSE, **said)
    assert answer.startswith("not done: ")
    assert why in answer
    assert desk.state.memory.precisions == before
    assert len(desk.state.incidents) == 2


def test_a_careless_day_teaches_a_rule_so_much_and_no_more():
    desk = suspected()
    for _ in range(A_DAY + 2):
        answer = desk.judge(WRONG)
        desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    assert "1 of its rules had their allowance of today" in answer
    assert (known(desk).wrong, known(desk).beyond) == (A_DAY, 2)


def test_what_was_learned_weighs_in_the_next_incident_and_a_replay_comes_out_the_same():
    plain = suspected()
    taught = suspected(precisions={WRITE: (replace(known(plain), right=0, wrong=40),)})
    one, other = plain.incident, taught.incident
    assert [piece.judged for piece in one.evidence] == [(0, 0), (0, 0)]
    assert [piece.judged for piece in other.evidence] == [(0, 40), (0, 40)]
    assert other.beliefs["ws1"].held < one.beliefs["ws1"].held
    desk = Desk().contained()
    desk.judge(WRONG)
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    written = [turn.transaction for turn in (*taught.turns, *desk.turns) if turn.transaction]
    kept = [Kept(0, "basis", canonical(BASIS)), *(Kept(1, r.kind, r.body) for t in written for r in t.records)]
    outcome = replayed(kept, BASIS.code)
    assert outcome.ok
    assert outcome.equal >= 3


def test_an_incident_closed_by_a_person_leaves_nothing_behind():
    desk = suspected()
    desk.judge(UNSURE)
    desk.pass_time(2 * SECOND)
    memory = desk.state.memory
    assert (memory.dockets, memory.held_off) == ({}, {})
    desk.take(after=30 * HOUR)
    assert [each["status"] for each in desk.records("incident")].count("closed") == 1
