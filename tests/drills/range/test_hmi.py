import signal
import time
from pathlib import Path

from tercio.drills.range.hmi import PERIOD, following
from tercio.drills.range.traces import Missed, Polls, Request, Session, Started, read_trace

HMI = "tercio.drills.range.hmi"


def test_a_healthy_view_misses_nothing_and_polls_at_most_ten_times_a_second(stage):
    stage.plc()
    stage.start(HMI)
    stage.until(lambda: len(stage.records("hmi", Polls)) >= 2)
    assert stage.end("hmi") == 0
    last = stage.records("hmi", Polls)[-1]
    assert last.missed == 0
    assert stage.records("hmi", Missed) == []
    first = stage.records("hmi", Started)[0]
    assert 1 < last.polls <= (last.at - first.at) / 100_000 + 2, "ten a second, and never a burst to catch up"
    asked = stage.records("plc", Request)
    assert {each.function for each in asked} == {1, 4}
    assert len({each.port for each in asked}) == 1, "one session for all polls"


def test_it_waits_for_the_controller_without_counting(stage):
    stage.start(HMI)
    stage.plc()
    stage.until(lambda: stage.records("hmi", Started))
    stage.end("hmi")
    assert stage.records("hmi", Missed) == []


def test_a_dead_controller_is_missed_poll_by_poll_until_it_is_back(stage):
    stage.plc()
    stage.start(HMI)
    stage.until(lambda: stage.records("hmi", Polls))
    stage.processes["plc"].kill()
    stage.processes["plc"].wait()
    stage.until(lambda: len(stage.records("hmi", Missed)) >= 3)
    stage.plc()
    polls = stage.records("hmi", Polls)[-1].polls
    stage.until(lambda: stage.records("hmi", Polls)[-1].polls > polls + 15)
    stage.end("hmi")
    last, missed = stage.records("hmi", Polls)[-1], stage.records("hmi", Missed)
    assert last.missed == len(missed)
    assert all(each.reason for each in missed)
    assert last.polls - last.missed > 15, "it opened a new session by itself"
    assert last.at - missed[-1].at > 1_000_000, "and misses none since"


def test_a_controller_that_is_not_run_for_a_while_is_no_missed_poll(stage):
    stage.plc()
    stage.start(HMI)
    stage.until(lambda: stage.records("hmi", Polls))
    stage.processes["plc"].send_signal(signal.SIGSTOP)
    time.sleep(0.8)
    stage.processes["plc"].send_signal(signal.SIGCONT)
    polls = stage.records("hmi", Polls)[-1].polls
    stage.until(lambda: stage.records("hmi", Polls)[-1].polls > polls + 5)
    stage.end("hmi")
    assert stage.records("hmi", Missed) == []
    assert len([each for each in stage.records("plc", Session) if each.opened]) == 1, "and its session stays"


def test_a_view_that_is_cut_off_misses_its_polls(drill):
    blinded, healthy = drill["blinded"], drill["healthy"]
    assert healthy["missed_polls"] == 0
    assert healthy["polls"] > 15
    assert blinded["missed_polls"] >= 2, "the counter can fail: the view was cut off for a second"
    assert drill["dropped"]["missed_polls"] == blinded["missed_polls"], "and it does not fail for cutting off others"


def test_polls_keep_their_period_and_only_a_burst_has_none():
    assert following(5.0, 5.02, burst=False) == 5.0 + PERIOD
    assert following(5.0, 7.0, burst=False) == 7.0, "late polls are not made up for"
    assert following(5.0, 5.02, burst=True) == 5.02


def test_a_screen_that_starts_anew_opens_a_session_of_its_own_and_misses_nothing(drill):
    records = read_trace(Path(drill["folder"], "traces", "hmi.jsonl")).records
    assert len([each for each in records if isinstance(each, Started)]) == 2
    came = read_trace(Path(drill["folder"], "traces", "plc.jsonl")).records
    sessions = [each for each in came if isinstance(each, Session) and each.opened and each.peer == "10.77.30.10"]
    assert len(sessions) >= 2
    assert drill["healthy"]["missed_polls"] == 0
