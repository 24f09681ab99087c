"""The nftables effector: golden cases that need no kernel, properties, and leases that overlap on a real kernel."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.commands import Action, Command, ConduitTarget, FlowTarget, HostTarget, NeededFlow, Standing, Target
from tercio.model.units import SECOND
from tercio.products.effectors.nft_answers import Element, Ruleset
from tercio.products.effectors.nft_claims import wall
from tercio.products.effectors.nft_ruleset import SETS, TABLE, declaration
from tercio.products.effectors.nftables import (
    TOLERANCE,
    WARY,
    Facts,
    claims,
    holds,
    invalid,
    plan,
    prepare,
    standing,
    words,
)
from tests.products.field import Loop, Namespace, Served, command

GOLDEN = Path(__file__).parents[2] / "golden" / "nftables"
NOW = 1_800_000_000_000_000


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One golden case: ``RULESET`` among the steps stands for the whole declaration."""

    about: str
    command: Command
    facts: Facts
    steps: tuple[str, ...]
    holds: bool
    standing: tuple[Standing, ...] = ()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = msgspec.json.decode(path.read_bytes(), type=Case)
    text = "\n".join(f"{step.via} {step.text}" for step in plan(case.command, case.facts, NOW))
    text = text.replace(declaration(case.facts.never), "RULESET").replace(f" {TABLE} ", " ")
    assert tuple(text.splitlines()) == case.steps
    assert holds(case.command, case.facts, NOW) is case.holds
    assert standing(case.facts, NOW) == case.standing


def test_there_are_golden_cases() -> None:
    assert len(list(GOLDEN.glob("*.json"))) >= 15


