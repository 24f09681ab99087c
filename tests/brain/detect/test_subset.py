"""A few rules of many."""

import pytest

from tercio.brain.detect import ir
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.subset import subset

RULE = """
title: {name}
name: {name}
logsource: {{product: test, service: any}}
detection:
    shared: {{f: x}}
    own: {{g: {name}}}
    condition: shared and not own
"""
OVER = """
title: {name}
name: {name}
correlation: {{type: event_count, rules: [{rules}], group-by: [f], timespan: 1m, condition: {{gte: 2}}}}
"""


def made() -> RuleSet:
    texts = {name: RULE.format(name=name) for name in ("one", "two", "three")}
    texts["twice"] = OVER.format(name="twice", rules="two")
    texts["again"] = OVER.format(name="again", rules="twice, one")
    return compile_rules(texts)


@pytest.mark.parametrize(
    ("names", "rules", "correlations"),
    [
        (["one"], ["one"], []),
        (["three", "one"], ["one", "three"], []),
        (["twice"], ["two"], ["twice"]),
        (["again"], ["one", "two"], ["again", "twice"]),
        ([], [], []),
    ],
)
def test_it_has_what_they_need_and_no_more(names: list[str], rules: list[str], correlations: list[str]):
    found = subset(made(), names)
    assert (sorted(found.rules), sorted(found.correlations)) == (rules, correlations)
    asked = {node.parts[0] for node in found.nodes if isinstance(node, ir.Text) and node.field == "g"}
    assert asked == set(rules)


def test_a_part_is_as_if_compiled_alone():
    alone = compile_rules({"three": RULE.format(name="three")})
    found = subset(made(), ["three"])
    assert (found.nodes, found.rules) == (alone.nodes, alone.rules)


def test_a_whole_is_itself():
    whole = made()
    assert subset(whole, [*whole.rules, *whole.correlations]) == whole


def test_an_unknown_name():
    with pytest.raises(KeyError):
        subset(made(), ["four"])
