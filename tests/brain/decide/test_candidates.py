import pytest
from hypothesis import given

from tercio.brain.decide import candidates as module
from tercio.brain.decide.candidates import MOST, candidates, cuts_of
from tercio.brain.decide.question import Question
from tercio.brain.decide.survey import holders
from tercio.model.commands import ConduitTarget, EffectState, FlowTarget, HostTarget, NeededFlow, Target, target_name
from tercio.model.decisions import Candidate, Reach, Verb
from tercio.model.incidents import Belief
from tests.brain.given import (
    FORGED,
    MOVE,
    NOON,
    PLANT,
    POOL,
    STRANGER,
    asset,
    effect,
    finding,
    fold,
    incident,
    one,
    question,
    questions,
    replace,
    site,
)

SWEPT = question(incident(finding("ws1", "plc1", "hmi1")))


def acting(asked: Question) -> dict[str, Candidate]:
    return {target_name(c.target): c for c in candidates(asked) if c.target is not None}


def test_a_sweep_from_the_office_exactly():
    found = acting(SWEPT)
    assert set(found) == {"host ws1", "flow ws1 -> plc1 tcp/502", "conduit office -> ot"}
    host, flow, conduit = found["host ws1"], found["flow ws1 -> plc1 tcp/502"], found["conduit office -> ot"]
    assert (host.verb, flow.verb, conduit.verb) == (Verb.BLOCK_HOST, Verb.BLOCK_FLOW, Verb.CLOSE_CONDUIT)
    assert host.target == HostTarget("ws1", ("10.1.0.1", "fd00:1::1"))
    assert flow.target == FlowTarget(
        "ws1", "plc1", ("10.1.0.1", "fd00:1::1"), ("10.3.0.31", "fd00:3::1f"), "tcp", 502
    )  # fmt: skip
    networks = (("10.1.0.0/24", "fd00:1::/64"), ("10.3.0.0/24", "fd00:3::/64"))
    assert conduit.target == ConduitTarget("office", "ot", *networks, ())
    assert {c.path for c in found.values()} == {"ws1 -> plc1 (modbus)"}
    assert {(c.hand, c.span, c.cuts) for c in found.values()} == {("gateway", SWEPT.outlook.span, ())}
    assert (host.harms, flow.harms, conduit.harms) == (("ws1",), (), ("ws1", "ws2"))
    assert (host.d3fend, flow.d3fend, conduit.d3fend) == ("D3-NI", "D3-NTF", "D3-BDI")


def test_a_closed_conduit_keeps_the_needed_flows_of_both_families_open():
    conduit = acting(question(incident(finding("hist1", "plc1"))))["conduit dmz -> ot"]
    assert conduit.target.needed == (
        NeededFlow("10.2.0.11", "10.3.0.31", "tcp", 502), NeededFlow("fd00:2::b", "fd00:3::1f", "tcp", 502),
    )  # fmt: skip
    assert conduit.cuts == ()


def test_who_comes_from_outside_every_network_is_met_in_the_zone_of_the_other_end():
    for stranger in ("fe80::77", "192.168.55.5"):
        found = acting(question(incident(finding(stranger, "plc1"))))
        assert set(found) == {f"host {stranger}", f"flow {stranger} -> plc1 tcp/502"}
    assert set(acting(question(incident(finding("ws1", "203.0.113.9"))))) == {"host ws1"}
    assert acting(question(incident(finding("fe80::77", "fe80::1")))) == {}


def test_an_unknown_machine_is_no_host():
    found = acting(question(incident(finding("10.1.0.1@unknown", "plc1"))))
    assert set(found) == {"flow 10.1.0.1@unknown -> plc1 tcp/502", "conduit office -> ot"}
    assert found["flow 10.1.0.1@unknown -> plc1 tcp/502"].target.src_addresses == ("10.1.0.1",)


