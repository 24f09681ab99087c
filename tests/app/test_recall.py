from pathlib import Path

import pytest

from tercio.agents.mandate import load as load_mandate
from tercio.app.recall import Recalled, failed_policies, recall, set_aside
from tercio.app.settings import load
from tercio.content import mandate_schema, mandate_texts
from tercio.loop.conduct import Setback
from tercio.model.canon import canonical
from tercio.model.records import Transaction
from tercio.store.errors import StateUnusable
from tercio.store.state import State
from tests.app.given import attacked, home, keep
from tests.loop.given import PLC1, WS1, Desk, alert, content, poll, replace

OVERFLOW = """@id("adds_up")
@words("belief and cost together stay small")
forbid (principal, action in Action::"act", resource)
when { context.belief * 9223372036854775807 > 1 };
"""


def test_what_the_loop_remembers_is_read_beside_it(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    with State.read(settings.state) as reader:
        found = recall(reader)
    memory = desk.state.memory
    assert (found.heard, found.silent, found.stood_down) == (memory.heard, memory.silent, memory.stood_down)
    assert found.heard
    assert (found.windows.late, found.windows.dropped) == (0, 0)


def test_what_was_set_aside_is_told_with_the_reason(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    assert set_aside(settings.state) == {}
    few, many = Setback("1", 1, 3, "why"), Setback("1", 1, 64, "why", aside=True)
    memory = replace(desk.state.memory, setbacks={"a": many, "b": few})
    with State.open(settings.state, origin="tercio/test") as store:
        store.commit(Transaction(time=1, snapshot=canonical(memory)))
    said = "set aside, because it failed on 64 records; on the last: why"
    assert set_aside(settings.state) == {"a": said}
    assert set_aside(tmp_path / "nowhere") == {}


def test_a_state_without_a_loop_has_nothing_to_recall(tmp_path: Path):
    State.open(tmp_path, origin="tercio/test").close()
    with State.read(tmp_path) as reader:
        assert recall(reader) == Recalled()
        assert failed_policies(reader) == ()


def test_a_damaged_memory_is_told(tmp_path: Path):
    settings, _ = attacked(tmp_path)
    with State.open(settings.state, origin="tercio/test") as store:
        store.commit(Transaction(time=1, snapshot=b'{"heard": 7}'))
    with State.read(settings.state) as reader, pytest.raises(StateUnusable, match="can't be read"):
        recall(reader)


def test_a_policy_that_fails_denies_and_is_found(tmp_path: Path):
    """It is sound by the schema, and fails only when it is asked: the product is too large."""
    mandate = load_mandate(mandate_texts(), mandate_schema(), {"own.cedar": OVERFLOW})
    desk = Desk(replace(content(), mandate=mandate))
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=1_000_000)
    assert desk.state.incidents
    assert not desk.state.effects
    settings = load(home(tmp_path))
    keep(desk, settings)
    with State.read(settings.state) as reader:
        assert failed_policies(reader) == ("adds_up",)
    sound, _ = attacked(tmp_path / "sound")
    with State.read(sound.state) as reader:
        assert failed_policies(reader) == ()
