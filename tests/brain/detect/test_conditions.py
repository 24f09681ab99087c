from typing import Any

import pytest
from sigma.rule import SigmaRule

from tercio.brain.detect import ir
from tercio.brain.detect.conditions import Unsupported, add_condition


def nodes(detection: Any, condition: str = "s") -> tuple[ir.Node, ...]:
    rule = SigmaRule.from_dict(
        {"title": "T", "logsource": {"product": "p"}, "detection": {"s": detection, "condition": condition}}
    )
    graph = ir.Graph()
    place = add_condition(graph, rule.detection.parsed_condition[0].parsed)
    assert place == len(graph.nodes) - 1
    return graph.nodes


@pytest.mark.parametrize(
    ("detection", "leaf"),
    [
        ({"f": "aB*?"}, ir.Text("f", ("ab", ir.MANY, ir.ONE), cased=False)),
        ({"f|cased": "aB"}, ir.Text("f", ("aB",), cased=True)),
        ({"f|contains": "É"}, ir.Text("f", (ir.MANY, "é", ir.MANY), cased=False)),
        ({"f": ""}, ir.Text("f", (), cased=False)),
        ({"f": True}, ir.Text("f", ("true",), cased=False)),
        ({"f": 5}, ir.Number("f", 5)),
        ({"f": None}, ir.Null("f")),
        ({"f": []}, ir.Null("f")),
        ({"f|exists": True}, ir.Exists("f")),
        ({"f|re|i|s": "a.b"}, ir.Regex("f", "a.b", "is")),
        ({"f|cidr": "10.0.0.0/8"}, ir.Cidr("f", "10.0.0.0/8")),
        ({"f|gte": 5}, ir.Compare("f", "gte", 5)),
        ({"f|fieldref|endswith": "g"}, ir.SameAs("f", "g", starts=False, ends=True)),
    ],
)
def test_leaves(detection: Any, leaf: ir.Leaf) -> None:
    assert nodes(detection) == (leaf,)


def test_structure() -> None:
    a, b = ir.Text("f", ("a",), cased=False), ir.Text("f", ("b",), cased=False)
    assert nodes({"f": ["a", "b"]}) == (a, b, ir.Or((0, 1)))
    assert nodes({"f|all": ["a", "b"]}) == (a, b, ir.And((0, 1)))
    assert nodes({"f|exists": False}) == (ir.Exists("f"), ir.Not(0))
    assert nodes({"f": "a"}, "not s") == (a, ir.Not(0))
    assert nodes({"f": "a"}, "s and s") == (a,)


def test_keywords_are_looked_for_anywhere() -> None:
    one, two = (ir.Text("", (ir.MANY, word, ir.MANY), cased=False) for word in ("evil", "bad"))
    assert nodes(["Evil", "*bad"]) == (one, two, ir.Or((0, 1)))
    assert nodes({"|all": ["evil", "bad"]}) == (one, two, ir.And((0, 1)))
    assert nodes([4625]) == (ir.Text("", (ir.MANY, "4625", ir.MANY), cased=False),)
    assert nodes({"|re": "a+b"}) == (ir.Regex("", "a+b", ""),)


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        ({"f|re": "a\\Cb"}, "linear time"),
        ({"f|expand": "%who%"}, "placeholder"),
        ({"f|re|expand": "%who%"}, "placeholder"),
        ({"f": 10**30}, "too large"),
        ({"f|gt": 10**30}, "too large"),
    ],
)
def test_what_is_not_supported_is_said(detection: Any, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        nodes(detection)


def test_a_condition_of_no_known_kind() -> None:
    with pytest.raises(Unsupported, match="NoneType"):
        add_condition(ir.Graph(), None)


def test_no_text_is_too_long() -> None:
    assert nodes({"f|contains": "x" * 40_000})
    assert nodes({"f": "*".join("ab" * 9_000)})
