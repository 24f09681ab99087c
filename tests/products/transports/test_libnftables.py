import json
from collections.abc import Callable

import pytest

from tercio.products.transports import libnftables
from tercio.products.transports.libnftables import Nft, Result
from tests.products.field import Namespace


@pytest.fixture(scope="module")
def space(spaces: Callable[[], Namespace]) -> Namespace:
    return spaces()


def run(space: Namespace, *texts: str, json: bool = False) -> list[Result]:
    def work() -> list[Result]:
        nft = Nft()
        try:
            return [nft.run(text, json=json) for text in texts]
        finally:
            nft.close()

    return space.inside(work)


def test_commands_are_done_and_listed_as_json(space: Namespace) -> None:
    done, listed, plain = (
        *run(space, "add table inet one", "list tables", json=True),
        *run(space, "list tables"),
    )
    assert done == Result(True, "", "")
    assert {"table": {"family": "inet", "name": "one", "handle": 1}} in json.loads(listed.output)["nftables"]
    assert plain.output == "table inet one\n"


def test_one_text_is_all_or_nothing(space: Namespace) -> None:
    (done,) = run(space, "add table inet half\nadd rule inet half nochain drop")
    assert not done.ok
    assert done.error
    assert "half" not in space.run("nft list tables")


@pytest.mark.parametrize("text", ["nonsense", "add table", "{" * 1000, 'add table inet "\n', "add table inet \udcff"])
def test_nonsense_is_an_error_not_a_crash(space: Namespace, text: str) -> None:
    (done,) = run(space, text.encode(errors="replace").decode())
    assert not done.ok
    assert done.error


def test_a_nul_byte_cuts_nothing_short(space: Namespace) -> None:
    (done,) = run(space, "add table inet seen\0")
    assert not done.ok
    assert "seen" not in space.run("nft list tables")


def test_output_of_one_command_does_not_leak_into_the_next(space: Namespace) -> None:
    _, wrong, after = run(space, "list tables", "nonsense", "list chains")
    assert wrong.error
    assert after == Result(True, after.output, "")
    assert after.output != "table inet one\n"


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libnftables, "_LIBRARY", "libnothing.so.9")
    with pytest.raises(OSError, match=r"libnothing\.so\.9 is missing; install libnftables1"):
        Nft()


def test_closing_twice_is_harmless(space: Namespace) -> None:
    def work() -> None:
        nft = Nft()
        nft.close()
        nft.close()

    space.inside(work)
