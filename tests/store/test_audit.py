# ruff: noqa: S608  Statements that break a state are put together from the state.
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tercio.model.events import Unparsed
from tercio.model.incidents import Status
from tercio.model.records import Record, Transaction
from tercio.store.audit import Anchor, Verdict, verify
from tercio.store.errors import StateUnusable
from tercio.store.keys import public_bytes, read_public
from tercio.store.merkle import EMPTY, Range, verify_consistency
from tercio.store.note import Checkpoint, sign
from tercio.store.state import State
from tests.store import made

TURNS = 3
ERASED = 13
SIZE = 4 * TURNS + 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three turns, a word, a finding, and the word erased: 15 records, 7 checkpoints."""
    folder = tmp_path_factory.mktemp("whole") / "state"
    with State.open(folder, origin="x") as state:
        for n in range(TURNS):
            state.commit(made.turn(n))
        state.commit(Transaction(time=1, records=(Record("word", "inc-1", 1, b'{"who":"M"}'),)))
        broken = Unparsed("eve", "g1", 9, b"{\n", "cut off")
        state.commit(Transaction(time=2, records=(made.record(7),), unparsed=(broken,)))
        state.erase(ERASED, who="officer", why="request", time=3)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "state"))


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "state.db")) as raw, raw:
        for statement in statements:
            assert raw.execute(statement).rowcount, f"{statement} changed nothing"


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "state.db")) as raw:
        return raw.execute(query).fetchall()


def checkpoint(folder: Path) -> Checkpoint:
    with State.read(folder) as reader:
        return reader.checkpoint()


def test_what_was_written_is_right(whole: Path):
    root = checkpoint(whole).root.hex()
    note = checkpoint(whole).note
    assert verify(whole) == Verdict(True, SIZE, root, checkpoints=TURNS + 4, erased=1, checkpoint=note)


def test_a_fresh_state_is_right(tmp_path: Path):
    State.open(tmp_path, origin="x").close()
    note = checkpoint(tmp_path).note
    assert verify(tmp_path) == Verdict(True, 0, EMPTY.hex(), checkpoints=1, erased=0, checkpoint=note)


def test_nothing_is_written_by_an_audit(whole: Path):
    before = (whole / "state.db").read_bytes()
    verify(whole)
    assert (whole / "state.db").read_bytes() == before


def test_an_audit_beside_a_writer_sees_one_moment(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        for n in range(5):
            size = state.commit(made.turn(n)).size
            verdict = verify(tmp_path)
            assert (verdict.ok, verdict.size) == (True, size)


def flipped(value: object, at: int) -> str:
    """An SQL literal: the value with one bit of one byte or digit changed."""
    if isinstance(value, int):
        return str(value ^ 1)
    data = bytearray(value.encode() if isinstance(value, str) else bytes(value))
    data[at % len(data)] ^= 1
    literal = f"x'{data.hex()}'"
    return f"CAST({literal} AS TEXT)" if isinstance(value, str) else literal


def test_one_changed_bit_in_any_column_of_any_record_is_found_there(folder: Path):
    chance = random.Random(5)
    for seq, *values in rows(folder, "SELECT seq, kind, subject, time, salt, body, digest, leaf FROM journal"):
        for column, value in zip(("kind", "subject", "time", "salt", "body", "digest", "leaf"), values, strict=True):
            if value is None:
                continue
            new = flipped(value, chance.randrange(1000))
            old = rows(folder, f"SELECT quote({column}) FROM journal WHERE seq = {seq}")[0][0]
            change(folder, f"UPDATE journal SET {column} = {new} WHERE seq = {seq}")
            verdict = verify(folder)
            assert not verdict.ok
            assert verdict.seq == seq, (column, verdict.wrong)
            assert f"record {seq} (" in verdict.wrong
            assert column == "kind" or f"({verdict.kind})" in verdict.wrong
            change(folder, f"UPDATE journal SET {column} = {old} WHERE seq = {seq}")
    assert verify(folder).ok


def test_one_changed_bit_anywhere_in_a_checkpoint_is_found_there(folder: Path):
    for number, size, note in rows(folder, "SELECT number, size, note FROM checkpoints"):
        for at in range(0, len(note.encode()), 7):
            change(folder, f"UPDATE checkpoints SET note = {flipped(note, at)} WHERE number = {number}")
            verdict = verify(folder)
            assert not verdict.ok, at
            assert f"checkpoint {number}" in verdict.wrong or "can't be read" in verdict.wrong
            change(folder, f"UPDATE checkpoints SET note = '{note}' WHERE number = {number}")
        change(folder, f"UPDATE checkpoints SET size = {size + 1000} WHERE number = {number}")
        assert not verify(folder).ok
        change(folder, f"UPDATE checkpoints SET size = {size} WHERE number = {number}")
    assert verify(folder).ok


@pytest.mark.parametrize("seq", range(1, SIZE))
def test_a_deleted_record_is_missed(folder: Path, seq: int):
    change(folder, f"DELETE FROM journal WHERE seq = {seq}")
    verdict = verify(folder)
    assert (verdict.ok, verdict.seq) == (False, seq)
    assert f"record {seq} is missing" in verdict.wrong


@pytest.mark.parametrize("seq", range(1, SIZE))
def test_a_deleted_record_is_missed_even_if_the_rest_moves_up(folder: Path, seq: int):
    change(
        folder,
        f"DELETE FROM journal WHERE seq = {seq}",
        f"UPDATE journal SET seq = -(seq - 1) WHERE seq > {seq}",
        "UPDATE journal SET seq = -seq WHERE seq < 0",
    )
    verdict = verify(folder)
    assert (verdict.ok, verdict.seq) == (False, seq)


def test_swapped_records_are_found(folder: Path):
    change(
        folder,
        "UPDATE journal SET seq = -1 WHERE seq = 3",
        "UPDATE journal SET seq = 3 WHERE seq = 6",
        "UPDATE journal SET seq = 6 WHERE seq = -1",
    )
    verdict = verify(folder)
    assert (verdict.ok, verdict.seq, verdict.kind) == (False, 3, "incident")


def forged(folder: Path, seq: int) -> None:
    """Rewrite one record so that its own row is in order: only a checkpoint can tell."""
    from tercio.store.journal import digest_of, leaf_of

    kind, subject, time, old = rows(folder, f"SELECT kind, subject, time, body FROM journal WHERE seq = {seq}")[0]
    body = bytes(old) + b" "
    digest = digest_of(bytes(16), body)
    leaf = leaf_of(seq, str(kind), str(subject), int(str(time)), digest)
    values = f"salt = zeroblob(16), body = x'{body.hex()}', digest = x'{digest.hex()}', leaf = x'{leaf.hex()}'"
    change(folder, f"UPDATE journal SET {values} WHERE seq = {seq}")


@pytest.mark.parametrize(("seq", "signed"), [(1, 4), (4, 4), (5, 8), (14, 14)])
def test_a_forged_record_is_found_by_the_next_checkpoint(folder: Path, seq: int, signed: int):
    forged(folder, seq)
    verdict = verify(folder)
    assert (verdict.ok, verdict.seq, verdict.kind) == (False, signed, "checkpoint")
    assert f"the first {signed} records are not those that checkpoint" in verdict.wrong


def cut(folder: Path, size: int, *, checkpoints: bool) -> None:
    change(folder, f"DELETE FROM journal WHERE seq > {size}")
    if checkpoints:
        change(folder, f"DELETE FROM checkpoints WHERE size > {size}")
        leaves = [bytes(leaf) for (leaf,) in rows(folder, "SELECT leaf FROM journal ORDER BY seq")]
        peaks = b"".join(Range().add(leaves).peaks)
        change(folder, f"UPDATE log SET size = {size}, peaks = x'{peaks.hex()}'")


def test_a_cut_tail_is_missed_by_its_checkpoints(folder: Path):
    cut(folder, 12, checkpoints=False)
    verdict = verify(folder)
    assert (verdict.ok, verdict.seq) == (False, 13)
    assert "signs 13 records, the journal ends at 12: its tail is gone" in verdict.wrong


def test_a_tail_cut_with_its_checkpoints_is_missed_by_an_anchor_alone(folder: Path):
    known = checkpoint(folder)
    cut(folder, 12, checkpoints=True)
    assert "the table unparsed_counts is not what the last checkpoint signs" in verify(folder).wrong
    change(folder, "DELETE FROM unparsed_counts")
    assert verify(folder).ok
    verdict = verify(folder, anchor=Anchor(known.size, known.root))
    assert (verdict.ok, verdict.seq) == (False, 13)
    assert "the checkpoint kept elsewhere knows 15 records, the journal ends at 12" in verdict.wrong


def test_a_tail_cut_in_the_state_too_is_missed_by_what_the_state_holds(folder: Path):
    cut(folder, 8, checkpoints=True)
    verdict = verify(folder)
    assert not verdict.ok
    assert "is not what the last checkpoint signs" in verdict.wrong


def test_an_anchor_between_checkpoints_holds(whole: Path):
    leaves = [bytes(leaf) for (leaf,) in rows(whole, "SELECT leaf FROM journal ORDER BY seq")]
    for size in range(SIZE + 1):
        root = Range().add(leaves[:size]).root()
        verdict = verify(whole, anchor=Anchor(size, root))
        proof = tuple(map(bytes.fromhex, verdict.consistency))
        assert verdict.ok
        assert verify_consistency(size, SIZE, (root, bytes.fromhex(verdict.root)), proof)
        verdict = verify(whole, anchor=Anchor(size, bytes(32)))
        assert not verdict.ok
        assert f"the first {size} records are not those that the checkpoint kept elsewhere knows" in verdict.wrong


def rewritten(folder: Path, key: Ed25519PrivateKey) -> None:
    """Sign the whole history anew, as whoever holds a key can."""
    leaves = [bytes(leaf) for (leaf,) in rows(folder, "SELECT leaf FROM journal ORDER BY seq")]
    for number, size in rows(folder, "SELECT number, size FROM checkpoints"):
        with State.read(folder) as reader:
            around = reader.checkpoint().beside
        note = sign("x", size, Range().add(leaves[:size]).root(), around, key).note
        change(folder, f"UPDATE checkpoints SET note = '{note}' WHERE number = {number}")
    peaks = b"".join(Range().add(leaves).peaks)
    change(folder, f"UPDATE log SET peaks = x'{peaks.hex()}'")


def test_a_history_signed_anew_is_found_by_the_key_or_the_anchor_kept_elsewhere(folder: Path):
    public, known = read_public(folder / "journal.pub"), checkpoint(folder)
    forged(folder, 1)
    key = Ed25519PrivateKey.generate()
    rewritten(folder, key)
    assert verify(folder, public_bytes(key)).ok
    verdict = verify(folder, public)
    assert (verdict.ok, verdict.kind) == (False, "checkpoint")
    assert "signed with another key" in verdict.wrong
    assert not verify(folder, public_bytes(key), Anchor(known.size, known.root)).ok


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM checkpoints WHERE number = 3", "checkpoint 3 is missing"),
        ("DELETE FROM checkpoints WHERE number = 1", "checkpoint 1 is missing"),
        ("DELETE FROM checkpoints WHERE number = 7", "no checkpoint signs the records from 15 .erasure. on"),
        ("DELETE FROM checkpoints", "the first checkpoint"),
        ("UPDATE checkpoints SET size = 3 WHERE number = 4", "checkpoint 4 signs no more than the one before it"),
        ("UPDATE checkpoints SET size = 'x' WHERE number = 4", "checkpoint 4 signs no more"),
        ("UPDATE log SET peaks = zeroblob(length(peaks))", "not the end of this journal"),
        ("UPDATE log SET size = 14", "not the end of this journal"),
        ("UPDATE log SET size = 'x'", "not the end of this journal"),
        ("UPDATE log SET origin = 'y'", "not the end of this journal"),
        ("DELETE FROM log", "not the end of this journal"),
        ("UPDATE journal SET salt = NULL, body = NULL WHERE seq = 9", "no record says that it was erased"),
        ("UPDATE journal SET kind = CAST(x'ff' AS TEXT) WHERE seq = 9", "can't be read behind record 8"),
        ("CREATE TRIGGER t AFTER INSERT ON effects BEGIN DELETE FROM effects; END", "laid out otherwise .* see 't'"),
        ("CREATE VIEW v AS SELECT * FROM effects", "see 'v'"),
        ("DROP INDEX effects_state", "see 'effects_state'"),
        ("ALTER TABLE effects ADD COLUMN more TEXT", "see 'effects'"),
        ("UPDATE cited SET raw = x'00'", "cited event evt-"),
        ("UPDATE cited SET event = x'00'", "can't be read"),
        ("UPDATE cited SET event = replace(event, 'alert', 'alarm')", "what was read out of it is no bytes"),
        ("UPDATE cited SET event = CAST(replace(event, 'alert', 'alarm') AS BLOB)", "record 1 .finding. rests are not"),
        ("DELETE FROM cited WHERE id = (SELECT min(id) FROM cited)", "cited event evt-.* rests, is missing"),
        ("DELETE FROM cited", "cited event evt-.*, on which record 1 .finding. rests, is missing"),
        ("UPDATE offsets SET offset = offset - 1", "the table offsets is not what the last checkpoint signs"),
        ("UPDATE offsets SET generation = 'g0'", "the table offsets is not"),
        ("UPDATE offsets SET source = 'other'", "the table offsets is not"),
        ("DELETE FROM offsets", "the table offsets is not"),
        ("INSERT INTO offsets VALUES ('another', 'g', 0)", "the table offsets is not"),
        ("UPDATE offsets SET offset = CAST('x' AS TEXT)", "the table offsets is not"),
        ("UPDATE snapshot SET body = x'7b7d'", "the table snapshot is not what the last checkpoint signs"),
        ("UPDATE snapshot SET body = '{}'", "something else than one snapshot"),
        ("UPDATE snapshot SET id = 2", "something else than one snapshot"),
        ("INSERT INTO snapshot SELECT 2, body FROM snapshot", "something else than one snapshot"),
        ("DELETE FROM snapshot", "the table snapshot is not"),
        ("UPDATE unparsed_counts SET total = total - 1", "the table unparsed_counts is not"),
        ("DELETE FROM unparsed_counts", "the table unparsed_counts is not"),
    ],
)
def test_other_changes_are_said_in_words(folder: Path, statement: str, words: str):
    change(folder, statement)
    verdict = verify(folder)
    assert not verdict.ok
    assert re.search(words, verdict.wrong), verdict.wrong


@pytest.mark.parametrize(
    ("statement", "words", "seq", "kind"),
    [
        (
            "UPDATE incidents SET status = 'closed'",
            "status is 'closed' in the state, 'open' in its body",
            2,
            "incident",
        ),
        ("UPDATE effects SET until = 5", "until is 5 in the state", 4, "effect"),
        ("UPDATE commands SET state = 'done'", "state is 'done' in the state", 3, "command"),
        ("UPDATE effects SET body = x'7b7d'", "differs from what record 4 journaled last", 4, "effect"),
        ("UPDATE effects SET body = 'text'", "its body is no bytes", 4, "effect"),
        ("DELETE FROM effects", "journaled by record 4, is missing from the state", 4, "effect"),
        ("DELETE FROM incidents WHERE id LIKE '%1'", "journaled by record 6, is missing", 6, "incident"),
        ("DELETE FROM incidents", "journaled by record 2, is missing", 2, "incident"),
        ("UPDATE commands SET id = 'cmd-other' WHERE id LIKE '%1'", "has no record of it", 0, "command"),
    ],
)
def test_a_state_that_differs_from_its_journal_is_found(folder: Path, statement: str, words: str, seq: int, kind: str):
    change(folder, statement)
    verdict = verify(folder)
    assert (verdict.ok, verdict.seq, verdict.kind) == (False, seq, kind)
    assert words in verdict.wrong


def test_a_row_is_held_against_its_latest_record(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        state.commit(made.turn(1))
        later = made.turn(1).records[1]
        state.commit(Transaction(time=9, records=(later,), incidents=(made.incident(1),)))
        assert verify(tmp_path).ok
        state.commit(Transaction(time=10, incidents=(made.incident(1, Status.CLOSED),)))
    verdict = verify(tmp_path)
    assert (verdict.ok, verdict.seq, verdict.kind) == (False, 5, "incident")


def test_an_erasure_undone_from_a_backup_is_found(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        state.commit(Transaction(time=1, records=(Record("word", "inc-1", 1, b'{"who":"M"}'),)))
        salt, body = rows(tmp_path, "SELECT quote(salt), quote(body) FROM journal")[0]
        state.erase(1, who="officer", why="request", time=3)
    change(tmp_path, f"UPDATE journal SET salt = {salt}, body = {body} WHERE seq = 1")
    assert "record 2 says that the body of record 1 was erased, yet it is there" in verify(tmp_path).wrong


def dump(path: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
            ok = raw.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
            return "\n".join(raw.iterdump()) if ok else None
    except (sqlite3.Error, UnicodeDecodeError):
        return None


def test_any_byte_of_the_file_may_be_changed_and_the_verdict_is_right(folder: Path):
    """A flip either shows in what the tables hold, and is found, or shows nowhere. No flip makes the audit stumble."""
    file, chance = folder / "state.db", random.Random(3)
    data = file.read_bytes()
    told = dump(file)
    unseen = {"unparsed"}
    found = 0
    for _ in range(400):
        at = chance.randrange(len(data))
        file.write_bytes(data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :])
        try:
            ok = verify(folder).ok
        except StateUnusable:
            ok = False
        found += not ok
        if ok and (now := dump(file)) != told:
            assert now is not None, at
            before, after = told.splitlines(), now.splitlines()
            differs = [a for a, b in zip(before, after, strict=False) if a != b]
            assert len(before) == len(after)
            assert all(any(f'INTO "{table}' in line for table in unseen) for line in differs), differs
    assert found > 40
    file.write_bytes(data)
    assert verify(folder).ok


AUDIT = """
import sys
from pathlib import Path
from tercio.store.audit import verify
from tercio.store.errors import StateUnusable
try:
    print(verify(Path(sys.argv[1])).ok)
