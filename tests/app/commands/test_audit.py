import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tercio.app.build import code_digest
from tercio.app.cli import COMMANDS
from tercio.app.commands import audit
from tercio.brain.detect.windows import Windows
from tercio.loop.authorise import Deliberation
from tercio.loop.state import Memory
from tercio.model.canon import canonical
from tercio.model.records import Record, Transaction
from tercio.model.units import SECOND
from tercio.store.audit import verify
from tercio.store.keys import read_public, signing_key
from tercio.store.merkle import verify_consistency
from tercio.store.note import read
from tercio.store.state import State
from tests.app.conftest import Played
from tests.app.given import Cli, attacked, home, keep
from tests.loop.given import BASIS, EWS1, PLC1, SOURCE, START, Desk, alert, content, fresh, poll, replace

ORIGIN = "tercio/test"


def verdict(cli: Cli, settings: Path, *words: str) -> tuple[int, dict]:
    done = cli("audit", "verify", *words, "--json", settings=settings)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def outcome(cli: Cli, *words: str) -> tuple[int, dict]:
    done = cli("audit", "replay", *words, "--json")
    return done.returncode, json.loads(done.stdout)


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "state.db")) as raw, raw:
        for statement in statements:
            assert raw.execute(statement).rowcount, f"{statement} changed nothing"


def recorded(folder: Path, code: str = "") -> Path:
    """A state folder whose decisions this build made (or another), with their basis."""
    from tercio.app.settings import load

    settings = load(home(folder, hand=True))
    basis = replace(BASIS, code=code or code_digest())
    desk = Desk(content(basis=basis), fresh(memory=Memory(windows=Windows(), heard={SOURCE: START})))
    desk.contained()
    desk.take(poll(desk.now), alert(desk.now, EWS1, PLC1), after=SECOND)
    desk.answer()
    keep(desk, settings)
    return settings.state


def test_people_reach_these_commands_by_their_words():
    assert {"audit verify": audit.audit_verify, "audit replay": audit.audit_replay}.items() <= COMMANDS.items()


