from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tercio.model.commands import Action, Command, ConduitTarget, FlowTarget, HostTarget, NeededFlow, Target
from tercio.model.units import SECOND
from tercio.products.effectors.addresses import covers, network
from tercio.products.effectors.nft_claims import Cell, cells
from tercio.products.handfile import HandFile, Listed, Needed
from tercio.products.limits import CONDUITS_BEYOND, HOUR, MOST_ADDRESSES, SKEW, Budget, identity, refusal, untimely
from tests.products.field import command

NOW = 1_800_000_000_000_000
FILE = HandFile(
    name="gw",
    socket="/run/x",
    mechanism="nftables",
    order_key=bytes(32),
    never=Listed(frozenset({"sis1"}), (ip_network("10.9.9.9"), ip_network("10.8.0.0/24"), ip_network("fd00:9::/64"))),
    never_host=Listed(frozenset({"plc1"}), (ip_network("10.3.0.21"), ip_network("fd00:3::21"))),
    needed=(),
    verbs=frozenset(Action),
    longest=HOUR,
    targets_per_hour=3,
    peer_uid=0,
)
OWN = frozenset({"10.0.0.1", "fd00::1", "10.0.0.255"})


def order(target: Target | None, action: Action = Action.DENY, **changes: Any) -> Command:
    return command(target, "lse-1", action, **({"issued": NOW, "until": NOW + 60 * SECOND} | changes))


def host(*addresses: str, asset: str = "x") -> HostTarget:
    return HostTarget(asset, addresses)


def flow(src: str, dst: str, a: str = "a", b: str = "b") -> FlowTarget:
    return FlowTarget(a, b, (src,), (dst,), "tcp", 502)


def conduit(src: str, dst: str, a: str = "it", b: str = "ot") -> ConduitTarget:
    return ConduitTarget(a, b, (src,), (dst,), (NeededFlow("10.9.9.9", "10.0.0.9", "tcp", 1),))


@pytest.mark.parametrize(
    "target",
    [
        host("10.1.0.1", "fd00:1::1"),
        flow("10.1.0.1", "10.2.0.1"),
        flow("10.1.0.1", "10.3.0.21", b="plc1"),
        conduit("10.1.0.0/24", "10.2.0.0/16"),
        conduit("10.1.0.0/24", "10.3.0.0/24"),
    ],
)
def test_an_ordinary_order_is_obeyed(target: Target) -> None:
    assert refusal(FILE, order(target), OWN) == ""


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (host("10.1.0.1", asset="sis1"), "never list"),
        (host("10.1.0.1", asset="SIS1"), "never list"),
        (flow("10.1.0.1", "10.2.0.1", b="sis1"), "never list"),
        (flow("10.1.0.1", "10.2.0.1", a="sis1"), "never list"),
        (conduit("10.1.0.0/24", "10.2.0.0/24", b="sis1"), "never list"),
        (host("10.3.0.1", asset="PLC1"), "never_host list"),
        (host("10.1.0.1", "10.3.0.21"), "never_host list"),
        (host("::ffff:10.3.0.21"), "never_host list"),
        (host("FD00:3::0:21"), "never_host list"),
        (flow("10.3.0.1", "10.1.0.1", a="plc1"), "never_host list"),
        (flow("10.3.0.21", "10.1.0.1"), "never_host list"),
        (host("10.9.9.9"), "never list"),
        (host("10.1.0.1", "10.9.9.9"), "never list"),
        (host("::ffff:10.9.9.9"), "never list"),
        (host("::FFFF:0a09:0909"), "never list"),
        (host("10.8.0.77"), "never list"),
        (host("fd00:9::0:1"), "never list"),
        (flow("10.9.9.9", "10.2.0.1"), "never list"),
        (flow("10.1.0.1", "10.9.9.9"), "never list"),
        (conduit("10.9.0.0/16", "10.2.0.0/24"), "never list"),
        (conduit("10.1.0.0/24", "10.8.0.0/25"), "never list"),
        (conduit("10.1.0.0/24", "fd00:9::/48"), "never list"),
        (host("10.0.0.1"), "this host itself"),
        (host("fd00:0::1"), "this host itself"),
        (host("::ffff:10.0.0.1"), "this host itself"),
        (host("10.0.0.255"), "this host itself"),
        (flow("10.1.0.1", "10.0.0.1"), "this host itself"),
        (host("0.0.0.1"), "unspecified"),
        (host("::"), "unspecified"),
        (host("127.0.0.1"), "loopback"),
        (host("::1"), "loopback"),
        (host("224.0.0.5"), "multicast"),
        (host("ff02::1"), "multicast"),
        (host("255.255.255.255"), "broadcast"),
        (conduit("0.0.0.0/1", "10.2.0.0/24"), "unspecified"),
        (conduit("128.0.0.0/1", "10.2.0.0/24"), "multicast"),
        (conduit("0.0.0.0/0", "10.2.0.0/24"), "cannot be read"),
        (conduit("::/0", "fd00:2::/64"), "cannot be read"),
        (conduit("::/1", "fd00:2::/64"), "unspecified"),
        (host(), "no address"),
        (FlowTarget("a", "b", (), ("10.0.0.9",), "tcp", 1), "no address"),
        (host(*(f"10.1.0.{n}" for n in range(MOST_ADDRESSES + 1))), "more than"),
        (host("plc1"), "cannot be read"),
        (host("1.2.3.4 } ; flush ruleset"), "cannot be read"),
        (host("fe80::1%eth0"), "cannot be read"),
        (conduit("10.1.0.1/24", "10.2.0.0/24"), "cannot be read"),
        (None, "names a target"),
    ],
)
def test_what_must_never_be_touched_is_refused(target: Target | None, why: str) -> None:
    assert why in refusal(FILE, order(target), OWN)


