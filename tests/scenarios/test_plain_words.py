"""What people are told when something is missing, provoked for real: full disks, absent libraries, vanished files."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tercio.app.settings import load
from tercio.app.supervisor import order_key, prepare
from tercio.store.audit import verify
from tercio.store.state import State
from tests.app.commands.test_run import Up, until
from tests.app.given import changed, home, tercio
from tests.loop.given import eve, poll

BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Root without its privileges is a user like others: what is not his to read he may not read."""


def bare(*words: str, settings: Path) -> subprocess.CompletedProcess[str]:
    argv = [*BARE, sys.executable, "-m", "tercio", *words, "--settings", str(settings)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


def one_error(done: subprocess.CompletedProcess[str], status: int, words: str) -> None:
    """One object on stdout, one sentence on stderr, both the same."""
    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def findings(done: subprocess.CompletedProcess[str], what: str, weight: str = "fail") -> str:
    found = json.loads(done.stdout)["findings"]
    return "; ".join(f["words"] for f in found if f["what"] == what and f["weight"] == weight)


def mounts(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a mount namespace of its own, after a script has changed what lies where."""
    argv = ["unshare", "-m", "sh", "-ec", f'{script}; exec "$@"', "sh", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def _mounting() -> None:
    if os.geteuid() != 0 or mounts("true", "true").returncode:
        pytest.skip("needs root: mounts something in a namespace of its own")


@pytest.mark.usefixtures("_mounting")
@pytest.mark.parametrize("words", ["up", "undo all --offline"])
def test_a_full_disk_is_told_and_nothing_is_half_made(tmp_path: Path, words: str):
    settings = home(tmp_path, changed('state = "state"', 'state = "disk/state"'))
    (tmp_path / "disk").mkdir()
    fill = f"mount -t tmpfs -o size=64k none {tmp_path}/disk; cat /dev/zero >{tmp_path}/disk/all 2>/dev/null || true"
    # One inode and no block is free: a folder can be made, a file can't be filled.
    done = mounts(fill, sys.executable, "-m", "tercio", *words.split(), "--json", "--settings", str(settings))
    assert done.returncode in (1, 78), done.stderr
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert "No space left on device" in done.stderr or "is full" in done.stderr
    assert "ree space" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("_mounting")
def test_a_machine_without_libnftables_is_told_by_doctor_and_by_the_hand(tmp_path: Path):
    libraries = [str(p) for pattern in ("/usr/lib/*/", "/usr/lib/", "/usr/lib64/") for p in
                 Path("/").glob(f"{pattern.lstrip('/')}libnftables.so.1")]  # fmt: skip
    if not libraries:
        pytest.skip("libnftables is not here anyway")
    settings = home(tmp_path, hand=True)
    prepare(load(settings))
    hide = "; ".join(f"mount --bind /dev/null {library}" for library in libraries)
    done = mounts(hide, sys.executable, "-m", "tercio", "doctor", "--json", "--settings", str(settings))
    assert done.returncode == 1
    assert "libnftables.so.1 is missing; install libnftables1 or nftables" in findings(done, "hand gateway")
    file = str(tmp_path / "gateway.toml")
    done = mounts(hide, "unshare", "-n", sys.executable, "-m", "tercio", "hand", "gateway", "--file", file, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert "libnftables.so.1 is missing" in done.stderr


def test_a_user_who_may_not_start_the_hand_is_told_beforehand(tmp_path: Path):
    settings = home(tmp_path, hand=True)
    prepare(load(settings))
    done = bare("doctor", "--json", settings=settings)
    assert done.returncode == 1
    assert "this user can't start it: it needs CAP_NET_ADMIN" in findings(done, "hand gateway")


def test_a_state_that_may_not_be_written_is_told(tmp_path: Path):
    settings = home(tmp_path)
    prepare(load(settings))
    (tmp_path / "state").chmod(0o500)
    done = bare("up", "--json", settings=settings)
    one_error(done, 78, f"{tmp_path}/state: Permission denied; make it a folder that this user may write")
    done = bare("doctor", "--json", settings=settings)
    assert "can't be written by this user (Permission denied)" in findings(done, "state")


@pytest.mark.parametrize("words", ["up", "undo all --offline"])
def test_a_key_that_others_may_read_is_not_used(tmp_path: Path, words: str):
    settings = home(tmp_path)
    prepare(load(settings))
    key = order_key(load(settings))
    key.chmod(0o644)
    if words != "up":  # Where nothing stands nothing is signed.
        assert tercio(*words.split(), settings=settings).returncode == 0
        return
    one_error(tercio(*words.split(), "--json", settings=settings), 78, f"Run: chmod 600 {key}")


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Up]:
    """A platform without hands that watches a file which is silent after a second."""
    text = changed('path = "eve.json"', 'path = "wire/eve.json"\nsilent_after = "1s"')
    settings = home(tmp_path, text)
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / "eve.json").write_bytes(poll(now()))
    started = Up(settings)
    try:
        until((tmp_path / "state" / "loop.sock").exists, started.said)
        yield started
    finally:
        started.kill()


def now() -> int:
    return time.time_ns() // 1000


def add(folder: Path, data: bytes) -> None:
    with (folder / "wire" / "eve.json").open("ab") as file:
        file.write(data)


def told(folder: Path, kind: str) -> list[dict]:
    with State.read(folder / "state") as reader:
        return [json.loads(entry.body) for entry in reader.records(kind=kind) if entry.body]


def test_a_source_that_vanishes_is_told_and_followed_again_when_it_is_back(watching: Up, tmp_path: Path):
    (tmp_path / "wire" / "eve.json").unlink()
    until(lambda: "does not exist yet" in watching.said(), watching.said)
    until(lambda: [s for s in told(tmp_path, "silence") if s["silent"]], watching.said)
    assert tercio("status", "--json", settings=tmp_path / "tercio.toml").returncode == 1
    add(tmp_path, poll(now()))
    until(lambda: [s for s in told(tmp_path, "silence") if not s["silent"]], watching.said)
    assert watching.end()[0] == 0
    assert verify(tmp_path / "state").ok


def test_a_source_that_may_not_be_read_any_more_is_told(watching: Up, tmp_path: Path):
    """A folder in its place can be read by nobody, root or not."""
    (tmp_path / "wire" / "eve.json").unlink()
    (tmp_path / "wire" / "eve.json").mkdir()
    until(lambda: "is not a regular file; name the log file itself" in watching.said(), watching.said)
    doctor = tercio("doctor", "--json", settings=tmp_path / "tercio.toml")
    assert "is no file: does suricata run, and write there?" in findings(doctor, "source ot")


def test_rubbish_in_a_source_is_counted_and_what_follows_is_read(watching: Up, tmp_path: Path):
    size = 100 << 20
    add(tmp_path, b"\x00\xff\xfe binary\n" + b"<xml/>\n" + b'{"ts": 1, "uid": "C1", "proto": "tcp"\n')
    with (tmp_path / "wire" / "eve.json").open("r+b") as file:
        file.truncate(file.seek(0, 2) + size)  # A line of a hundred megabytes that takes no room on the disk.
    doctor = tercio("doctor", "--json", settings=tmp_path / "tercio.toml")
    assert "has no line end in its last 256 KB: that is no log of suricata" in findings(doctor, "source ot")
    add(tmp_path, b"\n" + eve("stats", now(), "", ""))
    until(lambda: "the rest of a line over 1048576 bytes" in watching.said(), watching.said)
    counts: dict[str, int] = {}

    def counted() -> bool:
        with State.read(tmp_path / "state") as reader:
            counts.update(reader.unparsed_counts())
        return counts.get("ot", 0) >= 4

    until(counted, watching.said)
    assert watching.end()[0] == 0
    assert counts["ot"] == 4, "three lines and the beginning of the long one"
    assert any("1048576 bytes" in loss["loss"] for loss in told(tmp_path, "loss"))
    doctor = tercio("doctor", "--json", settings=tmp_path / "tercio.toml")
    assert "4 lines were not understood" in findings(doctor, "source ot", "warn")


@pytest.mark.parametrize("line", [
    b'{"ts": 1764000000.1, "uid": "C1", "id.orig_h": "10.77.10.10"}\n',
    b"Nov 24 08:00:00 host kernel: x\n", b"\x7fELF\n",
])  # fmt: skip
def test_the_log_of_another_product_is_found_beforehand(tmp_path: Path, line: bytes):
    settings = home(tmp_path)
    (tmp_path / "eve.json").write_bytes(line)
    done = tercio("doctor", "--json", settings=settings)
    assert done.returncode == 1
    assert "does not read like suricata" in findings(done, "source ot")
    assert "correct sensor or path" in findings(done, "source ot")


def test_a_policy_with_a_slip_is_told_by_its_line_before_anything_runs(tmp_path: Path):
    settings = home(tmp_path, changed('site = "site.toml"', 'site = "site.toml"\nmandate = ["own.cedar"]'))
    (tmp_path / "own.cedar").write_text(
        '@id("a")\n@words("b")\nforbid (principal, action, resource)\nwhen { 1 === 2 };\n'
    )
    words = f"{tmp_path}/own.cedar:4: unexpected token `=`; correct the Cedar text, or remove the file"
    one_error(tercio("up", "--json", settings=settings), 78, words)
    assert words in findings(tercio("doctor", "--json", settings=settings), "rules and mandate")


def test_a_tool_that_is_missing_ends_the_start_with_its_name(tmp_path: Path):
    """Without setpriv nothing is started that could outlive this command."""
    settings = home(tmp_path)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    done = tercio("up", "--json", settings=settings, env={"PATH": str(bin_)})
    assert done.returncode == 78
    ended = json.loads(done.stdout)
    assert ended["status"] == 78
    assert (
        ended["error"] == "loop: cannot start setpriv: No such file or directory; `tercio doctor` says what is missing"
    )
