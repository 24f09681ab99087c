"""Rules that fail are set aside, and only these."""

from tercio.brain.detect.sigma import compile_rules
from tercio.loop.conduct import MOST_FAILED, Conduct, Setback, present, turned
from tercio.model.events import Failed
from tercio.model.journal import Aside

RULES = compile_rules(
    {
        name: f"title: T{name}\nname: {name}\nlogsource: {{product: p, service: s}}\n"
        "detection: {s: {f: x}, condition: s}\n"
        for name in "ab"
    }
)
VERSION = RULES.rules["a"].version


def failing(times: int, known: dict[str, Setback] | None = None) -> dict[str, Setback]:
    conduct = Conduct(RULES, known or {})
    for at in range(times):
        conduct.failed(Failed("a", at, "why"), 100 + at)
    return conduct.state()


def test_a_rule_is_passed_over_where_it_fails_and_set_aside_where_it_keeps_failing():
    few = failing(MOST_FAILED - 1)
    assert few == {"a": Setback(VERSION, 100, MOST_FAILED - 1, "why")}
    assert failing(1, few)["a"].aside
    assert not few["a"].aside, "the old value is as it was"


def test_a_match_in_between_shows_that_it_works():
    conduct = Conduct(RULES, failing(MOST_FAILED - 1))
    assert conduct.heeded("a")
    assert conduct.state() == {}
    conduct.failed(Failed("a", 0, "why"), 1)
    assert conduct.state()["a"].times == 1


def test_what_is_set_aside_counts_for_nothing_and_is_told_no_more():
    conduct = Conduct(RULES, failing(MOST_FAILED))
    assert not conduct.heeded("a")
    assert conduct.heeded("b"), "the others run on"
    assert conduct.failed(Failed("a", 0, "again"), 1) == ""
    assert Conduct(RULES, {}).failed(Failed("a", 0, "why"), 1) == "the rule a failed on it: why"


def test_a_new_version_begins_anew_and_what_is_gone_has_nothing():
    setback = failing(MOST_FAILED)["a"]
    assert present(RULES, {"a": setback}) == {"a": setback}
    assert present(RULES, {"a": Setback("old", 1, 2, "", aside=True), "gone": setback}) == {}


def test_only_what_turns_is_journaled():
    none, few, aside = {}, failing(1), failing(MOST_FAILED)
    assert list(turned(RULES, none, few)) == list(turned(RULES, few, none)) == list(turned(RULES, aside, aside)) == []
    (said,) = turned(RULES, few, aside)
    assert said == Aside("a", VERSION, "Ta", aside=True, reason=f"it failed on {MOST_FAILED} records; on the last: why")
    assert list(turned(RULES, aside, none)) == [Aside("a", VERSION, "Ta", aside=False, reason="")]
    assert list(turned(RULES, {"gone": aside["a"]}, none)) == [Aside("gone", VERSION, "", aside=False, reason="")]
