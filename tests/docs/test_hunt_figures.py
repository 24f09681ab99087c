from tests.docs.given import script


def test_answers_that_differ_are_said() -> None:
    figures, page = script("hunt_figures"), script("page")
    found = page.found_in(figures.FILE)
    assert "gave the same matches" in figures.tables({**found, "identical": True})
    assert "NOT the same" in figures.tables({**found, "identical": False})
