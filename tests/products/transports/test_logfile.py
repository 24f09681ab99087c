"""One file: its name, and its complete lines."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.products.transports.logfile import LONGEST_LINE, LogFile, generation_of, inode_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eve.json"


def named(path: Path, *, finished: bool = False) -> str:
    with LogFile(path) as file:
        assert file.identify(finished=finished) is bool(file.generation)
        return file.generation


# Its name.


def test_a_generation_is_the_inode_and_the_first_line(path: Path) -> None:
    path.write_bytes(b"first\nsecond\n")
    assert named(path) == generation_of(path.stat().st_ino, b"first\n")
    assert inode_of(named(path)) == path.stat().st_ino
    before = named(path)
    path.write_bytes(b"first\nother\n")
    assert named(path) == before
    path.write_bytes(b"First\nsecond\n")
    assert named(path) != before


def test_a_file_has_no_name_before_its_first_line_is_complete(path: Path) -> None:
    path.write_bytes(b"fir")
    assert named(path) == ""
    assert named(path, finished=True) == generation_of(path.stat().st_ino, b"fir")
    path.write_bytes(b"")
    assert named(path, finished=True) == ""


def test_leading_comment_lines_belong_to_the_name(path: Path) -> None:
    header = b"#Software: web server\n#Date: 2026-10-04\n"
    path.write_bytes(header)
    assert named(path) == ""
    path.write_bytes(header + b"one\n")
    before = named(path)
    assert before
    path.write_bytes(header + b"two\n")
    assert named(path) != before


def test_a_long_first_line_is_named_by_its_beginning(path: Path) -> None:
    path.write_bytes(b"x" * 4095)
    assert named(path) == ""
    path.write_bytes(b"x" * 4096)
    before = named(path)
    assert before
    path.write_bytes(b"x" * 5000 + b"\n")
    assert named(path) == before


@pytest.mark.parametrize("text", ["", "-", "xyz-1", "-ff", "0x1f-1", "1F-2", "٣-1"])
def test_a_foreign_generation_has_no_inode(text: str) -> None:
    assert inode_of(text) == 0


# Its lines.


@settings(max_examples=150, deadline=None)
@given(
    content=st.lists(st.binary(max_size=40), max_size=30).map(b"\n".join),
    rooms=st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_every_complete_line_comes_once_at_its_offset(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, rooms: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.log"
    path.write_bytes(content)
    whole = content[: content.rfind(b"\n") + 1]
    got = b""
    with LogFile(path) as file:
        file.identify()
        for turn in range(len(content) + 2):
            offset = file.offset
            lines = file.lines(rooms[turn % len(rooms)])
            assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
            assert offset == len(got)
            got += b"".join(lines)
            assert file.offset == len(got)
        assert got == whole
        rest = file.lines(100, finished=True)
        assert b"".join(rest) == content[len(whole) :]
        assert file.lines(100, finished=True) == ()


def test_the_rest_of_a_cut_line_is_skipped_in_bounded_steps(path: Path) -> None:
    path.write_bytes(b"x" * (2 * LONGEST_LINE + 10) + b"\nnext\n")
    with LogFile(path) as file:
        assert list(map(len, file.lines(100))) == [LONGEST_LINE]
        assert file.lines(LONGEST_LINE) == ()
        assert file.offset == 2 * LONGEST_LINE
        assert file.lines(LONGEST_LINE) == ()
        assert file.skipped == LONGEST_LINE + 11
        assert file.lines(100) == (b"next\n",)


def test_going_on_inside_a_line_skips_its_rest(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthree\n")
    with LogFile(path) as file:
        file.go_on(5, "name")
        assert file.lines(100) == ()
        assert file.lines(100) == (b"three\n",)
        assert file.generation == "name"


def test_going_on_at_a_line_skips_nothing(path: Path) -> None:
    path.write_bytes(b"one\ntwo\n")
    for offset, expected in [(0, (b"one\n", b"two\n")), (4, (b"two\n",)), (8, ())]:
        with LogFile(path) as file:
            file.go_on(offset, "name")
            assert file.lines(100) == expected


# Whether it is still the same.


def test_a_shorter_and_a_rewritten_file_are_replaced(path: Path) -> None:
    path.write_bytes(b"one\ntwo\n")
    with LogFile(path) as file:
        file.identify()
        file.lines(100)
        assert not file.replaced()
        path.write_bytes(b"one\n")
        assert file.replaced()
        path.write_bytes(b"two\none\nand more\n")
        assert file.replaced()
        path.write_bytes(b"one\ntwo\nthree\n")
        assert not file.replaced()


def test_a_copy_is_known_by_what_was_read(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthree\n")
    with LogFile(path) as file:
        file.identify()
        file.lines(9)
        mark = file.mark()
    for content, copies, continues in [
        (b"one\ntwo\nthree\nfour\n", True, True),
        (b"one\ntwo\n", True, True),
        (b"one\n", True, False),
        (b"one\nTWO\nthree\n", False, False),
        (b"ONE\ntwo\nthree\n", False, False),
    ]:
        other = path.with_name("other")
        other.write_bytes(content)
        with LogFile(other) as file:
            file.identify()
            assert (file.copies(mark), file.continues(mark)) == (copies, continues)


def test_a_packed_file_reads_as_the_plain_one(path: Path) -> None:
    content = b"".join(b"line %d\n" % n for n in range(20_000))
    packed = path.with_name("eve.json.1.gz")
    packed.write_bytes(gzip.compress(content, mtime=0))
    with LogFile(packed) as file:
        assert file.identify()
        assert file.reach(10**9) == len(content)
        assert file.reach(5) == 5
        got = b""
        while lines := file.lines(5000):
            got += b"".join(lines)
        assert got == content
        assert not file.replaced()
        assert not file.broken


@pytest.mark.parametrize(
    "content", [b"", b"no gzip at all\n", b"\x1f\x8b\x08", gzip.compress(b"a\n" * 999, mtime=0)[:-12]]
)
def test_a_broken_packed_file_ends_where_it_breaks(path: Path, content: bytes) -> None:
    packed = path.with_name("eve.json.1.gz")
    packed.write_bytes(content)
    with LogFile(packed) as file:
        file.identify(finished=True)
        assert set(file.lines(5000)) <= {b"a\n"}
        assert bool(file.broken) is bool(content)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            LogFile(path)
    with pytest.raises(FileNotFoundError):
        LogFile(tmp_path / "absent")


def test_no_descriptor_is_left_open(path: Path) -> None:
    path.write_bytes(b"x\n")
    packed = path.with_name("eve.json.1.gz")
    packed.write_bytes(gzip.compress(b"x\n", mtime=0))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for place in (path, packed, path.parent):
        try:
            with LogFile(place) as file:
                file.identify()
        except OSError:
            assert place == path.parent
    assert len(list(Path("/proc/self/fd").iterdir())) == before
