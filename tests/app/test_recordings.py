import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.app import recordings
from tercio.app.recordings import Found, looked_into, merged
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


def test_all_is_read_in_the_order_of_its_times(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "LINES", 2)
    early, late = write("early", *map(windows, range(5))), write("late", *map(windows, range(1, 6)))
    last = write("last", windows(3000))
    pieces = list(merged([last, late, early]))
    assert [piece.begins for piece in pieces] == sorted(piece.begins for piece in pieces)
    assert {piece.found for piece in pieces} == {early, late, last}
    for found in (early, late, last):
        mine = [piece for piece in pieces if piece.found is found]
        assert b"".join(line for piece in mine for line in piece.lines) == found.recording.path.read_bytes()
        assert [piece.offset for piece in mine] == [
            sum(len(windows(0)) * 2 for _ in mine[:n]) for n in range(len(mine))
        ]
    assert max(piece.latest for piece in pieces) == AT + 3000 * SECOND


def test_more_files_than_may_be_open_are_all_read(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "MOST_OPEN", 2)
    files = [write(f"f{number}", windows(0), windows(number)) for number in range(7)]
    assert [piece.found.recording.name for piece in merged(files)] == [f"f{number}" for number in range(7)]


def test_records_of_one_event_stay_together(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "LINES", 2)
    lines = [
        f'type={kind} msg=audit(1795507200.000:{serial}): x="y"\n'.encode()
        for serial in range(3)
        for kind in ("SYSCALL", "EXECVE", "CWD", "EOE")
    ]
    assert [len(piece.lines) for piece in merged([write("audit", *lines)])] == [4, 4, 4]


def test_lines_without_a_time_stand_where_the_last_was(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "LINES", 1)
    pieces = list(merged([write("a", windows(5), b"junk\n")]))
    assert [piece.latest for piece in pieces] == [AT + 5 * SECOND] * 2
