from tercio.drills.range.ews import RECIPE
from tercio.drills.range.traces import Read, Request, Write

EWS = "tercio.drills.range.ews"


def test_it_writes_the_recipe_so_often_and_looks_before_each(stage):
    stage.plc()
    assert stage.start(EWS, "--count", "3", "--every", "0.05", "--value", "230").wait(timeout=90) == 0
    written = stage.records("ews", Write)
    assert [(each.register, each.value, each.outcome) for each in written] == [
        (RECIPE, value, "acked") for value in (230, 231, 232)
    ]
    assert all(0 < each.at <= each.ended and each.local_port for each in written)
    assert [each.answered for each in stage.records("ews", Read)] == [True] * 4
    assert [each.values for each in stage.records("plc", Request) if each.function == 6] == [(230,), (231,), (232,)]


def test_without_a_controller_it_says_so_and_ends(stage):
    assert stage.start(EWS, "--count", "2", "--every", "0.01").wait(timeout=90) == 0
    assert [(each.at, each.outcome) for each in stage.records("ews", Write)] == [(0, "refused")] * 2
    assert not any(each.answered for each in stage.records("ews", Read))


def test_on_the_range_its_writes_land_and_harm_nobody(drill):
    assert drill["healthy"]["writes_received"] == {"ews1": 3}
    assert drill["healthy"]["trips"] == 0
