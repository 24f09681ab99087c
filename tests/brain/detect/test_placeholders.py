from sigma.types import SigmaRegularExpression, SigmaString

from tercio.brain.detect.placeholders import Placeholders

WORDS = Placeholders({"who": ("ann", "b*"), "where": ("here",), "none": ()})


def texts(text: str) -> list[str] | str:
    found = WORDS.texts(SigmaString(text).insert_placeholders())
    return found if isinstance(found, str) else [str(each) for each in found]


def test_each_combination_of_values() -> None:
    assert texts("x") == ["x"]
    assert texts("-%who%-") == ["-ann-", "-b*-"]
    assert texts("%who%%where%") == ["annhere", "b*here"]


def test_what_has_no_values_is_named() -> None:
    assert texts("%nobody%") == "nobody"
    assert texts("%who%%none%") == "none"


def test_in_an_expression_a_value_is_no_expression() -> None:
    pattern = SigmaRegularExpression("^%who%$").insert_placeholders()
    found = WORDS.patterns(pattern)
    assert [str(each) for each in found] == ["^ann$", r"^b\*$"]


def test_what_was_used_is_told() -> None:
    words = Placeholders({"b": ("1",), "a": ("2", "3"), "c": ("4",)})
    for text in ("%b%", "%a%", "%gone%"):
        words.texts(SigmaString(text).insert_placeholders())
    assert list(words.used.items()) == [("a", ("2", "3")), ("b", ("1",))]