def needed(src: str, dst: str, transport: str = "tcp", port: int = 502) -> Needed:
    return Needed(network(src), network(dst), transport, port)


def closing(src: str, dst: str, *exceptions: NeededFlow) -> ConduitTarget:
    return ConduitTarget("a", "b", (src,), (dst,), exceptions)


HMI, PLC, HIST = "10.3.0.10", "10.3.0.21", "10.2.0.10"
NEEDING = msgspec.structs.replace(
    FILE,
    needed=(
        needed(HMI, PLC),
        needed("fd00:3::10", "fd00:3::21"),
        needed(HIST, PLC),
        needed(PLC, "10.5.0.0/30", "udp", 514),
    ),
)


@pytest.mark.parametrize(
    "target",
    [
        host(HMI),
        host("10.1.0.1", "10.5.0.3"),
        host("::ffff:10.3.0.10"),
        host("FD00:3:0::0:10"),
        flow(HMI, PLC),
        flow("::ffff:a03:a", PLC),
        flow("fd00:3:0::10", "fd00:3::0021"),
        FlowTarget("a", "b", ("10.1.0.1", HMI), ("10.1.0.2", PLC), "tcp", 502),
        FlowTarget("a", "b", (PLC,), (HMI,), "tcp", 502),
        FlowTarget("a", "b", (PLC,), (HMI,), "tcp", 40000),
        FlowTarget("a", "b", (PLC,), ("10.5.0.1",), "udp", 514),
        FlowTarget("a", "b", ("10.5.0.1",), (PLC,), "udp", 514),
        FlowTarget("a", "b", ("10.5.0.1",), (PLC,), "udp", 40000),
        closing(f"{HMI}/32", f"{PLC}/32"),
        closing(f"{PLC}/32", f"{HMI}/32"),
        closing("::ffff:10.3.0.10", PLC),
        closing("10.2.0.0/24", "10.3.0.0/24"),
        closing("10.3.0.0/24", "10.2.0.0/24"),
        closing("fd00:3::10/128", "fd00:3::20/124"),
        closing("10.3.0.0/24", "10.5.0.2/31"),
        closing("10.3.0.0/24", "10.3.0.21/32"),
        closing("10.2.0.0/24", "10.3.0.0/24", NeededFlow(HIST, PLC, "tcp", 503)),
        closing("10.2.0.0/24", "10.3.0.0/24", NeededFlow(HIST, PLC, "udp", 502)),
        closing("10.2.0.0/24", "10.3.0.0/24", NeededFlow(PLC, HIST, "tcp", 502)),
        closing("10.2.0.0/24", "10.3.0.0/24", NeededFlow("10.2.0.11", PLC, "tcp", 502)),
        closing("10.5.0.0/24", "10.3.0.0/24", NeededFlow(PLC, "10.5.0.0/31", "udp", 514)),
        closing("10.2.0.0/24", "10.3.0.0/24", NeededFlow("fd00::1", "fd00::2", "tcp", 502)),
    ],
)
def test_what_takes_a_needed_flow_away_is_refused(target: Target) -> None:
    file = msgspec.structs.replace(NEEDING, never_host=Listed())
    assert "a needed flow in this hand's file" in refusal(file, order(target), OWN)
    assert refusal(msgspec.structs.replace(EMPTY, never_host=Listed()), order(target), OWN) == ""


