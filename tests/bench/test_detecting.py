import argparse
import json

from bench import recorded
from bench.detecting import enough, run
from tercio.brain.detect.sigma import compile_rules

RULE = """
title: Example
id: 5f7c5a6e-3f0a-4c1e-9a47-0c34c5a0a001
logsource: {product: windows, category: process_creation}
detection: {selection: {Image|endswith: '\\example.exe'}, condition: selection}
level: low
"""
SYSMON = "Microsoft-Windows-Sysmon/Operational"


def test_a_run_counts_events_matches_and_time_by_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "KEPT", tmp_path)
    assert not compile_rules({"a.yml": RULE}).rejected
    events = [
        {"Channel": SYSMON, "EventID": 1, "Image": f"C:\\{name}.exe"} for name in ("example", "other", "example", "x")
    ]
    path = tmp_path / "lines.ndjson"
    path.write_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in events))
    for planned in (False, True):
        options = argparse.Namespace(
            rules=recorded.compiled({"a.yml": RULE}), lines=path, batch=3, planned=planned, events=None
        )
        found = run(options)
        assert (found["events"], found["matches"], len(found["batches_ms"])) == (4, 2, 2)
        assert found["cpu_s"] * 1000 >= sum(found["batches_ms"]) > 0
        assert found["rss_mb"] >= found["started_mb"] > 0


def test_a_file_is_read_again_until_there_were_enough(tmp_path):
    path = tmp_path / "lines.ndjson"
    path.write_bytes(b"{}\n" * 5)
    assert [len(batch.lines) for batch in enough(path, 2, 11)] == [2, 2, 1, 2, 2, 1, 1]
    assert [len(batch.lines) for batch in enough(path, 2, None)] == [2, 2, 1]
    assert [len(batch.lines) for batch in enough(path, 9, 3)] == [3]
