"""Real files, a real kernel: nothing lost, nothing doubled, and what is lost is said."""

import contextlib
import gzip
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tercio.model.events import Batch
from tercio.products.transports import tail as tail_module
from tercio.products.transports.logfile import LONGEST_LINE
from tercio.products.transports.rotation import Neighbour, neighbours, with_inode
from tercio.products.transports.tail import Loss, Tail

NOW = 1_790_000_000_000_000
MINUTE = 60_000_000


class Reader:
    """Keeps what a loop would keep, and checks what every caller relies on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: tuple[str, int] | None = None
        self.ends: dict[str, int] = {}
        self.lines: list[bytes] = []
        self.generations: list[str] = []
        self.losses: list[Loss] = []
        self.now = NOW
        self.tail = Tail("eve", path)

    def read(self, limit: int = 1 << 20) -> list[bytes]:
        """Read until nothing more comes."""
        before = len(self.lines)
        while self.step(limit) or self.tail.behind:
            pass
        return self.lines[before:]

    def step(self, limit: int = 1 << 20) -> tuple[Batch, ...]:
        batches = self.tail.read(self.now, limit)
        for batch in batches:
            assert batch.source == "eve"
            assert batch.received == self.now
            assert batch.offset >= self.ends.get(batch.generation, 0), "a batch reaches back"
            self.ends[batch.generation] = batch.end
            self.lines += batch.lines
            if batch.lines and batch.generation not in self.generations:
                self.generations.append(batch.generation)
            self.kept = (batch.generation, batch.end)
        self.losses += self.tail.losses()
        return batches

    def restart(self, since: int = 0) -> None:
        self.tail.close()
        self.tail = Tail("eve", self.path, self.kept, since)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log" / "eve.json"


@pytest.fixture
def reader(log: Path) -> Iterator[Reader]:
    log.parent.mkdir()
    reader = Reader(log)
    yield reader
    reader.tail.close()


def add(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def some(start: int, count: int) -> list[bytes]:
    return [b'{"n":%d}\n' % n for n in range(start, start + count)]


def turn(log: Path) -> None:
    """Rotate as logrotate does: the highest number first, then the file itself away."""
    make_room(log)
    log.rename(log.with_name("eve.json.1"))


def copytruncate(log: Path) -> None:
    """Rotate as Debian's Suricata is: copy, then empty the file in place."""
    make_room(log)
    shutil.copyfile(log, log.with_name("eve.json.1"))
    os.truncate(log, 0)


def make_room(log: Path) -> None:
    for path in sorted(log.parent.glob("eve.json.*"), key=lambda p: -int(p.name.split(".")[2])):
        name, kind, number, *packed = path.name.split(".")
        path.rename(path.with_name(".".join([name, kind, str(int(number) + 1), *packed])))


def pack(path: Path) -> None:
    """As gzip does: same time, other inode, the plain file gone."""
    about = path.stat()
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, ns=(about.st_atime_ns, about.st_mtime_ns))
    path.unlink()


def wakes(tail: Tail, timeout: float = 5.0) -> bool:
    return bool(select.select([tail.fileno()], [], [], timeout)[0])


# Following one file.


def test_lines_are_read_as_they_are_appended(log: Path, reader: Reader) -> None:
    add(log, *some(0, 3))
    assert reader.read() == some(0, 3)
    add(log, *some(3, 2))
    assert wakes(reader.tail)
    assert reader.read() == some(3, 2)
    assert reader.read() == []
    assert reader.kept is not None
    assert reader.kept[1] == log.stat().st_size
    assert not reader.losses


def test_an_idle_tail_does_not_wake(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1))
    reader.read()
    assert not wakes(reader.tail, 0.05)
    add(log.with_name("stats.log"), b"other\n")
    reader.read()
    add(log.with_name("stats.log"), b"written to again\n")
    assert not wakes(reader.tail, 0.05), "writing to another file of the folder is no business of ours"


def test_a_file_that_appears_later(log: Path, reader: Reader) -> None:
    assert reader.read() == []
    assert "does not exist yet" in reader.tail.trouble
    add(log, *some(0, 1))
    assert wakes(reader.tail)
    assert reader.read() == some(0, 1)
    assert reader.tail.trouble == ""


def test_a_folder_that_appears_later(tmp_path: Path) -> None:
    path = tmp_path / "later" / "eve.json"
    with Tail("eve", path) as tail:
        assert tail.read(NOW) == ()
        path.parent.mkdir()
        assert tail.read(NOW) == ()
        add(path, *some(0, 2))
        assert wakes(tail), "the folder is watched once it is there"
        (batch,) = tail.read(NOW)
        assert list(batch.lines) == some(0, 2)


