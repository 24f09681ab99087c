import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench import recorded, store
from tercio.app.archive import MOST_LINES
from tercio.store.events import Events
from tests.stored import PASSWORD

LINE = b'{"Channel":"Security","EventID":4688,"SystemTime":"2026-01-%02dT0%d:00:00Z","Computer":"ews%d","A":"%s"}\n'


@pytest.fixture
def events(store_url: str) -> Iterator[Events]:
    with closing(Events.connect(f"{store_url}/bench_store", "tercio", PASSWORD, "bench")) as events:
        yield events


def test_what_was_kept_is_asked_about(events: Events, monkeypatch: pytest.MonkeyPatch):
    words = (b"Mimikatz", b"other", b"third")
    lines = [LINE % (day, hour, hour, words[day % 3]) for day in range(1, 10) for hour in range(3)]
    monkeypatch.setattr(recorded, "lines", lambda: iter(lines))
    found = store.measure(events, os.getpid(), 2)
    assert (found["rows"], found["everything"]["rows"], found["n"]) == (54, 54, 2)
    assert (found["rare_word"]["rows"], found["absent_word"]["rows"]) == (18, 0)
    assert found["host_hour"]["rows"] == 2
    assert found["raw_bytes_per_row"] == sum(map(len, lines)) / len(lines)
    assert 0 < found["kept_per_cpu_s"] < found["written_per_cpu_s"]


def test_batches_are_cut_as_the_archive_cuts():
    short, long = [b"x\n"] * (MOST_LINES + 1), [b"y" * (6 << 20)] * 4
    assert len(store.some(iter(short))) == MOST_LINES
    assert len(store.some(iter(long))) == 3
    assert store.some(iter(())) == ()


def test_without_the_data_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(recorded, "TELEMETRY", tmp_path / "none")
    assert store.main(["--json"]) == 2
    assert str(tmp_path) in capsys.readouterr().err
