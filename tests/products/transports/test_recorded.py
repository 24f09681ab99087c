import gzip
import io
import itertools
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from tercio.products.transports import recorded
from tercio.products.transports.recorded import Recording, Skipped, recordings

LINES = (b'{"a":1}\n', b'{"a":2}\n')
SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "telemetry" / "evtx-attack-samples.tar.xz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where archives are unpacked."""
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def read(recording: Recording | Skipped) -> tuple[bytes, ...]:
    assert isinstance(recording, Recording), recording
    return tuple(recording.lines())


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_a_file_is_read_by_lines_however_it_is_packed(pack, tmp_path: Path, folder: Path):
    (tmp_path / "log.json").write_bytes(pack(b"".join(LINES)))
    (found,) = recordings([tmp_path / "log.json"], folder)
    assert read(found) == LINES
    assert read(found) == LINES, "it can be read again"
    assert found.trouble == ""


def test_a_last_line_without_its_end_is_a_line(tmp_path: Path):
    (tmp_path / "log").write_bytes(LINES[0] + b"{}")
    assert read(Recording("log", tmp_path / "log")) == (LINES[0], b"{}\n")


def test_a_line_that_is_too_long_is_cut_and_the_next_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorded, "LONGEST_LINE", 8)
    (tmp_path / "log").write_bytes(b"x" * 50 + b"\n" + LINES[0])
    found = Recording("log", tmp_path / "log")
    assert read(found) == (b"x" * 8 + b"\n", LINES[0])
    assert "cut" in found.trouble


def test_folders_and_archives_are_gone_through_by_name(tmp_path: Path, folder: Path):
    logs = tmp_path / "logs"
    (logs / "b").mkdir(parents=True)
    (logs / "b" / "log").write_bytes(LINES[0])
    (logs / "b" / "link").symlink_to(logs / "b" / "log")
    with zipfile.ZipFile(logs / "a.zip", "w") as archive:
        archive.writestr("../../evil.json", LINES[0])
        archive.writestr("x.json.gz", gzip.compress(LINES[1], mtime=0))
    with tarfile.open(logs / "c.tar.xz", "w:xz") as tape:
        entry = tarfile.TarInfo("in/log")
        entry.size = len(LINES[1])
        tape.addfile(entry, io.BytesIO(LINES[1]))
        link = tarfile.TarInfo("in/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tape.addfile(link)
    found = [(str(file.name).removeprefix(f"{logs}/"), read(file)) for file in recordings([logs], folder)]
    assert found == [
        ("a.zip/../../evil.json", LINES[:1]),
        ("a.zip/x.json.gz", LINES[1:]),
        ("b/log", LINES[:1]),
        ("c.tar.xz/in/log", LINES[1:]),
    ]
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} == {"logs", "unpacked"}


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("x.pcap", b"\xd4\xc3\xb2\xa1" + b"\0" * 20, "Suricata"),
        ("x.log", b"", "empty"),
        ("x.zip", b"PK no", "can't be read"),
        ("x.tar.gz", gzip.compress(b"no tape", mtime=0), "can't be read"),
        ("y.tar.gz", b"\x1f\x8b\x08", "its beginning is cut off"),
    ],
)
def test_what_is_not_read_is_said(name: str, data: bytes, why: str, tmp_path: Path, folder: Path):
    (tmp_path / name).write_bytes(data)
    (found,) = recordings([tmp_path / name], folder)
    assert isinstance(found, Skipped)
    assert why in found.why


@pytest.mark.parametrize(
    "data", [gzip.compress(LINES[0] * 9999, mtime=0)[:-9], b"\xfd7zXZ\x00junk", b"ElfFile\x00junk"]
)
def test_a_damaged_file_gives_what_it_has_and_says_the_rest(data: bytes, tmp_path: Path):
    (tmp_path / "log").write_bytes(data)
    found = Recording("log", tmp_path / "log")
    assert set(read(found)) <= {LINES[0], LINES[0][:3] + b"\n"}
    assert "breaks off" in found.trouble


def test_a_tape_that_is_damaged_in_its_middle_is_read_up_to_there_and_said(tmp_path: Path, folder: Path):
    """To tarfile a damaged header looks like the end."""
    with tarfile.open(tmp_path / "a.tar", "w") as tape:
        for name in ("one", "two", "three"):
            entry = tarfile.TarInfo(name)
            entry.size = len(LINES[0])
            tape.addfile(entry, io.BytesIO(LINES[0]))
    data = bytearray((tmp_path / "a.tar").read_bytes())
    data[1024] ^= 1
    (tmp_path / "a.tar").write_bytes(data)
    one, rest = recordings([tmp_path / "a.tar"], folder)
    assert read(one) == LINES[:1]
    assert isinstance(rest, Skipped)
    assert "can't be read to its end: it is damaged" in rest.why


def test_an_archive_that_unpacks_to_too_much_is_left(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorded, "MOST_UNPACKED", 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small", LINES[0])
        archive.writestr("bomb", b"\0" * 1_000_000)
    small, bomb = recordings([tmp_path / "a.zip"], folder)
    assert read(small) == LINES[:1]
    assert isinstance(bomb, Skipped)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 20


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path, folder: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.zip", b"PK")
    (found,) = recordings([tmp_path / "a.zip"], folder)
    assert isinstance(found, Skipped)
    assert "in an archive" in found.why


def test_files_are_bounded(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorded, "MOST_FILES", 2)
    for name in "abcd":
        (tmp_path / name).write_bytes(LINES[0])
    kinds = [type(found) for found in recordings([tmp_path / name for name in "abcd"], folder)]
    assert kinds == [Recording, Recording, Skipped]


@pytest.mark.corpus
@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded telemetry is not beside this checkout")
def test_event_logs_are_read_record_by_record(folder: Path):
    files = (file for file in recordings([SAMPLES], folder) if isinstance(file, Recording))
    logs = [file for file in itertools.islice(files, 40) if file.name.endswith(".evtx")]
    lines = [line for file in logs for line in file.lines()]
    assert len(logs) > 30
    assert all(line.startswith(b'{"Event":') and line.endswith(b"}\n") for line in lines)
    assert all(file.trouble == "" for file in logs)
    whole = logs[0].path.read_bytes()
    logs[0].path.write_bytes(whole[: len(whole) // 2])
    assert len(tuple(logs[0].lines())) <= len(lines)
