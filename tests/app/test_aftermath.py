import msgspec
import pytest

from tercio.app.aftermath import DOUBT, after_block, aftermath, doubted, refused, witness
from tercio.loop.effects import MARGIN, watched
from tercio.model.commands import EffectState, HostTarget
from tercio.model.events import Provenance
from tercio.model.findings import Finding, Level
from tercio.model.units import SECOND
from tests.agents.given import CONDUIT, FLOW, NOW, effect
from tests.loop.given import EWS1, HIST1, HOUR, PLC1, WS1, content
from tests.loop.test_effects import event

replace = msgspec.structs.replace
WALL = effect(target=HostTarget("ws1", (WS1,), ("02:00:00:00:00:01",)), held=NOW)
SEEN = Finding(
    id="fnd-1", rule="r", version="1", title="Modbus write", level=Level.HIGH, tactics=(), techniques=(), events=(),
    time=NOW + SECOND, received=NOW + SECOND, provenance=Provenance.ESTABLISHED, src=WS1, dst=(PLC1,), service="modbus",
    port=502, flow="", source="ot", generation="1", offset=0,
)  # fmt: skip


def test_what_is_seen_while_a_block_holds_is_an_attempt_that_nobody_saw_get_through():
    said = aftermath(SEEN, (WALL,))
    assert said == "That was 1 s after the block of host ws1 held: an attempt; nothing was seen to get through."


def test_a_block_that_did_not_last_is_not_said_to_have_stopped_it():
    for state in (EffectState.LOST, EffectState.ROLLED_BACK):
        said = aftermath(SEEN, (replace(WALL, state=state, ended=NOW + 2 * SECOND, why="it is gone"),))
        assert said.endswith(f", and the block was {state}: it is gone.")
        assert "nothing was seen" not in said


def test_a_doubt_that_the_loop_had_is_not_passed_over():
    doubt = watched(content().site, WALL, (event(WS1, PLC1),)).contradiction
    assert DOUBT in doubt
    standing, over = replace(WALL, why=doubt), replace(WALL, state=EffectState.RELEASED, ended=NOW + HOUR, why="quiet")
    (kept,) = doubted((WALL, standing, over)).values()
    assert (kept.state, kept.why) == ("released", doubt)
    assert "and it may have got through: " in aftermath(SEEN, (kept,))


def test_packets_on_their_way_when_it_held_are_no_attempt():
    assert "under way" in aftermath(replace(SEEN, time=NOW + MARGIN), (WALL,))
    assert "an attempt" in aftermath(replace(SEEN, time=NOW + MARGIN + 1), (WALL,))


@pytest.mark.parametrize(
    "changed",
    [
        {"finding": replace(SEEN, time=NOW)},
        {"finding": replace(SEEN, src=EWS1)},
        {"wall": replace(WALL, held=0)},
        {"wall": replace(WALL, state=EffectState.RELEASED, ended=NOW + SECOND // 2)},
    ],
)
def test_what_came_before_or_from_another_or_after_its_end_is_no_matter_of_the_block(changed: dict):
    assert after_block(changed.get("finding", SEEN), (changed.get("wall", WALL),)) == ()
    assert aftermath(changed.get("finding", SEEN), (changed.get("wall", WALL),)) == ""


def test_each_kind_of_target_knows_what_it_refuses():
    assert refused(WALL.target, replace(SEEN, src="10.77.10.99", machine="02:00:00:00:00:01"))
    assert not refused(WALL.target, replace(SEEN, src="10.77.10.99", machine="02:00:00:00:00:02"))
    flow = replace(SEEN, dst=(HIST1,), port=443)
    assert refused(FLOW, flow)
    assert not refused(FLOW, replace(flow, port=80))
    assert not refused(FLOW, replace(flow, dst=(PLC1,)))
    assert refused(CONDUIT, SEEN)
    assert refused(CONDUIT, replace(SEEN, src=PLC1, dst=(WS1,)))
    assert not refused(CONDUIT, replace(SEEN, src=HIST1))
    assert not refused(CONDUIT, replace(SEEN, src="ws1.plant", dst=("not an address",)))


def test_a_witness_is_told_with_sensor_and_both_ends():
    site = content().site
    saw = ("ot", "modbus", "10.77.30.10", PLC1)
    assert witness(replace(WALL, saw=saw), site) == (
        "sensor ot saw modbus go from hmi1 (10.77.30.10, ot) to plc1 (10.77.30.21, ot)"
    )
    assert "saw traffic go" in witness(replace(WALL, saw=("ot", "alert", WS1, PLC1)), site)
    assert witness(WALL, site) == ""
