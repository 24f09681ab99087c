import msgspec
import pytest

from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.estate import Post, make
from tercio.drills.simulated.parameters import FITTED
from tercio.drills.simulated.rules import rule
from tercio.drills.simulated.sensing import Sensing
from tercio.drills.simulated.world import Done, World
from tercio.model.sifted import Seen
from tercio.model.units import SECOND

CLEAR = msgspec.structs.replace(FITTED, recall_else=1.0, duplicate=0.0)
POSTS = (
    Post("wire-inner", "suricata", ("ot1", "ot2")),
    Post("windows-outer", "windows", ("office", "dmz")),
)
WRITE = Deed(at=SECOND, actor="hist1", dst="plc11", service="modbus", rule=rule("modbus-write"), hostile=True)
OPENED = Deed(at=SECOND, actor="ws1", rule=rule("encoded-powershell"), hostile=True)


def sensing(parameters=CLEAR, seed=1):
    estate = msgspec.structs.replace(make(1, "plant", 40), posts=POSTS)
    return Sensing(World(estate, parameters, seed), parameters, seed)


@pytest.mark.parametrize(
    ("deed", "done", "reason"),
    [
        (WRITE, Done(worked=True), ""),
        (OPENED, Done(worked=True), ""),
        (msgspec.structs.replace(OPENED, rule=""), Done(worked=True), "no rule"),
        (msgspec.structs.replace(OPENED, actor="ews1"), Done(worked=True), "no sensor"),
        (msgspec.structs.replace(WRITE, actor="ws1", dst="ws2"), Done(worked=True), "no sensor"),
    ],
)
def test_what_is_missed_has_its_reason(deed, done, reason):
    assert sensing().of(deed, done, "0 0").reason == reason


def test_a_sensor_that_misses_all_and_one_that_is_silent():
    blind = msgspec.structs.replace(CLEAR, recall_else=0.0)
    assert sensing(blind).of(WRITE, Done(worked=True), "0 0").reason == "unseen"
    of = sensing()
    of._world.do(Deed(at=0, actor="ws1", dst="wire-inner", goal=Goal.BLIND, hostile=True))
    assert of.of(WRITE, Done(worked=True), "0 0").reason == "sensor silent"
    assert [lot.source for lot in of.lots((), SECOND)] == ["windows-outer"]


def test_recall_goes_by_tactic():
    fitted = msgspec.structs.replace(CLEAR, recall={"impact": 0.0})
    deed = msgspec.structs.replace(WRITE, tactics=("impact",))
    assert sensing(fitted).of(deed, Done(worked=True), "0 0").reason == "unseen"
    deed = msgspec.structs.replace(WRITE, tactics=("impair-process-control",))
    assert sensing(fitted).of(deed, Done(worked=True), "0 0").reason == ""


def test_the_chances_of_a_deed_depend_on_nothing_else():
    even = msgspec.structs.replace(FITTED, recall_else=0.5)
    alone, beside = sensing(even), sensing(even)
    for number in range(20):
        beside.of(OPENED, Done(worked=True), f"1 {number}")
        one, other = (each.of(WRITE, Done(worked=True), f"0 {number}") for each in (alone, beside))
        assert [(r.received, r.rule) for r in one.reports] == [(r.received, r.rule) for r in other.reports]
    reasons = {alone.of(WRITE, Done(worked=True), f"0 {number}").reason for number in range(20)}
    assert reasons == {"", "unseen"}


def test_what_comes_twice_is_two_events_of_one_traffic():
    twice = msgspec.structs.replace(CLEAR, duplicate=1.0)
    of = sensing(twice)
    reports = of.of(WRITE, Done(worked=True), "0 0").reports
    seen = [s for lot in of.lots(reports, 2 * SECOND) for s in lot.seen if s.matches]
    writes = [s.event for s in seen if s.matches[0].rule == rule("modbus-write")]
    assert len(writes) == 2
    assert len({event.id for event in writes}) == 2
    assert len({event.flow for event in writes}) == 1


def test_a_file_grows_and_its_lots_follow_each_other():
    of = sensing()
    lots = [
        lot
        for at in (2 * SECOND, 90 * SECOND)
        for lot in of.lots(of.of(WRITE, Done(worked=True), str(at)).reports, at)
        if lot.source == "wire-inner"
    ]
    assert lots[0].offset == 0
    assert lots[0].end == lots[1].offset < lots[1].end
    offsets = [seen.event.offset for lot in lots for seen in lot.seen]
    assert offsets == sorted(set(offsets))


def test_views_are_polled_at_their_pace_and_a_long_pause_says_it_once():
    of = sensing()
    pace = CLEAR.poll

    def polls(at):
        return [s.event.time for lot in of.lots((), at) for s in lot.seen if s.event.dst.address == plc]

    plc = of._world.address("plc11")
    views = len(of._world.estate.site.processes["line1"].views)
    of.lots((), 1000 * pace)
    assert sorted(set(polls(1003 * pace))) == [1001 * pace, 1002 * pace, 1003 * pace]
    assert sorted(polls(1100 * pace)) == [1100 * pace] * views
    of._world.stopped["line1"] = 1101 * pace
    assert len(set(polls(1200 * pace))) == 3


def test_nothing_but_what_sensors_say_crosses():
    """Whether it is hostile, what it is for and who really does it changes nothing of what a defender is given."""
    honest = Deed(at=SECOND, actor="hmi11", dst="plc11", service="modbus", rule=rule("syn-probe"))
    forged = msgspec.structs.replace(honest, actor="ews1", src="hmi11", hostile=True, goal=Goal.STOP)

    def given(deed):
        of = sensing()
        return [s for lot in of.lots(of.of(deed, Done(worked=False), "0 0").reports, 2 * SECOND) for s in lot.seen]

    (one,), (other,) = ([s for s in given(deed) if s.matches][:1] for deed in (honest, forged))
    assert isinstance(one, Seen)
    assert other.event.src.mac != one.event.src.mac  # What the wire shows of a forger, as a real record would.
    macless = msgspec.structs.replace(other.event.src, mac=one.event.src.mac)
    assert msgspec.structs.replace(other, event=msgspec.structs.replace(other.event, src=macless)) == one
    hostile = msgspec.structs.replace(honest, hostile=True, goal=Goal.STOP)
    assert given(hostile) == given(honest)
