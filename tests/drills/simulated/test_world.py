import msgspec
import pytest

from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.parameters import FITTED
from tercio.drills.simulated.world import World
from tercio.model.commands import Action, Command, ConduitTarget, FlowTarget, HostTarget, NeededFlow, Status
from tercio.model.units import HOUR, SECOND

RELIABLE = msgspec.structs.replace(FITTED, fails=0.0)


@pytest.fixture
def world():
    estate = msgspec.structs.replace(
        make(1, "plant", 40),
        open={"ews1": ("rdp",), "hist1": ("https",)},
        bridged=frozenset({"ot1"}),
        passes=frozenset({("office", "dmz"), ("dmz", "ot1"), ("ot1", "dmz"), ("", "dmz")}),
    )
    return World(estate, RELIABLE, 1)


def deny(target, *, lease="lse-1", until=HOUR):
    return Command(
        id=f"cmd-{lease}-{until}",
        lease=lease,
        incident="i",
        decision="d",
        hand="gateway",
        action=Action.DENY,
        target=target,
        issued=0,
        until=until,
    )


def cancel(lease="lse-1"):
    return msgspec.structs.replace(deny(None, lease=lease), action=Action.CANCEL)


def host(world, name, **more):
    return HostTarget(name, (world.address(name),), **more)


def does(actor, dst="", service="rdp", at=SECOND, goal=Goal.NONE, **more):
    return Deed(at=at, actor=actor, dst=dst, service=service, goal=goal, **more)


def test_he_gets_in_where_it_is_open_and_nowhere_else(world):
    assert world.do(does("hist1", "ews1", goal=Goal.ENTER, hostile=True)).worked
    assert not world.do(does("hist1", "hmi11", goal=Goal.ENTER, hostile=True)).worked
    assert world.held == {"hist1": SECOND, "ews1": SECOND}


def test_a_deed_in_another_s_name_works_nowhere_and_makes_nobody_else_guilty(world):
    done = world.do(does("ws1", "hist1", "https", src="ws2", hostile=True))
    assert not done.worked
    assert set(world.held) == {"ws1"}


def test_the_plant_s_own_firewall_comes_first(world):
    done = world.do(does("ws1", "ews1", goal=Goal.ENTER, hostile=True))
    assert (done.worked, done.refused, done.there) == (False, False, False)


def test_what_nobody_has_is_not_there(world):
    free = world.address("ws1").rsplit(".", 1)[0] + ".249"
    assert not world.do(does("hist1", free)).there


def test_a_refused_host_reaches_nobody_and_is_reached_by_nobody_across_the_gateway(world):
    world.obey(deny(host(world, "ws1")), 2 * SECOND)
    assert world.do(does("ws1", "hist1", at=SECOND)).worked  # Before it stood.
    assert world.do(does("ws1", "hist1", at=3 * SECOND)).refused
    assert world.do(does("hist1", "ws1", at=3 * SECOND)).there is False  # Not let through anyhow.
    assert world.do(does("ws1", "ws2", at=3 * SECOND)).worked  # A neighbour, behind the gateway's back.
    assert world.do(does("ws2", "hist1", at=3 * SECOND)).worked


def test_inside_a_bridged_zone_the_wall_stands_between_neighbours(world):
    world.obey(deny(host(world, "ews1")), SECOND)
    assert world.do(does("ews1", "plc11", at=2 * SECOND)).refused


def test_a_link_address_is_refused_whatever_address_it_uses(world):
    world.obey(deny(host(world, "ews1", macs=(world.link("ews1"),))), SECOND)
    world.do(Deed(at=2 * SECOND, actor="ews1", dst="10.42.0.200", goal=Goal.MOVE))
    assert world.address("ews1") == "10.42.0.200"
    assert world.do(does("ews1", "plc11", at=3 * SECOND)).refused


def test_a_flow_is_refused_from_its_end_on_its_port(world):
    target = FlowTarget("hist1", "plc11", (world.address("hist1"),), (world.address("plc11"),), "tcp", 502)
    world.obey(deny(target), SECOND)
    assert world.do(does("hist1", "plc11", "modbus", at=2 * SECOND)).refused
    assert world.do(does("hist1", "plc11", "s7", at=2 * SECOND)).worked
    assert world.do(does("ews1", "plc11", "modbus", at=2 * SECOND)).worked


