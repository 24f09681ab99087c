"""The values of the loop survive their own bytes."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.loop.state import Care, Docket, Inputs, LoopState, Memory, Release, Turn
from tercio.model.canon import canonical
from tercio.model.commands import EffectState
from tests.loop.given import fresh, replace, window
from tests.model.values import any_of, survives


@settings(max_examples=40)
@given(any_of(Care), any_of(Docket), any_of(Release))
def test_notes_survive_their_bytes(care: Care, docket: Docket, release: Release):
    for value in (care, docket, release):
        survives(value)


@settings(max_examples=40)
@given(
    st.dictionaries(st.text(max_size=5), any_of(Care), max_size=3),
    st.dictionaries(st.text(max_size=5), any_of(Docket), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(0, 2**53), max_size=3),
)
def test_a_memory_survives_its_bytes(leases: dict[str, Care], dockets: dict[str, Docket], told: dict[str, int]):
    memory = replace(fresh().memory, leases=leases, dockets=dockets, told=told, heard=told, announced=(window(),))
    survives(memory)


def test_a_memory_written_before_a_field_was_known_is_read_with_its_default():
    written = msgspec.json.decode(canonical(fresh().memory))
    del written["leases"], written["dockets"]
    assert msgspec.json.decode(canonical(written), type=Memory) == fresh().memory


def test_values_cannot_be_changed():
    for value, field in ((fresh(), "flushed"), (fresh().memory, "silent"), (Inputs(now=1, draw=0.5), "now")):
        with pytest.raises(AttributeError):
            setattr(value, field, None)


def test_nobody_ends_a_lease_of_which_nothing_is_remembered():
    assert Care().ending is None
    assert Care(ending=EffectState.RELEASED).ending


def test_two_fresh_states_share_nothing():
    one, other = LoopState(memory=fresh().memory), LoopState(memory=fresh().memory)
    assert one.effects is not other.effects
    assert Turn(one, None, ()).answers == ()
