import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from bench.restraint import TARGETS
from tercio.drills.baselines import DEFENDERS
from tercio.drills.simulated.intruders import INTRUDERS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def figures() -> Any:
    spec = importlib.util.spec_from_file_location("restraint_figures", DOCS / "restraint_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(figures: Any) -> dict[str, Any]:
    return json.loads((DOCS / figures.FILE).read_text())


def test_the_page_says_what_was_measured(figures: Any, found: dict[str, Any]):
    page = (DOCS / "decision.md").read_text()
    assert figures.written(page, found) == page, "run python docs/restraint_figures.py"
    assert {key for key, _, _ in figures.ROWS} >= set(TARGETS)


def test_everybody_who_can_defend_and_every_intruder_is_in_the_tables(figures: Any, found: dict[str, Any]):
    text = figures.tables(found)
    rows = (*DEFENDERS, *(f"intruder {name}" for name in INTRUDERS))
    assert not [row for row in rows if f"\n| {row} |" not in text]
    assert "(the worst family)" in text


def test_what_was_missed_or_not_measured_is_said(figures: Any, found: dict[str, Any]):
    without = {key: value for key, value in found.items() if not key.startswith("benign_site")}
    assert "| at least 11,000 | not measured |" in figures.tables(without)
    assert "Targets missed: wrong_rate." in figures.tables({**found, "targets_missed": ["wrong_rate"]})
    assert "No target is missed." in figures.tables({**found, "targets_missed": []})


def test_a_page_without_a_place_for_figures_is_an_error(figures: Any):
    with pytest.raises(ValueError, match="has no"):
        figures.written("nothing", {})
