from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from tercio.model.commands import Action, Command, ConduitTarget, FlowTarget, HostTarget, NeededFlow, Target
from tercio.model.units import SECOND
from tercio.products.handfile import HandFile, Listed
from tercio.products.limits import HOUR, MOST_ADDRESSES, SKEW, Budget, identity, refusal
from tests.products.field import command

NOW = 1_800_000_000_000_000
FILE = HandFile(
    name="gw",
    socket="/run/x",
    mechanism="nftables",
    order_key=bytes(32),
    never=Listed(frozenset({"sis1"}), (ip_network("10.9.9.9"), ip_network("10.8.0.0/24"), ip_network("fd00:9::/64"))),
    never_host=Listed(frozenset({"plc1"}), (ip_network("10.3.0.21"), ip_network("fd00:3::21"))),
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
    assert refusal(FILE, order(target), OWN, NOW) == ""


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
    assert why in refusal(FILE, order(target), OWN, NOW)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"until": NOW}, "no duration"),
        ({"until": 0}, "no duration"),
        ({"until": -(2**62)}, "no duration"),
        ({"until": NOW - 1, "issued": NOW - 60 * SECOND}, "lapsed"),
        ({"until": NOW + SECOND // 2}, "lapsed"),
        ({"until": NOW + HOUR + SECOND}, "longer than"),
        ({"until": 2**62}, "longer than"),
        ({"issued": 0, "until": NOW + SECOND * 60}, "longer than"),
        ({"issued": NOW + SKEW + 1, "until": NOW + 2 * SKEW}, "ahead"),
        ({"hand": "other"}, "for hand"),
    ],
)
def test_a_lease_out_of_bounds_is_refused(changes: dict[str, Any], why: str) -> None:
    assert why in refusal(FILE, order(host("10.1.0.1"), **changes), OWN, NOW)


def test_the_longest_lease_is_obeyed() -> None:
    assert refusal(FILE, order(host("10.1.0.1"), until=NOW + HOUR), OWN, NOW) == ""


def test_verbs_that_the_file_does_not_list_are_refused() -> None:
    file = msgspec.structs.replace(FILE, verbs=frozenset({Action.CANCEL}))
    assert "verbs" in refusal(file, order(host("10.1.0.1")), OWN, NOW)
    assert refusal(file, order(None, Action.CANCEL), OWN, NOW) == ""
    assert "verbs" in refusal(file, order(None, Action.QUERY), OWN, NOW)


def test_what_undoes_is_not_bound_by_what_forbids_doing() -> None:
    assert refusal(FILE, order(host("10.9.9.9"), Action.CANCEL, until=0), OWN, NOW) == ""


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


def test_leases_found_at_the_start_count_and_may_be_renewed() -> None:
    budget = Budget(2, ("lse-a", "lse-b"), 0)
    assert budget.refusal("lse-c", host("10.1.0.3"), 1)
    assert budget.refusal("lse-a", host("10.1.0.1"), 1) == ""
    budget.spend("lse-a", host("10.1.0.1"), 1)
    assert budget.refusal("lse-a", host("10.1.0.7"), 2), "one found lease pays for one target"
    assert budget.refusal("lse-b", host("10.1.0.2"), 2) == ""
