"""What people say to the loop, and what follows."""

import pytest

from tercio.loop.people import LONGEST_WINDOW, hear
from tercio.model.commands import Action, EffectState, target_name
from tercio.model.units import SECOND
from tercio.model.words import Window, Word, WordKind
from tests.loop.given import (
    EWS1,
    HIST1,
    HOUR,
    PLC1,
    START,
    WS1,
    Desk,
    alert,
    content,
    fresh,
    poll,
    replace,
    set_aside,
    window,
)


def two() -> Desk:
    """Two incidents, each with its own lease: from the office to the controller, and from the DMZ."""
    desk = Desk().contained()
    state = desk.state
    one = desk.effect
    other = replace(one, lease="lse-ffff", incident="inc-ffff", command="cmd-ffff")
    incident = replace(desk.incident, id="inc-ffff")
    desk.story.state = replace(
        state, effects={one.lease: one, other.lease: other}, incidents={**state.incidents, incident.id: incident}
    )
    return desk


def test_every_word_is_journaled_as_said_with_what_came_of_it():
    desk = Desk()
    answer = desk.say(WordKind.UNDO, "lse-nothing", who="\x1b[2Jmallory")
    (said,) = desk.records("word")
    assert said["word"]["who"] == "\x1b[2Jmallory"
    assert said["answer"] == answer
    assert answer.startswith("not done: nothing that stands has the name")


def test_words_of_one_turn_are_answered_each_in_their_order():
    desk = Desk()
    words = tuple(Word(kind=WordKind.STAND_DOWN, who="a", time=desk.now, target=t) for t in ("filling", "nonsense", ""))
    answers = desk.take(words=words).answers
    assert [a.split(":")[0] for a in answers] == [
        "standing down on process filling",
        "not done",
        "standing down on everything",
    ]


def test_undo_of_a_lease_takes_it_back_and_it_does_not_come_again_by_itself():
    desk = Desk().contained()
    lease = desk.effect.lease
    assert "it will not be done again in this incident by itself" in desk.say(WordKind.UNDO, lease)
    assert [(c.action, c.lease) for c in desk.orders] == [(Action.CANCEL, lease)]
    desk.answer()
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.pass_time(60 * SECOND)
    assert all(e.target.__class__.__name__ != "HostTarget" for e in desk.state.effects.values())
    assert desk.records("effect")[2]["why"] == "anna said undo"


def test_undo_of_an_incident_takes_everything_back_and_nothing_acts_in_it_until_told():
    desk = Desk().contained()
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    desk.answer()
    assert len(desk.state.effects) == 2
    key = desk.incident.id
    assert f"nothing acts in this incident until `tercio stand-to {key}`" in desk.say(WordKind.UNDO, key)
    desk.answer()
    assert not desk.state.effects
    desk.take(alert(desk.now, WS1, PLC1), alert(desk.now, EWS1, PLC1, sport=7), after=SECOND)
    desk.pass_time(60 * SECOND)
    assert not desk.state.effects
    desk.say(WordKind.STAND_TO, key)
    assert {e.target.asset for e in desk.state.effects.values()} & {"ws1", "ews1"}


@pytest.mark.parametrize("text", ["", "lse", "inc", "f", "ff", "-"])
def test_a_name_that_means_nothing_or_several_things_undoes_nothing(text: str):
    desk = two()
    if text in ("f", "ff"):
        text = {"f": "lse-", "ff": "ffff"}[text]
    assert desk.say(WordKind.UNDO, text).startswith("not done")
    assert not desk.orders


def test_the_beginning_of_a_name_will_do_with_or_without_its_kind():
    for text in ("lse-ff", "inc-ff"):
        desk = two()
        assert desk.say(WordKind.UNDO, text).startswith("undoing host ws1")
        assert [c.lease for c in desk.orders] == ["lse-ffff"]
    desk = Desk().contained()
    assert desk.say(WordKind.UNDO, desk.effect.lease.partition("-")[2][:8]).startswith("undoing")


def test_undo_of_all_takes_everything_back_and_stands_down_on_every_incident():
    desk = two()
    before = {effect.lease: effect.incident for effect in desk.state.effects.values()}
    assert len(before) == 2
    answer = desk.say(WordKind.UNDO, "all")
    assert answer.startswith("undoing ")
    assert {command.lease for command in desk.orders} == set(before)
    assert {command.action for command in desk.orders} == {Action.CANCEL}
    assert set(desk.state.memory.stood_down) == set(before.values())
    assert all(f"`tercio stand-to {incident}`" in answer for incident in before.values())
    desk.answer()
    assert not desk.state.effects
    assert desk.say(WordKind.UNDO, "all") == "nothing stands; there is nothing to undo"


def test_undoing_twice_orders_once():
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.effect.lease)
    desk.say(WordKind.UNDO, desk.effect.lease)
    assert len(desk.orders) == 1


def test_stand_down_on_a_process_takes_back_what_touches_it_and_stops_acting_there():
    desk = Desk().contained()
    answer = desk.say(WordKind.STAND_DOWN, "filling")
    assert "1 effect is being undone" in answer
    desk.answer()
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.pass_time(90 * SECOND)
    assert not desk.state.effects
    rulings = desk.records("decision")[-1]["decision"]["rulings"]
    assert "people told Tercio to stand down on filling" in [ruling["words"] for ruling in rulings]
    assert desk.say(WordKind.STAND_TO, "filling") == (
        "standing to on filling: 1 incident is decided anew now, and what is permitted is done by itself again"
    )
    assert desk.effect.state == EffectState.ORDERED, "what is open is decided anew at once"