EMPTY = msgspec.structs.replace(FILE, never_host=Listed())


@pytest.mark.parametrize(
    "target",
    [
        host("10.3.0.11"),
        flow(HMI, "10.3.0.22"),
        flow("10.1.0.1", PLC),
        FlowTarget("a", "b", (HMI,), (PLC,), "tcp", 80),
        FlowTarget("a", "b", (HMI,), (PLC,), "udp", 502),
        flow(HMI, HIST),
        FlowTarget("a", "b", (HIST,), (HMI,), "tcp", 40000),
        FlowTarget("a", "b", ("10.5.0.1",), (PLC,), "udp", 80),
        closing("10.1.0.0/24", "10.3.0.0/24"),
        closing("10.2.0.0/24", "10.3.0.0/24", NeededFlow("::ffff:10.2.0.10", "10.3.0.21/32", "tcp", 502)),
        closing("10.3.0.0/24", "10.2.0.0/24", NeededFlow("10.2.0.0/24", PLC, "tcp", 502)),
        closing("10.5.0.0/24", "10.3.0.0/24", NeededFlow(PLC, "10.5.0.0/30", "udp", 514)),
        closing("10.3.0.0/16", "10.3.0.0/24"),
    ],
)
def test_what_leaves_needed_flows_alone_is_obeyed(target: Target) -> None:
    assert refusal(NEEDING, order(target), OWN) == ""


def test_an_exception_that_cannot_be_read_is_refused() -> None:
    target = closing("10.2.0.0/24", "10.3.0.0/24", NeededFlow("hist1", PLC, "tcp", 502))
    assert "cannot be read" in refusal(NEEDING, order(target), OWN)


PORTS = (502, 80, 40000)
"""The needed one, another one, and one that a client may have as its own."""
SERVICES = st.tuples(st.sampled_from(("tcp", "udp")), st.sampled_from(PORTS))


def spelled(family: int, number: int, length: int) -> str:
    """A network within eight addresses, in one of the forms that people write."""
    number &= -1 << (3 - length)
    return f"10.0.0.{number}/{29 + length}" if family == 4 else f"fd00:0::{number:04x}/{125 + length}"


NETWORKS = {n: st.builds(spelled, st.just(n), st.integers(0, 7), st.integers(0, 3)) for n in (4, 6)}
SINGLE = {
    4: st.builds("{1}10.0.0.{0}".format, st.integers(0, 7), st.sampled_from(("", "::ffff:"))),
    6: st.builds("{1}{0}".format, st.integers(0, 7), st.sampled_from(("fd00::", "FD00:0::0", "fd00:0:0:0:0:0:0:"))),
}
ANY_SINGLE, ANY_NETWORK = st.one_of(*SINGLE.values()), st.one_of(*NETWORKS.values())
FAMILY = st.sampled_from((4, 6))


