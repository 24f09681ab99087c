"""Decisions recomputed from a journal, and recorded lines through a fresh loop: the same bytes, whatever the seed."""

import hashlib
import json
import os
import re
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import msgspec
import pytest

import tercio
from tercio.brain.detect.sightings import Track
from tercio.brain.detect.windows import LATENESS, Windows
from tercio.loop.authorise import Deliberation
from tercio.loop.replay import SHOWN, Kept, Recording, difference, inputs_of, journaled, played, replayed
from tercio.loop.state import LoopState, Turn
from tercio.model.canon import canonical
from tercio.model.incidents import Incident
from tercio.model.units import SECOND, instant, timestamp
from tests.loop.given import BASIS, EWS1, PLC1, SOURCE, WS1, Desk, alert, content, poll, replace

ROOT = Path(__file__).resolve().parents[2]
RULES = Path(tercio.__file__).parent / "content" / "rules"
SIZES = (1, 2, 7, 50, 10_000)


@cache
def recorded() -> tuple[bytes, ...]:
    """What Suricata really wrote for the cases of every rule, in the order of its own clock. Cases are recorded on
    different days: where more than a second lies between two lines, a second is left."""
    rows = [
        row + b"\n"
        for file in sorted(RULES.glob("*/*.ndjson"))
        for row in file.read_bytes().splitlines()
        if b'"event_type"' in row
    ]
    rows.sort(key=lambda row: json.loads(row)["timestamp"])
    told = [_instant(json.loads(row)["timestamp"]) for row in rows]
    found, early = [], 0
    for row, at, before in zip(rows, told, told[:1] + told, strict=False):
        early += max(0, at - before - SECOND)
        found.append(WRITTEN.sub(partial(_earlier, early), row))
    return tuple(found)


WRITTEN = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000")


def _instant(text: str) -> int:
    return instant(text.replace("+0000", "Z"))


def _earlier(span: int, found: re.Match[bytes]) -> bytes:
    return timestamp(_instant(found[0].decode()) - span).replace("Z", "+0000").encode()


BEGAN = _instant(json.loads(recorded()[-1])["timestamp"])
"""Everything is received once it was written: older than that, a line would be news of yesterday."""


def recording(pace: int = 0) -> Recording:
    return Recording(source=SOURCE, lines=recorded(), began=BEGAN, pace=pace)


@cache
def turns(size: int, pace: int = 0) -> tuple[Turn, ...]:
    return tuple(played(content(), inputs_of(content(), recording(pace), size, draw=0.25)))


def last(size: int, pace: int = 0) -> LoopState:
    return turns(size, pace)[-1].state


def bodies(size: int, kind: str, pace: int = 0) -> list[bytes]:
    written = [turn.transaction for turn in turns(size, pace) if turn.transaction]
    return [record.body for transaction in written for record in transaction.records if record.kind == kind]


def journal(desk: Desk) -> list[Kept]:
    """What a desk journaled, behind the basis that it began with."""
    written = [Kept(1, "basis", canonical(BASIS))]
    for turn in desk.turns:
        for record in turn.transaction.records if turn.transaction else ():
            written.append(Kept(len(written) + 1, record.kind, record.body))
    return written


@cache
def lived() -> tuple[Kept, ...]:
    """A day with several decisions: two intruders, one of them refused, a silent sensor, time."""
    desk = Desk().contained()
    desk.take(poll(desk.now), alert(desk.now, EWS1, PLC1), after=SECOND)
    desk.pass_time(90 * SECOND)
    desk.take(after=60 * SECOND)
    desk.take(poll(desk.now), alert(desk.now, WS1, PLC1, dport=502, sport=4), after=SECOND)
    return tuple(journal(desk))


def decisions() -> list[Kept]:
    return [record for record in lived() if record.kind == "decision"]


def test_every_decision_follows_to_the_byte_from_its_own_record():
    outcome = replayed(lived(), BASIS.code)
    assert outcome.decisions == outcome.equal == len(decisions()) >= 3
    assert (outcome.ok, outcome.refused, outcome.erased, outcome.first) == (True, 0, 0, None)


def test_nothing_to_replay_is_in_order():
    assert replayed([], "c").ok
    assert replayed([Kept(1, "finding", b"{"), Kept(2, "decision.2", b"{")], "c").decisions == 0


