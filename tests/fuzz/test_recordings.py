"""Files that somebody damaged: what was there is given, what was not is said, and nothing raises."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.products.transports import recorded
from tercio.products.transports.recorded import Recording, Skipped, recordings
from tests.fuzz.mutate import in_linear_time, mutated, rounds
from tests.house import tree

LINES = b"".join(b'{"number":%d,"text":"%s"}\n' % (number, bytes([65 + number % 26]) * 40) for number in range(200))
SAMPLES = tree.ROOT.parent / "shared" / "data" / "telemetry" / "evtx-attack-samples.tar.xz"


def tape(mode: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name in ("a.json", "deep/b.json"):
            entry = tarfile.TarInfo(name)
            entry.size = len(LINES)
            archive.addfile(entry, io.BytesIO(LINES))
    return made.getvalue()


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", LINES)
        archive.writestr("deep/b.json", LINES)
    return made.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "a.json": lambda: LINES,
    "a.json.gz": lambda: gzip.compress(LINES, mtime=0),
    "a.json.xz": lambda: lzma.compress(LINES),
    "a.json.bz2": lambda: bz2.compress(LINES),
    "a.tar": lambda: tape("w"),
    "a.tar.gz": lambda: tape("w:gz"),
    "a.tar.xz": lambda: tape("w:xz"),
    "a.zip": zipped,
    "a.evtx": lambda: b"ElfFile\0" + bytes(120) + b"ElfChnk\0" + bytes(65528),
}


def read(path: Path, scratch: Path) -> int:
    """All that is in a path; returns how many bytes of lines it gave."""
    scratch.mkdir()
    total = 0
    for each in recordings([path], scratch):
        assert isinstance(each, Recording | Skipped)
        if isinstance(each, Skipped):
            assert each.why
            continue
        for line in each.lines():
            assert line.endswith(b"\n")
            assert len(line) <= recorded.LONGEST_LINE + 1
            total += len(line)
    return total


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_or_archive_is_read_as_far_as_it_goes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What unpacks to more than there is room for ends there, whatever its sizes claim."""
    monkeypatch.setattr(recorded, "MOST_UNPACKED", 1 << 20)
    monkeypatch.setattr(recorded, "LONGEST_LINE", 1 << 12)
    whole, path = FILES[name](), tmp_path / name
    with in_linear_time(600):
        for number, data in enumerate(mutated([whole], rounds(60), name)):
            path.write_bytes(data)
            assert read(path, tmp_path / str(number)) < 4 << 20


@pytest.mark.corpus
@pytest.mark.skipif(not SAMPLES.exists(), reason=f"the recorded event logs are not at {SAMPLES}")
def test_a_damaged_event_log_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    with tarfile.open(SAMPLES) as archive:
        entry = next(entry for entry in archive if entry.name.endswith(".evtx") and entry.size < 100_000)
        file = archive.extractfile(entry)
        assert file is not None
        whole = file.read()
    path, chance, given = tmp_path / "a.evtx", random.Random("evtx"), 0
    with in_linear_time(600):
        for number in range(rounds(100)):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                at = chance.randrange(8, min(len(data), 4096 + chance.randint(1, 8000)))
                piece = chance.choice([b"\0", b"\xff", b"\xff\xff\xff\x7f", bytes([chance.randrange(256)])])
                data[at : at + len(piece)] = piece
            path.write_bytes(data[: chance.randrange(8, len(data))] if number % 4 == 0 else data)
            given += read(path, tmp_path / str(number)) > 0
    assert given > rounds(100) // 20, "many are damaged so that some of it is still read"
