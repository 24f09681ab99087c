from pathlib import Path

import msgspec
import pytest

from tercio.app.settings import load
from tercio.app.story import Story, find, lone, story_of
from tercio.model.commands import Effect
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.store.errors import StateUnusable
from tercio.store.reader import Entry
from tercio.store.state import State
from tests.app.given import attacked, home, keep
from tests.loop.given import EWS1, PLC1, Desk, alert, poll, window


def story(folder: Path, desk: Desk, asked: str = "") -> Story:
    settings = load(home(folder, hand=True))
    keep(desk, settings)
    with State.read(settings.state) as reader:
        return story_of(reader, desk.incident, asked)


Lived = tuple[Story, Desk, Effect]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """An intruder was refused, the lease was renewed and seen to work, and a person ended it."""
    desk = Desk().contained()
    desk.pass_time(100 * SECOND)
    stood = desk.effect
    desk.say(WordKind.UNDO, stood.lease)
    desk.answer()
    return story(tmp_path_factory.mktemp("lived"), desk), desk, stood


def test_a_deed_has_its_order_its_answer_its_renewals_its_witness_and_its_end(lived: Lived):
    told, _, stood = lived
    (deed,) = told.deeds
    assert (deed.effect.lease, deed.effect.state) == (stood.lease, "released")
    assert deed.ordered is not None
    assert deed.answered is not None
    assert deed.answered.held
    assert len(deed.renewals) == stood.renewed >= 2
    assert list(deed.renewals) == sorted(deed.renewals)
    assert deed.ended is not None
    assert deed.witness == ("sensor ot saw modbus go from hmi1 (10.77.30.10, ot) to plc1 (10.77.30.21, ot)")
    assert deed.undo == "", "nothing stands any more"
    assert [spoken.word.who for spoken in told.words] == ["anna"]


def test_beliefs_before_then_and_now(lived: Lived):
    told, desk, _ = lived
    (ws1,) = [held for held in told.beliefs if held.asset == "ws1"]
    assert ws1.zone == "office"
    assert 0 < ws1.before < 0.01
    assert (ws1.decided or 0) > 0.5
    assert ws1.now == desk.incident.beliefs["ws1"].held
    assert ws1.proven == desk.incident.proved("ws1")


def test_its_place_in_the_journal(lived: Lived):
    told, desk, _ = lived
    written = sum(len(turn.transaction.records) for turn in desk.turns if turn.transaction)
    assert told.journal.size == written
    assert list(told.journal.records) == sorted(set(told.journal.records))
    assert {moment.record for moment in told.moments} <= set(told.journal.records)
    assert len(told.journal.root) == 64


def test_the_whole_story_is_one_json_object_without_the_input_of_every_decision(lived: Lived):
    raw = msgspec.json.encode(lived[0])
    assert msgspec.json.decode(raw)["incident"]["id"] == lived[1].incident.id
    assert b'"question"' not in raw


def test_the_decision_that_acted_is_shown_unless_another_is_asked_for(tmp_path: Path):
    desk = Desk().contained()
    desk.take(poll(desk.now), alert(desk.now, EWS1, PLC1), after=SECOND)
    settings = load(home(tmp_path, hand=True))
    keep(desk, settings)
    with State.read(settings.state) as reader:
        for incident in desk.state.incidents.values():
            told = story_of(reader, incident)
            acted = [deed.effect.decision for deed in told.deeds]
            assert (told.shown[0], told.focus) == (acted[0], acted[0])
            with pytest.raises(ValueError, match="begins more than one name: fnd-"):
                find(reader, "fnd-")
            for each in told.decisions:
                other = story_of(reader, incident, each.decision.id)
                assert other.focus == each.decision.id
                assert other.focus in other.shown


def test_names_of_four_kinds_lead_to_the_incident(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    incident, effect = desk.incident.id, desk.effect
    with State.read(settings.state) as reader:
        for name in (incident, effect.lease, effect.decision, desk.incident.findings[0]):
            assert find(reader, name) == (incident, name)
            assert find(reader, name[:12]) == (incident, name)
        assert find(reader, "lse-nothing") is None


def test_a_finding_that_opened_nothing_stands_alone(tmp_path: Path):
    desk = Desk()
    desk.say(WordKind.WINDOW_OPEN, window=window())
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    (note,) = desk.records("finding")
    settings = load(home(tmp_path, hand=True))
    keep(desk, settings)
    with State.read(settings.state) as reader:
        assert find(reader, note["finding"]["id"]) == ("", note["finding"]["id"])
        alone = lone(reader, note["finding"]["id"])
    assert alone.finding.finding.id == note["finding"]["id"]
    assert [cited.event.id for cited in alone.cited] == note["finding"]["events"]


def test_a_record_that_cannot_be_read_is_told(tmp_path: Path):
    settings, desk = attacked(tmp_path)

    class Damaged:
        """A reader whose decisions lost their bodies' meaning."""

        def __init__(self, reader) -> None:
            self.effects, self.cited, self.checkpoint = reader.effects, reader.cited, reader.checkpoint
            self._records = reader.records

        def records(self, **how) -> tuple[Entry, ...]:
            found = self._records(**how)
            return tuple(msgspec.structs.replace(e, body=b"{}") if e.kind == "decision" else e for e in found)

    with State.read(settings.state) as reader, pytest.raises(StateUnusable, match="Run `tercio audit verify`"):
        story_of(Damaged(reader), desk.incident)