def test_what_a_target_takes_from_processes():
    taken = [("filling", "hist1", "plc1", "modbus"), ("filling", "hmi1", "plc1", "modbus")]
    host = HostTarget("plc1", ("10.3.0.31",))
    assert cuts_of(PLANT, host) == tuple(taken)
    assert cuts_of(PLANT, HostTarget("hmi1", ("10.3.0.21",))) == (taken[1],)
    flow = FlowTarget("hmi1", "plc1", (), (), "tcp", 502)
    assert cuts_of(PLANT, flow) == (taken[1],)
    for other in (replace(flow, port=503), replace(flow, transport="udp"), replace(flow, src="plc1", dst="hmi1")):
        assert cuts_of(PLANT, other) == ()


def test_what_a_target_takes_does_not_depend_on_what_it_is_called():
    """A stranger who was given the controller's address, or its link address, is refused at the controller's cost."""
    for host in (HostTarget("stranger", ("10.3.0.31",)), HostTarget("stranger", ("10.9.9.9", "fd00:3:0::1f"))):
        assert cuts_of(PLANT, host) == cuts_of(PLANT, HostTarget("plc1", ()))
    marked = replace(PLANT, assets={**PLANT.assets, "plc1": replace(PLANT.assets["plc1"], mac="02:00:00:00:00:31")})
    assert cuts_of(marked, HostTarget("stranger", (), ("02:00:00:00:00:31",)))
    assert cuts_of(PLANT, FlowTarget("one", "other", ("10.3.0.21",), ("10.3.0.31",), "tcp", 502))


def test_doing_nothing_waiting_and_asking_are_always_there_and_alone_without_proof():
    forged = question(incident(finding(provenance=FORGED)))
    for asked in (SWEPT, forged, replace(SWEPT, reaches=())):
        assert {Verb.NOTHING, Verb.WAIT, Verb.ASK} <= {c.verb for c in candidates(asked)}
    assert acting(forged) == acting(replace(SWEPT, reaches=())) == {}


def test_whom_he_entered_can_be_blocked_too():
    assert "host hist1" in acting(question(incident(finding("ws1", "hist1", tactics=MOVE))))
    assert "host hist1" not in acting(question(incident(finding("ws1", "hist1"))))


def test_inside_one_zone_there_is_no_conduit():
    assert set(acting(question(incident(finding("ews1", "plc1"))))) == {"host ews1", "flow ews1 -> plc1 tcp/502"}


def test_only_a_hand_that_the_traffic_passes_can_act():
    office, rest = Reach("edge", "nftables", ("office", "dmz")), Reach("core", "nftables", ("dmz", "ot"))
    towards_dmz = question(incident(finding("ws1", "hist1")), reaches=(rest, office))
    assert {c.hand for c in acting(towards_dmz).values()} == {"edge"}
    assert acting(replace(SWEPT, reaches=(rest, office))) == {}


@pytest.mark.parametrize("src", [STRANGER, "fd00:1::99"])
def test_a_stranger_is_named_by_his_address(src: str):
    found = acting(question(incident(finding(src))))
    assert found[f"host {src}"].target.addresses == (src,)


def test_a_host_that_only_its_log_names_has_no_address_to_refuse():
    logged = replace(finding("ws1", "plc1"), src="ews9.plant.example", machine="")
    found = acting(question(incident(logged)))
    assert all("ews9" not in name for name in found)


def test_what_stands_or_was_undone_is_not_offered_again():
    host = acting(SWEPT)["host ws1"].target
    for state in (EffectState.ORDERED, EffectState.STANDING):
        assert "host ws1" not in acting(replace(SWEPT, effects=(effect(host, state=state),)))
    assert "host ws1" in acting(replace(SWEPT, effects=(effect(host, state=EffectState.RELEASED),)))
    assert "host ws1" not in acting(replace(SWEPT, held_off=("host ws1",)))


def test_each_target_is_made_once_however_many_steps_lead_to_it(monkeypatch: pytest.MonkeyPatch):
    swept = incident(
        *(finding(f"ws{src}", dst, rule=f"r{n}") for src in "12" for n, dst in enumerate(("plc1", "hmi1")))
    )
    assert len(swept.reached) >= 4
    made: list[Target] = []
    work = module._made

    def counted(asked: Question, verb: Verb, target: Target, path: str, reach: Reach) -> Candidate:
        made.append(target)
        return work(asked, verb, target, path, reach)

    monkeypatch.setattr(module, "_made", counted)
    found = acting(question(swept))
    assert sorted(map(target_name, made)) == sorted(found)
    assert {"host ws1", "host ws2", "conduit office -> ot"} <= set(found)


