import msgspec

from tercio.app.moments import SLOWEST, Moment, collapsed, moments_of
from tercio.loop.ledger import SHAPES
from tercio.model.journal import Told
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.store.reader import Entry
from tests.loop.given import HIST1, WS1, Desk, alert, content, poll


def told(desk: Desk) -> list[Moment]:
    records = [record for turn in desk.turns if turn.transaction for record in turn.transaction.records]
    entries = [Entry(n, r.kind, r.subject, r.time, r.body) for n, r in enumerate(records, 1)]
    read = [(entry, msgspec.json.decode(entry.body or b"", type=SHAPES[entry.kind])) for entry in entries]
    return list(moments_of(read, content().site))


def test_a_containment_is_told_step_by_step_and_nothing_twice():
    moments = told(Desk().contained())
    assert [moment.step for moment in moments] == ["seen", "decided", "allowed", "ordered", "held", "status"]
    assert "by ws1 (10.77.10.10, office) against plc1 (10.77.30.21, ot)" in moments[0].text
    assert [moment.record for moment in moments] == sorted({moment.record for moment in moments})


def test_renewals_are_counted_on_one_line():
    desk = Desk().contained()
    desk.pass_time(100 * SECOND)
    renewed = [moment for moment in collapsed(told(desk)) if moment.step == "renewed"]
    assert [moment.times for moment in renewed] == [desk.effect.renewed]
    assert desk.effect.renewed >= 2
    assert renewed[0].last > renewed[0].at
    assert len([moment for moment in told(desk) if moment.step == "held"]) == 1
    assert len([moment for moment in told(desk) if moment.step == "works"]) == 1


def test_what_is_seen_after_a_block_held_is_an_attempt_and_nothing_more_is_decided():
    desk = Desk().contained()
    desk.take(poll(desk.now), alert(desk.now + SECOND // 10, WS1, HIST1), after=SECOND // 10)
    moments = told(desk)
    assert "the block of host ws1 held: packets sent before may still have been under way." in seen_last(moments)
    desk = Desk().contained()
    desk.take(poll(desk.now), alert(desk.now + SECOND, WS1, HIST1, provenance="forgeable"), after=SECOND)
    moments = told(desk)
    assert seen_last(moments).endswith("held: an attempt; nothing was seen to get through.")
    (decided,) = [m.text for m in moments if m.step == "decided"][1:]
    assert decided.startswith("Decided to do nothing beyond the block of ws1 that stands: expected loss")


def seen_last(moments: list[Moment]) -> str:
    return [moment.text for moment in moments if moment.step == "seen"][-1]


def test_who_saw_it_work_is_named_and_why_that_proves_it():
    desk = Desk().contained()
    desk.pass_time(2 * SECOND)
    (works,) = [moment.text for moment in told(desk) if moment.step == "works"]
    assert works == (
        "Seen to work: sensor ot saw modbus go from hmi1 (10.77.30.10, ot) to plc1 (10.77.30.21, ot). The link and the "
        "sensor are alive, so what is refused is missing because of the block."
    )


def test_what_people_said_and_how_it_ended_are_told():
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.effect.lease)
    desk.answer()
    steps = [moment.step for moment in told(desk)]
    assert steps[steps.index("said") :] == ["said", "ordered", "held", "ended", "status"]


def test_only_what_a_step_says_again_at_once_is_counted_and_news_never_is():
    def at(number: int, step: str, text: str) -> Moment:
        return Moment(number, step, text, number)

    given = [at(1, "seen", "a"), at(2, "decided", "x"), at(3, "seen", "a"), at(4, "seen", "b"), at(5, "seen", "a")]
    assert [(m.text, m.times, m.last) for m in collapsed(given)] == [("a", 2, 3), ("x", 1, 0), ("b", 1, 0), ("a", 1, 0)]
    assert len(collapsed([at(1, "held", "a"), at(2, "held", "a")])) == 2


def test_a_sensor_whose_clock_is_wrong_is_told_when_it_spoke():
    desk = Desk().contained()
    record = next(r for t in desk.turns if t.transaction for r in t.transaction.records if r.kind == "finding")
    body = msgspec.json.decode(record.body, type=Told)
    for shift, own in ((-SLOWEST - 1, False), (SECOND, False), (-SECOND, True)):
        finding = msgspec.structs.replace(body.finding, time=record.time + shift)
        entry = Entry(1, "finding", record.subject, record.time, record.body)
        (moment,) = moments_of([(entry, msgspec.structs.replace(body, finding=finding))], None)
        assert moment.at == record.time + (shift if own else 0)
        assert "by 10.77.10.10 against 10.77.30.21" in moment.text
