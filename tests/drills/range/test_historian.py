import json

from tercio.drills.range.traces import Missed, Polls, Started

HISTORIAN = "tercio.drills.range.historian"


def stored(stage):
    path = stage.folder / "store"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_it_stores_what_it_reads(stage):
    stage.plc()
    stage.start(HISTORIAN, "--store", str(stage.folder / "store"))
    stage.until(lambda: len(stored(stage)) >= 2)
    assert stage.end("historian") == 0
    first = stored(stage)[0]
    assert first["coils"][0] == 1
    assert first["holding"] == [600, 400, 210]
    assert len(first["inputs"]) == 5
    assert stage.records("historian", Polls)[-1].polls == len(stored(stage))
    assert stage.records("historian", Missed) == []


def test_it_starts_counting_with_the_first_answer_and_counts_every_gap(stage):
    stage.start(HISTORIAN, "--store", str(stage.folder / "store"))
    stage.plc()
    stage.until(lambda: stage.records("historian", Started))
    assert stage.records("historian", Missed) == []
    stage.processes["plc"].kill()
    stage.processes["plc"].wait()
    stage.until(lambda: stage.records("historian", Missed))
    stage.end("historian")
    last = stage.records("historian", Polls)[-1]
    assert last.missed == len(stage.records("historian", Missed))
    assert last.polls == last.missed + len(stored(stage))