def test_stand_down_on_a_line_leaves_other_places_alone():
    site = content().site
    apart = replace(site.processes["filling"], name="mixing", needs=("hist1",), views=(), flows=())
    desk = Desk(content(site=replace(site, processes={**site.processes, "mixing": apart}))).contained()
    assert "0 effects are being undone" in desk.say(WordKind.STAND_DOWN, "mixing")
    desk.pass_time(40 * SECOND)
    assert desk.effect.renewed == 1


def test_stand_down_on_everything_is_the_default_and_holds_for_new_intruders():
    desk = Desk().contained()
    desk.say(WordKind.STAND_DOWN)
    desk.answer()
    desk.take(alert(desk.now, HIST1, PLC1, sport=9), after=SECOND)
    desk.pass_time(30 * SECOND)
    assert not desk.state.effects
    assert desk.state.memory.stood_down == ("all",)
    desk.say(WordKind.STAND_DOWN)
    assert desk.state.memory.stood_down == ("all",)


def test_stand_to_names_what_was_not_stood_down():
    desk = Desk()
    assert desk.say(WordKind.STAND_TO) == "not done: all is not stood down; nothing is"
    desk.say(WordKind.STAND_DOWN, "filling")
    assert desk.say(WordKind.STAND_TO) == "not done: all is not stood down; filling is"
    desk.say(WordKind.STAND_DOWN, "all")
    assert desk.say(WordKind.STAND_TO, "filling") == "standing to on filling; everything is still stood down"
    desk.say(WordKind.STAND_DOWN, "filling")
    assert desk.say(WordKind.STAND_TO) == (
        "standing to on all: no incident is open, and what is permitted is done by itself again; "
        "still stood down: filling"
    )


def test_a_stand_down_names_the_processes_there_are():
    assert Desk().say(WordKind.STAND_DOWN, "filing") == "not done: no process 'filing'; say one of filling, or all"


def test_an_announced_change_is_excused_within_its_window_only():
    desk = Desk()
    desk.take(poll(desk.now))
    said = desk.say(WordKind.WINDOW_OPEN, window=window(until=START + 100 * SECOND, by="forged"))
    assert "ews1 may write plc1 until" in said
    (opened,) = desk.state.memory.announced
    assert opened.by == "anna", "whoever said it, not whoever it claims"
    assert opened.id.startswith("win-")
    desk.take(alert(desk.now, EWS1, PLC1), poll(desk.now + SECOND), after=SECOND)
    assert not desk.state.incidents
    desk.pass_time(110 * SECOND)
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    assert desk.state.incidents


def test_a_closed_window_excuses_nothing_more():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.say(WordKind.WINDOW_OPEN, window=window())
    (opened,) = desk.state.memory.announced
    assert desk.say(WordKind.WINDOW_CLOSE, opened.id) == f"window {opened.id} is closed"
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    assert desk.state.incidents
    assert desk.say(WordKind.WINDOW_CLOSE, opened.id).startswith("not done: no window")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"asset": "nobody"}, "no asset 'nobody'"),
        ({"target": "nowhere"}, "no asset or zone 'nowhere'"),
        ({"activity": "anything"}, "an activity is write or scan"),
        ({"until": START}, "has ended already"),
        ({"until": START - HOUR}, "has ended already"),
        ({"since": START + 2 * HOUR, "until": START + HOUR}, "end before it begins"),
        ({"until": START + LONGEST_WINDOW + 1}, "announce it again tomorrow"),
        ({"until": 2**62}, "announce it again tomorrow"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_with_the_reason(wrong: dict[str, object], why: str):
    desk = Desk()
    answer = desk.say(WordKind.WINDOW_OPEN, window=window(**wrong))
    assert answer.startswith("not done")
    assert why in answer
    assert desk.state.memory.announced == ()


def test_a_window_without_a_window_is_refused():
    assert Desk().say(WordKind.WINDOW_OPEN).startswith("not done: a window needs")


def test_a_window_never_begins_before_it_was_announced():
    word = Word(kind=WordKind.WINDOW_OPEN, who="anna", time=START, window=window(since=0))
    heard = hear(content(), fresh(), word, {})
    assert [w.since for w in heard.memory.announced] == [START]
    assert isinstance(heard.memory.announced[0], Window)


def test_after_an_undo_of_an_incident_somebody_new_at_the_same_controller_is_still_stopped():
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.incident.id)
    desk.answer()
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    assert [target_name(order.target) for order in desk.orders] == ["host ews1"]


def test_a_rule_that_was_set_aside_runs_again_by_a_persons_word_alone():
    desk = Desk(state=fresh(memory=replace(fresh().memory, setbacks=set_aside())))
    desk.take()
    (rule,) = desk.state.memory.setbacks
    assert [each["aside"] for each in desk.records("aside")] == [False], "what is gone has nothing held against it"
    assert desk.say(WordKind.RESUME, "nonsense").startswith(
        f"not done: 'nonsense' is not one rule that is set aside; {rule}"
    )
    assert desk.say(WordKind.RESUME, rule[:8]).startswith(f"the rule {rule} runs again")
    assert not desk.state.memory.setbacks
    assert [(each["rule"], each["aside"]) for each in desk.records("aside")][1:] == [(rule, False)]
    assert desk.say(WordKind.RESUME, rule).startswith("not done")
    assert [each["word"]["target"] for each in desk.records("word")] == ["nonsense", rule[:8], rule]
