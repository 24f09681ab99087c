"""What people's verdicts make of rules: counts, bounds, and that all of it can be taken back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.brain.learn.precision import A_DAY, DAY, VERSIONS, fired, interval, judged, learned, odds, posterior
from tercio.model.findings import Finding, Level
from tercio.model.precision import PRIORS, Judged, Judgement, Precision
from tercio.model.units import SECOND
from tests.brain.given import NOON, finding, replace

RULE, KEY = "r", ("r", "1")
RIGHT, WRONG, UNSURE, WITHDRAWN = Judgement


def found(**changes: object) -> Finding:
    return replace(finding(), **{"rule": RULE, "version": "1", **changes})


def known(**counts: int) -> dict[str, tuple[Precision, ...]]:
    return {RULE: (Precision(rule=RULE, version="1", title="", level=Level.HIGH, since=NOON, **counts),)}


def counts(of: dict[str, tuple[Precision, ...]], version: int = 0) -> tuple[int, ...]:
    each = of[RULE][version]
    return each.right, each.wrong, each.unsure, each.beyond


def test_findings_and_incidents_are_counted_apart():
    first = found(time=NOON, received=NOON + SECOND)
    after = fired({}, (first, replace(first, time=NOON + 9)), [KEY])
    assert after == {
        RULE: (
            Precision(
                rule=RULE,
                version="1",
                title=first.title,
                level=first.level,
                since=NOON + SECOND,
                last=NOON + 9,
                fired=2,
                incidents=1,
            ),
        )
    }
    (later,) = fired(after, (replace(first, time=NOON - 9),), ())[RULE]
    assert (later.fired, later.incidents, later.last) == (3, 1, NOON + 9), "what came late moves no time back"


def test_an_edited_rule_begins_anew_and_one_put_back_goes_on():
    old = fired(known(right=5), (found(),), ())
    edited = fired(old, (found(version="2", level=Level.LOW),), ())
    assert [(each.version, each.right) for each in edited[RULE]] == [("2", 0), ("1", 5)]
    assert not learned(edited), "what was said of the old text says nothing of the new one"
    back = fired(edited, (found(),), ())
    assert [(each.version, each.right, each.fired) for each in back[RULE]] == [("1", 5, 2), ("2", 0, 1)]
    assert learned(back)[RULE].right == 5
    many = back
    for number in range(9):
        many = fired(many, (found(version=f"v{number}"),), ())
    assert len(many[RULE]) == VERSIONS


def test_a_verdict_counts_an_incident_once_however_often_it_is_said():
    after, held = judged(known(), (), {KEY: RIGHT}, NOON)
    assert held == (Judged(*KEY, RIGHT, counted=True),)
    again, held = judged(after, held, {KEY: RIGHT}, NOON)
    assert counts(again) == counts(after) == (1, 0, 0, 0)
    assert again[RULE][0].spent == 1


def test_a_day_moves_a_rule_only_so_far_and_the_next_one_further():
    held, after = [], known()
    for _ in range(A_DAY + 2):
        after, one = judged(after, (), {KEY: WRONG}, NOON)
        held.append(one)
    assert counts(after) == (0, A_DAY, 0, 2)
    after, _ = judged(after, (), {KEY: WRONG}, NOON + DAY)
    assert counts(after) == (0, A_DAY + 1, 0, 2)
    after, _ = judged(after, held[-1], {KEY: WITHDRAWN}, NOON + DAY)
    assert counts(after) == (0, A_DAY + 1, 0, 1)


def test_a_mistake_is_mended_at_once_also_when_the_day_is_spent():
    after, held = judged(known(), (), {KEY: WRONG}, NOON)
    for _ in range(A_DAY):
        after, _ = judged(after, (), {KEY: RIGHT}, NOON)
    assert counts(after) == (A_DAY - 1, 1, 0, 1)
    after, held = judged(after, held, {KEY: RIGHT}, NOON)
    assert (counts(after), held[0].counted) == ((A_DAY, 0, 0, 1), True)


def test_of_a_rule_that_nobody_knows_nothing_is_kept():
    assert judged({}, (), {KEY: RIGHT}, NOON) == ({}, ())
    assert judged(known(), (), {(RULE, "2"): RIGHT}, NOON) == (known(), ())


def test_what_is_said_of_one_rule_leaves_the_others_as_they_were():
    others = known() | {"s": (replace(known()[RULE][0], rule="s"),)}
    after, held = judged(others, (), {KEY: RIGHT, ("s", "1"): RIGHT}, NOON)
    after, held = judged(after, held, {KEY: WRONG}, NOON)
    assert [(each.rule, each.judgement) for each in held] == [(RULE, WRONG), ("s", RIGHT)]
    assert (counts(after), after["s"][0].right) == ((0, 1, 0, 0), 1)


@given(
    st.lists(st.tuples(st.sampled_from([RIGHT, WRONG, UNSURE, WITHDRAWN]), st.integers(0, 4), st.integers(0, 5))),
)
def test_whatever_was_said_can_be_taken_back_to_the_first_count(words: list[tuple[Judgement, int, int]]):
    after, held = known(), dict[int, tuple[Judged, ...]].fromkeys(range(5), ())
    for judgement, place, day in words:
        after, held[place] = judged(after, held[place], {KEY: judgement}, NOON + day * DAY)
        standing = [each.judgement for of in held.values() for each in of]
        right, wrong, unsure, beyond = counts(after)
        assert right <= standing.count(RIGHT)
        assert wrong <= standing.count(WRONG)
        assert unsure == standing.count(UNSURE)
        assert right + wrong + unsure + beyond == len(standing)
    for of in held.values():
        after, _ = judged(after, of, {KEY: WITHDRAWN}, NOON)
    assert counts(after) == (0, 0, 0, 0)


def test_learned_is_what_has_verdicts():
    assert not learned(known(unsure=3, beyond=2, fired=9))
    assert learned(known(right=1, wrong=1))[RULE].judged == 2
    assert learned(known(right=13, wrong=1))[RULE].odds == pytest.approx(21 / 3)


@pytest.mark.parametrize("level", Level)
def test_no_verdicts_leave_the_level_as_it_is(level: Level):
    assert posterior(level, 0, 0) == PRIORS[level]
    right, wrong = PRIORS[level]
    assert odds(replace(known()[RULE][0], level=level)) == right / wrong


@given(st.sampled_from(Level), st.integers(0, 100_000), st.integers(0, 100_000))
def test_verdicts_lift_a_rule_by_one_level_at_most_and_never_silence_it(level: Level, right: int, wrong: int):
    found = odds(replace(known()[RULE][0], level=level, right=right, wrong=wrong))
    following = [Level.INFORMATIONAL, Level.MEDIUM, Level.HIGH, Level.CRITICAL, Level.CRITICAL][[*Level].index(level)]
    ceiling, floor = (a / b for a, b in (PRIORS[following], PRIORS[Level.LOW]))
    assert min(floor, PRIORS[level][0] / PRIORS[level][1]) <= found <= ceiling
    assert odds(replace(known()[RULE][0], level=level, right=right + 1, wrong=wrong)) >= found
    assert odds(replace(known()[RULE][0], level=level, right=right, wrong=wrong + 1)) <= found


def test_an_informational_rule_never_becomes_proof():
    assert odds(replace(known()[RULE][0], level=Level.INFORMATIONAL, right=10**9)) == pytest.approx(1 / 999)


@pytest.mark.parametrize(
    ("right", "wrong", "low", "high"),
    [
        (1, 1, 0.05, 0.95),
        (2, 1, 0.05**0.5, 0.95**0.5),
        (1, 3, 1 - 0.95 ** (1 / 3), 1 - 0.05 ** (1 / 3)),
    ],
)
def test_the_interval_where_it_is_known_in_closed_form(right: int, wrong: int, low: float, high: float):
    assert interval(right, wrong) == pytest.approx((low, high), abs=1e-6)


@settings(max_examples=20)
@given(st.integers(1, 1_000), st.integers(1, 1_000))
def test_the_interval_holds_the_mean_and_mirrors(right: int, wrong: int):
    low, high = interval(right, wrong)
    assert 0 <= low < high <= 1
    if min(right, wrong) > 1:
        assert low < right / (right + wrong) < high
    assert interval(wrong, right) == pytest.approx((1 - high, 1 - low), abs=2e-6)