def after(steps: str, found: Facts) -> Facts:
    """What a kernel would hold after these lines: deletions of what is there, additions of what is not."""
    there = {(e.set, e.key): e for e in found.elements}
    ruleset = found.ruleset
    for line in steps.splitlines():
        verb, kind, *rest = line.removeprefix("nft ").split(" ")
        if kind != "element":
            ruleset = Ruleset.WHOLE
            continue
        name, key = rest[2], tuple(line.split("{ ")[1].split(" timeout")[0].split(" }")[0].split(" . "))
        if verb == "delete":
            del there[name, key]
        else:
            assert (name, key) not in there, line
            seconds, milliseconds = line.split(" timeout ")[1].split(" ")[0].removesuffix("ms").split("s")
            left = (int(seconds) * 1000 + int(milliseconds)) * 1000
            there[name, key] = Element(name, key, left // SECOND * SECOND, line.split('"')[1])
    return Facts(ruleset, tuple(there.values()), found.never)


def done(order: Command, found: Facts) -> Facts:
    text = "\n".join(step.text for step in plan(order, found, NOW) if step.via == "nft" and step.text)
    elements = "\n".join(line for line in text.splitlines() if " element " in line and "never" not in line)
    if not text:
        return found
    return after(("x rules\n" if found.ruleset is not Ruleset.WHOLE else "") + elements, found)


HOSTS = [HostTarget(n, (f"10.0.0.{n}", f"fd00::{n}")) for n in "123"]
HOSTS += [HostTarget("4", ("10.0.0.1",), ("02:00:00:00:00:04",)), HostTarget("5", (), ("02:00:00:00:00:04",))]
FLOWS = [FlowTarget("a", "b", ("10.0.0.1", "10.0.0.2"), (f"10.0.1.{n}",), "tcp", 502) for n in (1, 2)]
CONDUITS = [
    ConduitTarget("it", "ot", ("10.0.0.0/24",), ("10.0.1.0/24",), (NeededFlow("10.0.0.9", "10.0.1.9", "tcp", 502),)),
    ConduitTarget("i", "o", ("10.0.0.0/16",), ("10.0.1.0/25",), (NeededFlow("10.0.0.9", "10.0.1.0/28", "tcp", 502),)),
]
ORDERS = st.tuples(
    st.sampled_from([Action.DENY, Action.DENY, Action.CANCEL]),
    st.sampled_from(["lse-a", "lse-b", "lse-c"]),
    st.sampled_from([*HOSTS, *FLOWS, *CONDUITS]),
    st.integers(10, 3000),
)


def order(action: Action, lease: str, target: Target, seconds: int) -> Command:
    return command(target, lease, action, issued=NOW, until=NOW + seconds * SECOND)


@given(st.lists(ORDERS, min_size=1, max_size=7))
def test_leases_never_undo_each_other(orders: list[tuple[Action, str, Target, int]]) -> None:
    found = Facts(Ruleset.ABSENT)
    wanted: dict[str, Command] = {}
    for action, lease, target, seconds in orders:
        given = order(action, lease, target, seconds)
        found = done(given, found)
        assert holds(given, found, NOW), (given, plan(given, found, NOW))
        assert plan(given, found, NOW) == ()
        wanted.pop(lease, None)
        if action is Action.DENY:
            wanted[lease] = given
    assert {s.lease: s.until for s in standing(found, NOW)} == {lease: c.until for lease, c in wanted.items()}
    lone: dict[Any, int] = {}
    for one in wanted.values():
        for claim in claims(done(one, Facts(Ruleset.WHOLE)), NOW):
            lone[claim] = claim.end
    built = {(f"{c.kind}{c.family}", c.key) for c in wall(frozenset(lone))}
    there = {(e.set, e.key) for e in found.elements if not e.set.startswith(("claimed_", "wary_"))}
    assert there == built, "the wall is what the leases that stand need, no more and no less"


@given(st.lists(ORDERS, min_size=1, max_size=5))
def test_every_denied_host_is_wary_for_its_time_after_the_last_lease(orders: list[Any]) -> None:
    found = Facts(Ruleset.WHOLE)
    for each in orders:
        found = done(order(*each), found)
    wary = {(e.set.removeprefix("wary_"), e.key): NOW + e.left for e in found.elements if e.set.startswith("wary_")}
    for cell, cover in wall(claims(found, NOW)).items():
        if cell.kind == "hosts":
            assert abs(wary[f"hosts{cell.family}", cell.key] - cover[-1].end - WARY) <= TOLERANCE


def test_a_kernel_that_expired_a_claim_is_believed_over_the_clock() -> None:
    """The wall clock was set back an hour: the comment says an hour more than the kernel does."""
    target = HOSTS[0]
    found = done(order(Action.DENY, "lse-a", target, 60), Facts(Ruleset.WHOLE))
    back = NOW - 3600 * SECOND
    assert [s.until for s in standing(found, back)] == [back + 60 * SECOND]


def test_a_lease_of_which_an_element_was_taken_away_does_not_stand() -> None:
    found = done(order(Action.DENY, "lse-a", HOSTS[0], 60), Facts(Ruleset.WHOLE))
    found = done(order(Action.DENY, "lse-b", HOSTS[1], 60), found)
    less = Facts(found.ruleset, tuple(e for e in found.elements if (e.set, e.key) != ("hosts4", ("10.0.0.1",))))
    assert [s.lease for s in standing(less, NOW)] == ["lse-b"]
    assert not holds(order(Action.DENY, "lse-a", HOSTS[0], 60), less, NOW)
    other = plan(order(Action.DENY, "lse-b", HOSTS[1], 90), less, NOW)
    assert not any("{ 10.0.0.1 " in step.text for step in other), "what a person took away is not restored in silence"


def test_only_a_whole_ruleset_holds_anything() -> None:
    given = order(Action.DENY, "lse-a", HOSTS[0], 60)
    found = done(given, Facts(Ruleset.WHOLE))
    damaged = Facts(Ruleset.DAMAGED, found.elements)
    assert holds(given, found, NOW)
    assert not holds(given, damaged, NOW)
    assert standing(damaged, NOW) == ()
    assert plan(given, damaged, NOW)[0].text == declaration(())
    assert plan(given, damaged, NOW)[0].rules
    assert prepare(found) == ()
    assert "damaged" in words(given, damaged, NOW)


def test_a_query_plans_nothing_and_counts_leases() -> None:
    found = done(order(Action.DENY, "lse-a", HOSTS[0], 60), Facts(Ruleset.WHOLE))
    query = command(None, "", Action.QUERY)
    assert plan(query, found, NOW) == ()
    assert holds(query, found, NOW)
    assert words(query, found, NOW) == "1 leases stand"


def test_words_name_what_is_claimed_and_until_when() -> None:
    given = order(Action.DENY, "lse-a", HOSTS[0], 60)
    assert words(given, Facts(Ruleset.WHOLE), NOW) == "nothing of lse-a stands"
    text = words(given, done(given, Facts(Ruleset.WHOLE)), NOW)
    assert "lse-a refuses until 2027-01-15T08:01:00" in text
    assert "10.0.0.1" in text


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (command(HOSTS[0], 'lse-1" ; flush ruleset'), "no lease id"),
        (command(HOSTS[0], "lse-1\nflush ruleset"), "no lease id"),
        (command(HOSTS[0], ""), "no lease id"),
        (command(HOSTS[0], "\u202else", Action.CANCEL), "no lease id"),
        (command(None), "target"),
        (command(HostTarget("x", ("1.2.3.4 } ; flush ruleset",))), "1.2.3.4 }"),
        (command(HostTarget("x", ("fe80::1%a } ; flush ruleset",))), "zone index"),
    ],
)
def test_what_has_no_meaning_is_said(order: Command, why: str) -> None:
    assert why in invalid(order)


