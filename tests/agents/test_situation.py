from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.agents.mandate import rule
from tercio.agents.situation import Condition, Limits, Situation, State, World, cut_flows, situate
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, NeededFlow, Target
from tercio.model.decisions import Permission, Verb
from tercio.model.incidents import Belief
from tercio.model.site import Autonomy, Flow, Site
from tercio.model.siteparse import parse_site
from tercio.model.units import SECOND
from tests.agents.given import NOW, built_in, candidate, incident, replace

SITE = parse_site(
    """
[site]
name = "Plant 7"
currency = "EUR"
[zones.office]
networks = ["10.77.10.0/24", "fd00:77:10::/64"]
level = 4
autonomy = "act"
[zones.dmz]
networks = ["10.77.20.0/24", "fd00:77:20::/64"]
level = 3.5
autonomy = "veto"
[zones.ot]
networks = ["10.77.30.0/24", "fd00:77:30::/64"]
level = 2
autonomy = "act"
[zones.sis]
networks = ["10.77.40.0/24"]
level = 1
autonomy = "act"
[assets.ws1]
addresses = ["10.77.10.10", "fd00:77:10::10"]
zone = "office"
role = "workstation"
[assets.nat1]
addresses = ["10.77.10.1"]
zone = "office"
role = "gateway"
shared = true
[assets.hist1]
addresses = ["10.77.20.10", "fd00:77:20::10"]
zone = "dmz"
role = "historian"
[assets.hmi1]
addresses = ["10.77.30.10", "fd00:77:30::10"]
zone = "ot"
role = "hmi"
[assets.hmi2]
addresses = ["10.77.30.11", "fd00:77:30::11"]
zone = "ot"
role = "hmi"
[assets.plc1]
addresses = ["10.77.30.21", "fd00:77:30::21"]
zone = "ot"
role = "plc"
[assets.plc9]
addresses = ["10.77.30.29"]
zone = "ot"
role = "plc"
[assets.ews1]
addresses = ["10.77.30.30", "fd00:77:30::30"]
zone = "ot"
role = "ews"
[assets.sis1]
addresses = ["10.77.40.2"]
zone = "sis"
role = "controller"
[assets.sisews]
addresses = ["10.77.40.3"]
zone = "sis"
role = "ews"
[assets.badge]
addresses = ["10.77.10.77"]
zone = "office"
role = "server"
[processes.filling]
outage_per_hour = 42000
needs = ["plc1", "hmi1", "historian1"]
views = ["hmi1", "hmi2"]
flows = [
  {from = "hmi1", to = "plc1", service = "modbus"},
  {from = "hmi2", to = "plc1", service = "modbus"},
  {from = "hist1", to = "hmi1", service = "https", access = "read"},
]
redundant = [["hmi1", "hmi2"]]
hold = ["dose"]
safety = "sis1"
[processes.guard]
outage_per_hour = 10
needs = ["sisews"]
flows = [{from = "sisews", to = "sis1", service = "s7"}]
none = "signed by A. Person, 2026-01-01"
[never]
assets = ["badge"]
networks = ["10.77.20.128/25"]
""".replace('"historian1"', '"hist1"')
)

RUNS = World(
    now=NOW,
    conditions={"filling": Condition(State.RUNNING, hold=False), "guard": Condition(State.RUNNING, hold=False)},
    own=("10.77.20.5", "10.77.10.5"),
    acts={"office": 3, "ot": 1},
)


def host(name: str) -> HostTarget:
    return HostTarget(name, SITE.assets[name].addresses)


def flow(src: str, dst: str, port: int) -> FlowTarget:
    return FlowTarget(src, dst, SITE.assets[src].addresses, SITE.assets[dst].addresses, "tcp", port)


def conduit(src: str, dst: str, *needed: tuple[str, str, int]) -> ConduitTarget:
    kept = tuple(NeededFlow(a, b, "tcp", port) for a, b, port in needed)
    return ConduitTarget(src, dst, SITE.zones[src].networks, SITE.zones[dst].networks, kept)


VERBS = {HostTarget: Verb.BLOCK_HOST, FlowTarget: Verb.BLOCK_FLOW, ConduitTarget: Verb.CLOSE_CONDUIT}


def seen(target: Target | None, world: World = RUNS, site: Site = SITE, **changes: Any) -> Situation:
    verb = VERBS[type(target)] if target is not None else Verb.ASK
    return situate(site, candidate(verb, target=target), incident(**changes), world, 700)


