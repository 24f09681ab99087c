from pathlib import Path

import pytest

from tercio.store.errors import StateError, StateLocked, StateUnusable, StateUnwritable
from tercio.store.state import State


def test_whatever_keeps_a_state_from_being_used_is_one_family(tmp_path: Path):
    with State.open(tmp_path / "held", origin="x"), pytest.raises(StateError) as locked:
        State.open(tmp_path / "held", origin="x")
    with pytest.raises(StateError) as missing:
        State.read(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(StateError) as unwritable:
        State.open(tmp_path / "file", origin="x")
    assert [type(e.value) for e in (locked, missing, unwritable)] == [StateLocked, StateUnusable, StateUnwritable]
    for error, folder in ((locked, "held"), (missing, "nowhere"), (unwritable, "file")):
        assert str(tmp_path / folder) in str(error.value)