def tuples(one: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(one, min_size=1, max_size=2).map(tuple)


def flows(ends: dict[int, st.SearchStrategy[str]]) -> st.SearchStrategy[Needed]:
    return FAMILY.flatmap(lambda n: st.builds(lambda s, d, x: needed(s, d, *x), ends[n], ends[n], SERVICES))


def orders(file: st.SearchStrategy[tuple[Needed, ...]]) -> st.SearchStrategy[tuple[tuple[Needed, ...], Target]]:
    """Needed flows and a target; a conduit's exceptions are often some of them."""
    exceptions = {
        n: st.builds(lambda s, d, x: NeededFlow(s, d, *x), NETWORKS[n], NETWORKS[n], SERVICES) for n in (4, 6)
    }

    def targets(flows: tuple[Needed, ...]) -> st.SearchStrategy[Target]:
        kept = st.sampled_from(flows).map(lambda f: NeededFlow(str(f.src), str(f.dst), f.transport, f.port))
        near = st.builds(lambda f, e, x: NeededFlow(f.src, e.src, *x), kept, st.one_of(*exceptions.values()), SERVICES)
        same = st.tuples(*(st.just(NeededFlow(str(f.src), str(f.dst), f.transport, f.port)) for f in flows))
        left = st.one_of(same, st.lists(st.one_of(kept, near, *exceptions.values()), max_size=3).map(tuple))
        zones = FAMILY.flatmap(lambda n: st.tuples(tuples(NETWORKS[n]), tuples(NETWORKS[n])))
        conduits = st.builds(lambda z, e: ConduitTarget("a", "b", z[0], z[1], e), zones, left)
        return st.one_of(
            st.builds(HostTarget, st.just("x"), tuples(ANY_SINGLE)),
            st.builds(lambda s, d, x: FlowTarget("a", "b", s, d, *x), tuples(ANY_SINGLE), tuples(ANY_SINGLE), SERVICES),
            conduits,
        )

    return file.flatmap(lambda flows: st.tuples(st.just(flows), targets(flows)))


def takes(wall: tuple[Cell, ...], flow: Needed) -> bool:
    """Whether elements refuse any packet of a flow, to its service or back, read one packet at a time as the rules
    do."""
    return any(
        _refused(wall, *packet)
        for one in map(str, flow.src)
        for other in map(str, flow.dst)
        for mine in (40000, 50000)
        for packet in ((one, mine, other, flow.port, flow.transport), (other, flow.port, one, mine, flow.transport))
    )


def _refused(wall: tuple[Cell, ...], src: str, sport: int, dst: str, dport: int, transport: str) -> bool:
    keys = {kind: [cell.key for cell in wall if cell.kind == kind] for kind in ("hosts", "flows", "needed", "conduits")}
    ways = ((src, dst, transport, str(dport)), (dst, src, transport, str(sport)))
    if any(key[0] in (src, dst) for key in keys["hosts"]) or any(way in keys["flows"] for way in ways):
        return True
    if any(_within(way, key) and way[2:] == key[2:] for way in ways for key in keys["needed"]):
        return False
    return any(_within(way, key) for way in ways for key in keys["conduits"])


def _within(way: tuple[str, ...], key: tuple[str, ...]) -> bool:
    return all(covers(network(wide), network(one)) for wide, one in zip(key[:2], way[:2], strict=True))


def judged(flows: tuple[Needed, ...], target: Target) -> tuple[str, bool]:
    """What the hand says, and whether the kernel's elements would take anything of the needed flows."""
    try:
        wall = cells(target)
    except ValueError:
        event("means nothing")
        return "", False
    file = msgspec.structs.replace(EMPTY, needed=flows)
    why = refusal(file, order(target), frozenset())
    cut = any(takes(wall, flow) for flow in flows)
    event(f"{type(target).__name__} {'refused' if why else 'obeyed'}, {'cuts' if cut else 'cuts nothing'}")
    return why, cut


@settings(max_examples=150)
@given(orders(st.lists(flows(NETWORKS), min_size=1, max_size=3).map(tuple)))
def test_no_order_that_is_obeyed_takes_a_needed_flow_away(case: tuple[tuple[Needed, ...], Target]) -> None:
    why, cut = judged(*case)
    assert why or not cut


@given(orders(st.lists(flows(SINGLE), min_size=1, max_size=3).map(tuple)))
def test_between_single_addresses_nothing_else_is_refused(case: tuple[tuple[Needed, ...], Target]) -> None:
    why, cut = judged(*case)
    assert bool(why) == cut or isinstance(case[1], FlowTarget)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"until": NOW}, "no duration"),
        ({"until": 0}, "no duration"),
        ({"until": -(2**62)}, "no duration"),
        ({"until": NOW + HOUR + SECOND}, "longer than"),
        ({"until": 2**62}, "longer than"),
        ({"issued": 0, "until": NOW + SECOND * 60}, "longer than"),
        ({"hand": "other"}, "for hand"),
    ],
)
def test_a_lease_out_of_bounds_is_refused(changes: dict[str, Any], why: str) -> None:
    assert why in refusal(FILE, order(host("10.1.0.1"), **changes), OWN)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"until": NOW - 1, "issued": NOW - 60 * SECOND}, "lapsed"),
        ({"until": NOW + SECOND // 2}, "lapsed"),
        ({"issued": NOW + SKEW + 1, "until": NOW + 2 * SKEW}, "ahead"),
        ({"issued": NOW + SKEW, "until": NOW + 2 * SKEW}, ""),
        ({"until": NOW + SECOND}, ""),
    ],
)
def test_an_order_in_its_time_is_timely(changes: dict[str, Any], why: str) -> None:
    said = untimely(order(host("10.1.0.1"), **changes), NOW)
    assert why in said
    assert bool(why) == bool(said)


