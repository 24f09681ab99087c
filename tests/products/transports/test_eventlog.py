import struct
import tarfile
from pathlib import Path

import pytest

from tercio.products.transports.eventlog import CHUNK, HEAD, EventLog, ends
from tercio.products.transports.recorded import Recording
from tests.house import tree

SAMPLES = tree.ROOT.parent / "shared" / "data" / "telemetry" / "evtx-attack-samples.tar.xz"


def chunk(begins: dict[int, int], places: dict[int, int]) -> bytes:
    """A chunk with chains that begin in these rows, and where each place leads on."""
    made = bytearray(b"ElfChnk\0".ljust(CHUNK, b"\0"))
    for row, place in begins.items():
        struct.pack_into("<I", made, 128 + 4 * row, place)
    for place, onward in places.items():
        struct.pack_into("<I", made, place, onward)
    return bytes(made)


@pytest.mark.parametrize(
    ("begins", "places", "ended"),
    [
        ({}, {}, True),
        ({0: 600, 95: 700}, {600: 800, 700: 800, 800: 0}, True),
        ({0: 600}, {600: 600}, False),
        ({63: 600}, {600: 700, 700: 800, 800: 700}, False),
        ({64: 600}, {600: 700, 700: 600}, False),
        ({95: 600}, {600: 604, 604: 600}, False),
        ({5: CHUNK - 4}, {CHUNK - 4: 9_999_999}, True),
        ({5: CHUNK - 3}, {}, True),
    ],
)
def test_chains_end_or_lead_in_circles(begins: dict[int, int], places: dict[int, int], ended: bool) -> None:
    assert ends(chunk(begins, places)) is ended


def test_a_part_that_leads_in_circles_is_left_out_and_said(tmp_path: Path) -> None:
    head = (b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, 0, 1, 128, 1, 3, HEAD, 1)).ljust(HEAD, b"\0")
    (tmp_path / "a").write_bytes(head + chunk({}, {}) + chunk({1: 600}, {600: 600}))
    found = Recording("a", tmp_path / "a")
    assert list(found.lines()) == []
    assert "1 parts of it lead in circles" in found.trouble


@pytest.mark.corpus
@pytest.mark.skipif(not SAMPLES.exists(), reason=f"the recorded event logs are not at {SAMPLES}")
def test_a_recorded_log_is_read_whole_and_one_made_endless_ends(tmp_path: Path) -> None:
    with tarfile.open(SAMPLES) as archive:
        entry = next(entry for entry in archive if entry.name.endswith(".evtx") and entry.size < 100_000)
        file = archive.extractfile(entry)
        assert file is not None
        data = bytearray(file.read())
    path = tmp_path / "a.evtx"
    path.write_bytes(data)
    log = EventLog(path)
    assert log.hidden == 0
    assert b'"Computer"' in (log.next() or b"")
    names = [place for place in struct.unpack_from("<64I", data, HEAD + 128) if place]
    struct.pack_into("<I", data, HEAD + names[0], names[1])
    struct.pack_into("<I", data, HEAD + names[1], names[0])
    path.write_bytes(data)
    found = Recording("a", path)
    assert list(found.lines()) == []
    assert "circles" in found.trouble
