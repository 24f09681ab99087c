from tercio.drills.baselines.alert import USUAL, OnAlert
from tercio.model.findings import Level
from tercio.model.units import SECOND
from tests.drills.baselines.given import at, played, write


def test_one_finding_is_enough_and_the_block_ends_by_itself():
    told = played(lambda brief, _: OnAlert(brief), write(5, "ws1"), write(6, "ws1"), write(60, "ws1"))
    first, second = told.acts
    assert at(5) < first.since < at(5) + 10 * SECOND
    assert first.ended - first.since < USUAL
    assert USUAL - (first.ended - first.since) < SECOND
    assert at(60) < second.since
    assert (told.refused, told.landed) == (1, 2)
    assert first.right
    assert told.returned


def test_for_good_it_never_ends():
    told = played(lambda brief, _: OnAlert(brief, span=0), write(5, "ws1"), write(60, "ws1"), write(400, "ws1"))
    assert (len(told.acts), told.refused, told.landed) == (1, 2, 1)
    assert told.acts[0].ended == at(600)


def test_it_cuts_off_whoever_looks_like_one():
    told = played(lambda brief, _: OnAlert(brief), write(5, "ws1", hostile=False))
    assert [act.right for act in told.acts] == [False]
    assert told.disturbed == 0


def test_what_is_below_its_level_is_let_be():
    def acts(name: str, level: Level) -> int:
        return len(played(lambda brief, _: OnAlert(brief, level), write(5, "ws1", name=name)).acts)

    assert acts("modbus-programming", Level.MEDIUM) == 1
    assert acts("modbus-programming", Level.HIGH) == 0
    assert acts("modbus-write", Level.HIGH) == 1