def test_a_folder_that_is_replaced(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1))
    reader.read()
    shutil.rmtree(log.parent)
    reader.read()
    log.parent.mkdir()
    reader.read()
    add(log, *some(1, 1))
    assert wakes(reader.tail)
    assert reader.read() == some(1, 1)


def test_many_lines_at_once_come_in_bounded_batches(log: Path, reader: Reader) -> None:
    lines = some(0, 50_000)
    add(log, *lines)
    (batch,) = reader.step(10_000)
    assert reader.tail.behind
    assert 9_900 < sum(map(len, batch.lines)) <= 10_000
    reader.read(100_000)
    assert reader.lines == lines
    assert not reader.tail.behind


def test_a_partial_line_waits(log: Path, reader: Reader) -> None:
    add(log, b'{"n":0}\n{"n":')
    assert reader.read() == some(0, 1)
    assert reader.read() == []
    add(log, b"1}\n")
    assert reader.read() == some(1, 1)


def test_a_partial_first_line_waits(log: Path, reader: Reader) -> None:
    add(log, b'{"n":')
    assert reader.read() == []
    add(log, b"0}\n")
    assert reader.read() == some(0, 1)


def test_bytes_stay_bytes(log: Path, reader: Reader) -> None:
    lines = [b"\xff\x00\r bare\x0b\x1c\x85 breaks\r\n", b"\n", b"\n", b"end\n"]
    add(log, *lines)
    assert reader.read() == lines


def test_an_overlong_line_is_cut_and_reading_goes_on(log: Path, reader: Reader) -> None:
    long = b"x" * (3 * LONGEST_LINE) + b'{"n":666}\n'
    add(log, *some(0, 1), long, *some(1, 1))
    assert reader.read() == [some(0, 1)[0], b"x" * LONGEST_LINE, some(1, 1)[0]]
    assert {loss.kind for loss in reader.losses} == {"cut"}
    assert sum(loss.size for loss in reader.losses) == len(long) - LONGEST_LINE


def test_an_overlong_line_without_end_is_passed_on_once(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1), b"x" * (LONGEST_LINE + 5))
    assert [len(line) for line in reader.read()] == [8, LONGEST_LINE]
    add(log, b"y" * LONGEST_LINE)
    assert reader.read() == []
    reader.restart()
    add(log, b'{"n":666}\n', *some(1, 1))
    assert reader.read() == some(1, 1), "the rest of a cut line is never a line, not after a restart either"


def test_a_line_of_almost_the_limit_passes_whole(log: Path, reader: Reader) -> None:
    line = b"x" * (LONGEST_LINE - 1) + b"\n"
    add(log, b"a\n", line, b"b\n")
    assert reader.read(64) == [b"a\n", line, b"b\n"]
    assert not reader.losses


# Rotation while reading.


def test_rename_rotation_reads_the_rest_of_the_old_file_first(log: Path, reader: Reader) -> None:
    add(log, *some(0, 2))
    reader.read()
    add(log, *some(2, 2))
    turn(log)
    add(log, *some(4, 2))
    assert wakes(reader.tail)
    assert reader.read() == some(2, 4)
    assert len(reader.generations) == 2
    assert not reader.losses


def test_the_writer_may_keep_the_old_file_until_it_is_told(log: Path, reader: Reader) -> None:
    with log.open("ab", buffering=0) as old:
        old.write(b"".join(some(0, 2)))
        reader.read()
        turn(log)
        log.touch()
        reader.read()
        old.write(b"".join(some(2, 2)))
        assert wakes(reader.tail)
        assert reader.read() == some(2, 2)
    add(log, *some(4, 1))
    assert reader.read() == some(4, 1)


def test_a_slower_writer_is_heard_for_a_minute(log: Path, reader: Reader) -> None:
    with log.open("ab", buffering=0) as slow:
        slow.write(b"".join(some(0, 2)))
        reader.read()
        turn(log)
        add(log, *some(2, 1))
        assert reader.read() == some(2, 1)
        current = reader.kept
        slow.write(b"".join(some(3, 1)))
        assert wakes(reader.tail)
        assert reader.read() == some(3, 1)
        assert reader.kept == current, "the last batch stands where reading goes on"
        reader.now += 2 * MINUTE
        assert reader.read() == []
        slow.write(b"".join(some(4, 1)))
        assert reader.read() == []
    add(log, *some(5, 1))
    assert wakes(reader.tail)
    assert reader.read() == some(5, 1)