def test_a_meaningful_order_is_valid() -> None:
    assert invalid(command(HOSTS[0])) == ""
    assert invalid(command(None, "lse-1", Action.CANCEL)) == ""
    assert invalid(command(None, "", Action.QUERY)) == ""


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=3), st.text(max_size=10), st.integers())
def test_no_text_of_an_order_reaches_nft_unchecked(lease: str, addresses: list[str], transport: str, port: int) -> None:
    allowed = set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_- {}"\n')
    flow = FlowTarget("x", "y", tuple(addresses), ("10.0.0.1",), transport, port)
    for target in (HostTarget("x", tuple(addresses)), flow):
        given = command(target, lease)
        if invalid(given):
            continue
        for step in plan(given, Facts(Ruleset.WHOLE), NOW):
            for line in step.text.splitlines():
                assert line.startswith((f"add element {TABLE} ", f"delete element {TABLE} "))
                assert line.count("{") == line.count("}") == 1
                assert set(line) <= allowed


@pytest.fixture(scope="module")
def hand(served: Callable[..., Served]) -> Served:
    return served(settings="targets_per_hour = 1000\n")


@pytest.fixture
def loop(hand: Served) -> Iterator[Loop]:
    line = hand.loop()
    yield line
    line.close()
    for name in SETS:
        hand.space.nft(f"flush set {TABLE} {name}")


def listed(space: Namespace, name: str) -> str:
    return space.run(f"nft list set {TABLE} {name}")


def order_it(
    loop: Loop, target: Target | None, lease: str, action: Action = Action.DENY, **changes: Any
) -> tuple[str, ...]:
    response = loop.order(command(target, lease, action, **changes))
    assert response.held, response
    return response.steps


