from pathlib import Path

from tercio.drills.range.traces import Connect, Read, Request, Session, read_trace

SCANNER = "tercio.drills.range.scanner"


def test_it_sweeps_then_reads_and_never_writes(stage):
    stage.plc()
    closed = "1"
    argv = ("--hosts", "127.0.0.1", "--ports", closed, str(stage.port))
    assert stage.start(SCANNER, *argv).wait(timeout=90) == 0
    tried = {each.port: each.outcome for each in stage.records("scanner", Connect)}
    assert tried == {1: "refused", stage.port: "open"}
    assert [(each.function, each.answered) for each in stage.records("scanner", Read)] == [
        (1, True),
        (3, True),
        (4, True),
    ]
    assert {each.function for each in stage.records("plc", Request)} == {1, 3, 4}
    assert sum(each.opened for each in stage.records("plc", Session)) == 2, "the sweep's session and its own"


def test_on_the_range_it_finds_the_controller_and_asks_it(drill):
    records = read_trace(trace(drill, "scanner")).records
    opened = {(each.target, each.port) for each in records if isinstance(each, Connect) and each.outcome == "open"}
    assert opened == {("10.77.30.21", 502)}
    assert all(each.answered for each in records if isinstance(each, Read))
    by_scanner = [
        each
        for each in read_trace(trace(drill, "plc")).records
        if isinstance(each, Request) and each.peer == "10.77.20.40"
    ]
    assert {each.function for each in by_scanner} == {1, 3, 4}


def trace(drill, name):
    return Path(drill["folder"]) / "traces" / f"{name}.jsonl"
