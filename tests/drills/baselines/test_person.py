from collections.abc import Callable

from tercio.drills.baselines.person import ANSWER, STANDS, AskPerson
from tercio.drills.simulated.defenders import Brief
from tercio.drills.simulated.truth import Truth
from tercio.model.units import SECOND
from tests.drills.baselines.given import at, played, write


def person(right: float) -> Callable[[Brief, Truth], AskPerson]:
    return lambda brief, truth: AskPerson(brief, truth, right=right)


def test_he_answers_after_eight_minutes_and_until_then_nothing_is_done():
    told = played(person(1.0), write(5, "ws1"), write(7, "ws1"), write(20, "ws1"))
    (act,) = told.acts
    assert 0 < act.since - at(5) - ANSWER < 5 * SECOND
    assert STANDS - (act.ended - act.since) < SECOND
    assert (told.questions, told.refused, told.landed) == (1, 1, 2)
    assert act.right


def test_who_is_always_right_spares_the_innocent_and_who_is_always_wrong_the_intruder():
    innocent, hostile = write(5, "ws1", hostile=False), write(5, "ws2")
    right, wrong = played(person(1.0), innocent, hostile), played(person(0.0), innocent, hostile)
    assert [act.target.asset for act in right.acts] == ["ws2"]
    assert [act.target.asset for act in wrong.acts] == ["ws1"]
    assert (right.questions, len(right.wrong), len(wrong.wrong)) == (2, 0, 1)


def test_what_was_nothing_is_not_asked_again_within_the_hour():
    deeds = [write(minute, "ws1", hostile=False) for minute in (5, 14, 40, 80)]
    assert played(person(1.0), *deeds).questions == 2


def test_he_takes_no_view_off_a_line():
    told = played(person(0.0), write(5, "hmi11", hostile=False))
    assert (told.questions, told.acts) == (1, ())
