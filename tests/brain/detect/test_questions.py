import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.questions import Questions, reached, same
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


LEAVES = st.sampled_from([0, 1, 2, 8])


@given(st.dictionaries(LEAVES, st.booleans()), st.frozensets(LEAVES), st.integers(0, 9))
def test_knowing_beforehand_changes_no_answer(known: dict[int, bool], held: frozenset[int], place: int):
    hits = frozenset(held - known.keys()) | {leaf for leaf, holds in known.items() if holds}
    made, plain = questions(known), Questions(NODES)
    answer = plain.test(place)(hits, {})
    if made.known(place) is None:
        assert made.test(place)(hits, {}) is answer
        anchor = made.anchor(place)
        assert not (answer and anchor) or anchor[1] & hits
    else:
        assert made.known(place) is answer


def test_what_does_not_hang_on_the_known_is_shared():
    plain = Questions(NODES)
    made = [Questions(NODES, {0: holds}, plain, reached(NODES, [0])) for holds in (True, False)]
    assert made[0].test(7) is made[1].test(7) is plain.test(7)
    assert made[0].fields(9) is plain.fields(9)
    assert made[0].test(3) is not plain.test(3)


def test_nodes_within_reach_of_leaves():
    assert [place for place, flag in enumerate(reached(NODES, [0])) if flag] == [0, 3, 4, 5]
    assert not any(reached(NODES, []))


@pytest.mark.parametrize(
    ("value", "other", "answer"),
    [
        ("a", "A", True),
        (1, "1", True),
        (UNSET, "a", False),
        ("a", UNSET, False),
        (None, None, False),
        (["b", "a"], ["a"], True),
    ],
)
def test_same(value: object, other: object, answer: bool) -> None:
    assert same(ir.SameAs("f", "g", starts=False, ends=False), value, other) is answer