@pytest.mark.parametrize("target", [HOSTS[0], FLOWS[0], CONDUITS[0]], ids=["host", "flow", "conduit"])
def test_two_leases_on_one_target_on_a_real_kernel(loop: Loop, hand: Served, target: Target) -> None:
    name = {"HostTarget": "hosts4", "FlowTarget": "flows4", "ConduitTarget": "conduits4"}[type(target).__name__]
    order_it(loop, target, "lse-a", span=300 * SECOND)
    order_it(loop, target, "lse-b", span=100 * SECOND)
    assert order_it(loop, target, "lse-b", Action.CANCEL)
    assert "lse-a" in listed(hand.space, name)
    order_it(loop, target, "lse-b", span=100 * SECOND)
    order_it(loop, target, "lse-a", Action.CANCEL)
    assert "lse-b" in listed(hand.space, name)
    assert "expires 4m" not in listed(hand.space, name), "what only the other lease needed for longer ends earlier now"
    order_it(loop, target, "lse-b", Action.CANCEL)
    assert "expires" not in listed(hand.space, name)
    assert order_it(loop, target, "lse-b", Action.CANCEL) == ()


def test_networks_that_overlap_on_a_real_kernel(loop: Loop, hand: Served) -> None:
    for number, conduit in enumerate(CONDUITS):
        order_it(loop, conduit, f"lse-{number}")
    query = loop.order(command(None, "", Action.QUERY))
    assert [s.lease for s in query.standing] == ["lse-0", "lse-1"]
    order_it(loop, CONDUITS[0], "lse-0", span=200 * SECOND)
    order_it(loop, CONDUITS[1], "lse-1", Action.CANCEL)
    text = listed(hand.space, "conduits4")
    assert "10.0.0.0/24 . 10.0.1.0/24" in text
    assert "10.0.128.0/17" not in text
    order_it(loop, CONDUITS[0], "lse-0", Action.CANCEL)
    assert "expires" not in listed(hand.space, "conduits4") + listed(hand.space, "claimed_needed4")


def test_a_lease_that_is_ordered_anew_with_other_addresses_lets_go_of_the_old(loop: Loop, hand: Served) -> None:
    order_it(loop, HostTarget("x", ("10.0.0.1", "10.0.0.2")), "lse-a")
    order_it(loop, HostTarget("x", ("10.0.0.2", "10.0.0.3")), "lse-a", span=90 * SECOND)
    text = listed(hand.space, "hosts4")
    assert "10.0.0.1 " not in text
    assert "10.0.0.2 " in text
    assert "10.0.0.3 " in text


def test_letting_go_of_an_address_leaves_it_to_the_other_lease_that_claims_it(loop: Loop, hand: Served) -> None:
    order_it(loop, HostTarget("x", ("10.0.0.1", "10.0.0.2", "fd00::2")), "lse-a", span=300 * SECOND)
    order_it(loop, HostTarget("y", ("10.0.0.2",)), "lse-b")
    order_it(loop, HostTarget("x", ("10.0.0.1",)), "lse-a", span=310 * SECOND)
    assert [s.lease for s in loop.order(command(None, "", Action.QUERY)).standing] == ["lse-a", "lse-b"]
    assert "10.0.0.2" in listed(hand.space, "hosts4")
    assert "expires" not in listed(hand.space, "hosts6")


def test_the_table_is_restored_when_somebody_flushed_everything(loop: Loop, hand: Served) -> None:
    order_it(loop, HOSTS[0], "lse-a")
    hand.space.nft("flush ruleset")
    assert loop.order(command(None, "", Action.QUERY)).standing == ()
    order_it(loop, HOSTS[1], "lse-b")
    assert [s.lease for s in loop.order(command(None, "", Action.QUERY)).standing] == ["lse-b"]


def test_rules_that_somebody_took_away_are_noticed_and_mended(loop: Loop, hand: Served) -> None:
    order_it(loop, HOSTS[0], "lse-a")
    hand.space.nft(f"flush chain {TABLE} guard")
    query = loop.order(command(None, "", Action.QUERY))
    assert query.standing == ()
    assert "damaged" in query.after
    order_it(loop, HOSTS[0], "lse-a", span=90 * SECOND)
    assert [s.lease for s in loop.order(command(None, "", Action.QUERY)).standing] == ["lse-a"]
