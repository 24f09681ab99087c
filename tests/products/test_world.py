"""What is remembered between reads, and when it is not: in a namespace of a real kernel."""

from collections.abc import Callable

import pytest

from tercio.model.commands import Action, HostTarget
from tercio.model.units import SECOND
from tercio.products.effectors import EFFECTORS
from tercio.products.effectors.contract import Config, Step, Via
from tercio.products.effectors.nft_answers import Ruleset
from tercio.products.effectors.nft_ruleset import KINDS, TABLE, sets_of
from tercio.products.effectors.nftables import Facts
from tercio.products.transports.packed import attributes
from tercio.products.world import World, first
from tests.products.field import Namespace, command, now

NFT = EFFECTORS["nftables"]
DENY = command(HostTarget("x", ("10.1.0.1",)), "lse-1", span=3600 * SECOND)
"""Made when the file is collected: it outlives the whole suite."""


@pytest.fixture
def space(spaces: Callable[[], Namespace]) -> Namespace:
    return spaces()


def asked(world: World) -> list[str]:
    """Have the world tell what it really asks: nft's commands, and the sets of which it asks the kernel."""
    asks: list[str] = []
    run, dump = world._nft.run, world._kernel.dump

    def counted(text: str, *, json: bool = False) -> object:
        asks.append(text)
        return run(text, json=json)

    def listed(kind: int, family: int, body: bytes = b"") -> list[bytes]:
        table, name = (value.rstrip(b"\0").decode() for _, value in attributes(body))
        asks.append(f"inet {table} {name}")
        return dump(kind, family, body)

    world._nft.run = counted  # type: ignore[method-assign,assignment]
    world._kernel.dump = listed  # type: ignore[method-assign]
    return asks


def sets(*kinds: str) -> list[str]:
    """What is asked where the sets of these kinds are."""
    return [f"{TABLE} {name}" for name in sets_of(kinds)]


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

    asks, near = space.inside(work), sets("hosts", "macs")
    assert len(asks) == 2 * len(near) + 1, "what was in the sets, one transaction, what is in the sets"
    assert asks[: len(near)] == asks[len(near) + 1 :] == near
    assert asks[len(near)].startswith("add element")


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


def test_a_table_that_somebody_switched_off_refuses_nobody_until_it_is_mended(space: Namespace) -> None:
    def work() -> tuple[Ruleset, bool, Ruleset, bool]:
        world = World(NFT, Config())
        world.act(NFT.plan(DENY, world.facts(DENY), now()))
        space.nft("add table inet tercio { flags dormant; }")
        off: Facts = world.facts(DENY)
        held = NFT.holds(DENY, off, now())
        assert world.act(NFT.plan(DENY, off, now())) == ("", "")
        mended: Facts = world.facts(DENY)
        return off.ruleset, held, mended.ruleset, NFT.holds(DENY, mended, now())

    assert space.inside(work) == (Ruleset.DAMAGED, False, Ruleset.WHOLE, True)


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


def test_a_cancel_reads_every_element_anew_and_the_rules_where_somebody_changed_something(space: Namespace) -> None:
    cancel = command(None, "lse-1", Action.CANCEL)

    def work() -> list[str]:
        world = World(NFT, Config())
        world.act(NFT.prepare(world.facts(None)))
        asks = asked(world)
        for change in ("", "", "add table inet other"):
            space.nft(change) if change else None
            world.facts(cancel)
        return asks

    rules, elements = [f"list table {TABLE}"], sets(*KINDS)
    assert space.inside(work) == [*rules, *elements, *elements, *rules, *elements]


def test_the_first_line_is_what_is_said() -> None:
    assert first("Error: No such file\nadd rule\n^^^") == "No such file"
    assert first("") == "no reason given"