def test_with_a_host_its_flows_are_refused():
    for state in (EffectState.ORDERED, EffectState.STANDING):
        blocked = replace(SWEPT, effects=(effect(acting(SWEPT)["host ws1"].target, state=state),))
        assert set(acting(blocked)) == {"conduit office -> ot"}
    gone = replace(SWEPT, effects=(effect(acting(SWEPT)["host ws1"].target, state=EffectState.RELEASED),))
    assert set(acting(gone)) == set(acting(SWEPT))
    flow = acting(SWEPT)["flow ws1 -> plc1 tcp/502"].target
    assert set(acting(replace(SWEPT, effects=(effect(flow),)))) == {"host ws1", "conduit office -> ot"}


def test_who_has_faded_is_not_acted_on():
    known = incident(finding())
    faded = replace(known, beliefs={**known.beliefs, "ws1": Belief((0.995, 0, 0.005, 0, 0), NOON)})
    assert acting(question(faded)) == {}


@pytest.mark.parametrize(
    ("changes", "flow"),
    [
        ({"service": "s7"}, "flow ws1 -> plc1 tcp/102"), ({"service": "", "port": 9}, "flow ws1 -> plc1 tcp/9"),
        ({"service": "", "port": 0}, None), ({"service": "no such'; thing"}, None),
    ],
)  # fmt: skip
def test_a_flow_is_offered_where_its_port_is_known(changes: dict, flow: str | None):
    flows = {name for name in acting(question(incident(finding(**changes)))) if name.startswith("flow")}
    assert flows == ({flow} if flow else set())


def test_an_id_names_the_incident_the_verb_and_the_target():
    first, second = acting(SWEPT), acting(question(incident(finding("ws1", "plc1", "hmi1"))))
    assert {c.id for c in first.values()}.isdisjoint({c.id for c in second.values()})
    assert [c.id for c in candidates(SWEPT)] == sorted({c.id for c in candidates(SWEPT)})


def test_however_many_sources_there_are_the_candidates_are_bounded_and_the_likeliest_are_among_them():
    crowd = [finding(f"10.1.{n // 200 + 1}.{n % 200}", "plc1", rule="r") for n in range(200)]
    wide = replace(PLANT, zones={**PLANT.zones, "office": replace(PLANT.zones["office"], networks=("10.1.0.0/16",))})
    worst = finding("ws1", "plc1", rule="s")
    asked = question(one(fold(*crowd, worst, finding("ws1", "plc1", rule="t"), plant=wide)), wide)
    found = acting(asked)
    assert len(found) == MOST
    assert "host ws1" in found


@given(questions())
def test_only_on_the_proven_path_of_the_intruder(asked: Question):
    about, site_ = asked.incident, asked.site
    entered = set(holders(asked))
    steps = {(src, dst) for src, dst, _ in about.reached}
    zones = {(zone(asked, src), zone(asked, dst)) for src, dst in steps}
    for candidate in candidates(asked):
        match candidate.target:
            case HostTarget(asset=name):
                assert name in about.proven or name in entered
                assert any(name in step for step in steps)
            case FlowTarget(src=src, dst=dst):
                assert src in about.proven
                assert (src, dst) in steps
            case ConduitTarget(src_zone=src, dst_zone=dst):
                assert (src, dst) in zones
                assert src != dst
        if candidate.target is not None:
            assert candidate.cuts == cuts_of(site_, candidate.target)
            assert candidate.span > 0


def zone(asked: Question, name: str) -> str:
    found = asked.site.assets.get(name)
    return found.zone if found else asked.site.zone_at(name).name


def test_irrelevant_assets_change_nothing():
    more = site(assets=[asset("ews2", "ot", "ews"), *(a for a in POOL if a.name == "web1")])
    assert candidates(replace(SWEPT, site=more)) == candidates(SWEPT)