def test_no_cancel_comes_too_late() -> None:
    assert untimely(order(host("10.1.0.1"), Action.CANCEL, until=0), NOW) == ""


def test_the_longest_lease_is_obeyed() -> None:
    assert refusal(FILE, order(host("10.1.0.1"), until=NOW + HOUR), OWN) == ""


def test_verbs_that_the_file_does_not_list_are_refused() -> None:
    file = msgspec.structs.replace(FILE, verbs=frozenset({Action.CANCEL}))
    assert "verbs" in refusal(file, order(host("10.1.0.1")), OWN)
    assert refusal(file, order(None, Action.CANCEL), OWN) == ""
    assert "verbs" in refusal(file, order(None, Action.QUERY), OWN)


def test_what_undoes_is_not_bound_by_what_forbids_doing() -> None:
    assert refusal(FILE, order(host("10.9.9.9"), Action.CANCEL, until=0), OWN) == ""


def test_targets_are_the_same_by_what_they_touch() -> None:
    assert identity(host("10.0.0.1", "fd00:0::1", asset="x")) == identity(host("fd00::1", "10.0.0.1", asset="y"))
    assert identity(host("10.0.0.1")) != identity(host("10.0.0.2"))
    assert identity(flow("10.0.0.1", "10.0.0.2")) != identity(flow("10.0.0.2", "10.0.0.1"))
    assert identity(conduit("10.0.0.0/24", "10.1.0.0/24")) != identity(conduit("10.0.0.0/24", "10.1.1.0/24"))


def test_a_budget_counts_distinct_targets_within_an_hour() -> None:
    budget = Budget(2, (), 0)
    for number in (1, 2):
        assert budget.refusal("lse-1", host(f"10.1.0.{number}"), number) == ""
        budget.spend("lse-1", host(f"10.1.0.{number}"), number)
    assert "2 targets" in budget.refusal("lse-1", host("10.1.0.3", asset="x"), 3)
    assert budget.refusal("lse-9", host("10.1.0.1", asset="other"), 4) == ""
    budget.spend("lse-9", host("10.1.0.1"), 4)
    assert "2 targets" in budget.refusal("lse-1", host("10.1.0.3"), HOUR)
    assert budget.refusal("lse-1", host("10.1.0.3"), HOUR + 1) == ""


