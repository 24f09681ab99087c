"""Listings: real ones of a real kernel where it may be asked, and broken ones."""

from collections.abc import Callable

import msgspec
import pytest

from tercio.products.effectors.nft_answers import Element, Ruleset, Table, ruleset_of, table_of, verdict
from tercio.products.effectors.nft_claims import Cell
from tercio.products.effectors.nft_ruleset import RULES, TABLE, declaration
from tests.products.field import Namespace

NEVER = ("10.0.0.0/24", "10.0.1.1", "fd00::/64")


@pytest.fixture(scope="module")
def listing(spaces: Callable[[], Namespace]) -> Callable[[str], str]:
    """What a kernel lists after the declaration and these lines."""
    space = spaces()

    def ask(lines: str) -> str:
        space.nft("flush ruleset")
        space.nft(declaration(NEVER) + "\n" + lines)
        return space.run(f"nft -j list table {TABLE}")

    return ask


def test_a_declared_table_is_whole(listing: Callable[[str], str]) -> None:
    assert verdict(listing(""), NEVER) is Ruleset.WHOLE
    assert verdict(listing(declaration(NEVER)), NEVER) is Ruleset.WHOLE, "declaring twice changes nothing"


def test_what_keeps_its_own_traffic_is_part_of_it(listing: Callable[[str], str]) -> None:
    kept = listing(f"add element {TABLE} kept4 {{ 10.9.0.0/16 }}\nadd element {TABLE} kept6 {{ fd00:9::/64 }}")
    assert verdict(kept, NEVER, ("fd00:9::/64", "10.9.0.0/16")) is Ruleset.WHOLE
    assert verdict(kept, NEVER, ("10.9.0.0/16",)) is Ruleset.DAMAGED
    assert verdict(listing(""), NEVER, ("10.9.0.0/16",)) is Ruleset.DAMAGED


@pytest.mark.parametrize(
    "damage",
    [
        f"flush chain {TABLE} guard",
        f"insert rule {TABLE} guard accept",
        f"add rule {TABLE} guard drop",
        f"insert rule {TABLE} from_denied accept",
        f"delete element {TABLE} never4 {{ 10.0.1.1 }}",
        f"add element {TABLE} never4 {{ 10.9.0.0/16 }}",
        f"flush set {TABLE} never6",
        f"add element {TABLE} kept4 {{ 10.9.0.0/16 }}",
        f"add chain {TABLE} guard {{ type filter hook forward priority -10; policy drop; }}",
        f"add table {TABLE} {{ flags dormant; }}",
    ],
)
def test_whatever_is_changed_is_seen(listing: Callable[[str], str], damage: str) -> None:
    assert verdict(listing(damage), NEVER) is Ruleset.DAMAGED


def test_any_single_rule_that_is_missing_is_seen(listing: Callable[[str], str]) -> None:
    whole = table_of(listing(""))
    assert len(whole.rules) == len(RULES)
    for gone in range(len(whole.rules)):
        less = msgspec.structs.replace(whole, rules=whole.rules[:gone] + whole.rules[gone + 1 :])
        assert ruleset_of(less, NEVER) is Ruleset.DAMAGED
    swapped = (whole.rules[1], whole.rules[0], *whole.rules[2:])
    assert whole.rules[0][0] == whole.rules[1][0], "two rules of one chain"
    assert ruleset_of(msgspec.structs.replace(whole, rules=swapped), NEVER) is Ruleset.DAMAGED


def test_elements_come_back_as_they_went_in(listing: Callable[[str], str]) -> None:
    table = table_of(
        listing(
            f"""
            add element {TABLE} hosts6 {{ fd00::1 timeout 60s comment "lse-1 77" }}
            add element {TABLE} flows4 {{ 10.0.0.1 . 10.0.0.2 . udp . 53 timeout 60s comment "somebody's own" }}
            add element {TABLE} claimed_needed4 {{ 0a:0b:0c:0d:0e:0f . 10.0.0.1 . 10.0.1.0/25 . tcp . 502 timeout 60s }}
            add element {TABLE} conduits6 {{ fd00:1::/64 . fd00:2::/64 timeout 60s comment "lse-2 x" }}
            """
        )
    )
    found = {element.set: element for element in table.elements if not element.set.startswith("never")}
    assert found["hosts6"].key == ("fd00::1",)
    assert found["hosts6"].mark() == ("lse-1", 77)
    assert found["hosts6"].cell() == Cell("hosts", 6, ("fd00::1",))
    assert 58_000_000 <= found["hosts6"].left <= 60_000_000
    assert found["flows4"].key == ("10.0.0.1", "10.0.0.2", "udp", "53")
    assert found["flows4"].mark() == ("", 0)
    assert found["claimed_needed4"].key == ("0a:0b:0c:0d:0e:0f", "10.0.0.1", "10.0.1.0/25", "tcp", "502")
    assert found["conduits6"].key == ("fd00:1::/64", "fd00:2::/64")
    assert found["conduits6"].mark() == ("", 0)


def test_numbers_of_protocols_are_names_where_the_system_has_none() -> None:
    raw = {"set": {"name": "flows4", "elem": [{"elem": {"val": {"concat": ["10.0.0.1", "10.0.0.2", 6, 502]}}}]}}
    answer = msgspec.json.encode({"nftables": [raw]}).decode()
    assert table_of(answer).elements == (Element("flows4", ("10.0.0.1", "10.0.0.2", "tcp", "502"), 0),)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{}",
        '{"nftables": 7}',
        '{"nftables": [7]}',
        '{"nftables": [{"set": {}}]}',
        '{"nftables": [{"set": {"name": "hosts4", "elem": [{"elem": {"val": null}}]}}]}',
        '{"nftables": [{"set": {"name": "hosts4", "elem": [{"elem": {"val": "10.0.0.1", "expires": "x"}}]}}]}',
        "Error: whatever",
    ],
)
def test_an_answer_that_is_no_listing_is_an_error(answer: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        table_of(answer)


def test_an_unreadable_never_element_is_damage() -> None:
    table = Table((), {}, (), (Element("never4", ("10.0.0.1-10.0.0.9",), 0),))
    assert ruleset_of(table, ()) is Ruleset.DAMAGED
