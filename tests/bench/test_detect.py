import json
from itertools import islice

import pytest

from bench import detect, recorded


@pytest.mark.skipif(bool(recorded.missing()), reason="the public rules and telemetry are not beside this checkout")
@pytest.mark.corpus
def test_the_figures_that_the_design_asks_for(capsys, monkeypatch):
    monkeypatch.setattr(detect, "WORST", 300)
    kept = list(islice(recorded.lines(), 1500))
    monkeypatch.setattr(recorded, "lines", lambda: iter(kept))
    assert detect.main(["--rules", "60", "--rounds", "1", "--no-peer", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    keys = ["events_per_cpu_s", "peer_events_per_cpu_s", "ratio", "worst_events_per_cpu_s", "batch100_p99_ms", "rss_mb"]
    assert set(keys) | {"machine", "seed", "n", "intervals95"} <= set(found)
    assert (found["events"], found["worst_events"], found["n"]) == (1500, 300, 1)
    assert 50 < found["rules"] <= 60
    assert found["peer_skipped"] == "not asked for"


def test_without_the_data_it_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(recorded, "TELEMETRY", tmp_path / "none")
    assert detect.main(["--json"]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert str(tmp_path / "none") in told.err