except StateUnusable as error:
    print(error)
"""


def audited_read_only(folder: Path) -> str:
    """The audit's word on a folder that is mounted without leave to write."""
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("mounting evidence read-only needs root and unshare")
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    mounted = ["unshare", "-m", "sh", "-c", script, str(folder), sys.executable, "-c", AUDIT, str(folder)]
    return subprocess.run(mounted, capture_output=True, text=True, check=True).stdout.strip()


def test_evidence_that_may_not_be_written_is_audited(folder: Path):
    change(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    kept = {"journal.key", "journal.pub", "state.db", "state.lock"}
    for beside in {p.name for p in folder.iterdir()} - kept:
        (folder / beside).unlink()
    assert audited_read_only(folder) == "True"
    assert {p.name for p in folder.iterdir()} == kept
    change(folder, "UPDATE journal SET time = 0 WHERE seq = 3")
    assert audited_read_only(folder) == "False"


def test_evidence_with_an_unread_log_says_what_to_do(tmp_path: Path):
    with State.open(tmp_path / "live", origin="x") as state:
        state.commit(made.turn(1))
        (tmp_path / "copy").mkdir()
        for name in ("state.db", "state.db-wal", "journal.pub"):
            shutil.copy(tmp_path / "live" / name, tmp_path / "copy" / name)
    assert "Copy the whole folder to where this user may write" in audited_read_only(tmp_path / "copy")
    assert verify(tmp_path / "copy").size == 4


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_no_state_is_no_verdict(nowhere: Path):
    with pytest.raises(StateUnusable, match="there is no state here"):
        verify(nowhere)


def test_without_a_key_there_is_no_verdict(folder: Path):
    public = read_public(folder / "journal.pub")
    (folder / "journal.pub").unlink()
    with pytest.raises(StateUnusable, match=r"journal.pub.*Name the public key"):
        verify(folder)
    assert verify(folder, public).ok
    with pytest.raises(ValueError, match="32 bytes, not 3"):
        verify(folder, b"key")


def test_a_file_that_is_no_database_is_a_verdict(folder: Path):
    (folder / "state.db").write_bytes(b"no database" * 1000)
    verdict = verify(folder)
    assert not verdict.ok
    assert "can't be read: file is not a database" in verdict.wrong
