import msgspec
import pytest

from tercio.brain.detect.rules import Correlation, Origin, Rule, RuleSet
from tercio.model.findings import Level


def rule(name: str, level: Level) -> Rule:
    return Rule(
        id=name,
        version="1",
        title=name,
        level=level,
        tactics=(),
        techniques=(),
        origin=Origin("p", "", "s"),
        condition=0,
    )


def correlation(name: str, *rules: str, generate: bool) -> Correlation:
    return Correlation(
        id=name,
        version="1",
        title=name,
        level=Level.HIGH,
        tactics=(),
        techniques=(),
        kind="temporal",
        rules=rules,
        group_by=("src",),
        aliases={"src": {"a": "source.ip"}},
        span=1,
        count=2,
        generate=generate,
    )


RULES = RuleSet(
    nodes=(),
    rules={name: rule(name, level) for name, level in (("a", Level.LOW), ("b", Level.INFORMATIONAL), ("c", Level.LOW))},
    correlations={
        "loud": correlation("loud", "a", "b", "a", generate=True),
        "quiet": correlation("quiet", "c", "b", generate=False),
        "loud too": correlation("loud too", "c", "a", generate=True),
    },
)


@pytest.mark.parametrize(("name", "reports"), [("a", True), ("b", False), ("c", False)])
def test_which_rules_report_by_themselves(name: str, reports: bool) -> None:
    assert RULES.reports(name) is reports


def test_context_is_what_is_informational() -> None:
    assert [name for name in RULES.rules if RULES.is_context(name)] == ["b"]


def test_each_correlation_is_listed_once_for_a_rule() -> None:
    assert [c.id for c in RULES.correlations_of["a"]] == ["loud", "loud too"]
    assert [c.id for c in RULES.correlations_of["c"]] == ["quiet", "loud too"]


def test_aliases_name_fields_by_rule() -> None:
    loud = RULES.correlations["loud"]
    assert (loud.field_of("src", "a"), loud.field_of("src", "b")) == ("source.ip", "src")


def test_what_is_counted_of_which_rule() -> None:
    counting = msgspec.structs.replace(RULES.correlations["loud"], kind="value_count", fields=("port", "user"))
    assert (counting.counted_of("a"), counting.counted_of("b")) == (("port", "user"), ("port", "user"))
    alias = msgspec.structs.replace(counting, aliases={"port": {"a": "dest_port"}})
    assert (alias.counted_of("a"), alias.counted_of("b")) == (("dest_port", "user"), ())
    assert RULES.correlations["loud"].counted_of("a") == ()