def test_a_closed_conduit_lets_through_what_is_needed(world):
    site = world.estate.site
    needed = NeededFlow(world.address("hist1"), world.address("plc11"), "tcp", 502)
    target = ConduitTarget("dmz", "ot1", site.zones["dmz"].networks, site.zones["ot1"].networks, (needed,))
    world.obey(deny(target), SECOND)
    assert world.do(does("hist1", "plc11", "modbus", at=2 * SECOND)).worked
    assert world.do(does("hist1", "plc11", "s7", at=2 * SECOND)).refused
    assert world.do(does("ews1", "hist1", at=2 * SECOND)).refused


def test_a_wall_ends_at_its_time_by_itself_and_a_renewal_keeps_it(world):
    world.obey(deny(host(world, "ws1"), until=10 * SECOND), SECOND)
    world.obey(deny(host(world, "ws1"), until=20 * SECOND), 9 * SECOND)
    assert world.refused("ws1", "hist1", "https", 15 * SECOND)
    assert not world.refused("ws1", "hist1", "https", 20 * SECOND)
    assert [(wall.since, wall.ended) for wall in world.walls] == [(SECOND, 20 * SECOND)]


def test_a_cancel_ends_it_and_a_query_lists_what_stands(world):
    world.obey(deny(host(world, "ws1")), SECOND)
    query = msgspec.structs.replace(cancel(), action=Action.QUERY)
    assert [each.lease for each in world.obey(query, 2 * SECOND).standing] == ["lse-1"]
    assert world.obey(cancel(), 3 * SECOND).held
    assert not world.refused("ws1", "hist1", "https", 3 * SECOND)
    assert world.obey(query, 4 * SECOND).standing == ()


def test_a_hand_that_fails_says_so_and_does_nothing():
    broken = World(make(1, "plant", 40), msgspec.structs.replace(FITTED, fails=1.0), 1)
    response = broken.obey(deny(host(broken, "ws1")), SECOND)
    assert (response.status, response.held, response.retry) == (Status.FAILED, False, True)
    assert not broken.walls


def test_a_stopped_controller_stops_its_process_once_at_its_stake(world):
    stop = does("hist1", "plc11", "modbus", goal=Goal.STOP, hostile=True)
    assert world.do(stop).worked
    assert world.do(stop).worked
    stake = world.estate.site.processes["line1"].stake()
    assert [(impact.what, impact.cost) for impact in world.impacts] == [("line1", stake)]


def test_only_a_controller_can_be_stopped(world):
    assert not world.do(does("hist1", "hmi11", "modbus", goal=Goal.STOP, hostile=True)).worked
    assert not world.impacts


def test_he_encrypts_what_he_holds_and_the_processes_that_need_it_stop_in_time(world):
    encrypt = does("hist1", goal=Goal.ENCRYPT, hostile=True)
    assert not world.do(does("ws1", "ews1", goal=Goal.ENCRYPT, hostile=True)).worked
    assert world.do(encrypt).worked
    assert not world.do(encrypt).worked
    assert world.stopped == {"line1": SECOND + 8 * HOUR, "line2": SECOND + 8 * HOUR}


def test_a_sensor_can_be_silenced(world):
    assert world.do(does("hist1", "wire-inner", goal=Goal.BLIND, hostile=True)).worked
    assert world.blinded == {"wire-inner": SECOND}


def test_a_wall_is_aimed_at_whoever_has_the_address_when_it_begins(world):
    taken = world.address("ws1")
    world.do(Deed(at=SECOND, actor="ws2", dst="ws1", goal=Goal.MOVE))
    world.obey(deny(HostTarget("ws1", (taken,))), 2 * SECOND)
    world.obey(deny(HostTarget("203.0.113.9", ("203.0.113.9",)), lease="lse-2"), 2 * SECOND)
    assert [wall.hits for wall in world.walls] == [frozenset({"ws2"}), frozenset({"203.0.113.9"})]