def test_an_engineering_station_that_no_process_needs():
    assert seen(host("ews1")) == Situation(
        assets=("ews1",), roles=("ews",), zones=("ot",), level=20, controller=False, safety=False, never=False,
        shared=False, own=False, states=(), hold=False, cuts=0, controller_cut=False, last_view=False,
        last_redundant=False, belief=900, proven=True, autonomy=Autonomy.ACT, production=700,
        hour=NOW // SECOND // 3600 % 24, acts=1, limits=Limits(), consents=(),
    )  # fmt: skip


def test_cuts_are_found_again_whatever_the_candidate_says():
    assert seen(host("hmi1")).cuts == 2
    assert seen(flow("hmi1", "plc1", 502)).cuts == 1
    assert seen(flow("hmi1", "plc1", 503)).cuts == 0
    assert seen(flow("ews1", "plc1", 502)).cuts == 0
    stated = candidate(target=host("ews1"), cuts=(("filling", "ews1", "plc1", "s7"),))
    assert situate(SITE, stated, incident(), RUNS, 0).cuts == 1
    assert situate(SITE, stated, incident(), RUNS, 0).controller_cut


def test_a_stranger_with_a_listed_address_is_what_has_that_address():
    """Whatever a target is called: its controller, its view, its needed flows, its entry on the never list."""
    stranger = seen(replace(host("plc1"), asset="10.77.30.99"))
    assert (stranger.controller, stranger.cuts, stranger.last_view) == (True, 2, True)
    assert seen(replace(flow("hmi1", "plc1", 502), src="x", dst="y")).cuts == 1
    assert seen(HostTarget("x", SITE.assets["badge"].addresses)).never
    assert seen(HostTarget("x", SITE.assets["nat1"].addresses)).shared
    assert seen(HostTarget("x", SITE.assets["sisews"].addresses)).safety


def test_a_needed_flow_of_a_controller():
    assert seen(flow("hmi1", "plc1", 502)).controller_cut
    assert seen(host("hmi1")).controller_cut
    assert not seen(flow("hist1", "hmi1", 443)).controller_cut


def test_a_conduit_is_cut_where_one_family_of_a_needed_flow_is_not_excepted():
    v4, v6 = ("10.77.20.10", "10.77.30.10", 443), ("fd00:77:20::10", "fd00:77:30::10", 443)
    assert seen(conduit("dmz", "ot")).cuts == 1
    assert seen(conduit("ot", "dmz")).cuts == 1
    assert seen(conduit("dmz", "ot", v4)).cuts == 1
    assert seen(conduit("dmz", "ot", v4, v6)).cuts == 0
    assert seen(conduit("dmz", "ot", v4, (*v6[:2], 80))).cuts == 1
    assert seen(conduit("dmz", "ot", ("hist1", "hmi1", 443))).cuts == 0
    assert seen(conduit("office", "ot")).cuts == 0


def test_controllers_and_the_states_of_what_is_touched():
    running = seen(host("plc1"))
    assert running.controller
    assert running.states == (State.RUNNING,)
    assert seen(host("plc1"), World(now=NOW)).states == (State.UNKNOWN,)
    assert seen(host("plc9")).states == ()
    assert not seen(flow("ews1", "plc1", 502)).controller


def test_the_last_view():
    assert not seen(host("hmi1")).last_view
    without = replace(RUNS, lost=frozenset({"hmi2"}))
    assert seen(host("hmi1"), without).last_view
    assert seen(flow("hmi1", "plc1", 502), without).last_view
    assert seen(host("plc1")).last_view  # Both views look at nothing else.
    assert not seen(host("hmi2"), without).last_view  # It is lost already; nothing more is taken.
    stopped = replace(without, conditions={"filling": Condition(State.STOPPED, hold=False)})
    assert not seen(host("hmi1"), stopped).last_view


def test_the_last_of_a_redundant_group():
    assert not seen(host("hmi1")).last_redundant
    assert seen(host("hmi1"), replace(RUNS, lost=frozenset({"hmi2"}))).last_redundant
    assert not seen(host("ews1"), replace(RUNS, lost=frozenset({"hmi2"}))).last_redundant


