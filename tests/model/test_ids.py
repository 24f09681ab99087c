import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model import ids

parts = st.lists(st.text() | st.binary(), min_size=1, max_size=5)


@given(parts)
def test_the_same_parts_give_the_same_id(given_parts):
    assert ids.mint("evt", *given_parts) == ids.mint("evt", *given_parts)
    assert re.fullmatch(r"evt-[0-9a-f]{20}", ids.mint("evt", *given_parts))


@given(st.binary(min_size=1, max_size=30), st.data())
def test_where_one_part_ends_and_the_next_begins_matters(whole: bytes, data):
    cuts = st.integers(0, len(whole))
    first, second = data.draw(cuts), data.draw(cuts)
    same = first == second
    assert (ids.mint("x", whole[:first], whole[first:]) == ids.mint("x", whole[:second], whole[second:])) is same


@given(parts)
def test_an_empty_part_is_a_part(given_parts):
    assert len({ids.mint("x", *given_parts), ids.mint("x", *given_parts, ""), ids.mint("x", "", *given_parts, "")}) == 3


def test_kinds_never_share_an_id():
    assert ids.mint("evt", "a").split("-")[1] != ids.mint("fnd", "a").split("-")[1]


def test_two_equal_lines_at_two_offsets_are_two_events():
    assert ids.event_id("eve", "1", 0, b"x") != ids.event_id("eve", "1", 2, b"x")
    assert ids.event_id("eve", "1", 0, b"x") != ids.event_id("eve", "2", 0, b"x")


def test_a_renewal_is_a_new_command_of_the_same_lease():
    lease = ids.lease_id("dec-1", "deny", "host ws1")
    assert ids.command_id(lease, 1) != ids.command_id(lease, 2)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (ids.event_id("s", "g", 0, b""), "evt"),
        (ids.finding_id("r", "1", ["evt-1"]), "fnd"),
        (ids.incident_id("fnd-1"), "inc"),
        (ids.decision_id("inc-1", 1), "dec"),
        (ids.lease_id("dec-1", "deny", "t"), "lse"),
        (ids.command_id("lse-1", 1), "cmd"),
    ],
)
def test_an_id_says_what_it_names(made: str, kind: str):
    assert made.startswith(f"{kind}-")


def test_ids_do_not_change_between_releases():
    """A state file of the last release must still be understood: these were written by it."""
    assert ids.event_id("eve", "7", 42, b'{"a":1}\n') == "evt-" + EVENT_DIGITS
    assert ids.command_id("lse-0", 1_700_000_000_000_000) == "cmd-" + COMMAND_DIGITS


EVENT_DIGITS = "a1c033c74ae616d593dc"
COMMAND_DIGITS = "5f3f90de78b02307ad7a"
