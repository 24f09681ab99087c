"""What is left of a target once addresses went to other machines."""

from tercio.loop.targets import resolved, strayed
from tercio.model.commands import ConduitTarget, Effect, FlowTarget, HostTarget, Target
from tercio.model.whereabouts import Home, Whereabouts
from tests.agents import given as officers
from tests.loop.given import PLC1, WS1, replace

NOW = officers.NOW
OWN, OTHER, SIX = "02:00:0a:4d:0a:0a", "02:00:0a:4d:0a:63", "fd00:77:10::10"
WHOLE = HostTarget("ws1", (WS1, SIX), (OWN,))


def effect(target: Target) -> Effect:
    return replace(officers.effect(target=target), since=NOW)


def at(*addresses: str, mac: str = OTHER, since: int = NOW + 1, before: str = OWN) -> Whereabouts:
    return Whereabouts(homes={address: Home(mac, since, since, before) for address in addresses})


def left(target: Target, where: Whereabouts) -> Target | None:
    return resolved(where, effect(target))


def test_where_nothing_moved_everything_stays() -> None:
    for where in (
        Whereabouts(),
        at(WS1, mac=OWN, before=OTHER),
        at(WS1, before=""),
        at(WS1, since=NOW),
        at("10.77.10.99"),
    ):
        assert left(WHOLE, where) == WHOLE


def test_an_address_that_moved_is_let_go_and_the_machine_is_not() -> None:
    after = left(WHOLE, at(WS1))
    assert after == HostTarget("ws1", (SIX,), (OWN,))
    assert strayed(WHOLE, after) == (WS1,)
    assert left(WHOLE, at(WS1, SIX)) == HostTarget("ws1", (), (OWN,))
    nameless = HostTarget("ws1", (WS1,))
    assert left(nameless, at(WS1)) is None
    assert strayed(nameless, None) == (WS1,)


def test_a_link_address_that_turns_out_to_be_a_routers_is_let_go() -> None:
    router = Whereabouts(routers=(OWN,))
    assert left(WHOLE, router) == HostTarget("ws1", (WS1, SIX))
    assert left(HostTarget("ws1", (), (OWN,)), router) is None


def test_a_flow_ends_when_no_pair_of_one_family_is_left() -> None:
    flow = FlowTarget("ws1", "plc1", (WS1, SIX), (PLC1,), "tcp", 502)
    assert left(flow, at(SIX)) == FlowTarget("ws1", "plc1", (WS1,), (PLC1,), "tcp", 502)
    assert left(flow, at(WS1)) is None
    assert left(flow, at(PLC1)) is None


def test_a_conduit_is_of_zones_and_stays() -> None:
    conduit = ConduitTarget("office", "ot", ("10.77.10.0/24",), ("10.77.30.0/24",), ())
    assert left(conduit, at(WS1)) is conduit
    assert strayed(conduit, conduit) == ()