def forged(record: Kept, change) -> Kept:
    told = msgspec.json.decode(record.body, type=Deliberation)
    return replace(record, body=canonical(change(told)))


def cheaper(told: Deliberation) -> Deliberation:
    chosen = told.decision.chosen
    money = replace(chosen.money, attack=chosen.money.attack - 1)
    return replace(told, decision=replace(told.decision, chosen=replace(chosen, money=money)))


def another_hour(told: Deliberation) -> Deliberation:
    return replace(told, question=replace(told.question, now=told.question.now + SECOND))


def nothing_done(told: Deliberation) -> Deliberation:
    return replace(told, decision=replace(told.decision, chosen=told.decision.alternatives[-1]))


def stood_down(told: Deliberation) -> Deliberation:
    return replace(told, circumstances=replace(told.circumstances, stood_down=("all",)))


@pytest.mark.parametrize("change", [cheaper, another_hour, nothing_done, stood_down])
def test_a_decision_that_does_not_follow_is_shown(change):
    first = decisions()[0]
    outcome = replayed([forged(r, change) if r is first else r for r in lived()], BASIS.code)
    assert not outcome.ok
    assert (outcome.different, outcome.equal) == (1, len(decisions()) - 1)
    assert outcome.first.seq == first.seq
    shown = outcome.first.lines
    assert shown[:2] == ("--- recorded", "+++ recomputed")
    assert any(line.startswith("-") for line in shown[2:])
    assert any(line.startswith("+") for line in shown[2:])
    assert len(shown) <= SHOWN + 1


def test_the_same_values_in_other_bytes_are_a_difference():
    loose = [replace(r, body=r.body.replace(b":", b": ", 1)) if r.kind == "decision" else r for r in lived()]
    outcome = replayed(loose, BASIS.code)
    assert outcome.different == outcome.decisions
    assert outcome.first.lines == ("the same values in other bytes: the record is not in its canonical form",)


def test_a_record_that_can_t_be_read_is_a_difference():
    outcome = replayed([Kept(1, "decision", b'{"question":1}')], BASIS.code)
    assert (outcome.ok, outcome.different) == (False, 1)
    assert outcome.first.lines[0].startswith("the record can't be read: ")


def test_an_erased_decision_is_counted_and_is_no_fault():
    erased = [replace(r, body=None) if r.kind == "decision" else r for r in lived()]
    outcome = replayed(erased, BASIS.code)
    assert (outcome.ok, outcome.erased, outcome.equal) == (True, len(decisions()), 0)


def test_another_build_refuses_unless_it_is_told_to_try():
    outcome = replayed(lived(), "another")
    assert (outcome.ok, outcome.refused, outcome.equal) == (False, len(decisions()), 0)
    assert (
        f"record {decisions()[0].seq} was decided by other code (Tercio 0, c) than this build (another)" in outcome.why
    )
    assert replayed(lived(), "another", anyway=True).equal == len(decisions())


def test_a_decision_whose_basis_is_not_there_is_not_replayed_anyhow():
    outcome = replayed(lived()[1:], BASIS.code, anyway=True)
    assert (outcome.ok, outcome.refused) == (False, len(decisions()))
    assert f"rests on the basis {BASIS.digest[:12]}, and no record before it says what that was" in outcome.why
    unread = [Kept(1, "basis", b"{}"), *lived()[1:]]
    assert replayed(unread, BASIS.code).refused == len(decisions())


def test_a_mandate_that_this_build_can_t_read_is_said():
    other = replace(BASIS, policies=(("x.cedar", "permit("),))
    name = f'"{BASIS.digest}"'.encode()
    moved = [replace(r, body=r.body.replace(name, f'"{other.digest}"'.encode())) for r in lived()[1:]]
    outcome = replayed([Kept(1, "basis", canonical(other)), *moved], BASIS.code)
    assert "can't be read by this build: x.cedar" in outcome.why


def test_the_recorded_mandate_decides_not_the_one_that_ships():
    """A site's own policy is part of the basis: without it the same question has another answer."""
    own = '@id("none")\n@words("not here")\nforbid(principal, action in Action::"act", resource);\n'
    strict = replace(BASIS, own=(("none.cedar", own),))
    name = f'"{BASIS.digest}"'.encode()
    moved = [replace(r, body=r.body.replace(name, f'"{strict.digest}"'.encode())) for r in lived()[1:]]
    outcome = replayed([Kept(1, "basis", canonical(strict)), *moved], BASIS.code)
    assert outcome.different
    assert any(line.startswith("+") and '"forbidden"' in line for line in outcome.first.lines)