@pytest.mark.parametrize(
    ("condition", "held"),
    [(Condition(State.RUNNING, hold=True), True), (Condition(State.RUNNING, hold=False), False),
     (Condition(State.STOPPED, hold=True), False), (None, True)],
)  # fmt: skip
def test_a_phase_that_must_not_be_interrupted(condition, held):
    world = replace(RUNS, conditions={"filling": condition} if condition else {})
    assert seen(host("hmi1"), world).hold == held
    assert not seen(host("ews1"), world).hold
    assert not seen(host("sisews"), World(now=NOW)).hold  # That process names no such phase.


def test_safety_functions_their_stations_and_their_zones():
    assert seen(host("sis1")).safety
    assert seen(host("sisews")).safety
    assert seen(flow("ws1", "sis1", 102)).safety
    assert seen(flow("sis1", "ws1", 102)).safety
    assert seen(conduit("office", "sis")).safety
    assert not seen(conduit("office", "ot")).safety
    assert not seen(host("ews1")).safety


def test_what_is_never_touched():
    assert seen(host("badge")).never
    assert seen(flow("badge", "hist1", 443)).never
    assert seen(conduit("office", "dmz")).never  # The badge server stands in one of them.
    assert not seen(host("ws1")).never
    for address in ("10.77.20.200", "::ffff:10.77.20.200"):
        assert seen(HostTarget("unlisted", (address,))).never
        assert seen(FlowTarget("ws1", "x", ("10.77.10.10",), (address,), "tcp", 1)).never
    assert not seen(HostTarget("unlisted", ("not an address", "10.77.20.1"))).never


def test_own_hosts():
    assert seen(HostTarget("x", ("10.77.10.5",))).own
    assert seen(HostTarget("x", ("::ffff:10.77.10.5",))).own
    assert seen(FlowTarget("ws1", "x", ("10.77.10.10",), ("10.77.20.5",), "tcp", 1)).own
    assert not seen(host("ws1")).own
    assert seen(conduit("office", "dmz")).own  # It would part two of them.
    assert not seen(conduit("office", "ot")).own


def test_a_shared_address_matters_for_hosts_only():
    assert seen(host("nat1")).shared
    assert not seen(flow("nat1", "hist1", 443)).shared
    assert not seen(host("ws1")).shared


def test_the_strictest_zone_counts():
    assert seen(host("hmi1")).autonomy == Autonomy.VETO  # One flow that it cuts comes from the dmz.
    assert seen(flow("ws1", "hist1", 443)).autonomy == Autonomy.VETO
    assert seen(conduit("office", "ot")).autonomy == Autonomy.ACT
    assert seen(conduit("office", "ot")).level == 20
    assert seen(flow("ws1", "hist1", 443)).level == 35


def test_outside_every_zone_nobody_granted_anything():
    outside = seen(HostTarget("203.0.113.9", ("203.0.113.9",)))
    assert (outside.zones, outside.autonomy, outside.level) == (("",), Autonomy.SHADOW, 0)


def test_who_comes_from_outside_every_zone_is_judged_where_he_was_met():
    """By the strictest of the zones that he went to; his acts have a budget of their own."""
    target, spent = HostTarget("fe80::77", ("fe80::77",)), replace(RUNS, acts={"": 7, "ot": 1})
    reached = (("fe80::77", "plc1", "modbus"), ("fe80::77", "hist1", "https"), ("ws1", "sis1", "s7"))
    met = seen(target, spent, reached=reached[:1])
    assert (met.zones, met.autonomy, met.level, met.acts) == (("ot",), Autonomy.ACT, 20, 7)
    assert seen(target, spent, reached=reached).zones == ("dmz", "ot")
    assert seen(target, spent, reached=reached).autonomy is Autonomy.VETO
    assert seen(host("ews1"), spent).acts == 1


def test_an_unknown_machine_is_refused_as_no_host():
    assert seen(HostTarget("10.77.10.10@unknown", ("10.77.10.10",))).shared
    assert not seen(FlowTarget("10.77.10.10@unknown", "plc1", ("10.77.10.10",), (), "tcp", 502)).shared
    inside = seen(HostTarget("10.77.10.200", ("10.77.10.200",)))
    assert (inside.zones, inside.autonomy) == (("office",), Autonomy.ACT)
    assert seen(conduit("office", "ot"), site=msgspec.structs.replace(SITE, zones={})).autonomy == Autonomy.SHADOW