def test_an_unfinished_line_of_a_rotated_file_is_passed_on(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1), b'{"n":')
    reader.read()
    turn(log)
    reader.read()
    add(log, *some(1, 1))
    assert reader.read() == [b'{"n":', *some(1, 1)]


def test_a_file_that_was_rotated_before_its_first_line_ended(log: Path, reader: Reader) -> None:
    add(log, b'{"n":')
    reader.read()
    turn(log)
    add(log, *some(0, 1))
    assert reader.read() == [b'{"n":', *some(0, 1)]


def test_several_rotations_between_two_reads(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1))
    reader.read()
    for n in range(1, 6):
        turn(log)
        add(log, *some(n, 1))
    assert reader.read() == some(1, 5)


def test_rotation_to_dated_names(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1))
    reader.read()
    for n, name in enumerate(["eve.json-20260130", "eve.json-20260131", "eve-20260201.json"]):
        log.rename(log.with_name(name))
        add(log, *some(n + 1, 1))
        time.sleep(0.01)
    add(log.with_name("eve-alerts.json"), b"another source\n")
    add(log.with_name("eve.json.bak"), b"somebody's copy\n")
    assert reader.read() == some(1, 3)


def test_truncation_with_a_copy_loses_nothing(log: Path, reader: Reader) -> None:
    add(log, *some(0, 2))
    reader.read()
    add(log, *some(2, 2))
    copytruncate(log)
    add(log, *some(4, 1))
    assert reader.read() == some(2, 3)
    assert len(reader.generations) == 2
    assert not reader.losses


def test_truncation_twice_between_two_reads(log: Path, reader: Reader) -> None:
    add(log, *some(0, 2))
    reader.read()
    for n in (2, 3, 4):
        add(log, *some(n, 1))
        copytruncate(log)
    add(log, *some(5, 1))
    assert reader.read() == some(2, 4)


@pytest.mark.parametrize("count", [1, 50], ids=["shorter", "longer"])
def test_truncation_without_a_copy_is_said(log: Path, reader: Reader, count: int) -> None:
    add(log, *some(0, 5))
    reader.read()
    os.truncate(log, 0)
    add(log, *some(5, count))
    assert reader.read() == some(5, count)
    assert len(reader.generations) == 2
    (loss,) = reader.losses
    assert loss.kind == "truncated"
    assert "after byte 40" in loss.words


def test_truncation_to_the_same_beginning_is_another_generation(log: Path, reader: Reader) -> None:
    add(log, b"same\n", *some(0, 5))
    reader.read()
    for n in (5, 6):
        os.truncate(log, 0)
        reader.read()
        add(log, b"same\n", *some(n, 1))
        assert reader.read() == [b"same\n", *some(n, 1)]
    assert len(set(reader.generations)) == 3
    reader.restart()
    add(log, *some(9, 1))
    assert reader.read() == some(9, 1)
    assert len(reader.generations) == 3


def test_a_copy_that_was_made_too_early_is_not_read_again(log: Path, reader: Reader) -> None:
    add(log, *some(0, 5))
    shutil.copyfile(log, log.with_name("eve.json.1"))
    add(log, *some(5, 1))
    reader.read()
    os.truncate(log, 0)
    reader.read()
    add(log, *some(6, 1))
    assert reader.read() == some(6, 1)
    assert reader.lines == some(0, 7)


def test_delete_and_create_again(log: Path, reader: Reader) -> None:
    add(log, *some(0, 2))
    reader.read()
    add(log, *some(2, 1))
    log.unlink()
    assert reader.read() == some(2, 1)
    assert "does not exist yet" in reader.tail.trouble
    add(log, *some(3, 1))
    assert wakes(reader.tail)
    assert reader.read() == some(3, 1)
    assert len(reader.generations) == 2
    assert not reader.losses


def test_a_symbolic_link_that_is_swapped_and_swapped_back(log: Path, reader: Reader, tmp_path: Path) -> None:
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    add(one, *some(0, 2))
    log.symlink_to(one)
    assert reader.read() == some(0, 2)
    add(one, *some(2, 1))
    add(two, *some(3, 1))
    swap(log, two)
    assert wakes(reader.tail)
    assert reader.read() == some(2, 2)
    swap(log, one)
    add(one, *some(4, 1))
    reader.read()
    swap(log, two)
    add(two, *some(5, 1))
    reader.read()
    assert reader.lines == some(0, 6), "a file that comes back is read on from where it was left"
    assert len(reader.generations) == 2
    add(two, *some(6, 1))
    assert reader.read() == some(6, 1)
    reader.restart()
    add(two, *some(7, 1))
    assert reader.read() == some(7, 1)


