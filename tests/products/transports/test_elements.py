from collections.abc import Callable

import pytest

from tercio.products.transports.elements import elements
from tercio.products.transports.netfilter import Line
from tercio.products.transports.packed import attributes
from tests.products.field import Namespace


@pytest.fixture(scope="module")
def space(spaces: Callable[[], Namespace]) -> Namespace:
    made = spaces()
    made.nft(
        "add table inet t\n"
        "add set inet t few { type ipv4_addr; flags timeout; }\n"
        "add set inet t many { type ipv4_addr; }\n"
        "add element inet t few { 10.0.0.1 timeout 60s, 10.0.0.2 timeout 60s }\n"
        f"add element inet t many {{ {', '.join(f'10.0.{n // 250}.{n % 250}' for n in range(2000))} }}"
    )
    return made


def ask(space: Namespace, text: str) -> int | None:
    """How many elements the kernel tells."""

    def work() -> int | None:
        line = Line()
        try:
            answer = elements(line, text)
        finally:
            line.close()
        return None if answer is None else sum(len(list(attributes(each))) for each in answer)

    return space.inside(work)


def test_all_elements_are_told_also_where_they_need_many_messages(space: Namespace) -> None:
    assert ask(space, "inet t few") == 2
    assert ask(space, "inet t many") == 2000


@pytest.mark.parametrize("text", ["inet t absent", "inet absent few", "ip t few"])
def test_what_is_absent_is_none(space: Namespace, text: str) -> None:
    assert ask(space, text) is None


def test_a_set_without_elements_is_there(space: Namespace) -> None:
    space.nft("add set inet t empty { type ipv4_addr; }")
    assert ask(space, "inet t empty") == 0


def test_a_refusal_is_an_error(space: Namespace) -> None:
    said = space.powerless(
        "from tercio.products.transports.elements import elements\n"
        "from tercio.products.transports.netfilter import Line\n"
        "try: elements(Line(), 'inet t few')\n"
        "except OSError as error: print(error.errno, error.strerror)"
    )
    assert said == "1 the kernel does not list set few: Operation not permitted\n"
