"""One turn: in which order things are written and ordered, that it is pure, and the life of a containment."""

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tercio.brain.detect.windows import Windows
from tercio.loop.authorise import Deliberation, decided
from tercio.loop.engine import FLUSH, FLUSH_DIRTY, LONGEST_LOOK, MOST_TOLD
from tercio.loop.state import Memory
from tercio.model.canon import canonical
from tercio.model.commands import Action, EffectState, HostTarget, Status
from tercio.model.decisions import Verb
from tercio.model.events import Batch
from tercio.model.incidents import Status as Life
from tercio.model.journal import Basis, Lost
from tercio.model.units import SECOND
from tercio.model.words import Word, WordKind
from tests.loop.given import (
    BASIS,
    EWS1,
    HANDSHAKE,
    HMI1,
    HOUR,
    PLC1,
    SOURCE,
    START,
    WS1,
    Desk,
    advising,
    alert,
    content,
    flow,
    fresh,
    listing,
    poll,
    replace,
    reply,
    two_sensors,
    window,
)

ROOT = Path(__file__).resolve().parents[2]


def told() -> Desk:
    """A story with everything in it, the same each time it is told."""
    desk = Desk().contained()
    desk.pass_time(40 * SECOND)
    desk.take(b"{broken\n", b'{"cut off\n', after=SECOND)
    desk.say(WordKind.WINDOW_OPEN, window=window(until=desk.now + HOUR))
    desk.take(alert(desk.now, EWS1, PLC1), alert(desk.now, WS1, PLC1, sport=41000), after=SECOND)
    desk.pass_time(20 * SECOND)
    desk.say(WordKind.STAND_DOWN, "filling")
    desk.pass_time(5 * SECOND)
    desk.say(WordKind.STAND_TO, "filling")
    desk.pass_time(600 * SECOND, step=2 * SECOND)
    return desk


def digest(desk: Desk) -> str:
    return hashlib.sha256(canonical([turn.transaction for turn in desk.turns])).hexdigest()


def test_nothing_is_ordered_that_is_not_in_the_same_or_an_earlier_transaction():
    desk = told()
    ordered: set[str] = set()
    sent = 0
    for result in desk.turns:
        rows = result.transaction.commands if result.transaction else ()
        ordered |= {row.command.id for row in rows if row.state == "ordered"}
        acting = [command for command in result.orders if command.action != Action.QUERY]
        sent += len(acting)
        assert {command.id for command in acting} <= ordered
    assert sent >= 5


def test_an_order_goes_out_with_finding_decision_authorisation_and_command_in_this_order():
    desk = Desk()
    desk.take(poll(desk.now))
    result = desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    kinds = [record.kind for record in result.transaction.records]
    assert kinds == ["finding", "decision", "incident", "authorisation", "command", "effect"]
    assert [c.action for c in result.orders] == [Action.DENY]
    assert [cited.raw for cited in result.transaction.cited] == [alert(START, WS1, PLC1)]
    assert result.transaction.offsets == {SOURCE: ("g1", desk.offset)}
    assert [incident.id for incident in result.transaction.incidents] == [desk.incident.id]


def test_the_same_stream_through_a_fresh_engine_gives_the_same_bytes():
    assert digest(told()) == digest(told())


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_same_bytes_come_under_every_hash_seed(seed: str):
    code = "from tests.loop.test_engine import digest, told; print(digest(told()))"
    path = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
    env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest(told())


def test_memory_survives_its_own_bytes():
    desk = told()
    assert msgspec.json.decode(canonical(desk.state.memory), type=Memory) == desk.state.memory
    assert desk.state.memory.leases == {}
    assert desk.state.memory.announced


