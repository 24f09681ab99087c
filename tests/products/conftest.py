"""Namespaces and hands for a module's tests; all end with the module."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.products.field import Namespace, Served


@pytest.fixture(scope="module")
def as_root() -> None:
    """Skips, with the reason, where no namespace can be made."""
    if os.geteuid() != 0:
        pytest.skip("needs root: makes network namespaces and loads nftables there")
    if gone := [tool for tool in ("nft", "ip", "unshare", "nsenter", "setpriv") if shutil.which(tool) is None]:
        pytest.skip(f"missing: {', '.join(gone)}")


@pytest.fixture(scope="module")
def spaces(request: pytest.FixtureRequest) -> Iterator[Callable[[], Namespace]]:
    """Makes namespaces that go with the module."""
    request.getfixturevalue("as_root")
    made: list[Namespace] = []

    def make() -> Namespace:
        made.append(Namespace())
        return made[-1]

    yield make
    for space in made:
        space.end()


@pytest.fixture(scope="module")
def served(
    spaces: Callable[[], Namespace], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Served]]:
    """Starts hands that end with the module."""
    made: list[Served] = []

    def make(space: Namespace | None = None, **options: Any) -> Served:
        made.append(Served(space or spaces(), tmp_path_factory.mktemp("hand"), **options))
        return made[-1]

    yield make
    for one in made:
        one.end(signal.SIGKILL)
