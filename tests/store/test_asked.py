"""Conditions as SQL: what they mean is asked of the engine itself, and the slow oracle."""

import string
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tercio.model.archive import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    AtHost,
    Condition,
    FromSource,
    Routed,
    Says,
)
from tercio.store.asked import FEW, Parameters, where
from tercio.store.events import Events, Line
from tests.archived import Filed, holds
from tests.stored import KEEP, PASSWORD

NOW = 1_900_000_000_000_000
LINES = [
    (source, host, {"EventID": number}, text)
    for number, (source, host, text) in enumerate(
        [
            ("ot", "plc1", b'{"a":"C:\\\\Windows\\\\cmd.exe /c whoami"}\n'),
            ("ot", "plc2", b"100% sure_thing '; DROP TABLE events; --\n"),
            ("it", "ws-1", b"MIMIKATZ \xff\xfe not UTF-8 \x00 nul\n"),
            ("it", "ws-1", "Größe ÄÖÜ ß İ Straße\n".encode()),
            ("it", "", b"\n"),
            ("web", "10.0.0.1", b"GET /a?b={c:String} HTTP/1.1\r\n"),
        ]
    )
    for number in (str(number % 3),)
]
ROWS = [Filed(*row) for row in LINES]
COLUMNS = ("route_EventID",)


@pytest.fixture(scope="module")
def events(store_url: str) -> Iterator[Events]:
    with closing(Events.connect(store_url, "tercio", PASSWORD, "asked")) as events:
        events.prepare(["EventID"], KEEP)
        events.write(
            [
                Line(source, "g", at, "p", host, NOW, NOW, raw, routes)
                for at, (source, host, routes, raw) in enumerate(LINES)
            ]
        )
        yield events


pieces = st.builds(
    lambda row, at, to: row.line[at:to].decode("utf-8", "ignore"),
    st.sampled_from(ROWS),
    st.integers(0, 20),
    st.integers(0, 40),
)
texts = st.text(string.ascii_letters + "\\%_'\"`{}:; \x00\nßÄİ€", max_size=6) | pieces
leaves = st.one_of(
    texts.map(Says),
    st.lists(texts, max_size=FEW + 4).map(lambda many: AnyOf(tuple(map(Says, many)))),
    st.lists(st.sampled_from(["ot", "it", "'"]), max_size=2).map(lambda names: FromSource(tuple(names))),
    st.lists(st.sampled_from(["plc1", "ws-1", "", "10.0.0.1"]), max_size=2).map(lambda names: AtHost(tuple(names))),
    st.builds(
        lambda field, values: Routed(field, tuple(values)),
        st.sampled_from(["EventID", "Never`Stored"]),
        st.lists(st.sampled_from(["0", "1", "", "x'"]), max_size=2),
    ),
)


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, max_size=3).map(tuple)
    return several.map(AllOf) | several.map(AnyOf)


conditions = st.recursive(leaves, joined, max_leaves=6)


@given(condition=conditions)
@example(condition=EVERYTHING)
@example(condition=NOTHING)
@example(condition=Says("\\windows\\CMD"))
@example(condition=AnyOf((*(Says(f"no such text {n}") for n in range(600)), Says("mimikatz"))))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_engine_finds_what_the_condition_means(events: Events, condition: Condition):
    found = [kept.line for block in events.scan(condition, NOW, NOW + 1) for kept in block]
    ordered = sorted(ROWS, key=lambda row: (row.source, ROWS.index(row)))
    assert found == [row.line for row in ordered if holds(condition, row)]


def test_text_that_cannot_be_encoded_is_looked_for_all_the_same(events: Events):
    assert [kept for block in events.scan(Says("\ud800"), NOW, NOW + 1) for kept in block] == []


@given(condition=conditions)
@settings(max_examples=50)
def test_no_text_of_a_condition_is_in_its_sql(condition: Condition):
    parameters: Parameters = {}
    sql = where(condition, COLUMNS, parameters)
    assert set(sql) <= set(string.ascii_letters + string.digits + "_(){}:, `%")
    assert sql.count("{") == len(parameters)


def test_what_no_column_holds_was_in_no_record():
    assert where(Routed("never", ("", "x")), COLUMNS, {}) == "1"
    assert where(Routed("never", ("x",)), COLUMNS, {}) == "0"
