import json

from hypothesis import given
from hypothesis import strategies as st

from bench.machine import interval, machine, percentile

values = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


def test_nearest_rank():
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0], 0.5) == 1.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert percentile([1.0], 0.0) == 1.0
    assert percentile([1.0, 2.0], 1.0) == 2.0


@given(values, st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(found: list[float], share: float):
    rank = percentile(found, share)
    assert rank in {round(value, 3) for value in found}
    assert sum(round(value, 3) <= rank for value in found) >= share * len(found) - 1e-9


def test_an_interval_holds_its_percentile_and_depends_on_the_seed_alone():
    found = [float(n) for n in range(200)]
    low, high = interval(found, 0.5, 1)
    assert low < percentile(found, 0.5) < high
    assert (low, high) == interval(found, 0.5, 1)
    assert interval([], 0.5, 1) == (None, None)
    assert interval([7.0], 0.95, 1) == (7.0, 7.0)


def test_a_result_says_what_it_was_measured_on():
    found = json.loads(json.dumps(machine()))
    assert set(found) == {"date", "cpu", "cores", "kernel", "load", "python", "tercio", "suricata", "nft"}
    assert found["cores"] >= 1
    assert all(found.values())


def test_a_tool_that_is_not_there_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine()["suricata"] == "missing"
