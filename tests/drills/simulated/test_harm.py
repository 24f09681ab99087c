import msgspec
import pytest

from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.harm import harm
from tercio.drills.simulated.parameters import FITTED
from tercio.drills.simulated.world import World
from tercio.model.commands import Action, Command, ConduitTarget, FlowTarget, HostTarget
from tercio.model.units import HOUR, SECOND


@pytest.fixture
def world():
    estate = msgspec.structs.replace(make(1, "plant", 40), bridged=frozenset({"ot1"}))
    return World(estate, msgspec.structs.replace(FITTED, fails=0.0), 1)


def stands(world, target, since, until, lease="lse-1"):
    world.obey(
        Command(
            id=lease,
            lease=lease,
            incident="i",
            decision="d",
            hand="gateway",
            action=Action.DENY,
            target=target,
            issued=since,
            until=until,
        ),
        since,
    )


def host(world, *names):
    return HostTarget(names[0], tuple(world.address(name) for name in names))


def of(world, at=24 * HOUR):
    world.finish(at)
    return harm(world)


def test_it_is_right_to_act_against_whom_the_intruder_holds(world):
    world.do(Deed(at=SECOND, actor="ws1", hostile=True, goal=Goal.ENTER))
    stands(world, host(world, "ws1"), 2 * SECOND, HOUR)
    (act,) = of(world).acts
    assert (act.right, act.since, act.ended) == (True, 2 * SECOND, HOUR)
    assert act.cost == world.estate.site.assets["ws1"].outage_per_hour * (HOUR - 2 * SECOND) // HOUR


def test_it_is_right_where_he_comes_to_hold_it_while_it_stands_and_wrong_where_later(world):
    stands(world, host(world, "ws1"), SECOND, HOUR)
    stands(world, host(world, "ws2"), SECOND, HOUR, "lse-2")
    world.do(Deed(at=2 * SECOND, actor="ws1", hostile=True))
    world.do(Deed(at=2 * HOUR, actor="ws2", hostile=True))
    assert [act.right for act in of(world).acts] == [True, False]


def test_an_innocent_beside_him_makes_a_host_wrong_and_a_conduit_not(world):
    world.do(Deed(at=SECOND, actor="ws1", hostile=True))
    stands(world, host(world, "ws1", "ws2"), 2 * SECOND, HOUR)
    zones = world.estate.site.zones
    way = ConduitTarget("office", "dmz", zones["office"].networks, zones["dmz"].networks, ())
    stands(world, way, 2 * SECOND, HOUR, "lse-2")
    acts = of(world).acts
    assert [act.right for act in acts] == [False, True]
    assert acts[1].cost == zones["office"].outage_per_hour * (HOUR - 2 * SECOND) // HOUR


def test_who_was_framed_is_innocent(world):
    world.do(Deed(at=SECOND, actor="ews1", src="hmi11", dst="plc11", service="modbus", hostile=True))
    stands(world, host(world, "hmi11"), 2 * SECOND, HOUR)
    assert not of(world).acts[0].right


def test_a_need_that_is_refused_trips_its_process_once_it_is_not_tolerated_any_longer(world):
    stands(world, host(world, "hist1"), SECOND, SECOND + 9 * HOUR)
    trips = of(world).trips
    line = world.estate.site.processes["line1"]
    assert {trip.what for trip in trips} == {"line1", "line2"}
    assert {trip.at for trip in trips} == {SECOND + 8 * HOUR}
    assert trips[0].cost == line.scrap + line.restart_cost + line.outage(HOUR)


def test_two_walls_after_each_other_are_one_outage_and_short_ones_none(world):
    stands(world, host(world, "hist1"), SECOND, 5 * HOUR)
    stands(world, host(world, "hist1"), 4 * HOUR, 9 * HOUR, "lse-2")
    assert {trip.at for trip in of(world).trips} == {SECOND + 8 * HOUR}


def test_a_short_absence_of_what_is_tolerated_stops_nothing(world):
    stands(world, host(world, "hist1"), SECOND, 5 * HOUR)
    assert of(world).trips == ()


def test_what_the_intruder_stopped_before_is_not_counted_again(world):
    world.do(Deed(at=SECOND, actor="ws1", hostile=True))
    world._halt("line1", 2 * SECOND)
    stands(world, host(world, "hist1"), 3 * SECOND, 10 * HOUR)
    assert {trip.what for trip in of(world).trips} == {"line2"}


def test_a_view_across_the_gateway_is_lost_with_its_flow_and_one_behind_its_back_is_not(world):
    site = world.estate.site
    for number, (view, plc) in enumerate((("hmi11", "plc11"), ("hmi21", "plc21"))):
        flow = FlowTarget(view, plc, site.assets[view].addresses, site.assets[plc].addresses, "tcp", 502)
        stands(world, flow, SECOND, HOUR, f"lse-{number}")
    found = of(world)
    assert found.views_lost == 1
    assert [act.cuts for act in found.acts] == [1, 0]
    assert {trip.what for trip in found.trips} == {"line1"}
