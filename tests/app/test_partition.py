"""Which sources are looked at first, and who looks at the others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.app.partition import BULK, FIRST, lane_of, shares
from tercio.app.settings import SettingsError, load
from tercio.model.tomltable import Faults, Table
from tercio.products.sensors import SENSORS
from tests.app.given import TOML, changed, home

HOSTS = '\n[sources.ws1]\nsensor = "windows"\npath = "ws1.json"\n'


def of(count: object, bulk: list[str], cores: int) -> dict[str, tuple[str, ...]]:
    faults = Faults()
    found = shares(Table({} if count is None else {"count": count}, ("workers",), faults), bulk, cores)
    assert not faults
    return found


@given(st.integers(0, 64), st.sets(st.text(min_size=1, max_size=3), max_size=9))
def test_every_bulk_source_has_one_worker_and_none_is_idle(count: int, bulk: set[str]):
    found = of(count, sorted(bulk, reverse=True), 2)
    assert sorted(name for names in found.values() for name in names) == (sorted(bulk) if count else [])
    assert len(found) == min(count, len(bulk))
    sizes = [len(names) for names in found.values()]
    assert not sizes or 1 <= min(sizes) >= max(sizes) - 1


def test_without_a_word_there_is_one_worker_where_a_core_is_left_for_it():
    assert of(None, ["b", "a"], 2) == {"bulk-1": ("a", "b")}
    assert of(None, ["b", "a"], 1) == {}
    assert of(None, [], 8) == {}


def test_the_plants_own_traffic_is_looked_at_first_unless_the_settings_say_otherwise(tmp_path: Path):
    assert {name: lane_of(name) for name in SENSORS} == {
        name: FIRST if name == "suricata" else BULK for name in SENSORS
    }
    words = TOML + HOSTS + "[workers]\ncount = 3\n"
    assert load(home(tmp_path, words)).workers == {"bulk-1": ("ws1",)}
    words = changed('path = "ws1.json"', 'path = "ws1.json"\nlane = "first"', words)
    words = changed('path = "eve.json"', 'path = "eve.json"\nlane = "bulk"', words)
    assert load(home(tmp_path, words)).workers == {"bulk-1": ("ot",)}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("count = 1.5", "workers.count is 1.5; it must be a whole number"),
        ("count = 65", "workers.count is 65; it must be a number from 0 to 64"),
        ("number = 1", "unknown key 'number' in workers"),
    ],
)
def test_a_number_of_workers_that_is_none_is_told(line: str, words: str, tmp_path: Path):
    with pytest.raises(SettingsError, match=r"tercio\.toml:17: ") as caught:
        load(home(tmp_path, TOML + HOSTS + f"[workers]\n{line}\n"))
    assert words in str(caught.value)
