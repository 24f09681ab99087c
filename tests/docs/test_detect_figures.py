from tests.docs.given import script

FIGURES = script("detect_figures")
FOUND = script("page").found_in(FIGURES.FILE)


def test_every_figure_was_measured() -> None:
    assert set(FOUND) >= {key for key, _, _ in FIGURES.ROWS}


def test_what_was_not_measured_is_said() -> None:
    assert "| `ratio` | ours to the peer's | at least 100 | not measured |" in FIGURES.tables({**FOUND, "ratio": None})
