import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def figures() -> Any:
    spec = importlib.util.spec_from_file_location("store_figures", DOCS / "store_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_was_measured(figures: Any) -> None:
    found = json.loads((DOCS / figures.FILE).read_text())
    page = (DOCS / "storage.md").read_text()
    assert figures.written(page, found) == page, "run python docs/store_figures.py"


def test_a_page_without_a_place_for_figures_is_an_error(figures: Any) -> None:
    with pytest.raises(ValueError, match="has no"):
        figures.written("nothing", {})
