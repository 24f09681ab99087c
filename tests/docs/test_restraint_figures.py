from bench.restraint import TARGETS
from tercio.drills.baselines import DEFENDERS
from tercio.drills.simulated.intruders import INTRUDERS
from tests.docs.given import script

FIGURES = script("restraint_figures")
FOUND = script("page").found_in(FIGURES.FILE)


def test_every_target_is_in_the_table():
    assert {key for key, _, _ in FIGURES.ROWS} >= set(TARGETS)


def test_everybody_who_can_defend_and_every_intruder_is_in_the_tables():
    text = FIGURES.tables(FOUND)
    rows = (*DEFENDERS, *(f"intruder {name}" for name in INTRUDERS))
    assert not [row for row in rows if f"\n| {row} |" not in text]
    assert "(the worst family)" in text


def test_what_was_missed_or_not_measured_is_said():
    without = {key: value for key, value in FOUND.items() if not key.startswith("benign_site")}
    assert "| at least 11,000 | not measured |" in FIGURES.tables(without)
    assert "Targets missed: wrong_rate." in FIGURES.tables({**FOUND, "targets_missed": ["wrong_rate"]})
    assert "No target is missed." in FIGURES.tables({**FOUND, "targets_missed": []})