def test_nothing_has_no_target():
    still = seen(None)
    assert (still.assets, still.zones, still.cuts, still.belief, still.proven) == ((), (), 0, 0, False)
    assert still.autonomy == Autonomy.SHADOW


def test_belief_is_that_of_whom_it_acts_against():
    beliefs = {
        "ews1": Belief((0.0, 0.1, 0.4, 0.4999999, 0.0), NOW),
        "10.77.10.99": Belief((0.2, 0.2, 0.6, 0.0, 0.0), NOW),
        "plc1": Belief((0.0, 0.0, 0.0, 0.0, 1.0), NOW),
    }
    assert seen(host("ews1"), beliefs=beliefs).belief == 900
    assert seen(flow("ews1", "plc1", 502), beliefs=beliefs).belief == 900
    assert seen(conduit("office", "ot"), beliefs=beliefs).belief == 600
    assert seen(host("hist1"), beliefs=beliefs).belief == 0
    almost = {"ews1": Belief((0.500001, 0.0, 0.499999, 0.0, 0.0), NOW)}
    assert seen(host("ews1"), beliefs=almost).belief == 499


def test_proof_is_of_whom_it_acts_against_or_of_who_reached_it():
    assert seen(host("ews1")).proven
    assert seen(host("plc1")).proven  # A proven source reached it.
    assert not seen(host("hist1")).proven
    assert not seen(host("plc1"), proven=()).proven
    assert seen(flow("ews1", "plc1", 502)).proven
    assert not seen(flow("hmi1", "plc1", 502)).proven
    assert seen(conduit("ot", "dmz")).proven
    assert not seen(conduit("dmz", "ot")).proven


def test_acts_of_the_busiest_zone():
    assert seen(conduit("office", "ot")).acts == 3
    assert seen(host("hist1")).acts == 1  # Of the zone to which it cuts a flow.
    assert seen(flow("sisews", "sis1", 102)).acts == 0


def test_alarm_paths_and_programs_being_loaded():
    line = SITE.processes["filling"]
    alarm = Flow("plc1", "ws1", "syslog", "read", alarm=True)
    site = replace(SITE, processes={**SITE.processes, "filling": replace(line, flows=(*line.flows, alarm))})
    assert seen(host("ws1"), site=site).alarm
    assert not seen(host("hmi1"), site=site).alarm
    loading = Condition(State.STOPPED, False, (("ews1", "plc1"),))
    world = replace(RUNS, conditions={"filling": loading})
    for target in (
        host("ews1"),
        host("plc1"),
        flow("ews1", "plc1", 102),
        flow("plc1", "ews1", 102),
        conduit("ot", "ot"),
    ):
        assert seen(target, world).download, target
    for target in (host("hmi1"), flow("ws1", "plc1", 102), conduit("office", "ot"), None):
        assert not seen(target, world).download, target


def test_limits_pass_through():
    assert seen(host("ews1"), replace(RUNS, limits=Limits(longest=60))).limits.longest == 60


names = st.sampled_from(sorted(SITE.assets))
zones = st.sampled_from(sorted(SITE.zones))
targets = st.one_of(
    names.map(host),
    st.tuples(names, names, st.sampled_from([502, 443, 102])).map(lambda t: flow(*t)),
    st.tuples(zones, zones).map(lambda t: conduit(*t)),
)
MANDATE = built_in()


@given(targets, st.sampled_from([RUNS, World(now=NOW), replace(RUNS, lost=frozenset({"hmi2"}))]))
def test_whatever_is_chosen_the_plant_keeps_what_it_must(target, world):
    everybody = ("security", "process engineer")
    held = {name: Belief((0.0, 0.0, 0.0, 1.0, 0.0), NOW) for name in SITE.assets}
    known = incident(beliefs=held, proven=tuple(SITE.assets))
    asked = candidate(VERBS[type(target)], target=target)
    ruling = rule(MANDATE, asked, replace(situate(SITE, asked, known, world, 0), consents=everybody))
    if ruling.permission != Permission.PERMITTED:
        return
    lost = {name for cut in cut_flows(SITE, target) for name in cut[1:3]}
    lost |= {target.asset} if isinstance(target, HostTarget) else set()
    assert not lost & {"plc1", "plc9", "sis1", "sisews", "badge"}
    assert {"hmi1", "hmi2"} - lost - world.lost