def test_a_whole_journal_is_proved(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    status, found = verdict(cli, settings.file)
    assert (status, found["ok"], found["wrong"]) == (0, True, "")
    done = cli("audit", "verify", "--state", str(settings.state))
    assert done.returncode == 0, "a folder needs no settings"
    assert done.stdout.startswith(f"The journal is whole: {found['size']} records, ")
    assert done.stdout.endswith(f"root {found['root']}\n")


def test_one_byte_changed_is_found(tmp_path: Path, cli: Cli):
    settings, desk = attacked(tmp_path)
    path = settings.state / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    data = bytearray(path.read_bytes())
    at = data.find(b'"asset":"ws1"')
    assert at > 0
    data[at + 11] ^= 1
    path.write_bytes(data)
    status, found = verdict(cli, settings.file)
    assert (status, found["ok"]) == (1, False)
    done = cli("audit", "verify", settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"The journal is wrong: {found['wrong']}\n"
    assert desk.effect


def more(folder: Path, text: str) -> None:
    """One more record, as a loop would write it."""
    with State.open(folder, origin=ORIGIN) as store:
        store.commit(Transaction(time=START, records=(Record("note", text, START, canonical({"text": text})),)))


def test_a_checkpoint_kept_elsewhere_is_continued_and_the_proof_is_shown(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    note = tmp_path / "kept.note"
    status, early = verdict(cli, settings.file, "--keep", str(note))
    assert (status, note.read_text()) == (0, early["checkpoint"])
    more(settings.state, "one")
    more(settings.state, "two")
    status, found = verdict(cli, settings.file, "--since", str(note), "--keep", str(note))
    assert (status, found["size"]) == (0, early["size"] + 2)
    roots = bytes.fromhex(early["root"]), bytes.fromhex(found["root"])
    proof = [bytes.fromhex(node) for node in found["consistency"]]
    assert verify_consistency(early["size"], found["size"], roots, proof)
    assert read(note.read_text(), read_public(settings.state / "journal.pub")).size == found["size"]
    done = cli("audit", "verify", "--since", str(note), settings=settings.file)
    assert f"it continues the {found['size']} records of the checkpoint that you kept" in done.stdout
    assert "2 of kinds that this version does not read" in done.stdout


def test_a_state_that_was_put_back_is_found_by_the_checkpoint_kept_elsewhere(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    before = shutil.copytree(settings.state, tmp_path / "before")
    more(settings.state, "the record that should be forgotten")
    note = tmp_path / "kept.note"
    assert verdict(cli, settings.file, "--keep", str(note))[0] == 0
    shutil.rmtree(settings.state)
    shutil.copytree(before, settings.state)
    assert verdict(cli, settings.file)[0] == 0, "nobody else could tell"
    status, found = verdict(cli, settings.file, "--since", str(note))
    assert status == 1
    assert "or an older one was put back" in found["wrong"]
    more(settings.state, "another history")
    status, found = verdict(cli, settings.file, "--since", str(note))
    assert status == 1
    assert "are not those that the checkpoint kept elsewhere knows" in found["wrong"]
    assert found["consistency"] == []


def test_an_auditor_elsewhere_needs_the_public_key_and_a_copy_alone(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    key = shutil.copy(settings.state / "journal.pub", tmp_path / "plant.pub")
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(settings.state / "state.db", copy)
    done = cli("audit", "verify", "--state", str(copy), "--json")
    assert (done.returncode, "journal.pub" in json.loads(done.stdout)["error"]) == (1, True)
    assert cli("audit", "verify", "--state", str(copy), "--key", key).returncode == 0
    other = tmp_path / "other.key"
    signing_key(other)
    done = cli("audit", "verify", "--state", str(copy), "--key", str(other.with_suffix(".pub")))
    assert (done.returncode, "signed with another key" in done.stderr) == (1, True)
    done = cli("audit", "verify", "--state", str(copy), "--key", str(tmp_path / "none.pub"))
    assert (done.returncode, "none.pub: No such file" in done.stderr) == (78, True)


def test_a_copy_taken_while_a_loop_writes_is_proved(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    copy = tmp_path / "copy"
    copy.mkdir()
    with State.open(settings.state, origin=ORIGIN) as store:
        store.commit(Transaction(time=START, records=(Record("word", "x", START, b"{}"),)))
        with closing(sqlite3.connect(settings.state / "state.db")) as live:
            live.execute(f"VACUUM INTO '{copy / 'state.db'}'")
        store.commit(Transaction(time=START, records=(Record("word", "y", START, b"{}"),)))
        key = str(settings.state / "journal.pub")
        status, found = verdict(cli, settings.file, "--state", str(copy), "--key", key)
        live_status, later = verdict(cli, settings.file)
    assert (status, live_status) == (0, 0)
    assert later["size"] == found["size"] + 1


@pytest.mark.parametrize(("text", "told"), [("x", "not laid out as a checkpoint"), (None, "No such file")])
def test_a_file_that_is_no_checkpoint_is_told(tmp_path: Path, cli: Cli, text: str | None, told: str):
    settings, _ = attacked(tmp_path)
    note = tmp_path / "kept.note"
    if text is not None:
        note.write_text(text)
    done = cli("audit", "verify", "--since", str(note), settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr


def test_a_journal_written_anew_with_another_key_is_found_by_what_was_kept(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    note = tmp_path / "kept.note"
    verdict(cli, settings.file, "--keep", str(note))
    shutil.rmtree(settings.state)
    more(settings.state, "a new history")
    assert verdict(cli, settings.file)[0] == 0
    done = cli("audit", "verify", "--since", str(note), settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "signed with another key. It belongs to another journal, or this journal was written anew" in done.stderr


def test_every_decision_is_replayed_from_the_state_alone(tmp_path: Path, cli: Cli):
    folder = recorded(tmp_path)
    status, found = outcome(cli, "--state", str(folder))
    assert (status, found["ok"], found["decisions"], found["equal"]) == (0, True, 2, 2)
    done = cli("audit", "replay", "--state", str(folder))
    assert (done.returncode, done.stdout) == (0, "2 of 2 decisions come out the same, to the byte\n")
    assert done.stderr == ""


def test_decisions_of_another_build_are_refused_unless_asked_for(tmp_path: Path, cli: Cli):
    folder = recorded(tmp_path, code="another build")
    done = cli("audit", "replay", "--state", str(folder))
    assert (done.returncode, done.stdout) == (1, "0 of 2 decisions come out the same, to the byte\n")
    assert "2 were not replayed: record " in done.stderr
    assert "was decided by other code (Tercio 0, another buil) than this build" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert outcome(cli, "--state", str(folder), "--anyway")[0] == 0


def resigned(folder: Path, seq: int, body: bytes) -> None:
    """Rewrite one record and sign the whole history anew, as whoever holds the machine and its key can."""
    from tercio.store.journal import digest_of, leaf_of
    from tercio.store.merkle import Range
    from tercio.store.note import parse, sign

    key = signing_key(folder / "journal.key")
    with closing(sqlite3.connect(folder / "state.db")) as raw, raw:
        kind, subject, time, salt = raw.execute(
            "SELECT kind, subject, time, salt FROM journal WHERE seq = ?", (seq,)
        ).fetchone()
        digest = digest_of(salt, body)
        leaf = leaf_of(seq, kind, subject, time, digest)
        raw.execute("UPDATE journal SET body = ?, digest = ?, leaf = ? WHERE seq = ?", (body, digest, leaf, seq))
        leaves = [row[0] for row in raw.execute("SELECT leaf FROM journal ORDER BY seq")]
        for number, text in raw.execute("SELECT number, note FROM checkpoints").fetchall():
            old = parse(text)
            again = sign(old.origin, old.size, Range().add(leaves[: old.size]).root(), old.beside, key)
            raw.execute("UPDATE checkpoints SET note = ? WHERE number = ?", (again.note, number))
        raw.execute("UPDATE log SET peaks = ?", (b"".join(Range().add(leaves).peaks),))


def test_a_decision_rewritten_and_signed_anew_is_found_by_its_replay_alone(tmp_path: Path, cli: Cli):
    folder = recorded(tmp_path)
    with State.read(folder) as reader:
        entry = reader.records(kind="decision")[0]
    told = msgspec.json.decode(entry.body, type=Deliberation)
    idle = replace(told, decision=replace(told.decision, chosen=told.decision.alternatives[-1]))
    resigned(folder, entry.seq, canonical(idle))
    assert verify(folder).ok, "whoever has the key can lie to the audit"
    status, found = outcome(cli, "--state", str(folder))
    assert (status, found["different"], found["equal"], found["first"]["seq"]) == (1, 1, 1, entry.seq)
    done = cli("audit", "replay", "--state", str(folder))
    assert f"1 do not follow from their record; the first is record {entry.seq}:" in done.stderr
    assert '-   "title": "' in done.stderr
    assert f'+   "title": "{told.decision.chosen.title}",' in done.stderr


def test_one_byte_of_a_decision_is_found_by_both(tmp_path: Path, cli: Cli):
    folder = recorded(tmp_path)
    change(
        folder,
        "UPDATE journal SET body = CAST(replace(body, '\"risk\":', '\"risk\": ') AS BLOB) WHERE kind = 'decision'",
    )
    assert not verify(folder).ok
    status, found = outcome(cli, "--state", str(folder))
    assert (status, found["different"]) == (1, 2)
    assert "not in its canonical form" in found["first"]["lines"][0]


@pytest.mark.parametrize("seed", ["0", "1", "12345"])
def test_a_recorded_demo_is_replayed_to_the_byte_by_another_process(played: Played, seed: str):
    """The state of a real demo, by the command as people start it, whatever the seed of Python's hashes."""
    argv = [sys.executable, "-m", "tercio", "audit", "replay", "--state", str(played.folder / "state"), "--json"]
    env = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert found["decisions"] > 0
    assert (done.returncode, found["equal"], found["different"]) == (0, found["decisions"], 0), found["first"]


def test_a_recorded_demo_has_every_line_that_it_cites(played: Played, cli: Cli):
    status, found = verdict(cli, played.settings)
    assert (status, found["absent"], found["unknown"]) == (0, 0, 0)
    assert found["size"] > 0


def test_a_checkpoint_that_is_not_there_is_told_with_what_helps(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    done = cli("audit", "verify", "--json", "--since", str(tmp_path / "none"), settings=settings.file)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"error": f"{tmp_path}/none: No such file or directory; correct the path"}
