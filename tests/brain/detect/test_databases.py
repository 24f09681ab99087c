import hyperscan
import pytest

from tercio.brain.detect.databases import Databases

FIRST = (["a+b", "c"], [7, 9], [0, hyperscan.HS_FLAG_CASELESS])


def scan(database: hyperscan.Database, text: bytes) -> set[int]:
    found: set[int] = set()
    database.scan(text, match_event_handler=lambda place, *_: found.add(place))
    return found


def test_what_was_made_once_is_taken_back() -> None:
    first = Databases()
    assert scan(first.of(*FIRST), b"xaabC") == {7, 9}
    assert first.of(*FIRST) is first.of(*FIRST), "and shared by those who ask for the same"
    assert first.made == 1
    again = Databases(first.used)
    assert scan(again.of(*FIRST), b"xaabC") == {7, 9}
    assert (again.made, again.used) == (0, first.used)


@pytest.mark.parametrize(
    "other",
    [(["a+b", "d"], *FIRST[1:]), (FIRST[0], [7, 8], FIRST[2]), (*FIRST[:2], [0, 0])],
    ids=["expressions", "ids", "flags"],
)
def test_what_differs_is_made_anew(other: tuple[list[str], list[int], list[int]]) -> None:
    first = Databases()
    first.of(*FIRST)
    again = Databases(first.used)
    again.of(*other)
    assert again.made == 1
    assert set(again.used).isdisjoint(first.used), "only what was asked for is kept"


@pytest.mark.parametrize("damage", [b"", b"x" * 64, lambda kept: kept[: len(kept) // 2]])
def test_what_is_no_database_is_made_anew(damage: object) -> None:
    first = Databases()
    first.of(*FIRST)
    kept = {key: damage(value) if callable(damage) else damage for key, value in first.used.items()}
    again = Databases(kept)
    assert scan(again.of(*FIRST), b"ab") == {7}
    assert (again.made, again.used) == (1, first.used)
