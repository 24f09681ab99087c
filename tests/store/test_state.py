import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from sqlalchemy.exc import ResourceClosedError

from tercio.model.commands import EffectState
from tercio.model.incidents import Status
from tercio.model.records import Record, Transaction
from tercio.store.audit import verify
from tercio.store.errors import StateLocked, StateUnusable, StateUnwritable
from tercio.store.keys import read_public
from tercio.store.note import read
from tercio.store.state import Restored, State
from tests.store import made

COMMITTER = """
import sys
from pathlib import Path
from tercio.store.state import State
from tests.store import made
with State.open(Path(sys.argv[1]), origin="x") as state:
    for n in range(int(sys.argv[2])):
        state.commit(made.turn(n))
"""

NO_SPACE = """
import sys
from pathlib import Path
from tercio.store.audit import verify
from tercio.store.errors import StateUnwritable
from tercio.store.state import State
from tests.store import made
folder = Path(sys.argv[1])
ballast = folder / "ballast"
ballast.write_bytes(bytes(1 << 20))
with State.open(folder, origin="x") as state:
    n, failed = 0, ""
    while not failed:
        try:
            size = state.commit(made.turn(n)).size
            n += 1
        except StateUnwritable as error:
            failed = str(error)
    again = 0
    for _ in range(3):
        try:
            state.commit(made.turn(n))
        except StateUnwritable:
            again += 1
    full = verify(folder)
    left = state.restore().offsets
    ballast.unlink()
    after = state.commit(made.turn(n)).size
facts = full.ok, full.size == size, left == {"eve": ("g1", n)}, after == size + 4, verify(folder).ok
print(failed, again, *facts, sep="|")
"""