def test_a_host_that_moved_costs_nothing_again_as_long_as_nothing_new_is_named() -> None:
    budget = Budget(1, (), 0)
    whole = HostTarget("x", ("10.1.0.1", "fd00:1::1"), ("02:00:00:00:00:01",))
    budget.spend("lse-1", whole, 0)
    for less in (host("fd00:1::1"), HostTarget("x", (), ("02:00:00:00:00:01",))):
        assert budget.refusal("lse-1", less, 1) == ""
        budget.spend("lse-1", less, 1)
    assert budget.refusal("lse-1", whole, 2) == ""
    assert budget.refusal("lse-2", host("fd00:1::1"), 2), "another lease is another act"
    assert budget.refusal("lse-1", host("fd00:1::1", "10.1.0.2"), 2), "an address more is another target"
    assert budget.refusal("lse-1", HostTarget("x", (), ("02:00:00:00:00:02",)), 2)


def test_a_few_conduits_may_be_closed_beyond_the_budget() -> None:
    """Who took an address for each act spent it all; then the whole conduit is closed."""
    budget = Budget(2, (), 0)
    for number in (1, 2):
        budget.spend("lse-1", host(f"10.1.0.{number}"), number)
    assert budget.refusal("lse-2", host("10.1.0.3"), 3)
    for number in range(CONDUITS_BEYOND):
        closed = conduit("10.1.0.0/24", f"10.2.{number}.0/24")
        assert budget.refusal("lse-3", closed, 3) == ""
        budget.spend("lse-3", closed, 3)
    assert budget.refusal("lse-3", conduit("10.1.0.0/24", "10.3.0.0/24"), 3)
    assert budget.refusal("lse-2", host("10.1.0.3"), 3)


@pytest.mark.parametrize("side", ["10.3.0.21/32", "10.3.0.20/31", "10.3.0.20/30", "fd00:3::21/128", "fd00:3::20/127"])
def test_a_conduit_is_no_way_round_the_never_host_list(side: str) -> None:
    other = "fd00:7::/64" if ":" in side else "10.0.0.0/24"
    for sides in ((side, other), (other, side)):
        assert "never_host" in refusal(FILE, order(conduit(*sides)), OWN)
    wide = "fd00:3::/64" if ":" in side else "10.3.0.0/24"
    assert refusal(FILE, order(conduit(wide, other)), OWN) == ""
    listed = msgspec.structs.replace(FILE, never_host=Listed(networks=(ip_network(wide),)))
    assert "never_host" in refusal(listed, order(conduit(side, other)), OWN)


def test_link_addresses_are_part_of_what_is_touched() -> None:
    one, other = (HostTarget("x", ("10.1.0.1",), (f"02:00:00:00:00:0{n}",)) for n in (1, 2))
    assert identity(one) != identity(other)
    assert identity(one) != identity(host("10.1.0.1"))


@pytest.mark.parametrize(
    ("macs", "why"),
    [
        (("02:00:00:00:00:99",), "never list"),
        (("02:00:00:00:00:98",), "never_host"),
        (("02:00:00:00:00:97",), "link address of this host"),
        (("03:00:00:00:00:01",), "no single machine"),
        (("00:00:00:00:00:00",), "no single machine"),
        (("02:00:00:00:00:0g",), "no link address"),
        (tuple(f"02:00:00:00:00:{n:02x}" for n in range(MOST_ADDRESSES + 1)), "more than"),
        ((), "no address"),
    ],
)
def test_link_addresses_that_are_refused(macs: tuple[str, ...], why: str) -> None:
    barred = {n: frozenset({f"02:00:00:00:00:{n}"}) for n in (97, 98, 99)}
    file = msgspec.structs.replace(FILE, never=Listed(macs=barred[99]), never_host=Listed(macs=barred[98]))
    assert why in refusal(file, order(HostTarget("x", (), macs)), OWN | barred[97])
    assert refusal(file, order(HostTarget("x", (), ("02:00:00:00:00:01",))), OWN) == ""


def test_leases_found_at_the_start_count_and_may_be_renewed() -> None:
    budget = Budget(2, ("lse-a", "lse-b"), 0)
    assert budget.refusal("lse-c", host("10.1.0.3"), 1)
    assert budget.refusal("lse-a", host("10.1.0.1"), 1) == ""
    budget.spend("lse-a", host("10.1.0.1"), 1)
    assert budget.refusal("lse-a", host("10.1.0.7"), 2), "one found lease pays for one target"
    assert budget.refusal("lse-b", host("10.1.0.2"), 2) == ""
