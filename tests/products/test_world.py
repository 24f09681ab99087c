"""What is remembered between reads, and when it is not: in a namespace of a real kernel."""

from collections.abc import Callable

import pytest

from tercio.model.commands import Action, HostTarget
from tercio.model.units import SECOND
from tercio.products.effectors import EFFECTORS
from tercio.products.effectors.contract import Config, Step, Via
from tercio.products.effectors.nft_answers import Ruleset
from tercio.products.effectors.nftables import Facts
from tercio.products.world import World, first
from tests.products.field import Namespace, command, now

NFT = EFFECTORS["nftables"]
DENY = command(HostTarget("x", ("10.1.0.1",)), "lse-1", span=3600 * SECOND)
"""Made when the file is collected: it outlives the whole suite."""


@pytest.fixture
def space(spaces: Callable[[], Namespace]) -> Namespace:
    return spaces()


def asked(world: World) -> list[str]:
    """Have the world count what it really asks."""
    asks: list[str] = []
    run = world._nft.run

    def counted(text: str, *, json: bool = False) -> object:
        asks.append(text)
        return run(text, json=json)

    world._nft.run = counted  # type: ignore[method-assign,assignment]
    return asks


def test_an_absent_table_is_prepared_and_then_whole(space: Namespace) -> None:
    def work() -> tuple[Facts, tuple[str, str], Facts]:
        world = World(NFT, Config(("10.9.0.0/16",)))
        before = world.facts(None)
        result = world.act(NFT.prepare(before))
        after = world.facts(None)
        world.close()
        return before, result, after

    before, result, after = space.inside(work)
    assert before.ruleset is Ruleset.ABSENT
    assert result == ("", "")
    assert after.ruleset is Ruleset.WHOLE
    assert [e.key for e in after.elements] == [("10.9.0.0/16",)]


def test_rules_are_listed_once_while_only_this_hand_changes_elements(space: Namespace) -> None:
    def work() -> list[str]:
        world = World(NFT, Config())
        world.act(NFT.prepare(world.facts(None)))
        world.facts(DENY)
        asks = asked(world)
        assert world.act(NFT.plan(DENY, world.facts(DENY), now())) == ("", "")
        assert NFT.holds(DENY, world.facts(DENY), now())
        return asks

    asks = space.inside(work)
    assert not [text for text in asks if text.startswith("list table")]
    assert [text for text in asks if text == "list set inet tercio hosts4"] == ["list set inet tercio hosts4"] * 2


@pytest.mark.parametrize("change", ["flush chain inet tercio guard", "add table inet other", "flush ruleset"])
def test_whoever_else_changes_anything_is_noticed_at_once(space: Namespace, change: str) -> None:
    def work() -> tuple[Ruleset, Ruleset]:
        world = World(NFT, Config())
        world.act(NFT.prepare(world.facts(None)))
        world.facts(DENY)
        space.nft(change)
        asks = asked(world)
        found = world.facts(DENY).ruleset
        assert asks[0].startswith("list table")
        return found, world.facts(DENY).ruleset

    wanted = {"flush ruleset": Ruleset.ABSENT, "add table inet other": Ruleset.WHOLE}.get(change, Ruleset.DAMAGED)
    assert space.inside(work) == (wanted, wanted)


def test_a_change_between_reading_and_acting_is_noticed(space: Namespace) -> None:
    def work() -> Ruleset:
        world = World(NFT, Config())
        world.act(NFT.prepare(world.facts(None)))
        steps = NFT.plan(DENY, world.facts(DENY), now())
        space.nft("flush chain inet tercio guard")
        assert world.act(steps) == ("", "")
        found: Facts = world.facts(DENY)
        assert not NFT.holds(DENY, found, now())
        return found.ruleset

    assert space.inside(work) is Ruleset.DAMAGED


def test_a_needed_step_that_fails_stops_the_rest_and_changes_nothing(space: Namespace) -> None:
    def work() -> tuple[str, str]:
        world = World(NFT, Config())
        wrong = Step(Via.NFT, "add table inet one\nadd rule inet one nochain drop")
        return world.act((wrong, Step(Via.NFT, "add table inet two")))

    error, _ = space.inside(work)
    assert error
    assert "one" not in space.run("nft list tables")
    assert "two" not in space.run("nft list tables")


def test_a_step_that_is_not_needed_is_noted_and_passed_over(space: Namespace) -> None:
    def work() -> tuple[str, str]:
        world = World(NFT, Config())
        return world.act((Step(Via.CONNTRACK, "--nonsense", needed=False), Step(Via.NFT, "add table inet two")))

    error, notes = space.inside(work)
    assert error == ""
    assert "conntrack failed" in notes
    assert "two" in space.run("nft list tables")


def test_a_cancel_reads_everything_anew(space: Namespace) -> None:
    def work() -> list[str]:
        world = World(NFT, Config())
        asks = asked(world)
        for _ in range(2):
            world.facts(command(None, "lse-1", Action.CANCEL))
        return asks

    assert space.inside(work) == ["list table inet tercio"] * 2


def test_the_first_line_is_what_is_said() -> None:
    assert first("Error: No such file\nadd rule\n^^^") == "No such file"
    assert first("") == "no reason given"
