import os
import subprocess
import sys
from pathlib import Path

import pytest

from tercio.store.errors import StateLocked
from tercio.store.lock import WriterLock

HOLD = """
import pathlib, sys
from tercio.store.lock import WriterLock
lock = WriterLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_writer_is_told_who_holds_it_and_what_to_do(tmp_path: Path):
    lock = WriterLock(tmp_path / "state.lock")
    with pytest.raises(StateLocked, match=f"written by process {os.getpid()}.*stop that first"):
        WriterLock(tmp_path / "state.lock")
    lock.release()
    WriterLock(tmp_path / "state.lock").release()


def test_a_lock_dies_with_its_process(tmp_path: Path):
    path = tmp_path / "state.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(StateLocked, match=f"process {child.pid}"):
            WriterLock(path)
        child.kill()
        child.wait()
        WriterLock(path).release()


def test_a_lock_file_that_says_something_else_still_locks(tmp_path: Path):
    path = tmp_path / "state.lock"
    lock = WriterLock(path)
    path.write_bytes(b"\x1b[2J rm -rf\n")
    with pytest.raises(StateLocked, match="written by another process"):
        WriterLock(path)
    lock.release()


def test_a_number_of_another_numbering_is_not_told(tmp_path: Path):
    path = tmp_path / "state.lock"
    lock = WriterLock(path)
    path.write_bytes(b"84 pid:[1]\n")
    with pytest.raises(StateLocked, match="written by a process in another container, or in a demo that runs, and"):
        WriterLock(path)
    lock.release()


def test_a_folder_that_is_not_there_is_the_world_s_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        WriterLock(tmp_path / "absent" / "state.lock")
