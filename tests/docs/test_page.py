"""Every page says what was measured, and only between its marks."""

from typing import Any

import pytest

from tests.docs.given import DOCS, script

PAGE = script("page")
SCRIPTS = sorted(path.stem for path in DOCS.glob("*figures.py"))


def measured(figures: Any) -> Any:
    return figures.results() if hasattr(figures, "results") else PAGE.found_in(figures.FILE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_page_says_what_was_measured(name: str):
    figures = script(name)
    page = (DOCS / figures.PAGE).read_text()
    text = figures.tables(measured(figures))
    assert PAGE.between(page, figures.BEGIN, figures.END, text) == page, f"run python docs/{name}.py"


def test_there_are_scripts():
    assert len(SCRIPTS) >= 5


def test_what_is_between_is_written_and_nothing_else():
    assert PAGE.between("a\n<b>\nold\n<e>z\n", "<b>", "<e>", "new") == "a\n<b>\nnew\n<e>z\n"


@pytest.mark.parametrize("page", ["nothing", "<b> but no end", "<e> before <b>"])
def test_a_page_without_a_place_for_figures_is_an_error(page: str):
    with pytest.raises(ValueError, match="has no <b>"):
        PAGE.between(page, "<b>", "<e>", "new")
