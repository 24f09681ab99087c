import pytest
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from tercio.brain.detect.conditions import Unsupported
from tercio.brain.detect.documents import RuleError, documents, read

TWO = "title: A\nid: 1\n---\n\n---\ntitle: B\ndetection:\n  s: {f: x}\n"


def test_documents_know_where_they_stand() -> None:
    one, two = documents("a.yml", TWO)
    assert (one.file, one.line, one.places) == ("a.yml", 1, {"title": (1, 1), "id": (2, 1)})
    assert (two.line, two.places) == (6, {"title": (6, 1), "detection": (7, 1), "detection.s": (8, 3)})
    assert one.version != two.version
    assert two.rejected("why", "detection").line == 7
    assert two.rejected("why", "level").line == 6, "the document's, where it has no such section"
    assert str(two.wrong("why", "detection")) == "a.yml:7: why"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: B\nlogsource: {product: p}\ndetection:\n  s: {f|gt: x}\n  condition: s\n", ":3: "),
        ("title: B\nlogsource: [p]\ndetection:\n  s: {f: x}\n  condition: s\n", ":2: "),
        ("title: B\nlogsource: {product: p}\ndetection: 7\n", ":3: "),
    ],
)
def test_what_pysigma_refuses_is_told_by_its_line(text: str, words: str) -> None:
    (document,) = documents("b.yml", text)
    with pytest.raises(RuleError) as raised:
        read(document, SigmaRule)
    assert words in str(raised.value)


def test_what_needs_backtracking_is_not_wrong_but_unsupported() -> None:
    text = "title: B\nlogsource: {product: p}\ndetection:\n  s: {f|re: '(?=x)'}\n  condition: s\n"
    (document,) = documents("b.yml", text)
    with pytest.raises(Unsupported, match="linear time"):
        read(document, SigmaRule)


def test_a_condition_too_deep_is_wrong() -> None:
    words = "(" * 5000 + "a" + ")" * 5000
    body = f"correlation: {{type: temporal, timespan: 1m, condition: '{words}'}}"
    (document,) = documents("c.yml", f"title: C\nid: c\n{body}\n")
    with pytest.raises(RuleError):
        read(document, SigmaCorrelationRule)