def run(code: str, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    root = made.root_of_checkout()
    return subprocess.run(
        [*before, sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )


def test_what_was_committed_is_restored(tmp_path: Path):
    with State.open(tmp_path, origin=made.ORIGIN) as state:
        for n in range(3):
            state.commit(made.turn(n))
    with State.open(tmp_path, origin=made.ORIGIN) as state:
        assert state.restore() == Restored(
            offsets={"eve": ("g1", 3)},
            snapshot=b'{"turn":2}',
            incidents=tuple(made.incident(n) for n in range(3)),
            commands=tuple(made.command(n) for n in range(3)),
            effects=tuple(made.effect(n, EffectState.ORDERED) for n in range(3)),
        )


def test_what_is_over_is_not_restored(tmp_path: Path):
    with State.open(tmp_path, origin=made.ORIGIN) as state:
        state.commit(
            Transaction(
                time=1,
                incidents=tuple(made.incident(n, status) for n, status in enumerate(Status)),
                commands=(made.command(1, "done"), made.command(2), made.command(3, "lapsed")),
                effects=tuple(made.effect(n, kind) for n, kind in enumerate(EffectState)),
            )
        )
        found = state.restore()
    assert {i.status for i in found.incidents} == {Status.OPEN, Status.CONTAINED, Status.RELEASED}
    assert found.commands == (made.command(2),)
    assert {e.state for e in found.effects} == {EffectState.ORDERED, EffectState.STANDING}
    assert (found.offsets, found.snapshot) == ({}, b"")


def test_each_commit_returns_a_checkpoint_that_the_key_signed(tmp_path: Path):
    with State.open(tmp_path, origin=made.ORIGIN) as state:
        public = read_public(tmp_path / "journal.pub")
        sizes = []
        for n in range(3):
            checkpoint = state.commit(made.turn(n))
            assert read(checkpoint.note, public) == checkpoint
            sizes.append(checkpoint.size)
        assert sizes == [4, 8, 12]
        again = state.commit(Transaction(time=9, snapshot=b"x"))
        assert read(again.note, public) == again
        assert (again.size, again.root) == (checkpoint.size, checkpoint.root)
        assert again.beside != checkpoint.beside
        assert checkpoint.origin == "Plant-7"


def test_a_journal_keeps_its_first_name(tmp_path: Path):
    State.open(tmp_path, origin="Plant 7").close()
    with State.open(tmp_path, origin="Plant 8") as state:
        assert state.commit(made.turn(1)).origin == "Plant-7"
    with pytest.raises(ValueError, match="give the site a name"):
        State.open(tmp_path, origin=" ")


def test_files_are_for_their_owner(tmp_path: Path):
    folder = tmp_path / "deep" / "state"
    with State.open(folder, origin="x") as state:
        state.commit(made.turn(1))
        modes = {p.name: oct(p.stat().st_mode & 0o777) for p in folder.iterdir()}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert modes.pop("journal.pub") == "0o644"
    assert set(modes) == {"state.db", "state.db-wal", "state.db-shm", "state.lock", "journal.key"}
    assert set(modes.values()) == {"0o600"}


def test_a_second_writer_is_turned_away_and_the_first_goes_on(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        with pytest.raises(StateLocked, match="a state has one writer"):
            State.open(tmp_path, origin="x")
        state.commit(made.turn(1))
    State.open(tmp_path, origin="x").close()


def test_a_failed_opening_gives_the_lock_back(tmp_path: Path):
    State.open(tmp_path, origin="x").close()
    whole = (tmp_path / "state.db").read_bytes()
    (tmp_path / "state.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StateUnusable, match=r"file is not a database.*restore a backup"):
        State.open(tmp_path, origin="x")
    (tmp_path / "state.db").write_bytes(whole)
    State.open(tmp_path, origin="x").close()


def test_a_journal_without_its_key_gets_no_new_one(tmp_path: Path):
    State.open(tmp_path, origin="x").close()
    (tmp_path / "journal.key").unlink()
    with pytest.raises(StateUnusable, match=r"journal.key is missing.*Restore it"):
        State.open(tmp_path, origin="x")
    assert not (tmp_path / "journal.key").exists()
    (tmp_path / "journal.key").write_text("no key")
    (tmp_path / "journal.key").chmod(0o600)
    with pytest.raises(StateUnusable, match="no private key"):
        State.open(tmp_path, origin="x")


def test_a_state_that_can_t_be_written_is_said(tmp_path: Path):
    State.open(tmp_path / "state", origin="x").close()
    (tmp_path / "state" / "state.db").unlink()
    (tmp_path / "state" / "state.db").mkdir()
    with pytest.raises(StateUnwritable, match="unable to open database file"):
        State.open(tmp_path / "state", origin="x")
    (tmp_path / "file").touch()
    with pytest.raises(StateUnwritable, match="writable"):
        State.open(tmp_path / "file", origin="x")


def test_a_turn_that_can_t_be_written_whole_is_not_written_at_all(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        before = state.commit(made.turn(1))
        broken = Transaction(
            time=2,
            cited=(made.cited(2),),
            incidents=(made.incident(2),),
            offsets={"eve": ("g1", 3)},
            records=(made.record(2), Record("finding", "bad \ud800", 0, b"{}")),
        )
        with pytest.raises(UnicodeEncodeError):
            state.commit(broken)
        assert state.restore().offsets == {"eve": ("g1", 2)}
        assert state.commit(made.turn(2)).size == before.size + 4
    assert verify(tmp_path).ok
    with State.read(tmp_path) as reader:
        assert reader.cited([made.cited(2).event.id]) == (made.cited(2),)


def test_an_interruption_behind_the_commit_is_survived(tmp_path: Path):
    """The commit happened, its caller never heard: the journal goes on from what is in the file."""
    with State.open(tmp_path, origin="x") as state:
        state.commit(made.turn(1))
        real = state._connection

        @contextmanager
        def interrupted():
            with real.begin():
                yield
            raise KeyboardInterrupt

        state._connection = SimpleNamespace(begin=interrupted, execute=real.execute, dialect=real.dialect)
        with pytest.raises(KeyboardInterrupt):
            state.commit(made.turn(2))
        state._connection = real
        assert state.commit(made.turn(3)).size == 12
    assert verify(tmp_path).ok


def test_a_full_disk_takes_nothing_and_is_survived(tmp_path: Path):
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("mounting a small disk needs root and unshare")
    mounted = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', str(tmp_path))
    done = run(NO_SPACE, str(tmp_path), before=mounted)
    assert done.returncode == 0, done.stderr
    failed, *facts = done.stdout.strip().split("|")
    assert "nothing of the turn was: database or disk is full" in failed
    assert "Free space on its disk" in failed
    assert facts == ["3", *5 * ["True"]]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_may_not_grow_is_an_unwritable_state(tmp_path: Path):
    State.open(tmp_path, origin="x").close()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with State.open(tmp_path, origin="x") as state:
        size = state.commit(made.turn(0)).size
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
            with pytest.raises(StateUnwritable, match="nothing is ordered until a turn can be journaled"):
                state.commit(Transaction(time=1, records=(made.record(1),), snapshot=bytes(1_000_000)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
        assert state.restore().snapshot == b'{"turn":0}'
        assert state.commit(made.turn(1)).size == size + 4
    assert verify(tmp_path).ok


def test_a_commit_is_one_sync(tmp_path: Path):
    if not shutil.which("strace"):
        pytest.skip("counting system calls needs strace")
    traced = tmp_path / "trace"
    counts = []
    for number in (0, 40):
        before = ("strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-o", str(traced))
        done = run(COMMITTER, str(tmp_path / f"state{number}"), str(number), before=before)
        if "PTRACE" in done.stderr:
            pytest.skip("strace may not trace here")
        assert done.returncode == 0, done.stderr
        counts.append(len(re.findall(r"sync\w*\(.*= 0$", traced.read_text(), re.MULTILINE)))
    assert counts[0]
    assert counts[1] - counts[0] == 40


def remains(folder: Path, secret: bytes) -> list[str]:
    return [p.name for p in folder.iterdir() if secret in p.read_bytes()]


@pytest.mark.parametrize("length", [40, 20_000])
def test_an_erased_body_is_gone_and_the_journal_still_proved(tmp_path: Path, length: int):
    secret = b"M. Mustermann, badge 4711 "
    body = msgspec.json.encode({"who": (secret * (length // len(secret) + 1)).decode()})
    with State.open(tmp_path, origin="x") as state:
        state.commit(made.turn(1))
        state.commit(Transaction(time=5, records=(Record("word", "inc-1", 5, body), made.record(2))))
        for n in range(2, 9):
            state.commit(made.turn(n))
        state.settle()
        assert remains(tmp_path, secret)
        checkpoint = state.erase(5, who="officer", why="request 12", time=99)
        assert remains(tmp_path, secret) == []
        assert verify(tmp_path).size == checkpoint.size
        verdict = verify(tmp_path)
        assert (verdict.ok, verdict.erased) == (True, 1)
        with State.read(tmp_path) as reader:
            gone = reader.records(after_seq=4, limit=1)[0]
            assert (gone.kind, gone.subject, gone.time, gone.body) == ("word", "inc-1", 5, None)
            said = reader.records(kind="erasure")[0]
        assert json.loads(said.body) == {"seq": 5, "who": "officer", "why": "request 12"}
        assert (said.subject, said.time) == ("5", 99)
        with pytest.raises(LookupError, match="no body at 5"):
            state.erase(5, who="officer", why="again", time=100)
        with pytest.raises(LookupError, match="no body at 999"):
            state.erase(999, who="officer", why="none", time=100)
        with pytest.raises(ValueError, match="it stays"):
            state.erase(said.seq, who="officer", why="cover", time=100)
        assert verify(tmp_path).size == checkpoint.size


def test_a_reader_in_the_way_only_delays_that_bytes_go(tmp_path: Path):
    secret = b"badge 4711"
    with State.open(tmp_path, origin="x") as state:
        state.commit(Transaction(time=5, records=(Record("word", "inc-1", 5, b'{"who":"badge 4711"}'),)))
        state._pragma("busy_timeout=0")
        other = sqlite3.connect(tmp_path / "state.db")
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM journal").fetchone()
        state.erase(1, who="officer", why="request", time=9)
        assert remains(tmp_path, secret) == ["state.db-wal"]
        other.close()
        state.settle()
        assert remains(tmp_path, secret) == []
        assert not (tmp_path / "state.db-wal").stat().st_size


def test_settling_moves_what_was_written_ahead(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        state.commit(made.turn(1))
        before = (tmp_path / "state.db").stat().st_size
        for n in range(2, 60):
            state.commit(made.turn(n))
        assert (tmp_path / "state.db").stat().st_size == before
        state.settle()
        assert (tmp_path / "state.db").stat().st_size > before


def test_a_closed_state_takes_nothing(tmp_path: Path):
    state = State.open(tmp_path, origin="x")
    state.close()
    with pytest.raises(ResourceClosedError):
        state.commit(made.turn(1))
    state.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE incidents SET body = CAST(replace(CAST(body AS TEXT), '\"repeats\":', '\"repeats\":1') AS BLOB)",
            "differs from what record",
        ),
        ("UPDATE incidents SET status = 'closed'", "status is 'closed' in the state"),
        ("UPDATE effects SET state = 'released'", "state is 'released' in the state"),
        ("UPDATE commands SET state = 'done'", "state is 'done' in the state"),
        ("DELETE FROM incidents", "is missing from the state"),
        ("DELETE FROM commands", "is missing from the state"),
        ("DELETE FROM effects", "is missing from the state"),
        ("INSERT INTO commands SELECT 'cmd-x', lease, incident, state, body FROM commands LIMIT 1", "no record of it"),
        ("UPDATE journal SET body = x'7b7d' WHERE kind = 'command'", "the body or the salt of record"),
        ("UPDATE journal SET body = NULL, salt = NULL WHERE kind = 'effect'", "no record says that it was erased"),
        ("DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)", "records up to"),
        ("UPDATE journal SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM journal)", "records up to"),
    ],
)
def test_a_loop_does_not_go_on_with_what_was_changed_and_so_sign_it(tmp_path: Path, change: str, words: str):
    """Nobody needs a key to write into the tables; the next commit would vouch for them."""
    with State.open(tmp_path, origin="x") as state:
        for n in (1, 2, 3):
            state.commit(made.turn(n))
    State.open(tmp_path, origin="x").close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw, raw:
        assert raw.execute(change).rowcount
    with pytest.raises(StateUnusable, match=f"can't be continued: .*{words}.*audit verify"):
        State.open(tmp_path, origin="x")