def test_a_difference_is_capped_and_moves_no_terminal():
    old = {"a": [f"\x1b[31m\u202e{n}" for n in range(100)]}
    shown = difference(canonical(old), canonical({"a": []}))
    assert shown[-1].startswith("... and ")
    assert all(line.isascii() and line.isprintable() for line in shown)


def test_a_recorded_stream_is_not_empty_of_meaning():
    """Else the tests below could not fail."""
    assert len(recorded()) > 150
    assert len(bodies(1, "finding")) > 4
    assert {"basis", "finding", "incident", "decision", "authorisation", "command", "effect"} <= {
        json.loads(line)[0] for line in journaled(turns(7)).splitlines()
    }


@pytest.mark.parametrize("size", SIZES)
def test_a_recorded_stream_twice_gives_the_same_bytes(size: int):
    again = journaled(played(content(), inputs_of(content(), recording(), size, draw=0.25)))
    assert again == journaled(turns(size))


@pytest.mark.parametrize("size", SIZES[1:])
def test_findings_incidents_and_evidence_do_not_depend_on_how_a_stream_is_cut(size: int):
    assert bodies(size, "finding") == bodies(1, "finding")
    assert undecided(last(size)) == undecided(last(1))
    assert lasting(last(size).memory.windows) == lasting(last(1).memory.windows)


def lasting(windows: Windows) -> Windows:
    """The windows as they count: what has expired is looked for now and then only."""
    found: dict[str, dict[str, Track]] = {}
    for name, groups in windows.tracks.items():
        least = windows.clocks[SOURCE] - content().rules.correlations[name].span - LATENESS
        tracks = {key: tuple(each for each in track if each.time >= least) for key, track in groups.items()}
        found[name] = {key: track for key, track in tracks.items() if track}
    return replace(windows, purged=0, tracks={name: groups for name, groups in found.items() if groups})


def undecided(state: LoopState) -> dict[str, Incident]:
    """Incidents without the count of the decisions taken on them: there is one a turn."""
    return {key: replace(incident, version=0) for key, incident in state.incidents.items()}


@pytest.mark.parametrize("size", SIZES[1:])
def test_received_over_time_only_instants_of_receipt_differ(size: int):
    mine, others = last(size, SECOND // 50), last(1, SECOND // 50)
    assert [fact(body) for body in bodies(size, "finding", SECOND // 50)] == [
        fact(body) for body in bodies(1, "finding", SECOND // 50)
    ]
    assert mine.incidents.keys() == others.incidents.keys()
    for key, incident in mine.incidents.items():
        other = others.incidents[key]
        assert replace(incident, version=0, updated=0) == replace(other, version=0, updated=0)


def fact(body: bytes) -> dict:
    """A finding's record without when its line was received, which the digest of its lines covers, too."""
    told = json.loads(body)
    return {**told, "lines": "", "finding": {**told["finding"], "received": 0}}


def test_turns_cover_every_line_once():
    given = list(inputs_of(content(), recording(pace=3), 7, draw=0.5))
    lots = [lot for inputs in given for lot in inputs.lots]
    assert [lot.offset for lot in lots] == [0, *(lot.end for lot in lots[:-1])]
    assert lots[-1].end == sum(map(len, recorded()))
    assert given[0].now == BEGAN + 6 * 3
    assert given[-1].now == BEGAN + (len(recorded()) - 1) * 3


SCRIPT = """
import hashlib
from tests.loop.test_replay import BASIS, SIZES, journaled, lived, replayed, turns
for size in SIZES:
    print(hashlib.sha256(journaled(turns(size))).hexdigest())
outcome = replayed(lived(), BASIS.code)
print(outcome.decisions, outcome.equal)
print(hashlib.sha256(b"".join(record.body for record in lived())).hexdigest())
"""


@pytest.mark.parametrize("seed", ["0", "1", "12345"])
def test_another_process_with_another_hash_seed_gives_the_same_bytes(seed: str):
    env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    *streams, counts, life = done.stdout.splitlines()
    assert streams == [hashlib.sha256(journaled(turns(size))).hexdigest() for size in SIZES]
    assert counts == f"{len(decisions())} {len(decisions())}"
    assert life == hashlib.sha256(b"".join(record.body for record in lived())).hexdigest()
