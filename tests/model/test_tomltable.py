import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.tomltable import Faults, Table, dotted, nearest
from tercio.model.units import SECOND

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def table(values: object) -> tuple[Table, Faults]:
    faults = Faults()
    return Table(values, ("t",), faults), faults


def told(faults: Faults) -> list[str]:
    return [fault.removeprefix("f:1: ") for fault in faults.lines("[t]", "f")]


def test_right_values_come_through_without_a_word():
    values = {
        "text": "x",
        "flag": True,
        "number": 2.5,
        "money": 19.99,
        "span": "45m",
        "hours": 0.5,
        "choice": "b",
        "one": "x",
        "texts": ["x", "y"],
        "lists": [["a", "b"], ["c"]],
        "table": {"inner": "z"},
        "tables": [{"a": "1"}, {"a": "2"}],
    }
    place, faults = table(values)
    assert place.text("text") == "x"
    assert place.flag("flag") is True
    assert place.number("number", 3) == 2.5
    assert place.cents("money") == 1999
    assert place.span("span") == 45 * 60 * SECOND
    assert place.hours("hours") == 1800 * SECOND
    assert place.choice("choice", ("a", "b"), "a") == "b"
    assert place.texts("one") == ("x",)
    assert place.texts("texts") == ("x", "y")
    assert place.lists("lists") == (("a", "b"), ("c",))
    assert place.table("table").text("inner") == "z"
    assert [inner.text("a") for inner in place.tables("tables")] == ["1", "2"]
    place.done()
    assert not faults


def test_what_is_absent_is_empty_and_no_fault():
    place, faults = table({})
    assert (place.text("a"), place.flag("a"), place.number("a", 1), place.cents("a")) == ("", False, 0, 0)
    assert (place.span("a"), place.hours("a"), place.texts("a"), place.lists("a")) == (0, 0, (), ())
    assert (place.choice("a", ("x", "y"), "y"), list(place.tables("a")), list(place.named("a"))) == ("y", [], [])
    place.done()
    assert not faults


READERS = {
    "text": lambda t: t.text("k"),
    "flag": lambda t: t.flag("k"),
    "number": lambda t: t.number("k", 10),
    "cents": lambda t: t.cents("k"),
    "span": lambda t: t.span("k"),
    "hours": lambda t: t.hours("k"),
    "choice": lambda t: t.choice("k", ("a",), "a"),
    "texts": lambda t: t.texts("k"),
    "lists": lambda t: t.lists("k"),
    "tables": lambda t: [inner.done() for inner in t.tables("k")],
    "named": lambda t: [inner.done() for _, inner in t.named("k")],
}


@pytest.mark.parametrize(
    ("reader", "value", "words"),
    [
        ("text", "", "is ''; it must be a text in quotes"),
        ("text", "  ", "is '  '; it must be a text in quotes"),
        ("text", 1, "is 1; it must be a text in quotes"),
        ("flag", 1, "is 1; it must be true or false"),
        ("number", True, "is true; it must be a number from 0 to 10"),
        ("number", 11, "is 11; it must be a number from 0 to 10"),
        ("number", -0.1, "is -0.1; it must be a number from 0 to 10"),
        ("number", math.nan, "is nan; it must be a number from 0 to 10"),
        ("number", math.inf, "is inf; it must be a number from 0 to 10"),
        ("cents", 10**13, "is 10000000000000; it must be a number from 0 to 1e+12"),
        ("span", "soon", "is wrong: 'soon' is not a duration"),
        ("hours", 9000, "is 9000; it must be a number from 0 to 8784"),
        ("choice", "b", "is 'b'; it must be one of a"),
        ("texts", [1], "is [1]; it must be a list of texts"),
        ("texts", ["x", "x"], "names 'x' twice; remove one"),
        ("texts", [""], "is ['']; it must be a list of texts"),
        ("lists", ["x"], "is ['x']; it must be a list of lists of texts"),
        ("tables", "x", "is 'x'; it must be a list of tables"),
        ("named", "x", "is 'x'; it must be a table"),
        ("text", {"a": "b" * 100}, "..."),
    ],
)
def test_a_wrong_value_is_told_with_what_to_write(reader: str, value: object, words: str):
    place, faults = table({"k": value})
    READERS[reader](place)
    assert [f"t.k {words}" in fault or words == "..." for fault in told(faults)] == [True]
    assert len(told(faults)[0]) < 200


@given(ANYTHING, st.sampled_from(sorted(READERS)))
def test_no_value_breaks_a_reader(value: object, reader: str):
    place, faults = table({"k": value})
    READERS[reader](place)
    place.done()
    told(faults)


@pytest.mark.parametrize("value", [1, "x", [], None, True])
def test_what_is_no_table_is_told_once(value: object):
    place, faults = table(value)
    place.required("a", "a = 1")
    place.done()
    assert len(told(faults)) == 1
    assert "it must be a table" in told(faults)[0]


def test_missing_and_empty_keys_are_told():
    place, faults = table({"list": []})
    place.required("a", "a = 1")
    place.required("list", 'list = ["x"]')
    place.required("list", "any", empty=True)
    assert told(faults) == ["t has no a; add a = 1", 't.list is empty; write list = ["x"]']


def test_a_key_that_nobody_asked_for_is_told_with_its_neighbour():
    place, faults = table({"nmae": 1, "zzz": 2})
    place.text("name")
    place.done()
    assert told(faults) == ["unknown key 'nmae' in t; did you mean 'name'?", "unknown key 'zzz' in t; known are name"]


def test_faults_come_by_line():
    faults = Faults()
    faults.add(("b",), "second; mend it")
    faults.add(("a",), "first; mend it")
    assert faults.lines("a = 1\n\nb = 2\n", "x.toml") == ("x.toml:1: first; mend it", "x.toml:3: second; mend it")
    assert faults
    assert not Faults()


def test_paths_and_neighbours_in_words():
    assert dotted(("processes", "p", "flows", 0, "from")) == "processes.p.flows[0].from"
    assert dotted(()) == ""
    assert nearest("hmi", ["hmi1", "plc1"]) == "; did you mean 'hmi1'?"
    assert nearest("zzz", ["b", "a"]) == "; known are a, b"
    assert nearest("zzz", []) == ""


def test_bounds_hold_what_is_written_and_not_the_default():
    values, faults = table({"low": 0.5, "high": 3, "zero": 0, "short": "1s", "long": "3h", "fits": "2m"})
    assert values.number("low", 2, least=1, default=1.5) == 1.5
    assert values.number("high", 2, default=1) == 1
    assert values.number("zero", 2, default=1) == 0
    assert values.number("absent", 2, default=1) == 1
    assert values.span("short", default=5, least=2 * SECOND) == 5
    assert values.span("long", default=5, most=3600 * SECOND) == 5
    assert values.span("fits", default=5, least=SECOND, most=3600 * SECOND) == 120 * SECOND
    assert values.span("absent", default=5, least=SECOND) == 5
    assert sorted(told(faults)) == [
        "t.high is 3; it must be a number from 0 to 2",
        "t.long is 3h; write a time from 0.0 ms to 1 h",
        "t.low is 0.5; it must be a number from 1 to 2",
        "t.short is 1s; write a time from 2 s on",
    ]
