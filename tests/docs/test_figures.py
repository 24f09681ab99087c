import xml.etree.ElementTree as ET

import pytest

from tests.docs.given import DOCS, script

FIGURES = script("figures")


def test_the_picture_says_what_was_measured():
    found = FIGURES.results()
    rates = [each["background_events_per_s"] for each in found]
    assert rates == sorted(rates)
    assert rates[0] == 0
    assert FIGURES.picture(found) == (DOCS / "bench-loop.svg").read_text(), "run python docs/figures.py"


def test_the_picture_is_drawn_to_scale():
    found = FIGURES.results()
    tree = ET.fromstring(FIGURES.picture(found))  # noqa: S314  (our own drawing)
    bars = [each for each in tree.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "28"]
    wide = [float(bar.get("width")) for bar in bars]
    meant = [each["stage_ms"][name] for each in found for name in FIGURES.STAGES]
    assert len(wide) == len(meant)
    assert wide == pytest.approx([sum(wide) / sum(meant) * each for each in meant], abs=0.2)
    assert max(float(bar.get("x")) + float(bar.get("width")) for bar in bars) < FIGURES.WIDE
