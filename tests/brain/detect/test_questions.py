from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tercio.brain.detect.questions import Questions, reached
from tercio.brain.detect.records import Record
from tests.brain.detect.graph import NODES


def test_truth_spreads_from_what_is_known() -> None:
    assert truth({0: True})[:6] == [True, None, None, None, False, None]
    assert truth({0: False})[:6] == [False, None, None, False, True, True]
    assert truth({1: True})[6:] == [False, False, None, True, None]
    assert truth({}) == [None] * len(NODES)


def truth(known: dict[int, bool]) -> list[bool | None]:
    found = questions(known)
    return [found.known(place) for place in range(len(NODES))]


def questions(known: dict[int, bool]) -> Questions:
    return Questions(NODES, known, Questions(NODES), reached(NODES, known))


TEXT = st.sampled_from([UNSET, None, "x", "X", "y", "is long enough", ["x", "y"]])


@given(st.sampled_from(["a", "b", UNSET]), TEXT, TEXT, st.sampled_from(range(len(NODES))))
def test_knowing_beforehand_changes_no_answer(kind: Any, f: Any, g: Any, place: int) -> None:
    record = Record({"kind": kind, "f": f, "g": g}, {})
    plain = Questions(NODES)
    made = questions({0: plain.test(0)(record)})
    answer = plain.test(place)(record)
    assert (made.test(place)(record) if made.known(place) is None else made.known(place)) is answer


def test_what_does_not_hang_on_the_known_is_shared():
    plain = Questions(NODES)
    made = [Questions(NODES, {0: holds}, plain, reached(NODES, [0])) for holds in (True, False)]
    assert made[0].test(7) is made[1].test(7) is plain.test(7)
    assert made[0].fields(9) is plain.fields(9)
    assert made[0].test(3) is not plain.test(3)


def test_nodes_within_reach_of_leaves():
    assert [place for place, flag in enumerate(reached(NODES, [0])) if flag] == [0, 3, 4, 5]
    assert not any(reached(NODES, []))
