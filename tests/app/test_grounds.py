import msgspec
import pytest
from rich.console import Group

from tercio.app.clock import Clock
from tercio.app.grounds import advised, believed, considered, evidence, raw_lines
from tercio.app.settings import load
from tercio.app.story import Held, Story, story_of
from tercio.model.units import SECOND
from tercio.store.state import State
from tests.app.given import drawn, home, keep
from tests.loop.given import EWS1, PLC1, WS1, Desk, alert, poll

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Two intruders in one incident: each act of Tercio has its own decision."""
    desk = Desk().contained()
    desk.take(poll(desk.now), alert(desk.now, EWS1, PLC1), after=SECOND)
    desk.answer()
    settings = load(home(tmp_path_factory.mktemp("grounds"), hand=True))
    keep(desk, settings)
    with State.read(settings.state) as reader:
        return story_of(reader, desk.incident)


def held(asset: str, now: float) -> Held:
    return Held(asset, "ot", 0.001, now, now, now, "foothold")


def test_every_decision_that_acted_has_its_table_with_what_was_new(told: Story):
    acted = {deed.effect.decision for deed in told.deeds}
    assert len(acted) == 2
    text = drawn(Group(*considered(told, Clock(None, 0))), width=120)
    assert text.count("What was considered at") == len(told.shown) >= 2
    assert all(f"({name})" in text for name in acted)
    assert 'new     "Modbus write" by ews1' in text
    assert "stands  host ws1: the plans below come on top of it" in text
    assert "needs no permission: it changes nothing in the world" in text
    assert "change_nothing" not in text


def test_who_is_hardly_suspected_is_counted_not_listed(told: Story):
    few = replace(told, beliefs=(held("ws1", 0.8), held("10.77.30.60", 0.001), held("gate-ot", 0.002)))
    text = drawn(believed(few), width=120)
    assert "ws1 (office)" in text
    assert "10.77.30.60" not in text
    assert "2 others, each below 1%" in text
    assert drawn(believed(replace(told, beliefs=()))).strip() == "Nothing, of anybody."


def test_who_is_probably_held_comes_with_advice_by_what_it_is(told: Story):
    given = replace(told, beliefs=(held("plc1", 0.8), held("hmi1", 0.49), held("10.77.10.99", 0.9)))
    text = drawn(Group(*advised(given)), width=160)
    assert "plc1 (ot)" in text
    assert "with the backup before anybody trusts it" in text
    assert "find the machine behind this address" in text
    assert "hmi1" not in text
    assert advised(replace(told, beliefs=(held("plc1", 0.4),))) == []


def test_evidence_is_told_by_title_and_strength_in_words(told: Story):
    text = drawn(Group(*evidence(told)), width=300)
    assert 'rule "Modbus write" (' in text
    assert text.count("Could have been forged: any machine") == 1
    assert "very strong evidence that ws1 (office) is under the intruder's control (seen " in text
    assert "judged" not in text
    learned = replace(told.findings[0].evidence[0], judged=(13, 14))
    of = replace(told, findings=(replace(told.findings[0], evidence=(learned,)),))
    assert "; of 14 judged incidents with this rule 13 were right)" in drawn(Group(*evidence(of)), width=300)
    piece = replace(told.findings[0].evidence[0], ratio=4.0, forgeable=True)
    weak = replace(told, findings=(replace(told.findings[0], evidence=(piece,)),))
    assert "slight evidence that" in drawn(Group(*evidence(weak)), width=300)
    assert "; it counts little, since it could have been forged" in drawn(Group(*evidence(weak)), width=300)


def test_raw_records_are_whole_lines(told: Story):
    lines = list(raw_lines(told.cited))
    assert len(lines) == 2 * len(told.cited) >= 4
    assert all(line.endswith(":") for line in lines[::2])
    assert all(msgspec.json.decode(line)["event_type"] == "alert" for line in lines[1::2])
    assert any(WS1 in line for line in lines)