def test_resume_after_a_swapped_link_finishes_the_old_target(log: Path, reader: Reader) -> None:
    one, two = log.with_name("one.log"), log.with_name("two.log")
    add(one, *some(0, 3))
    log.symlink_to(one)
    reader.step(8)
    add(two, *some(3, 1))
    swap(log, two)
    reader.restart()
    assert reader.read() == some(1, 3)
    assert not reader.losses


def swap(link: Path, target: Path) -> None:
    new = link.with_name("new")
    new.symlink_to(target)
    new.rename(link)


def test_rotation_behind_a_symbolic_link(log: Path, reader: Reader, tmp_path: Path) -> None:
    target = tmp_path / "data" / "eve.json"
    target.parent.mkdir()
    log.symlink_to(target)
    add(target, *some(0, 1))
    reader.read()
    add(target, *some(1, 1))
    turn(target)
    reader.read()
    add(target, *some(2, 1))
    assert wakes(reader.tail)
    reader.read()
    assert reader.lines == some(0, 3)


def test_a_rotated_file_that_is_packed_later_is_not_read_twice(log: Path, reader: Reader) -> None:
    add(log, *some(0, 3))
    reader.read()
    turn(log)
    pack(log.with_name("eve.json.1"))
    assert reader.read() == []
    add(log, *some(3, 1))
    assert reader.read() == some(3, 1)
    turn(log)
    pack(log.with_name("eve.json.1"))
    add(log, *some(4, 1))
    assert reader.read() == some(4, 1)
    assert not reader.losses


