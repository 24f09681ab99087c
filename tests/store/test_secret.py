from pathlib import Path

import pytest

from tercio.store.keys import KeyUnusable
from tercio.store.secret import read_secret, shared_secret


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    path = tmp_path / "store.password"
    made = shared_secret(path)
    assert shared_secret(path) == read_secret(path) == made
    assert len(made) >= 40
    assert path.stat().st_mode & 0o777 == 0o600
    assert shared_secret(tmp_path / "other") != made


def test_white_space_around_it_is_not_part_of_it(tmp_path: Path):
    path = tmp_path / "password"
    path.write_bytes(b" correct horse\r\n")
    path.chmod(0o600)
    assert read_secret(path) == "correct horse"


def test_what_others_may_read_is_no_secret(tmp_path: Path):
    path = tmp_path / "store.password"
    made = shared_secret(path)
    path.chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 600") as told:
        shared_secret(path)
    assert made not in str(told.value)


@pytest.mark.parametrize("text", [b"", b"\n", b"\xff\xfe", b"two\nlines"])
def test_what_is_none_is_told_without_being_shown(tmp_path: Path, text: bytes):
    path = tmp_path / "password"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="holds no secret"):
        read_secret(path)


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path):
    with pytest.raises(KeyUnusable, match="Make the folder writable"):
        shared_secret(tmp_path / "gone" / "store.password")
