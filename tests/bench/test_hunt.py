import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench import hunt, recorded
from tercio.brain.detect.sigma import compile_rules
from tercio.store.events import Events
from tests.stored import PASSWORD

RULE = """
title: Example
id: 5f7c5a6e-3f0a-4c1e-9a47-0c34c5a0a002
logsource: {product: windows, category: process_creation}
detection: {selection: {Image|endswith: '\\\\example.exe'}, condition: selection}
level: low
"""
LINE = (
    b'{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"SystemTime":"2026-01-0%dT00:00:00Z",'
    b'"Computer":"ews1","Image":"C:\\\\%s.exe"}\n'
)


def test_a_hunt_and_the_same_over_everything(store_url: str, monkeypatch: pytest.MonkeyPatch):
    lines = [LINE % (day, name) for day in range(1, 9) for name in (b"example", b"other", b"third")]
    monkeypatch.setattr(recorded, "lines", lambda: iter(lines))
    with closing(Events.connect(f"{store_url}/bench", "tercio", PASSWORD, "bench")) as events:
        assert hunt.keep(events, 2) == 2 * len(lines)
        found = hunt.compared(events, os.getpid(), compile_rules({"a.yml": RULE}))
    assert (found["found"], found["read"], found["identical"]) == (16, 16, True)
    assert found["cpu_s"] > 0


def test_processor_time_is_of_both():
    before = hunt.spent(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    assert hunt.spent(os.getpid()) - before >= 0.05


def test_without_the_data_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(recorded, "RULES", tmp_path / "none.tar.xz")
    assert hunt.main(["--json"]) == 2
    assert str(tmp_path) in capsys.readouterr().err
