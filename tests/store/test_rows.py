import msgspec
import pytest

from tercio.model.commands import Effect, EffectState
from tercio.model.incidents import Incident
from tercio.model.records import CommandRow
from tercio.store import tables
from tercio.store.errors import StateUnusable
from tercio.store.rows import LIVE_STATES, cited_of, cited_row, command_row, decode, effect_row, incident_row
from tests.store import made


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (incident_row(made.incident(1)), tables.INCIDENTS),
        (command_row(made.command(1)), tables.COMMANDS),
        (effect_row(made.effect(1)), tables.EFFECTS),
        (cited_row(made.cited(1)), tables.CITED),
    ],
)
def test_a_row_fills_its_table(row, table):
    assert list(row) == [column.name for column in table.columns]
    assert all(type(value) in {str, int, bytes} for value in row.values())


def test_bodies_read_back():
    assert decode(incident_row(made.incident(1))["body"], Incident) == made.incident(1)
    assert decode(command_row(made.command(1))["body"], CommandRow) == made.command(1)
    assert decode(effect_row(made.effect(1))["body"], Effect) == made.effect(1)
    row = cited_row(made.cited(1, raw=b"\xff\0 no text \n"))
    assert cited_of(row["event"], row["raw"]) == made.cited(1, raw=b"\xff\0 no text \n")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b'{"lease":1}', "text", None, 7])
def test_a_damaged_body_is_said_with_what_to_do(body):
    with pytest.raises(StateUnusable, match=r"damaged \(Effect: .*audit verify"):
        decode(body, Effect)


def test_effects_that_are_over_are_not_live():
    over = {EffectState.RELEASED, EffectState.EXPIRED, EffectState.LOST, EffectState.ROLLED_BACK, EffectState.FAILED}
    assert {state.value for state in EffectState} - {state.value for state in over} == set(LIVE_STATES)


def test_a_body_is_canonical():
    body = effect_row(made.effect(1))["body"]
    assert body == msgspec.json.encode(msgspec.json.decode(body), order="sorted")