@pytest.mark.parametrize("looks", [1, 2])
def test_a_rotation_in_the_middle_of_a_look(
    log: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """The worst moments are made to happen: files move right after they were looked at."""
    add(log, *some(0, 1))
    reader.read()
    turn(log)
    add(log, *some(1, 1))
    left = looks

    def look_then_rotate(path: Path) -> tuple[Neighbour, ...]:
        nonlocal left
        seen = neighbours(path)
        left -= 1
        if left >= 0:
            turn(log)
            add(log, *some(2 + looks - left - 1, 1))
        return seen

    monkeypatch.setattr(tail_module, "neighbours", look_then_rotate)
    reader.read()
    assert reader.lines == some(0, 2 + looks)
    assert left < 0
    assert not reader.losses


def test_a_rotation_while_the_copy_of_a_truncated_file_is_looked_for(
    log: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(log, *some(0, 1))
    reader.read()
    add(log, *some(1, 1))
    copytruncate(log)
    add(log, *some(2, 1))
    rotations = iter([turn])

    def look_then_rotate(path: Path) -> tuple[Neighbour, ...]:
        seen = neighbours(path)
        for rotate in rotations:
            rotate(log)
            add(log, *some(3, 1))
        return seen

    monkeypatch.setattr(tail_module, "neighbours", look_then_rotate)
    reader.read()
    assert reader.lines == some(0, 4)
    assert not reader.losses


def test_a_rotation_while_the_file_to_resume_in_is_looked_for(
    log: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renamed file may hide from the scan for its inode: older files must not be taken for what came after it."""
    add(log.with_name("eve.json-20260101"), b"long since read\n")
    add(log, *some(0, 3))
    reader.step(8)
    rotations = iter(["eve.json-20260102"])

    def rotate_while_looking(path: Path, inode: int) -> Neighbour | None:
        for name in rotations:
            hidden = log.rename(log.parent.with_name("hidden"))
            seen = with_inode(path, inode)
            hidden.rename(log.with_name(name))
            add(log, *some(3, 1))
            return seen
        return with_inode(path, inode)

    monkeypatch.setattr(tail_module, "with_inode", rotate_while_looking)
    reader.restart()
    assert reader.read() == some(1, 3)
    assert not reader.losses


def test_two_readers_of_one_file_agree_on_every_place(log: Path, reader: Reader) -> None:
    add(log, *some(0, 5))
    reader.read(16)
    turn(log)
    add(log, *some(5, 5))
    reader.read(16)
    with Tail("eve", log) as other:
        (batch,) = other.read(NOW)
    assert (batch.generation, batch.offset) == (reader.generations[-1], 0)
    assert batch.end == reader.ends[batch.generation]


def test_a_hundred_rotations_leave_no_descriptor_and_no_watch_behind(log: Path, reader: Reader) -> None:
    for n in range(100):
        add(log, *some(n, 1))
        reader.read()
        log.rename(log.with_name("eve.json.1"))
        reader.now += MINUTE // 4
    assert reader.lines == some(0, 100)
    inodes = [line for line in watched(reader.tail) if line.startswith("inotify")]
    assert 2 <= len(inodes) <= 8
    assert len(held(log)) <= 6


def held(log: Path) -> list[str]:
    """The descriptors of this process that are open on the log or what it was renamed to."""
    places = []
    for place in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            places.append(str(place.readlink()))
    return [place for place in places if place.startswith(str(log))]


def watched(tail: Tail) -> list[str]:
    return Path(f"/proc/self/fdinfo/{tail.fileno()}").read_text().splitlines()


# Rotation while nobody reads.


def test_resume_at_the_very_line(log: Path, reader: Reader) -> None:
    add(log, *some(0, 10))
    reader.step(24)
    reader.restart()
    assert reader.read() == some(3, 7)
    assert len(reader.generations) == 1


@pytest.mark.parametrize("times", [1, 4])
def test_resume_after_rotations(log: Path, reader: Reader, times: int) -> None:
    add(log, *some(0, 10))
    reader.step(24)
    for n in range(times):
        turn(log)
        add(log, *some(10 + n, 1))
    reader.restart()
    assert reader.read() == some(3, 7 + times)
    assert not reader.losses


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_resume_after_truncation_with_copies(log: Path, reader: Reader, times: int, *, packed: bool) -> None:
    add(log, *some(0, 10))
    reader.step(24)
    for n in range(times):
        copytruncate(log)
        add(log, *some(10 + n, 1))
    for path in log.parent.glob("eve.json.*") if packed else ():
        pack(path)
    reader.restart()
    assert reader.read() == some(3, 7 + times)
    assert not reader.losses


def test_resume_when_the_file_is_gone_reads_what_remains_and_says_so(log: Path, reader: Reader) -> None:
    add(log, *some(0, 10))
    reader.step(24)
    for n in range(3):
        turn(log)
        add(log, *some(10 + n, 1))
    log.with_name("eve.json.3").unlink()
    reader.restart()
    assert reader.read() == some(10, 3)
    (loss,) = reader.losses
    assert loss.kind == "gone"
    assert "after byte 24" in loss.words


def test_resume_when_the_file_is_gone_leaves_what_was_read_before(log: Path, reader: Reader) -> None:
    for n in range(3):
        add(log, *some(n, 1))
        reader.read()
        turn(log)
    add(log, *some(3, 1))
    reader.read()
    time.sleep(0.01)
    since = time.time_ns() // 1000
    log.unlink()
    add(log, *some(4, 1))
    reader.restart(since)
    assert reader.read() == some(4, 1)
    assert [loss.kind for loss in reader.losses] == ["gone"]


def test_an_inode_that_is_used_again_is_another_generation(log: Path, reader: Reader) -> None:
    add(log, *some(0, 3))
    reader.read()
    reader.tail.close()
    inode = log.stat().st_ino
    os.truncate(log, 0)
    add(log, *some(3, 30))
    assert log.stat().st_ino == inode
    reader.restart()
    assert reader.read() == some(3, 30)
    assert len(reader.generations) == 2
    assert [loss.kind for loss in reader.losses] == ["gone"]


def test_truncation_to_the_same_beginning_while_nobody_reads(log: Path, reader: Reader) -> None:
    add(log, b"same\n", *some(0, 5))
    reader.read()
    os.truncate(log, 0)
    add(log, b"same\n", *some(5, 1))
    reader.restart()
    assert reader.read() == [b"same\n", *some(5, 1)]
    assert len(reader.generations) == 2
    assert [loss.kind for loss in reader.losses] == ["gone"]


def test_resume_waits_for_a_folder_that_is_not_mounted_yet(log: Path, reader: Reader) -> None:
    add(log, *some(0, 3))
    reader.step(8)
    away = log.parent.with_name("away")
    log.parent.rename(away)
    reader.restart()
    assert reader.read() == []
    away.rename(log.parent)
    assert reader.read() == some(1, 2)
    assert not reader.losses


@pytest.mark.parametrize("generation", ["", "-", "nonsense", "ffff-", "1-2.3.4"])
def test_a_generation_that_is_not_ours_counts_as_gone(log: Path, reader: Reader, generation: str) -> None:
    add(log, *some(0, 2))
    reader.kept = (generation, 8)
    reader.restart()
    assert reader.read() == some(0, 2)
    assert [loss.kind for loss in reader.losses] == ["gone"]


# Files that cannot be read.


def test_a_folder_at_the_path_is_a_clear_sentence(log: Path, reader: Reader) -> None:
    log.mkdir()
    assert reader.read() == []
    assert reader.tail.trouble == f"eve: {log}: is not a regular file; name the log file itself"
    log.rmdir()
    add(log, *some(0, 1))
    assert wakes(reader.tail)
    assert reader.read() == some(0, 1)


def test_a_pipe_at_the_path_does_not_hang(log: Path, reader: Reader) -> None:
    os.mkfifo(log)
    assert reader.read() == []
    assert "not a regular file" in reader.tail.trouble


def test_an_unreadable_file_is_a_clear_sentence_and_tried_again(log: Path) -> None:
    if os.geteuid() == 0:
        as_nobody(log)
        return
    log.parent.mkdir()
    add(log, *some(0, 1))
    log.chmod(0)
    with Tail("eve", log) as tail:
        assert tail.read(NOW) == ()
        assert "give the user that runs Tercio read access" in tail.trouble
        log.chmod(0o644)
        assert wakes(tail)
        (batch,) = tail.read(NOW)
        assert list(batch.lines) == some(0, 1)
        assert tail.trouble == ""


def as_nobody(log: Path) -> None:
    """Root may read everything: a child gives its rights up and runs the test again."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            folder = Path(f"/tmp/tercio-tail-{os.getpid()}")
            folder.mkdir()
            os.chown(folder, 65534, 65534)
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            test_an_unreadable_file_is_a_clear_sentence_and_tried_again(folder / log.parent.name / log.name)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(f"/tmp/tercio-tail-{child}", ignore_errors=True)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_broken_packed_file_gives_what_it_has_and_is_said(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1))
    reader.read()
    turn(log)
    add(log, *some(1, 9999))
    turn(log)
    time.sleep(0.005)
    add(log, *some(10_000, 1))
    packed = log.with_name("eve.json.1.gz")
    pack(log.with_name("eve.json.1"))
    os.truncate(packed, packed.stat().st_size // 2)
    os.utime(packed, ns=(0, log.stat().st_mtime_ns - 1))
    lines = reader.read()
    whole = lines[:-2]
    assert 1000 < len(whole) < 9000
    assert whole == some(1, len(whole))
    assert lines[-1:] == some(10_000, 1)
    assert {loss.kind for loss in reader.losses} == {"unreadable"}


def test_an_unreadable_rotated_file_is_said_once_and_left(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1))
    reader.read()
    turn(log)
    os.mkfifo(log.with_name("eve.json.0"))
    reader.read()
    reader.read()
    add(log, *some(1, 1))
    assert reader.read() == some(1, 1)
    assert [(loss.kind, loss.times) for loss in reader.losses] == [("unreadable", 1)]


# Everything at random.


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_or_doubled_whatever_happens(log: Path, reader: Reader, seed: int) -> None:
    chance = random.Random(seed)
    add(log, *some(0, 1))
    reader.read()
    written = 1
    rest = b""
    for _ in range(120):
        match chance.choices(["write", "part", "read", "rename", "copy", "restart", "pack"], [9, 3, 6, 2, 2, 2, 1])[0]:
            case "write":
                count = chance.randint(1, 30)
                add(log, rest, *some(written, count)[1 if rest else 0 :])
                written, rest = written + count, b""
            case "part" if not rest:
                line = some(written, 1)[0]
                cut = chance.randrange(1, len(line))
                add(log, line[:cut])
                rest = line[cut:]
            case "read":
                reader.step(chance.choice([1, 20, 200, 1 << 20]))
            case "rename" if not rest and log.exists():
                turn(log)
            case "copy" if not rest and log.exists():
                copytruncate(log)
            case "restart":
                reader.restart()
            case "pack":
                for path in sorted(log.parent.glob("eve.json.?"))[:1]:
                    pack(path)
    if rest:
        add(log, rest)
        written += 1
    add(log, *some(written, 1))
    reader.read()
    assert reader.lines == some(0, written + 1)
    assert not reader.losses


WRITER = """
import os, random, sys, time
from pathlib import Path
log, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
chance, file, n = random.Random(seed), open(log, "ab", buffering=0), 1
file.write(b'{"n":0}\\n')
sys.stdin.readline()
while n < count:
    k = chance.randint(1, 40)
    text = b"".join(b'{"n":%d}\\n' % i for i in range(n, n + k))
    cut = chance.randrange(len(text))
    file.write(text[:cut]); file.write(text[cut:])
    n += k
    if chance.random() < 0.03:
        olds = sorted(log.parent.glob(log.name + ".*"), key=lambda p: -int(p.suffix[1:]))
        for old in olds:
            old.rename(log.with_name(f"{log.name}.{int(old.suffix[1:]) + 1}"))
        log.rename(log.with_name(log.name + ".1"))
        time.sleep(chance.random() / 200)
        file.close()
        file = open(log, "ab", buffering=0)
    time.sleep(chance.random() / 500)
print(n)
"""


def test_rotation_as_fast_as_files_can_be_renamed(log: Path, reader: Reader) -> None:
    often = WRITER.replace("< 0.03", "< 0.3").replace("/ 200", "/ 20000").replace("/ 500", "/ 50000")
    writing = [sys.executable, "-c", often, str(log), "8000", "3"]
    with subprocess.Popen(writing, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdin is not None
            assert writer.stdout is not None
            while not reader.lines:
                reader.step()
            writer.stdin.write("rotate\n")
            writer.stdin.flush()
            while writer.poll() is None or reader.tail.behind or wakes(reader.tail, 0.2):
                reader.step(2000)
            count = int(writer.stdout.read())
        finally:
            writer.kill()
    assert len(list(log.parent.iterdir())) > 50
    assert reader.lines == some(0, count)
    assert not reader.losses


READER = """
import select, sqlite3, sys, time
from pathlib import Path
from tercio.products.transports.tail import Tail
store = sqlite3.connect(sys.argv[2])
row = store.execute("select generation, end from place").fetchone()
tail = Tail("eve", Path(sys.argv[1]), row)
while True:
    if not tail.behind:
        select.select([tail.fileno()], [], [], 1)
    batches = tail.read(time.time_ns() // 1000, 4096)
    with store:
        for batch in batches:
            store.executemany("insert into line (text) values (?)", [(line,) for line in batch.lines])
            store.execute("delete from place")
            store.execute("insert into place values (?, ?)", (batch.generation, batch.end))
        store.executemany("insert into loss values (?)", [(loss.words,) for loss in tail.losses()])
"""


def test_a_killed_reader_of_a_rotating_writer_has_every_line_once(log: Path, tmp_path: Path) -> None:
    log.parent.mkdir()
    store = sqlite3.connect(tmp_path / "read.db")
    store.executescript(
        "pragma journal_mode=wal; create table line (id integer primary key, text blob);"
        "create table place (generation text, end integer); create table loss (words text);"
    )
    chance = random.Random(7)
    command = [sys.executable, "-c", READER, str(log), str(tmp_path / "read.db")]
    writing = [sys.executable, "-c", WRITER, str(log), "30000", "7"]
    with subprocess.Popen(writing, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        kills = 0
        try:
            read_until(command, store, 1)
            assert writer.stdin is not None
            writer.stdin.write("rotate\n")
            writer.stdin.flush()
            while writer.poll() is None:
                kills += killed_after(command, chance.uniform(0.1, 0.35))
            assert writer.stdout is not None
            count = int(writer.stdout.read())
        finally:
            writer.kill()
    read_until(command, store, count)
    assert kills > 3
    assert len(list(log.parent.iterdir())) > 5
    assert [text for (text,) in store.execute("select text from line order by id")] == some(0, count)
    assert store.execute("select * from loss").fetchall() == []
    store.close()


def read_until(command: list[str], store: sqlite3.Connection, count: int) -> None:
    """Run a reader until it has kept so many lines, and a little longer; then kill it."""
    deadline = time.monotonic() + 90
    with subprocess.Popen(command) as reader:
        try:
            while counted(store) < count and time.monotonic() < deadline and reader.poll() is None:
                time.sleep(0.02)
            time.sleep(0.1)
        finally:
            reader.kill()


def killed_after(command: list[str], seconds: float) -> bool:
    with subprocess.Popen(command) as reader:
        time.sleep(seconds)
        reader.send_signal(signal.SIGKILL)
        return reader.wait() == -signal.SIGKILL


def counted(store: sqlite3.Connection) -> int:
    return int(store.execute("select count(*) from line").fetchone()[0])


# A first start on a log that is long already.


def first_start(reader: Reader, *, since: int = 0) -> None:
    reader.tail.close()
    reader.tail = Tail("eve", reader.path, reader.kept, since, from_end=True)


def test_a_first_start_from_the_end_reads_only_what_comes(log: Path, reader: Reader) -> None:
    add(log, *some(0, 3), b'{"half')
    first_start(reader)
    (batch,) = reader.step()
    assert (batch.lines, batch.offset) == ((), len(b"".join(some(0, 3)))), "where it begins can be kept at once"
    add(log, b'":1}\n', *some(3, 2))
    assert reader.read() == [b'{"half":1}\n', *some(3, 2)]
    assert not reader.losses


def test_what_comes_between_the_start_and_the_first_look_is_read(log: Path, reader: Reader) -> None:
    add(log, *some(0, 3))
    first_start(reader)
    add(log, *some(3, 2))
    turn(log)
    add(log, *some(5, 1))
    assert reader.read() == some(3, 3)
    assert not reader.losses


def test_a_start_before_anything_came_is_remembered_by_the_next(log: Path, reader: Reader) -> None:
    add(log, *some(0, 3))
    first_start(reader)
    reader.step()
    add(log, *some(3, 2))
    first_start(reader)
    assert reader.read() == some(3, 2), "what came while nobody read is not skipped"


@pytest.mark.parametrize("before", [None, b""])
def test_a_log_that_was_not_begun_is_read_from_its_beginning(log: Path, reader: Reader, before: bytes | None) -> None:
    if before is not None:
        log.write_bytes(before)
    first_start(reader)
    assert reader.read() == []
    add(log, *some(0, 3))
    assert reader.read() == some(0, 3)


def test_a_huge_log_costs_no_more_than_its_last_line(log: Path, reader: Reader) -> None:
    """Ten gigabytes that take no room: all but the first and the last line is a hole."""
    add(log, *some(0, 1))
    with log.open("r+b") as file:
        file.truncate(10 << 30)
        file.seek(0, 2)
        file.write(b"\n" + some(1, 1)[0])
    first_start(reader)
    (batch,) = reader.step()
    assert batch.offset == log.stat().st_size
    add(log, *some(2, 1))
    assert reader.read() == some(2, 1)


def test_a_last_line_too_long_to_be_read_is_skipped_from_where_it_is(log: Path, reader: Reader) -> None:
    add(log, *some(0, 1), b"x" * (2 * LONGEST_LINE))
    first_start(reader)
    reader.step()
    add(log, b"y\n", *some(1, 1))
    assert reader.read() == some(1, 1)


def test_rotated_files_are_the_past_where_the_log_vanished_after_the_start(log: Path, reader: Reader) -> None:
    add(log.with_name("eve.json.1"), *some(0, 2))
    add(log, *some(2, 2))
    first_start(reader, since=time.time_ns() // 1000)
    log.unlink()
    add(log, *some(4, 1))
    assert reader.read() == some(4, 1)
    assert [loss.kind for loss in reader.losses] == ["gone"]


def test_lines_wait_until_their_record_is_whole(log: Path) -> None:
    """Records of two lines: the second line of a pair lets both pass."""
    log.parent.mkdir()
    with Tail("eve", log, whole=lambda lines: len(lines) // 2 * 2) as tail:
        add(log, b"1\n")
        assert [batch.lines for batch in tail.read(NOW)] == []
        assert not tail.behind, "what waits is not asked for again and again"
        add(log, b"2\n", b"3\n")
        (first,) = tail.read(NOW)
        assert (first.lines, first.offset) == ((b"1\n", b"2\n"), 0)
        with Tail("eve", log, (first.generation, first.end), whole=lambda lines: len(lines) // 2 * 2) as again:
            add(log, b"4\n")
            (second,) = again.read(NOW)
        assert (second.lines, second.offset) == ((b"3\n", b"4\n"), first.end)


def test_what_waits_in_a_file_that_is_finished_is_read(log: Path) -> None:
    log.parent.mkdir()
    with Tail("eve", log, whole=lambda lines: len(lines) // 2 * 2) as tail:
        add(log, b"1\n", b"2\n", b"3\n")
        (first,) = tail.read(NOW)
        assert first.lines == (b"1\n", b"2\n")
        turn(log)
        add(log, b"4\n", b"5\n")
        read = tail.read(NOW)
        assert [batch.lines for batch in read] == [(b"3\n",), (b"4\n", b"5\n")]
        assert tail.losses() == ()