def test_a_healthy_line_orders_nothing_and_writes_now_and_then():
    desk = Desk()
    desk.take(poll(desk.now))
    first = len(desk.turns)
    desk.pass_time(60 * SECOND, step=SECOND // 2)
    writes = [turn.transaction for turn in desk.turns[first:] if turn.transaction]
    assert not desk.orders
    assert not any(transaction.records for transaction in writes)
    assert len(writes) == 60 * SECOND // FLUSH
    assert writes[-1].offsets == {SOURCE: ("g1", desk.offset)}


def test_held_then_confirmed_then_renewed_then_released_then_contained_again():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    lease = desk.effect.lease
    assert desk.effect.state == EffectState.ORDERED
    assert desk.incident.status == Life.OPEN
    desk.answer()
    assert (desk.effect.state, desk.effect.held, desk.effect.confirmed) == (EffectState.STANDING, desk.now, 0)
    assert desk.incident.status == Life.CONTAINED
    desk.take(poll(desk.now + SECOND), after=SECOND)
    assert desk.effect.confirmed == desk.now
    desk.pass_time(40 * SECOND)
    assert (desk.effect.lease, desk.effect.renewed) == (lease, 1)
    assert desk.effect.until > START + 80 * SECOND
    desk.pass_time(900 * SECOND)
    assert not desk.state.effects
    assert desk.incident.status == Life.RELEASED
    assert desk.incident.round == 1
    assert desk.states()[-1] == "released"
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.answer()
    assert desk.effect.lease != lease
    assert desk.effect.target == HostTarget("ws1", ("10.77.10.10", "fd00:77:10::10"))
    assert desk.incident.status == Life.CONTAINED


def test_a_round_begins_with_each_release_also_while_something_else_stands():
    desk = Desk().contained()
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    desk.answer()
    first = next(e for e in desk.state.effects.values() if e.target.asset == "ws1")
    desk.say(WordKind.UNDO, first.lease)
    desk.answer()
    assert len(desk.state.effects) == 1
    assert desk.incident.status == Life.CONTAINED
    assert desk.incident.round == 1


def test_a_forgeable_finding_alone_contains_nothing():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(*(alert(desk.now, WS1, PLC1, 9200002, "forgeable", dport=port) for port in range(1, 5)), after=SECOND)
    desk.pass_time(120 * SECOND)
    assert not desk.state.effects
    assert desk.records("finding")


def test_ten_thousand_equal_alerts_are_a_handful_of_records():
    desk = Desk()
    desk.take(poll(desk.now))
    for _ in range(10):
        desk.take(poll(desk.now + SECOND), *(alert(START, WS1, PLC1) for _ in range(1000)), after=SECOND)
        desk.answer()
    assert desk.incident.repeats >= 9_999
    kinds = [r.kind for t in desk.turns if t.transaction for r in t.transaction.records]
    assert [told["finding"]["title"] for told in desk.records("finding")] == [
        "Modbus write",
        "Many Modbus writes to one controller",
        "A flood of findings: Modbus write",
    ]
    assert kinds.count("decision") == 1
    assert len(kinds) < 30
    assert max(len(t.transaction.snapshot) for t in desk.turns if t.transaction) < 3_000


def test_while_an_attack_only_repeats_itself_little_is_written():
    desk = Desk(advising())
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    before = len(desk.records("incident"))
    for _ in range(120):
        desk.take(poll(desk.now + SECOND), alert(desk.now, WS1, PLC1), after=SECOND)
    looks = len(desk.records("decision")) - 1
    assert looks <= 2
    assert 0 < len(desk.records("incident")) - before - looks <= 120 * SECOND // FLUSH_DIRTY
    assert desk.incident.repeats == 120


def test_what_repeated_is_written_with_the_offset_that_covers_it_whatever_the_reason_to_write():
    desk = Desk().contained()
    result = desk.take(alert(desk.now, WS1, PLC1), b"broken\n", after=SECOND)
    assert result.transaction.offsets[SOURCE][1] == desk.offset
    assert [incident.repeats for incident in result.transaction.incidents] == [1]
    assert desk.state.dirty == ()


def test_excused_findings_that_opened_nothing_are_journaled_once_an_hour():
    desk = Desk()
    desk.say(WordKind.WINDOW_OPEN, window=window(until=START + 3 * HOUR))
    for _ in range(10):
        desk.take(alert(desk.now, EWS1, PLC1), after=60 * SECOND)
    assert not desk.state.incidents
    assert [told["change"] for told in desk.records("finding")] == ["below"]
    desk.take(alert(desk.now, EWS1, PLC1), after=HOUR)
    assert len(desk.records("finding")) == 2


def test_what_opened_nothing_is_journaled_up_to_a_number():
    full = {f"k{n}": START for n in range(MOST_TOLD)}
    state = fresh(memory=replace(fresh().memory, told=full, announced=(window(),)))
    desk = Desk(state=state)
    desk.take(alert(desk.now, EWS1, PLC1), after=SECOND)
    assert not desk.records("finding")
    desk.take(alert(desk.now, EWS1, PLC1), after=HOUR - 2 * SECOND)
    assert not desk.records("finding")
    desk.take(alert(START, EWS1, PLC1), after=2 * SECOND)
    assert len(desk.records("finding")) == 1
    assert len(desk.state.memory.told) == 1


def test_a_broken_line_is_counted_and_stops_nothing():
    desk = Desk()
    desk.take(poll(desk.now))
    result = desk.take(
        b"\xff\xfe nonsense\n", b"{}\n", alert(desk.now, WS1, PLC1), b'{"event_type":"alert"\n', after=SECOND
    )
    assert [line.offset - len(poll(START)) for line in result.transaction.unparsed] == [
        0,
        len(b"\xff\xfe nonsense\n{}\n" + alert(START, WS1, PLC1)),
    ]
    assert desk.state.memory.unparsed == {SOURCE: 2}
    assert desk.effect.state == EffectState.ORDERED


def test_a_refused_order_is_held_off_and_not_repeated():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.answer(Status.REFUSED, detail="never")
    assert desk.records("effect")[-1]["state"] == "failed"
    desk.pass_time(300 * SECOND, status=Status.REFUSED)
    names = [row["command"]["target"].get("asset") for row in desk.records("command") if row["state"] == "ordered"]
    assert names.count("ws1") == 1
    assert "host ws1" in desk.state.memory.held_off[desk.incident.id]


def test_an_unreachable_hand_is_asked_again_until_the_order_lapses():
    desk = Desk()
    desk.take(poll(desk.now))
    first = desk.take(alert(desk.now, WS1, PLC1), after=SECOND).orders[0]
    for _ in range(50):
        desk.answer(Status.UNREACHABLE, after=0)
        desk.take(poll(desk.now + SECOND), after=SECOND)
    again = [c for t in desk.turns[2:] for c in t.orders if c.id == first.id]
    assert 40 < len(again) <= 50
    assert [row["state"] for row in desk.records("command") if row["command"]["id"] == first.id] == ["ordered"]
    desk.pass_time(15 * SECOND, status=Status.UNREACHABLE)
    assert [row["state"] for row in desk.records("command") if row["command"]["id"] == first.id] == [
        "ordered",
        "lapsed",
    ]
    (failed,) = [e for e in desk.records("effect") if e["state"] == "failed"]
    assert failed["why"] == "its hand never answered"


def test_what_its_hand_finds_no_more_is_lost_journaled_and_decided_anew():
    desk = Desk().contained()
    lease = desk.effect.lease
    while not any(c.action == Action.QUERY and c.issued > desk.effect.since for c in desk.turns[-1].orders):
        desk.take(poll(desk.now + SECOND), after=SECOND)
    desk.take(responses=(listing(desk.turns[-1], desk.now),))
    (lost,) = [e for e in desk.records("effect") if e["state"] == "lost"]
    assert (lost["lease"], lost["why"]) == (lease, "its hand no longer finds it standing")
    desk.take(poll(desk.now), after=SECOND // 10)
    assert desk.effect.lease != lease
    assert desk.effect.target.asset == "ws1"


def test_what_gets_through_although_it_is_refused_rolls_the_refusal_back():
    desk = Desk().contained()
    lease, until = desk.effect.lease, desk.effect.until
    doubted = desk.take(alert(desk.now + SECOND, WS1, PLC1), after=SECOND)
    assert not desk.orders, "its hand is asked first"
    desk.take(responses=(listing(doubted, desk.now, (lease, until)),))
    assert desk.effect.state == EffectState.STANDING
    assert "10.77.10.10 still reached 10.77.30.21" in desk.effect.why
    assert [c.action for c in desk.orders] == [Action.CANCEL]
    assert desk.orders[0].lease == lease
    desk.answer()
    assert desk.states().count("rolled back") == 1
    assert "host ws1" in desk.state.memory.held_off[desk.incident.id]
    desk.pass_time(30 * SECOND)
    assert all(e.target != HostTarget("ws1", ("10.77.10.10", "fd00:77:10::10")) for e in desk.state.effects.values())


def test_what_gets_through_because_the_refusal_was_taken_away_is_refused_again():
    """Somebody loaded the firewall's rules anew."""
    desk = Desk().contained()
    lease, target = desk.effect.lease, desk.effect.target
    doubted = desk.take(alert(desk.now + SECOND, WS1, PLC1), after=SECOND)
    desk.take(poll(desk.now), responses=(listing(doubted, desk.now),))
    assert desk.states().count("lost") == 1
    assert (desk.effect.lease != lease, desk.effect.target) == (True, target)
    assert not desk.state.memory.held_off


def test_while_a_hand_does_not_answer_a_doubt_it_is_asked_again():
    desk = Desk().contained()
    lease = desk.effect.lease
    desk.take(alert(desk.now + SECOND, WS1, PLC1), after=SECOND)
    questions = []
    for _ in range(12):
        result = desk.take(poll(desk.now + SECOND), alert(desk.now + SECOND, WS1, PLC1), after=SECOND)
        questions += [command for command in result.orders if command.action == Action.QUERY]
    assert len(questions) == 2
    assert desk.effect.lease == lease


def standing_in_the_view() -> Desk:
    """The intruder is refused with all his addresses, and one of them is the view's own."""
    desk = Desk()
    desk.pass_time(3 * SECOND)
    desk.contained()
    target = replace(desk.effect.target, addresses=(WS1, HMI1))
    told = Desk(state=replace(desk.state, effects={desk.effect.lease: replace(desk.effect, target=target)}))
    told.now, told.offset = desk.now, desk.offset
    return told


def test_an_effect_that_refuses_a_view_which_falls_silent_is_taken_back():
    desk = standing_in_the_view()
    for _ in range(5):
        desk.take(flow(desk.now, desk.now + SECOND, EWS1, PLC1), after=SECOND)
    assert "the view hmi1>plc1 fell silent after it" in [e["why"] for e in desk.records("effect")]
    assert desk.orders[0].action == Action.CANCEL
    desk.answer()
    assert "rolled back" in desk.states()


def test_whoever_can_silence_a_view_is_not_let_go_for_it():
    desk = Desk()
    desk.pass_time(3 * SECOND)
    desk.contained()
    for number in range(10):
        lines = flow(desk.now, desk.now + SECOND, EWS1, PLC1), alert(desk.now, WS1, PLC1, sport=50000 + number)
        desk.take(*lines, after=SECOND)
        desk.answer()
    assert "rolled back" not in desk.states()
    assert desk.effect.state == EffectState.STANDING
    assert not desk.state.memory.held_off
    noted = [e for e in desk.records("effect") if "nothing of that view is refused by it" in e["why"]]
    assert noted, "people are told all the same"


@pytest.mark.parametrize("pace", [1, 2, 4, 5, 10])
def test_a_view_that_polls_at_its_own_pace_undoes_nothing(pace: int):
    """Not even what stands in its way, as long as it is seen at that pace."""
    desk = Desk()
    for second in range(4 * pace + 1):
        desk.take(*((poll(desk.now),) if second % pace == 0 else ()), after=SECOND)
    desk.take(alert(desk.now, WS1, PLC1))
    desk.answer()
    target = replace(desk.effect.target, addresses=(WS1, HMI1))
    told = Desk(state=replace(desk.state, effects={desk.effect.lease: replace(desk.effect, target=target)}))
    told.now, told.offset = desk.now, desk.offset
    for second in range(4 * pace + 1, 9 * pace):
        lines = (poll(told.now),) if second % pace == 0 else ()
        told.take(*lines, flow(told.now, told.now + SECOND, EWS1, PLC1), after=SECOND)
        told.answer()
    assert "rolled back" not in told.states()


def test_a_view_that_falls_silent_with_its_sensor_proves_nothing():
    desk = Desk().contained()
    desk.pass_time(8 * SECOND, lines=False)
    assert desk.effect.state == EffectState.STANDING
    assert not any("fell silent" in e["why"] for e in desk.records("effect"))


def test_another_sensors_voice_is_no_sign_that_the_views_sensor_lives():
    desk = Desk(replace(two_sensors(), silent_after={})).contained()
    for n in range(8):
        desk.now += SECOND
        line = flow(desk.now - SECOND, desk.now, "10.77.10.50", "10.77.10.51")
        desk.take(batches=(Batch("office", "g1", n * len(line), (line,), desk.now),))
    assert not any("fell silent" in e["why"] for e in desk.records("effect"))


def test_with_a_silent_sensor_tercio_only_advises_and_acts_once_it_speaks_again():
    desk = Desk(two_sensors())
    desk.take(poll(desk.now))
    desk.take(after=11 * SECOND)
    assert desk.records("silence") == [{"source": SOURCE, "silent": True}]
    line = alert(desk.now, WS1, PLC1)
    desk.take(batches=(Batch("office", "g1", 0, (line,), desk.now),))
    assert "a zone that it touches is set to advise" in str(desk.records("decision")[0]["decision"]["rulings"])
    assert not desk.state.effects
    desk.take(poll(desk.now + SECOND), after=SECOND)
    desk.take(poll(desk.now + SECOND), after=SECOND)
    assert desk.records("silence")[-1] == {"source": SOURCE, "silent": False}
    assert desk.effect.target.asset == "ws1"


def test_what_is_being_ended_is_watched_no_more():
    """Else an undo would turn into a lasting refusal to choose the target again."""
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.incident.id)
    for _ in range(5):
        desk.take(flow(desk.now, desk.now + SECOND, EWS1, PLC1), alert(desk.now + SECOND, WS1, PLC1), after=SECOND)
    assert not desk.state.memory.held_off
    assert desk.effect.why == "anna said undo"


def test_new_evidence_begins_the_waiting_anew():
    desk = Desk(advising())
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    desk.pass_time(200 * SECOND)
    (docket,) = desk.state.memory.dockets.values()
    assert docket.looked == 3
    desk.take(poll(desk.now), alert(desk.now, EWS1, PLC1))
    (docket,) = desk.state.memory.dockets.values()
    assert docket.due == desk.now + 60 * SECOND


def test_what_waits_is_looked_at_again_ever_more_rarely():
    desk = Desk(advising())
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    assert not desk.state.effects
    chosen = desk.records("decision")[0]["decision"]["chosen"]["title"]
    assert chosen in (Verb.WAIT, Verb.ASK)
    start = desk.now
    desk.pass_time(3 * HOUR, step=10 * SECOND)
    times = [record["decision"]["time"] for record in desk.records("decision")]
    assert times[1] - start == 60 * SECOND
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps == sorted(gaps)
    assert max(gaps, default=0) <= LONGEST_LOOK + 10 * SECOND
    assert len(times) < 12


def test_a_day_after_the_last_evidence_an_incident_is_closed_and_forgotten():
    desk = Desk().contained()
    desk.pass_time(900 * SECOND)
    key = desk.incident.id
    desk.take(after=23 * HOUR)
    assert key in desk.state.incidents
    desk.take(after=2 * HOUR)
    assert not desk.state.incidents
    assert desk.records("incident")[-1]["status"] == "closed"
    memory = desk.state.memory
    assert (memory.dockets, memory.held_off, memory.leases, memory.acts) == ({}, {}, {}, {})


def test_declared_writers_are_left_alone():
    desk = Desk()
    for _ in range(20):
        desk.take(poll(desk.now), alert(desk.now, HMI1, PLC1), after=SECOND)
    assert not desk.state.effects
    assert not desk.orders


def test_what_a_file_could_not_give_is_journaled():
    desk = Desk()
    desk.take(losses=(Lost(SOURCE, "eve.json was truncated"),))
    assert desk.records("loss") == [{"source": SOURCE, "loss": "eve.json was truncated"}]


def test_a_decision_follows_again_from_its_record():
    desk = Desk().contained()
    written = [t.transaction for t in desk.turns if t.transaction]
    (body,) = [r.body for transaction in written for r in transaction.records if r.kind == "decision"]
    told = msgspec.json.decode(body, type=Deliberation)
    again = decided(desk.content.mandate, told.question, told.circumstances, told.decision.content_digest)
    assert canonical(again) == canonical(told.decision)


def test_lines_of_earlier_turns_that_a_finding_rests_on_are_kept_with_it():
    desk = Desk()
    desk.take(alert(desk.now, WS1, PLC1, sid=HANDSHAKE))
    for port in (502, 102, 80, 22):
        desk.take(alert(desk.now, WS1, PLC1, sid=9200002, provenance="forgeable", dport=port), after=SECOND // 10)
    (finding,) = [told["finding"] for told in desk.records("finding")]
    kept = {cited.event.id for t in desk.turns if t.transaction for cited in t.transaction.cited}
    assert len(finding["events"]) > 1
    assert set(finding["events"]) <= kept


def test_what_decisions_rest_on_is_journaled_once_before_the_first_decision():
    desk = Desk(state=fresh(memory=Memory(windows=Windows(), heard={SOURCE: START})))
    desk.take(alert(desk.now, WS1, PLC1))
    kinds = [record.kind for record in desk.turns[0].transaction.records]
    assert kinds[0] == "basis"
    assert "decision" in kinds
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    (basis,) = desk.records("basis")
    assert msgspec.convert(basis, Basis) == desk.content.basis
    assert {d["decision"]["content_digest"] for d in desk.records("decision")} == {desk.content.basis.digest}


def test_what_decisions_rest_on_is_journaled_again_when_it_changed():
    desk = Desk().contained()
    desk.content = content(basis=replace(BASIS, rules="others"))
    desk.take(after=SECOND)
    assert [basis["rules"] for basis in desk.records("basis")] == ["others"]


def test_on_a_full_disk_people_and_ends_are_attended_to_and_nothing_new_begins():
    desk = Desk().contained()
    lease = desk.effect.lease
    count = len(desk.records("decision"))
    spared = desk.take(alert(desk.now, EWS1, PLC1), after=SECOND, spare=True)
    assert spared.state.offsets != {SOURCE: ("g1", desk.offset)}, "what was not looked at is read again"
    (answer,) = desk.take(
        spare=True, words=(Word(kind=WordKind.UNDO, who="anna", time=desk.now, target=lease),)
    ).answers
    assert answer.startswith("undoing")
    assert [order.action for order in desk.orders] == [Action.CANCEL]
    told, desk.orders = desk.orders, []
    desk.take(spare=True, responses=tuple(reply(order, desk.now) for order in told))
    assert not desk.state.effects
    assert desk.states()[-1] == EffectState.RELEASED
    assert len(desk.records("decision")) == count


def test_on_a_full_disk_what_stands_is_not_renewed_and_runs_out():
    desk = Desk().contained()
    until = desk.effect.until
    while desk.state.effects:
        desk.take(after=SECOND, spare=True)
    assert desk.now - until <= SECOND
    assert not desk.orders
    assert desk.states()[-1] == EffectState.EXPIRED


def test_on_a_full_disk_nothing_is_written_by_time_alone():
    desk = Desk()
    assert all(desk.take(after=FLUSH, spare=True).transaction is None for _ in range(5))
    assert desk.take(after=SECOND).transaction is not None
