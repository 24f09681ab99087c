import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import loop
from bench.__main__ import BENCHES, main
from bench.loop import Round
from bench.stages import STAGES
from tercio.app.doctor import for_range
from tercio.app.settings import load
from tercio.drills.exercise import Follower
from tercio.drills.platform import write_settings
from tercio.drills.range.range import Range
from tercio.model.units import SECOND
from tests.agents.given import NOW, decision, effect
from tests.drills.test_scoreboard import finding

ROOT = Path(__file__).parents[2]
PROMISED = (
    "sweep_p50_ms", "sweep_p95_ms", "write_p50_ms", "write_p95_ms", "confirmed_p50_ms", "missed_polls",
    "replayed_writes",
)  # fmt: skip


def bench(*words: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-m", "bench", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout, env=env)


def test_a_measurement_has_a_name(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    for words in ([], ["no-such-thing"]):
        monkeypatch.setattr(sys, "argv", ["bench", *words])
        assert main() == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert all(name in said.err for name in BENCHES)


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    if lacks := for_range():
        pytest.skip("; ".join(lacks))
    done = bench("loop", "--runs", "2", "--together", "4", "--background", "200", "--json", timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_bench_says_what_is_promised(measured: dict[str, Any]):
    assert set(PROMISED) <= set(measured)
    assert {"machine", "seed", "n", "intervals95", "connection_rate_per_s"} <= set(measured)
    assert measured["n"] == 2
    assert measured["not_contained"] <= 1, "on a slow machine the sensor may miss one handshake"
    assert (measured["missed_polls"], measured["replayed_writes"], measured["trips"]) == (0, 0, 0)
    assert measured["polls"] > 0


def test_it_says_where_the_time_goes_and_who_was_busy(measured: dict[str, Any]):
    stages = measured["stage_ms"]
    assert {*STAGES, "total", "turn_cpu", "commit_cpu"} == set(stages)
    assert all(stages[name] >= 0 for name in STAGES)
    assert min(stages["turn"], stages["commit"], stages["hand"]) > 0
    assert max(stages[name] for name in STAGES) < stages["total"]
    assert set(measured["cores_used"]) == {"loop", "hand", "suricata"}
    assert measured["loop"]["lines"] > measured["loop"]["turns"] / 10
    assert 0 < measured["background_events_per_s"] <= 201
    assert measured["load_average"]["least"] <= measured["load_average"]["most"]


def test_its_figures_fit_together(measured: dict[str, Any]):
    for kind in ("sweep", "write"):
        assert 0 < measured[f"{kind}_p50_ms"] <= measured[f"{kind}_p95_ms"]
    for name, (low, high) in measured["intervals95"].items():
        assert low <= measured[name] <= high


def follower(**effects: dict[str, int]) -> Follower:
    found = Follower(list, lambda _: None)
    for lease, changes in effects.items():
        found.effects[lease] = effect(lease=lease, decision=f"dec-{lease}", **changes)
        found.decisions.append(decision(id=f"dec-{lease}", evidence=("fnd-1", "fnd-2")))
    told = (finding("fnd-1", NOW, NOW), finding("fnd-2", NOW + 5000, NOW + 6000))
    found.findings = [type("Told", (), {"finding": one})() for one in told]
    return found


def test_time_runs_from_the_last_packet_of_the_evidence():
    watched = follower(
        a={"held": NOW + 15_000, "confirmed": NOW + 25_000}, b={"held": NOW + 35_000}, c={"held": NOW + 9_000}
    )
    found = loop.figures([Round(watched, {"a": "sweep", "b": "sweep", "c": "write"})], 1)
    assert (found["sweep_p50_ms"], found["sweep_p95_ms"]) == (10.0, 30.0)
    assert (found["write_p50_ms"], found["write_p95_ms"]) == (4.0, 4.0)
    assert found["confirmed_p50_ms"] == 20.0, "what was never confirmed is not counted as quick"
    assert found["intervals95"]["write_p50_ms"] == (4.0, 4.0)


def test_nothing_struck_nothing_measured():
    found = loop.figures([Round(follower())], 1)
    assert [found[name] for name in PROMISED[:5]] == [None] * 5
    assert set(found["stage_ms"].values()) == {None}
    assert loop.figures([], 1)["cores_used"] == {}


def test_the_strikes_of_all_rounds_count():
    rounds = [Round(follower(a={"held": NOW + after}), {"a": "write"}) for after in (15_000, 25_000, 35_000)]
    assert loop.figures(rounds, 1)["write_p50_ms"] == 20.0
    assert loop.figures(rounds[:1], 1)["write_p50_ms"] == 10.0


def test_its_changes_still_fit_the_drills_settings(tmp_path: Path):
    write_settings(tmp_path, Range(tmp_path / "range"), loop.settings(None))
    settings = load(tmp_path / "tercio.toml")
    assert settings.limits.acts_per_hour == 10_000
    assert settings.outlook.span == 3 * SECOND
    assert [source.name for source in settings.sources] == ["suricata-ot"]


def test_background_comes_from_a_source_of_its_own(tmp_path: Path):
    bulk = tmp_path / 'a "strange" name.json'
    write_settings(tmp_path, Range(tmp_path / "range"), loop.settings(bulk))
    assert {source.path for source in load(tmp_path / "tercio.toml").sources} >= {bulk}
