import msgspec

from tercio.app.weighed import NAMED, SHOWN, Weighed, shown, weighed_of
from tercio.loop.ledger import SHAPES
from tercio.model.decisions import Decision, Money, Permission, Plan
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tests.agents.given import candidate, decision, effect
from tests.loop.given import EWS1, PLC1, Desk, advising, alert, content, poll

ACT = Plan(("can-1",), "block host ws1", Money(1, 0, 0), Permission.PERMITTED, "", ())
IDLE = Plan(("can-2",), "do nothing", Money(2, 0, 0), Permission.PERMITTED, "", ())


def told(desk: Desk) -> tuple[Weighed, ...]:
    records = [r for turn in desk.turns if turn.transaction for r in turn.transaction.records]
    return weighed_of((msgspec.json.decode(r.body, type=SHAPES[r.kind]) for r in records), content().site)


def one(name: str, chosen: Plan, advice: Plan | None = None) -> Weighed:
    made: Decision = decision(candidate(), id=name, chosen=chosen, advice=advice or chosen)
    return Weighed(made, (), ())


def test_each_decision_has_what_was_new_to_it_and_what_stood_already():
    desk = Desk().contained()
    desk.take(poll(desk.now), alert(desk.now, EWS1, PLC1), after=SECOND)
    desk.answer()
    first, second = told(desk)[:2]
    assert (first.news, first.standing) == (('"Modbus write" by ws1',), ())
    assert second.news == ('"Modbus write" by ews1',)
    assert second.standing == ("host ws1",)


def test_what_people_said_and_what_ended_is_news():
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.effect.lease)
    desk.answer()
    desk.take(alert(desk.now, "10.77.10.11", PLC1), after=SECOND)
    last = told(desk)[-1]
    assert last.news[:2] == ("anna said undo", "host ws1 is no longer refused (released)")
    assert len(last.news) <= NAMED + 1


def test_all_that_acted_are_shown_and_the_one_asked_for():
    given = [one("dec-1", IDLE), one("dec-2", ACT), one("dec-3", IDLE), one("dec-4", ACT)]
    assert shown(given, (), "") == ("dec-2", "dec-4")
    assert shown(given, (), "dec-3") == ("dec-2", "dec-3", "dec-4")
    assert shown(given, (effect(decision="dec-1"),), "") == ("dec-1", "dec-2", "dec-4")


def test_where_none_acted_the_last_that_would_have_is_shown_else_the_last():
    assert shown([one("dec-1", IDLE, ACT), one("dec-2", IDLE)], (), "") == ("dec-1",)
    assert shown([one("dec-1", IDLE), one("dec-2", IDLE)], (), "") == ("dec-2",)
    assert shown([], (), "inc-1") == ()


def test_of_many_the_first_and_the_last_are_shown():
    names = [f"dec-{n:02}" for n in range(20)]
    found = shown([one(name, ACT) for name in names], (), "dec-10")
    assert found == (*names[: SHOWN - 1], "dec-10", "dec-19")
    assert len(shown([one(name, ACT) for name in names], (), "")) == SHOWN


def test_in_advice_what_it_would_do_is_shown():
    desk = Desk(advising())
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, "10.77.10.10", PLC1), after=SECOND)
    weighed = told(desk)
    (name,) = shown(weighed, (), "")
    assert next(w for w in weighed if w.decision.id == name).decision.advice.title.startswith("block host")
