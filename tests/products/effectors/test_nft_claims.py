from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, NeededFlow, Target
from tercio.products.effectors.addresses import covers, network
from tercio.products.effectors.nft_claims import LEASE, MOST_ELEMENTS, Cell, Claim, cells, pieces, sides, slot, wall


def conduit(src: tuple[str, ...], dst: tuple[str, ...], *needed: NeededFlow) -> ConduitTarget:
    return ConduitTarget("it", "ot", src, dst, needed)


def test_a_host_is_each_of_its_addresses_once() -> None:
    found = cells(HostTarget("x", ("fd00:0::1", "10.0.0.1", "::ffff:10.0.0.1")))
    assert found == (Cell("hosts", 4, ("10.0.0.1",)), Cell("hosts", 6, ("fd00::1",)))


def test_a_machine_is_each_of_its_link_addresses_too() -> None:
    found = cells(HostTarget("x", ("10.0.0.1",), ("02:00:0A:4D:1E:15", "02:00:0a:4d:1e:15")))
    assert found == (Cell("hosts", 4, ("10.0.0.1",)), Cell("macs", 2, ("02:00:0a:4d:1e:15",)))
    assert cells(HostTarget("x", (), ("02:00:0a:4d:1e:15",))) == (Cell("macs", 2, ("02:00:0a:4d:1e:15",)),)


def test_a_flow_is_each_pair_of_one_family() -> None:
    found = cells(FlowTarget("a", "b", ("10.0.0.1", "fd00::1"), ("10.0.0.2", "10.0.0.3", "fd00::2"), "tcp", 502))
    assert [(c.family, c.key) for c in found] == [
        (4, ("10.0.0.1", "10.0.0.2", "tcp", "502")),
        (4, ("10.0.0.1", "10.0.0.3", "tcp", "502")),
        (6, ("fd00::1", "fd00::2", "tcp", "502")),
    ]


def test_the_inner_of_two_nested_zones_keeps_its_own_traffic() -> None:
    src, dst = sides(conduit(("10.0.0.0/8",), ("10.77.30.0/24",)))
    assert dst == (network("10.77.30.0/24"),)
    assert not any(covers(n, network("10.77.30.1")) for n in src)
    assert any(covers(n, network("10.77.31.1")) for n in src)


def test_needed_flows_that_overlap_become_cells_that_do_not() -> None:
    needed = NeededFlow("10.0.0.0/30", "10.1.0.1", "tcp", 502), NeededFlow("10.0.0.1", "10.1.0.1", "tcp", 502)
    found = [c.key[0] for c in cells(conduit(("10.0.0.0/24",), ("10.1.0.0/24",), *needed)) if c.kind == "needed"]
    assert sorted(found) == ["10.0.0.0", "10.0.0.1", "10.0.0.2/31"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (HostTarget("x", ()), "nothing"),
        (HostTarget("x", ("plc1",)), "plc1"),
        (HostTarget("x", ("10.0.0.1",), ("ff:ff:ff:ff:ff:ff",)), "single machine"),
        (HostTarget("x", (), ("02:00:0a:4d:1e:15 }; flush",)), "no link address"),
        (FlowTarget("a", "b", ("10.0.0.1",), ("fd00::1",), "tcp", 502), "nothing"),
        (FlowTarget("a", "b", ("10.0.0.1",), ("10.0.0.2",), "tcp; drop", 502), "neither"),
        (FlowTarget("a", "b", ("10.0.0.1",), ("10.0.0.2",), "tcp", 0), "port"),
        (FlowTarget("a", "b", ("10.0.0.1",), ("10.0.0.2",), "tcp", 65536), "port"),
        (conduit(("10.0.0.0/24",), ("10.0.0.0/24",)), "both"),
        (conduit(("10.0.0.0/24",), ("fd00::/64",)), "family"),
        (conduit(("10.0.0.0/24",), ("10.1.0.0/24",), NeededFlow("10.0.0.1", "fd00::1", "tcp", 1)), "mixes"),
        (conduit(("10.0.0.0/24",), ("10.1.0.0/24",), NeededFlow("10.0.0.1", "10.1.0.1", "icmp", 1)), "neither"),
        (conduit(tuple(f"10.0.{n}.0/25" for n in range(40)), tuple(f"10.1.{n}.0/25" for n in range(40))), "too many"),
    ],
)
def test_what_cannot_be_expressed_is_said(target: Target, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        cells(target)


def test_more_elements_than_one_target_may_have_are_refused() -> None:
    sources = tuple(f"10.0.{n // 250}.{n % 250}" for n in range(MOST_ELEMENTS + 1))
    with pytest.raises(ValueError, match="at most"):
        cells(FlowTarget("a", "b", sources, ("10.9.0.1",), "tcp", 502))


def test_a_lease_id_that_could_leave_its_comment_is_none() -> None:
    assert LEASE.fullmatch("lse-0123456789abcdef0123")
    for text in ('a"b', "a b", "a\nb", "lse\n", "", "x" * 65, "l\u0301"):
        assert not LEASE.fullmatch(text)


def test_slots_differ() -> None:
    assert len({slot(f"lse-{n}") for n in range(1000)}) == 1000
    assert slot("lse-1") == slot("lse-1")
    assert len(slot("lse-1").split(":")) == 6


def test_of_two_claims_on_a_host_the_later_end_stands() -> None:
    cell = Cell("hosts", 4, ("10.0.0.1",))
    late, soon = Claim(200, "lse-a", cell), Claim(100, "lse-b", cell)
    assert wall(frozenset({late, soon})) == {cell: (soon, late)}
    assert wall(frozenset({soon})) == {cell: (soon,)}


NETS = st.sampled_from([f"10.0.0.{at}/{size}" for size in (28, 30, 32) for at in range(0, 16, 1 << (32 - size))])


def within(pair: tuple[IPv4Address, IPv4Address], key: tuple[str, ...]) -> bool:
    return all(one in IPv4Network(text) for one, text in zip(pair, key, strict=True))


@st.composite
def claims(draw: Callable[..., Any]) -> frozenset[Claim]:
    drawn = draw(st.lists(st.tuples(st.integers(1, 9), st.sampled_from("abc"), NETS, NETS), min_size=1, max_size=8))
    keys = ((end, lease, tuple(n.removesuffix("/32") for n in pair)) for end, lease, *pair in drawn)
    return frozenset(Claim(end, lease, Cell("conduits", 4, key)) for end, lease, key in keys)


@given(claims())
def test_a_wall_of_networks_says_of_every_pair_what_the_claims_say(found: frozenset[Claim]) -> None:
    built = wall(found)
    for a in range(16):
        for b in range(16):
            pair = IPv4Address(f"10.0.0.{a}"), IPv4Address(f"10.0.0.{b}")
            wanted = {claim for claim in found if within(pair, claim.cell.key)}
            hit = [cover for cell, cover in built.items() if within(pair, cell.key)]
            assert len(hit) == (1 if wanted else 0), "cells must not overlap, nor cover what nobody claims"
            if hit:
                assert set(hit[0]) == wanted
                assert hit[0][-1] == max(wanted)


@given(st.lists(NETS, min_size=1, max_size=6))
def test_pieces_neither_overlap_nor_lose_an_address(texts: list[str]) -> None:
    nets = [network(text) for text in texts]
    found = pieces(nets)
    parts = {part for group in found.values() for part in group}
    assert sum(p.num_addresses for p in parts) == len({a for n in nets for a in n})
    for net, group in found.items():
        assert {a for p in group for a in p} == set(net)
