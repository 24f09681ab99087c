from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, func, select, text

from tercio.store import log
from tercio.store.beside import Beside
from tercio.store.database import migrate, writer
from tercio.store.errors import StateUnusable
from tercio.store.keys import public_bytes
from tercio.store.merkle import EMPTY, Range, leaf_hash, root
from tercio.store.note import read
from tercio.store.tables import CHECKPOINTS, JOURNAL
from tests.store import made

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
AROUND = Beside().digest


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = writer(tmp_path / "state.db")
    with engine.begin() as connection:
        migrate(connection, tmp_path)
        yield connection
    engine.dispose()


@pytest.fixture
def begun(connection: Connection, tmp_path: Path) -> Connection:
    log.begin(connection, tmp_path, "plant-7", KEY)
    return connection


def test_a_journal_begins_with_a_signed_nothing(begun: Connection):
    head = log.load(begun)
    assert (head.range, head.number, head.checkpoint.size, head.checkpoint.root) == (Range(), 1, 0, EMPTY)
    assert read(head.checkpoint.note, public_bytes(KEY)).origin == "plant-7"


def test_each_append_ends_in_a_checkpoint_of_all_leaves(begun: Connection):
    head = log.load(begun)
    for n in range(1, 12):
        head = log.append(begun, head, [made.record(i) for i in range(n)], AROUND, KEY)
        leaves = begun.execute(select(JOURNAL.c.leaf).order_by(JOURNAL.c.seq)).scalars().all()
        assert head.checkpoint.size == len(leaves) == n * (n + 1) // 2
        assert read(head.checkpoint.note, public_bytes(KEY)).root == root(leaves)
        assert log.load(begun) == head
    assert begun.execute(select(func.count()).select_from(CHECKPOINTS)).scalar() == 12


def test_appending_nothing_signs_nothing(begun: Connection):
    head = log.load(begun)
    assert log.append(begun, head, [], AROUND, KEY) is head
    assert begun.execute(select(func.count()).select_from(CHECKPOINTS)).scalar() == 1


def test_what_changed_beside_the_journal_alone_is_signed_in_the_last_checkpoint(begun: Connection):
    before = log.append(begun, log.load(begun), [made.record(1)], AROUND, KEY)
    head = log.append(begun, before, [], bytes(48), KEY)
    assert log.load(begun) == head
    assert (head.number, head.range, head.checkpoint.root) == (before.number, before.range, before.checkpoint.root)
    assert read(head.checkpoint.note, public_bytes(KEY)).beside == bytes(48)
    longer = log.append(begun, head, [made.record(2)], AROUND, KEY)
    assert (longer.number, longer.checkpoint.beside) == (3, AROUND)


def test_a_journal_that_is_whole_is_continued(begun: Connection, tmp_path: Path):
    log.append(begun, log.load(begun), [made.record(1)], AROUND, KEY)
    head = log.load(begun)
    log.begin(begun, tmp_path, "another-name", KEY)
    assert log.load(begun) == head


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE log SET peaks = zeroblob(32)", "doesn't end where its last checkpoint says"),
        ("UPDATE log SET peaks = x'00'", "1 bytes of peaks don't fit 1 records"),
        ("UPDATE log SET size = 2", "doesn't end where"),
        ("UPDATE log SET size = 3", "32 bytes of peaks"),
        ("DELETE FROM checkpoints", "there is none"),
        ("DELETE FROM checkpoints WHERE number = 2", "doesn't end where"),
        ("UPDATE checkpoints SET note = replace(note, 'plant-7', 'plant-8')", "another key"),
        ("UPDATE checkpoints SET note = 'x'", "not laid out"),
        ("INSERT INTO offsets VALUES ('eve', 'g1', 5)", "the table offsets beside it is not what"),
        ("INSERT INTO snapshot VALUES (1, x'7b7d')", "the table snapshot beside it is not what"),
        ("INSERT INTO snapshot VALUES (2, x'7b7d')", "something else than one snapshot"),
        ("INSERT INTO unparsed_counts VALUES ('eve', 1)", "the table unparsed_counts beside it"),
    ],
)
def test_a_journal_that_was_changed_is_not_continued(begun: Connection, tmp_path: Path, change: str, words: str):
    log.append(begun, log.load(begun), [made.record(1)], AROUND, KEY)
    begun.execute(text(change))
    with pytest.raises(StateUnusable, match=f"can't be continued: .*{words}.*audit verify"):
        log.begin(begun, tmp_path, "plant-7", KEY)


def test_another_key_doesn_t_continue_a_journal(begun: Connection, tmp_path: Path):
    with pytest.raises(StateUnusable, match="signed with another key"):
        log.begin(begun, tmp_path, "plant-7", Ed25519PrivateKey.generate())


def test_peaks_are_unpacked_as_they_were_packed():
    whole = Range().add(leaf_hash(b"%d" % n) for n in range(11))
    assert log.unpack(11, b"".join(whole.peaks)) == whole
    with pytest.raises(ValueError, match="don't fit"):
        log.unpack(12, b"".join(whole.peaks))
