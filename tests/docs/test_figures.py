import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def figures() -> Any:
    spec = importlib.util.spec_from_file_location("figures", DOCS / "figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_and_picture_say_what_was_measured(figures: Any):
    found = figures.results()
    rates = [each["background_events_per_s"] for each in found]
    assert rates == sorted(rates)
    assert rates[0] == 0
    page = (DOCS / "performance.md").read_text()
    assert figures.written(page, found) == page, "run python docs/figures.py"
    assert figures.picture(found) == (DOCS / "bench-loop.svg").read_text(), "run python docs/figures.py"


def test_the_picture_is_drawn_to_scale(figures: Any):
    found = figures.results()
    tree = ET.fromstring(figures.picture(found))  # noqa: S314  (our own drawing)
    bars = [each for each in tree.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "28"]
    wide = [float(bar.get("width")) for bar in bars]
    meant = [each["stage_ms"][name] for each in found for name in figures.STAGES]
    assert len(wide) == len(meant)
    assert wide == pytest.approx([sum(wide) / sum(meant) * each for each in meant], abs=0.2)
    assert max(float(bar.get("x")) + float(bar.get("width")) for bar in bars) < figures.WIDE


def test_a_page_without_a_place_for_figures_is_an_error(figures: Any):
    with pytest.raises(ValueError, match="no <!-- figures"):
        figures.written("# How fast", figures.results())
