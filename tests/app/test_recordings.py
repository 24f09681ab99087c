import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.app import recordings
from tercio.app.recordings import Found, Piece, looked_into, merged, pieces
from tercio.app.replay import UNKNOWN
from tercio.app.replay import content as content_of
from tercio.loop.state import Content
from tercio.model.units import SECOND, instant
from tercio.products.transports.recorded import Recording, Skipped

AT = instant("2026-11-24T08:00:00Z")
Write = Callable[..., Found]


def windows(second: int) -> bytes:
    at = f"2026-11-24T08:{second // 60:02}:{second % 60:02}Z"
    return json.dumps({"Channel": "System", "EventID": 1, "@timestamp": at}).encode() + b"\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, *lines: bytes) -> Found:
        (tmp_path / name).write_bytes(b"".join(lines))
        found = looked_into(Recording(name, tmp_path / name))
        assert isinstance(found, Found), found
        return found

    return write


def test_a_file_is_known_by_its_records(write: Write):
    found = write("a", b"# made by us\n", windows(7), windows(3))
    assert (found.sensor, found.begins) == ("windows", AT + 7 * SECOND)


def test_what_nobody_knows_is_said(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"a,b\n1,2\n")
    found = looked_into(Recording("a", tmp_path / "a"))
    assert isinstance(found, Skipped)
    assert "known are suricata, windows" in found.why


def read(*files: Found, made: Content | None = None) -> list[tuple[Found, Piece]]:
    content = made or content_of(UNKNOWN, [], {found.sensor for found in files})
    return list(merged(files, lambda found: pieces(content, found)))


def test_all_is_read_in_the_order_of_its_times(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "LINES", 2)
    early, late = write("early", *map(windows, range(5))), write("late", *map(windows, range(1, 6)))
    last = write("last", windows(3000))
    taken = read(last, late, early)
    assert [piece.begins for _, piece in taken] == sorted(piece.begins for _, piece in taken)
    for found in (early, late, last):
        mine = [lot for whose, piece in taken if whose == found for lot in piece.lots]
        assert [lot.offset for lot in mine] == [0, *(lot.end for lot in mine[:-1])]
        assert mine[-1].end == found.recording.path.stat().st_size
        assert {(lot.source, lot.generation, lot.received) for lot in mine} == {("windows", found.recording.name, 0)}
    assert [piece.lines for whose, piece in taken if whose == early] == [2, 2, 1]
    assert max(piece.latest for _, piece in taken) == AT + 3000 * SECOND


def test_more_files_than_may_be_open_are_all_read(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "MOST_OPEN", 2)
    files = [write(f"f{number}", windows(0), windows(number)) for number in range(7)]
    assert [found.recording.name for found, _ in read(*files)] == [f"f{number}" for number in range(7)]


def test_records_of_one_event_stay_together(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "LINES", 2)
    lines = [
        f'type={kind} msg=audit(1795507200.000:{serial}): x="y"\n'.encode()
        for serial in range(3)
        for kind in ("SYSCALL", "EXECVE", "CWD", "EOE")
    ]
    assert [piece.lines for _, piece in read(write("audit", *lines))] == [4, 4, 4]


def test_lines_without_a_time_stand_where_the_last_was(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "LINES", 1)
    taken = read(write("a", windows(5), b"junk\n"))
    assert [piece.latest for _, piece in taken] == [AT + 5 * SECOND] * 2
    assert [each.raw for _, piece in taken for lot in piece.lots for each in lot.unparsed] == [b"junk\n"]


def test_what_could_not_be_read_of_a_file_comes_with_its_last_piece(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "LINES", 2)
    found = write("a", *map(windows, range(4)))
    path = found.recording.path
    path.write_bytes(gzip.compress(path.read_bytes())[:-6])
    taken = read(found)
    assert sum(piece.lines for _, piece in taken) == 4
    assert "breaks off" in taken[-1][1].trouble
