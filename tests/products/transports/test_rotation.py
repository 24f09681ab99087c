"""What lies beside a log file, and in which order it was written."""

import errno
import os
from pathlib import Path

import pytest

from tercio.products.transports import rotation
from tercio.products.transports.logfile import LogFile
from tercio.products.transports.rotation import Neighbour, neighbours, opened, unmoved, with_inode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eve.json"


def names(path: Path) -> list[str]:
    return [n.path.name for n in neighbours(path)]


def test_rotated_names_are_neighbours_and_others_are_not(path: Path) -> None:
    rotated = ["eve.json.1", "eve.json.2.gz", "eve.json-20260131", "eve.json.2026-01-31_10", "eve.json-1769817600"]
    rotated += ["eve-20260131.json"]
    others = ["eve.json", "eve.json.bak", "eve.json.swp", "eve-alerts.json", "eve.1.json", "xeve.json.1", "eve.jsonl"]
    others += ["eveXjson.1"]
    for name in rotated + others:
        path.with_name(name).write_bytes(b"x\n")
    assert sorted(names(path)) == sorted(rotated)


def test_neighbours_come_by_last_write_then_by_name(path: Path) -> None:
    for number, second in [(1, 5), (2, 5), (10, 5), (3, 9), (4, 1)]:
        rotated = path.with_name(f"eve.json.{number}")
        rotated.write_bytes(b"x\n")
        os.utime(rotated, (second, second))
    assert names(path) == ["eve.json.4", "eve.json.10", "eve.json.2", "eve.json.1", "eve.json.3"]


def test_a_file_that_is_being_packed_counts_once(path: Path) -> None:
    path.with_name("eve.json.1").write_bytes(b"x\n")
    path.with_name("eve.json.1.gz").write_bytes(b"")
    assert names(path) == ["eve.json.1"]


def test_neighbours_of_the_link_and_of_its_target(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "eve.json").write_bytes(b"x\n")
    (tmp_path / "data" / "eve.json.1").write_bytes(b"x\n")
    link = tmp_path / "eve.json"
    link.symlink_to(tmp_path / "data" / "eve.json")
    assert names(link) == ["eve.json.1"]
    (tmp_path / "eve.json.9").symlink_to("nowhere")
    assert names(link) == ["eve.json.1"]


def test_a_file_is_found_by_its_inode_whatever_its_name(path: Path) -> None:
    path.write_bytes(b"x\n")
    inode = path.stat().st_ino
    path.rename(path.with_name("renamed by hand"))
    found = with_inode(path, inode)
    assert found is not None
    assert found.path.name == "renamed by hand"
    assert with_inode(path, 0) is None


def test_files_are_opened_in_order_and_what_may_not_be_read_is_told(path: Path) -> None:
    for number in (1, 3):
        path.with_name(f"eve.json.{number}").write_bytes(b"x\n")
    os.mkfifo(path.with_name("eve.json.2"))
    for number in (1, 2, 3):
        os.utime(path.with_name(f"eve.json.{number}"), (9, 9))
    told: list[tuple[Neighbour, OSError]] = []
    files = list(opened(path, neighbours(path), lambda place, error: told.append((place, error))))
    assert [file.path.name for file in files] == ["eve.json.3", "eve.json.1"]
    assert [place.path.name for place, _ in told] == ["eve.json.2"]
    for file in files:
        file.close()


@pytest.mark.parametrize("other", [False, True], ids=["gone", "another"])
def test_a_file_that_moved_since_the_look_is_not_mistaken(path: Path, *, other: bool) -> None:
    rotated = path.with_name("eve.json.1")
    rotated.write_bytes(b"x\n")
    beside = neighbours(path)
    rotated.rename(path.with_name("eve.json.2"))
    if other:
        rotated.write_bytes(b"y\n")
    with pytest.raises(OSError, match="Rotation in progress") as caught:
        list(opened(path, beside))
    assert caught.value.errno == errno.ESTALE
    assert not unmoved(neighbours(path), beside)


def test_a_file_that_one_look_missed_is_seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed file may hide from a scan of its folder: here it is really elsewhere during the first."""
    rotated = path.with_name("eve.json.1")
    rotated.write_bytes(b"x\n")
    away = path.with_name("away")
    rotated.rename(away)

    def look(path: Path) -> tuple[Neighbour, ...]:
        seen = real(path)
        if away.exists():
            away.rename(rotated)
        return seen

    real = rotation._look
    monkeypatch.setattr(rotation, "_look", look)
    assert names(path) == ["eve.json.1"]


def test_a_rotation_that_never_ends_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.with_name("eve.json.1").write_bytes(b"x\n")

    def look(path: Path) -> tuple[Neighbour, ...]:
        (seen,) = real(path)
        seen.path.rename(path.with_name(f"{path.name}.{int(seen.path.suffix[1:]) + 1}"))
        return (seen,)

    real = rotation._look
    monkeypatch.setattr(rotation, "_look", look)
    with pytest.raises(OSError, match="Rotation in progress"):
        neighbours(path)


def test_writing_is_no_rotation(path: Path) -> None:
    rotated = path.with_name("eve.json.1")
    rotated.write_bytes(b"x\n")
    before = neighbours(path)
    os.utime(rotated, (1, 1))
    assert neighbours(path) != before
    assert unmoved(neighbours(path), before)


def test_what_keeps_the_followed_file_from_being_opened_is_raised(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        list(opened(path, [Neighbour((0, "", 0), path.stat().st_ino, path)]))
    path.rmdir()
    path.write_bytes(b"x\n")
    (file,) = opened(path, [Neighbour((0, "", 0), path.stat().st_ino, path)])
    assert isinstance(file, LogFile)
    file.close()
