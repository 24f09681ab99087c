from tercio.drills.range.traces import Missed, Polls, Request, Started

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


def test_a_controller_that_hangs_is_missed_by_the_deadline(drill):
    blinded, healthy = drill["blinded"], drill["healthy"]
    assert healthy["missed_polls"] == 0
    assert healthy["polls"] > 15
    assert blinded["missed_polls"] >= 2, "the counter can fail: the view was cut off for a second"
    assert drill["dropped"]["missed_polls"] == blinded["missed_polls"], "and it does not fail for cutting off others"
