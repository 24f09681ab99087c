"""What the kernel says, and what it is not asked for."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tercio.products.transports.notices import Notices


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log" / "eve.json"
    path.parent.mkdir()
    return path


@pytest.fixture
def notices(path: Path) -> Iterator[Notices]:
    notices = Notices(path)
    yield notices
    notices.close()


def woken(notices: Notices, timeout: float = 5.0) -> bool:
    return bool(select.select([notices.fileno()], [], [], timeout)[0])


def add(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x\n")


def test_creation_writing_and_replacement_wake(path: Path, notices: Notices) -> None:
    notices.take()
    for change in (
        lambda: add(path),
        lambda: add(path),
        lambda: path.rename(path.with_name("eve.json.1")),
        lambda: add(path.with_name("eve.json.1")),
        lambda: add(path),
        lambda: os.truncate(path, 0),
        lambda: path.chmod(0o600),
        path.unlink,
    ):
        assert not woken(notices, 0)
        change()
        assert woken(notices)
        while notices.take():
            pass
    assert notices.trouble == ""


def test_a_dropped_file_no_longer_wakes(path: Path, notices: Notices) -> None:
    add(path)
    notices.take()
    old = path.stat()
    path.rename(path.with_name("eve.json.1"))
    while notices.take():
        pass
    notices.drop(old.st_dev, old.st_ino)
    notices.drop(old.st_dev, old.st_ino)
    while notices.take():
        pass
    add(path.with_name("eve.json.1"))
    assert not woken(notices, 0.05)
    add(path)
    assert woken(notices)


def test_a_folder_and_a_file_that_come_back_are_heard_again(path: Path, notices: Notices) -> None:
    for _ in range(3):
        add(path)
        while notices.take():
            pass
        add(path)
        assert woken(notices), "the file is heard"
        path.unlink()
        path.parent.rmdir()
        while notices.take():
            pass
        path.parent.mkdir()
        while notices.take():
            pass
        add(path)
        assert woken(notices), "the folder is heard"


def test_a_busy_writer_does_not_hold_the_reader(path: Path, notices: Notices) -> None:
    add(path)
    notices.take()
    for n in range(400):
        path.with_name(f"{n}").touch()
    counts = [notices.take(), notices.take(), notices.take(), notices.take()]
    assert max(counts) <= 256
    assert sum(counts) >= 400


def test_without_a_watch_left_it_says_what_to_do(path: Path) -> None:
    """The limit is set in a user namespace of its own: nobody else's is touched."""
    code = """
import sys
from pathlib import Path
from tercio.products.transports.tail import Tail
path = Path(sys.argv[1])
path.write_bytes(b"one\\n")
Path("/proc/sys/user/max_inotify_watches").write_text("0")
tail = Tail("eve", path)
print(tail.read(0)[0].lines[0], tail.trouble)
Path("/proc/sys/user/max_inotify_instances").write_text("0")
try:
    Tail("eve", path)
except OSError as error:
    print(error.strerror)
"""
    own = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel gives no user namespace")
    ran = subprocess.run([*own, sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    first, second = ran.stdout.splitlines()
    assert first.startswith("b'one\\n' eve: ")
    assert first.endswith("raise fs.inotify.max_user_watches")
    assert second == "Too many open files"
