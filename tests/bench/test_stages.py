import os
import time
from pathlib import Path

import pytest

from bench import stages
from bench.stages import Background, Note, Strike, busy, cpu_seconds, medians, split, turns
from tests.agents.given import NOW

STRUCK = Strike(lease="mine", source="ot", packet=NOW, held=NOW + 20_000)


def noted(*, packet: int = NOW, lease: str = "mine") -> list[Note]:
    """One strike as the loop notes it: 1 ms to the record, 0.5 to awake, 0.3 to read, 6 to think, 3 to write."""
    return [
        Note("woken", packet - 900_000, packet - 900_000),
        Note("turn", packet - 899_000, packet - 898_000),
        Note("woken", packet + 1500, packet + 1500, written={"ot": packet + 1000, "other": packet + 1400}),
        Note("read", packet + 1550, packet + 1750, lines=2, source="ot"),
        Note("turn", packet + 1800, packet + 7800, cpu=5000, leases=["other", lease]),
        Note("commit", packet + 7900, packet + 10_900, cpu=2000),
        Note("send", packet + 11_000, packet + 11_200, lease="other"),
        Note("send", packet + 11_300, packet + 11_400, lease=lease),
    ]


def test_a_strike_is_split_into_its_stages():
    (found,) = split(noted(), [STRUCK])
    assert found == {
        "sensor": 1.0, "wake": 0.5, "read": 0.3, "turn": 6.0, "commit": 3.0, "send": 0.5, "hand": 8.6, "total": 20.0,
        "turn_cpu": 5.0, "commit_cpu": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize("written", [{}, {"ot": NOW - 4000}, {"ot": NOW + 1600}])
def test_where_the_file_does_not_tell_when_it_was_written_the_sensor_has_it_all(written: dict[str, int]):
    notes = noted()
    notes[2].written = written
    (found,) = split(notes, [STRUCK])
    assert (found["sensor"], found["wake"], found["read"]) == (1.5, 0.0, 0.3)


def test_who_was_awake_already_waited_for_nothing():
    notes = noted()
    notes[2].end = NOW - 100
    (found,) = split(notes, [STRUCK])
    assert (found["sensor"], found["wake"], found["read"]) == (0.0, 0.0, 1.8)


def test_a_strike_without_notes_is_left_out():
    assert split([], [STRUCK]) == []
    assert split(noted(lease="another"), [STRUCK]) == []
    assert split(noted()[:-1], [STRUCK]) == []


def test_medians_stand_beside_each_other():
    spans = [each for k in (0, 2000, 9000) for each in split(noted(), [Strike("mine", "ot", NOW, NOW + 20_000 + k)])]
    assert medians(spans)["hand"] == 10.6
    assert set(medians([]).values()) == {None}


def test_how_busy_the_loop_was():
    assert turns(noted()) == {"turns": 2, "lines": 2, "longest_turn_ms": 6.0, "cpu_us_per_line": 3500.0}
    assert turns([]) == {"turns": 0, "lines": 0, "longest_turn_ms": None, "cpu_us_per_line": None}


def test_cpu_time_is_the_kernels(monkeypatch: pytest.MonkeyPatch):
    words = Path("/proc/self/cmdline").read_bytes().replace(b"\0", b" ").decode()
    monkeypatch.setattr(stages, "WATCHED", {"me": words, "nobody": "a command that nobody runs"})
    before, began = cpu_seconds(), time.process_time()
    while time.process_time() - began < 0.2:
        pass
    after = cpu_seconds()
    assert after["me"] - before["me"] == pytest.approx(time.process_time() - began, abs=0.1)
    assert before["nobody"] == after["nobody"] == 0.0
    assert busy({"me": 1.0}, {"me": 3.0}, 4.0) == {"me": 0.5}


def test_background_is_written_at_a_bounded_rate(tmp_path: Path):
    path = tmp_path / "bulk.json"
    noise = Background(path, 500.0, 1)
    deadline = time.monotonic() + 60
    while path.stat().st_size < 100_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    rate = noise.close()
    lines = path.read_bytes().splitlines()
    assert len(lines) > 100
    assert 0 < rate <= 501
    assert all(line.startswith(b"{") and line.endswith(b"}") for line in lines)
    assert not os.path.exists(f"/proc/{noise._process.pid}")  # noqa: PTH110  (a process, no file)
