"""Files that rotation takes away: which of them were not read is told once, with their size."""

import gzip
from pathlib import Path

import pytest

from tercio.products.transports.logfile import Loss, end_of
from tercio.products.transports.unread import Unread


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eve.json"


def generation(path: Path) -> str:
    found = end_of(path)
    assert found is not None
    return found[0]


def lost(found: tuple[Loss, ...]) -> list[tuple[int, int]]:
    return [(loss.times, loss.size) for loss in found]


def rotate(path: Path, *, most: int) -> None:
    """As logrotate does: what has the highest number goes, all others get the next."""
    path.with_name(f"{path.name}.{most}").unlink(missing_ok=True)
    for number in range(most - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))


def test_a_file_that_goes_unread_is_told_once_with_its_size(path: Path):
    path.write_bytes(b"first\n")
    unread = Unread("ot", path)
    read = [generation(path)]
    for number in range(3):
        rotate(path, most=2)
        path.write_bytes(b"%d second\n" % number)
        assert unread.look(read) == () or number == 2
        path.write_bytes(b"%d second\nand more\n" % number)
        unread.look(read)
    rotate(path, most=2)
    path.write_bytes(b"last\n")
    (loss,) = unread.look(read)
    assert (loss.kind, loss.times, loss.size) == ("gone", 1, len(b"1 second\nand more\n"))
    assert "ot: " in loss.words
    assert unread.look(read) == ()


def test_what_was_read_may_go(path: Path):
    path.write_bytes(b"first\n")
    unread = Unread("ot", path)
    path.rename(path.with_name("eve.json.1"))
    path.write_bytes(b"second\n")
    assert unread.look([generation(path)]) == ()
    path.rename(path.with_name("eve.json.2"))
    path.write_bytes(b"third\n")
    unread.look([])
    path.with_name("eve.json.2").unlink()
    assert unread.look([]) == ()


def test_what_was_there_before_it_looked_is_not_its_business(path: Path):
    path.write_bytes(b"live\n")
    path.with_name("eve.json.1").write_bytes(b"old\n")
    unread = Unread("ot", path)
    path.with_name("eve.json.1").unlink()
    assert unread.look([]) == ()


def test_a_file_that_is_moved_or_packed_is_still_there(path: Path):
    unread = Unread("ot", path)
    path.write_bytes(b"first\n")
    unread.look([])
    path.rename(path.with_name("eve.json.1"))
    assert unread.look([]) == ()
    path.with_name("eve.json.2.gz").write_bytes(gzip.compress(b"first\n"))
    path.with_name("eve.json.1").unlink()
    assert unread.look([]) == ()
    path.with_name("eve.json.2.gz").unlink()
    assert lost(unread.look([])) == [(1, 6)]


def test_a_folder_that_is_not_there_says_nothing(path: Path):
    unread = Unread("ot", path / "of nowhere")
    assert unread.look([]) == ()
    unread = Unread("ot", path)
    path.write_bytes(b"first\n")
    unread.look([])
    path.parent.rename(path.parent.with_name("moved"))
    assert unread.look([]) == ()
    path.parent.with_name("moved").rename(path.parent)
    assert unread.look([]) == ()
