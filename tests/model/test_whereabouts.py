"""What a name means now: addresses that are still its own, and link addresses that are."""

from typing import Any

from tercio.model import whereabouts
from tercio.model.site import Asset, Site
from tercio.model.whereabouts import Home, Machine, Whereabouts, index_of, moved, name_of, owner, shared
from tests.brain.given import ASSETS, NOON, asset, replace, site

A, B, GATE = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:fe"
WS1, WS1_6 = "10.1.0.1", "fd00:1::1"
ROUTER = Asset("gate", ("10.1.0.254",), "office", "gateway", GATE)
PLANT = site(assets=(*(replace(a, mac=A) if a.name == "ws1" else a for a in ASSETS), ROUTER))
MOVED = Whereabouts(homes={WS1: Home(B, NOON, NOON, A)})


def machine_of(plant: Site, at: Whereabouts, *args: Any, **more: Any) -> Machine:
    return whereabouts.machine_of(plant, at, index_of(at), *args, **more)


def test_an_address_moved_if_it_went_to_another_machine_since() -> None:
    assert moved(MOVED, WS1, (A,), NOON - 1)
    assert not moved(MOVED, WS1, (A,), NOON)
    assert not moved(MOVED, WS1, (A, B), NOON - 1), "it is at one of them"
    assert not moved(MOVED, WS1_6, (A,), 0)
    assert not moved(Whereabouts(homes={WS1: Home(B, NOON, NOON)}), WS1, (A,), 0), "it was at none before"


def test_the_sites_word_holds_until_something_else_is_proven() -> None:
    nothing = Whereabouts()
    assert owner(PLANT, nothing, WS1) == owner(PLANT, nothing, WS1_6) == A
    assert owner(PLANT, nothing, "10.1.0.99") == ""
    assert owner(PLANT, MOVED, WS1) == B
    assert name_of(PLANT, nothing, WS1) == "ws1"
    assert name_of(PLANT, MOVED, WS1) == WS1
    assert name_of(PLANT, MOVED, WS1, A) == "ws1"


def test_a_moved_address_is_no_longer_the_assets() -> None:
    assert machine_of(PLANT, Whereabouts(), "ws1") == Machine((WS1, WS1_6), (A,))
    assert machine_of(PLANT, MOVED, "ws1") == Machine((WS1_6,), (A,))


def test_an_address_that_was_proven_at_an_assets_machine_is_its_own_too() -> None:
    more = Whereabouts(homes={"10.1.0.99": Home(A, NOON, NOON)})
    assert machine_of(PLANT, more, "ws1") == Machine((WS1, WS1_6, "10.1.0.99"), (A,))
    assert name_of(PLANT, more, "10.1.0.99") == "ws1"


def test_where_the_site_gives_no_link_address_it_is_the_one_proven_at_its_addresses() -> None:
    plant = site()
    at = Whereabouts(homes={WS1: Home(A, NOON, NOON), "10.1.0.99": Home(A, NOON, NOON)}, names={A: "ws1"})
    assert machine_of(plant, at, "ws1") == Machine((WS1, WS1_6, "10.1.0.99"), (A,))
    assert name_of(plant, at, "10.1.0.99") == "ws1"
    moved = Whereabouts(homes={WS1: Home(B, NOON, NOON, A)})
    assert machine_of(plant, moved, "ws1", since=NOON - 1).addresses == (WS1_6,)
    assert machine_of(plant, moved, "ws1", since=NOON).addresses == (WS1, WS1_6), "it acted from there since"
    two = Whereabouts(homes={WS1: Home(A, NOON, NOON), WS1_6: Home(B, NOON, NOON)})
    assert machine_of(plant, two, "ws1").macs == (), "which of two is meant nobody knows"


def test_a_stranger_has_all_addresses_of_its_machine() -> None:
    at = Whereabouts(
        homes={"10.1.0.99": Home(B, NOON, NOON), "fd00:1::99": Home(B, NOON, NOON), "10.1.0.98": Home(A, NOON, NOON)},
        names={B: "10.1.0.99"},
    )
    assert machine_of(PLANT, at, "10.1.0.99", ("10.1.0.99",)) == Machine(("10.1.0.99", "fd00:1::99"), (B,))
    assert machine_of(PLANT, at, "10.1.0.99", ("10.1.0.98",)).addresses == ("10.1.0.99", "fd00:1::99")
    assert machine_of(PLANT, Whereabouts(), "10.1.0.99") == Machine(("10.1.0.99",))
    again = Whereabouts(names={B: f"10.1.0.99@{B}"})
    assert machine_of(PLANT, again, f"10.1.0.99@{B}") == Machine(("10.1.0.99",), (B,))


def test_a_host_that_only_its_own_log_names_has_no_address() -> None:
    assert machine_of(PLANT, Whereabouts(), "ews9.plant.example") == Machine(())


def test_routers_and_what_is_shared_have_no_link_address_to_refuse() -> None:
    assert PLANT.routers == {GATE}
    assert PLANT.gated == {"10.1.0.0/24"}
    assert machine_of(PLANT, Whereabouts(), "gate") == Machine(("10.1.0.254",), (), True)
    assert machine_of(PLANT, Whereabouts(routers=(A,)), "ws1").macs == ()
    jump = asset("ews2", "ot", "jump", mac=B)
    assert shared(jump)
    assert not shared(replace(jump, role="ews"))
    assert shared(replace(jump, role="ews", shared=True))
