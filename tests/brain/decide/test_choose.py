import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.correlate.belief import decayed
from tercio.brain.decide import loss
from tercio.brain.decide.candidates import candidates
from tercio.brain.decide.choose import KEPT, WIDEST, choose
from tercio.brain.decide.question import Outlook, Question
from tercio.brain.decide.safety import filtered
from tercio.model.canon import canonical
from tercio.model.commands import FlowTarget, HostTarget, target_name
from tercio.model.decisions import Decision, Permission, Plan, Ruling, Verb
from tercio.model.findings import Finding, Level
from tercio.model.ids import decision_id
from tercio.model.incidents import Belief, Incident
from tercio.model.site import Flow, Site
from tests.brain.decide.oracle import wrongs
from tests.brain.given import (
    ASSETS,
    FILLING,
    FORGED,
    HALF_LIFE,
    MOVE,
    NOON,
    PROVEN,
    SCAN,
    STRANGER,
    WRITE,
    asset,
    effect,
    finding,
    findings,
    fold,
    incident,
    one,
    permitted,
    question,
    questions,
    replace,
    site,
)

SWEPT = question(incident(finding("ws1", "plc1", "hmi1")))
permissions = st.sampled_from(list(Permission))


def decide(asked: Question, rulings: dict[str, Ruling] | Permission = Permission.PERMITTED) -> Decision:
    kept, removed = filtered(asked, candidates(asked))
    return choose(asked, kept, removed, permitted(kept, rulings) if isinstance(rulings, Permission) else rulings, "c")


def test_where_nothing_can_be_done_people_are_asked():
    """As long as nothing was tried: who is refused already is no reason to ask again."""
    helpless = question(incident(finding("fe80::77", "fe80::1", tactics=WRITE)))
    decision = decide(helpless)
    assert (decision.chosen.title, decision.advice.title) == ("ask", "ask")
    assert decision.chosen.permission is Permission.PERMITTED
    tried = effect(HostTarget("fe80::77", ("fe80::77",)), incident=helpless.incident.id)
    assert decide(replace(helpless, effects=(tried,))).chosen.title != "ask"
    assert decide(replace(helpless, held_off=("host fe80::77",))).chosen.title != "ask"
    assert decide(question(incident(finding("fe80::77", "fe80::1", provenance=FORGED)))).chosen.title != "ask"


def test_people_are_told_of_whom_nothing_may_be_done_about():
    """He writes by a flow that the process needs: safety removes each act against him, and he is not in doubt."""
    reader = incident(finding("hist1", "plc1", tactics=WRITE))
    decision = decide(question(reader))
    assert {removed.candidate.verb for removed in decision.removed} == {Verb.BLOCK_HOST, Verb.BLOCK_FLOW}
    assert decision.chosen.title == "ask"
    assert decision.chosen.permission is Permission.PERMITTED
    suspect = question(incident(finding("hist1", "plc1", tactics=SCAN, level=Level.LOW)))
    assert decide(suspect).chosen.title != "ask"
    undone = question(reader, held_off=("host hist1",))
    assert decide(undone).chosen.title != "ask"


def titles(decision: Decision) -> list[str]:
    return [plan.title for plan in decision.alternatives]


def doing(decision: Decision, plan: Plan) -> list[Any]:
    """The targets of a plan."""
    found = {c.id: c.target for c in decision.candidates}
    return [found[key] for key in plan.candidates if found[key] is not None]


def nothing(decision: Decision) -> Plan:
    return next(plan for plan in decision.alternatives if plan.title == Verb.NOTHING)


def test_a_sweep_from_the_office_is_answered_by_blocking_its_host():
    decision = decide(SWEPT)
    assert decision.chosen.title == "block host ws1"
    assert decision.advice == decision.chosen
    assert titles(decision)[0] == "block host ws1"
    assert {"do nothing", "wait for evidence", "close conduit office -> ot"} <= set(titles(decision))
    assert (decision.id, decision.version) == (decision_id(SWEPT.incident.id, 1), 1)
    assert (decision.time, decision.proposer, decision.content_digest) == (NOON, "analytic core", "c")
    assert decision.chosen.evidence == decision.evidence == SWEPT.incident.findings
    assert decision.chosen.why.startswith("attack EUR ")


def test_two_hosts_on_the_path_are_blocked_together():
    moved = question(incident(finding("ws1", "ews1", tactics=MOVE), finding("ws1", "plc1", rule="r")))
    assert {target_name(t) for t in doing(decide(moved), decide(moved).chosen)} == {"host ews1", "host ws1"}


def test_what_costs_more_than_it_averts_is_not_done():
    dear = site(assets=[replace(ASSETS[0], outage_per_hour=10**9)])
    decision = decide(replace(SWEPT, site=dear))
    assert "host ws1" not in {target_name(t) for t in doing(decision, decision.chosen)}
    worthless = replace(FILLING, outage_per_hour=0, restart_cost=0, scrap=0)
    assert decide(replace(SWEPT, site=site(worthless))).chosen.title == Verb.NOTHING


def test_the_mandate_decides_what_may_be_chosen_and_not_what_is_advised():
    forbidden = decide(SWEPT, Permission.FORBIDDEN)
    assert forbidden.chosen.title == Verb.NOTHING
    assert forbidden.advice.title == "block host ws1"
    assert Verb.ASK not in titles(forbidden)
    slow = replace(SWEPT, outlook=Outlook(tempo="average", answer=60_000_000))
    consent = decide(slow, Permission.CONSENT)
    assert consent.chosen.title == Verb.ASK
    assert consent.advice.title == "block host ws1"


def test_an_act_that_nobody_ruled_on_is_forbidden_and_doing_nothing_never_is():
    decision = decide(SWEPT, {})
    assert decision.chosen.title == Verb.NOTHING
    assert decision.advice.permission == Permission.FORBIDDEN


def test_the_strictest_ruling_of_a_pair_is_the_pair_s():
    moved = question(incident(finding("ws1", "ews1", tactics=MOVE), finding("ws1", "plc1", rule="r")))
    kept, _ = filtered(moved, candidates(moved))
    rulings = permitted(kept)
    (host,) = (c.id for c in kept if c.target is not None and target_name(c.target) == "host ews1")
    rulings[host] = replace(rulings[host], permission=Permission.CONSENT)
    decision = decide(moved, rulings)
    assert decision.advice.permission == Permission.CONSENT
    assert "host ews1" not in {target_name(t) for t in doing(decision, decision.chosen)}


def test_of_equals_the_one_that_does_least_comes_first_and_then_the_smaller_id():
    worthless = replace(FILLING, outage_per_hour=0, restart_cost=0, scrap=0)
    assert titles(decide(replace(SWEPT, site=site(worthless))))[:2] == ["do nothing", "wait for evidence"]
    free = site(assets=[replace(ASSETS[0], outage_per_hour=0), asset("ws2", "office", "workstation")])
    near = incident(finding("ws1", "plc1"), finding("ws2", "plc1", rule="r"), plant=free)
    even = replace(near, beliefs={**near.beliefs, "ws2": near.beliefs["ws1"]})
    asked = question(even, free, held_off=("conduit office -> ot",), outlook=Outlook(tempo="average"))
    kept, removed = filtered(asked, candidates(asked))
    kept = [c for c in kept if c.target is None or target_name(c.target) in ("host ws1", "host ws2")]
    plans = choose(asked, kept, removed, permitted(kept), "").alternatives
    alone = [plan for plan in plans if plan.title in ("block host ws1", "block host ws2")]
    assert alone[0].money == alone[1].money
    assert alone[0].candidates < alone[1].candidates


@pytest.mark.parametrize("views", [("web1", "web2"), ("web1",), ()])
def test_views_that_may_go_one_by_one_do_not_go_both(views: tuple[str, ...]):
    tolerates = {"web1": 10**12, "web2": 10**12}
    shop = replace(
        FILLING, name="shop", needs=("web1", "web2"), views=views, flows=(), tolerates=tolerates
    )  # fmt: skip
    webs = site(shop, assets=[asset("web1", "dmz", "web"), asset("web2", "dmz", "web")])
    both = [finding(w, x, plant=webs, rule=w, service="") for w, x in (("web1", "web2"), ("web2", "web1"))]
    decision = decide(question(one(fold(*both, plant=webs)), webs))
    shown = [{target_name(t) for t in doing(decision, plan)} for plan in decision.alternatives]
    assert ({"host web1", "host web2"} in shown) == (not views)


@given(questions(), st.data())
def test_what_is_chosen_and_shown(asked: Question, data: st.DataObject):
    kept, removed = filtered(asked, candidates(asked))
    rulings = {key: replace(r, permission=data.draw(permissions)) for key, r in permitted(kept).items()}
    decision = choose(asked, kept, removed, rulings, "")
    plans, chosen, idle = decision.alternatives, decision.chosen, nothing(decision)
    assert len(plans) <= KEPT
    assert {Verb.NOTHING, Verb.WAIT} <= {plan.title for plan in plans}
    assert chosen in plans
    assert [p.money.total for p in plans] == sorted(p.money.total for p in plans)
    assert all(min(p.money.attack, p.money.production, p.money.risk) >= 0 for p in plans)
    assert chosen.permission == Permission.PERMITTED
    assert chosen.money.total == min(p.money.total for p in plans if p.permission == Permission.PERMITTED)
    assert decision.advice.money.total <= chosen.money.total or chosen.title == Verb.ASK
    for plan in (*plans, decision.advice):
        assert not list(wrongs(asked, doing(decision, plan)))
        if doing(decision, plan):
            assert plan.money.production <= idle.money.attack - plan.money.attack
    assert chosen.money.production <= idle.money.attack - chosen.money.attack
    for key in chosen.candidates:
        ruling = rulings[key]
        assert ruling.permission == Permission.PERMITTED or not doing(decision, chosen)


@given(questions(), st.integers(2, 1000))
def test_scaling_all_money_scales_nothing_else(asked: Question, factor: int):
    # A cent of rounding must not decide: what lies closer together than that may change places.
    before, after = decide(scaled(asked, 1000)), decide(scaled(asked, 1000 * factor))
    slack = 5 * factor
    for plan, other in ((before.chosen, after.chosen), (before.advice, after.advice)):
        assert abs(other.money.total - factor * plan.money.total) <= slack
    assert abs(nothing(after).money.attack - factor * nothing(before).money.attack) <= slack
    assert {c.id for c in before.candidates} == {c.id for c in after.candidates}


def scaled(asked: Question, factor: int) -> Question:
    def times(value: Any, *fields: str) -> Any:
        return replace(value, **{name: getattr(value, name) * factor for name in fields})

    where = replace(
        asked.site,
        zones={n: times(z, "outage_per_hour") for n, z in asked.site.zones.items()},
        assets={n: times(a, "outage_per_hour") for n, a in asked.site.assets.items()},
        processes={
            n: times(p, "outage_per_hour", "restart_cost", "scrap") for n, p in asked.site.processes.items()
        },
    )  # fmt: skip
    return replace(asked, site=where)


@given(st.lists(findings(), max_size=5), findings(provenance=PROVEN), st.booleans())
def test_more_evidence_never_lowers_the_loss_of_doing_nothing(known: list[Finding], more: Finding, block: bool):
    first = finding("ws1", "plc1", rule="r0")
    held = effect(HostTarget("ws1", ("10.1.0.1",)))
    before = one_about(fold(first, *known, now=NOON), first)
    after = one_about(fold(first, *known, replace(more, time=NOON), now=NOON), first)
    effects = {"effects": (held,)} if block else {}
    losses = [nothing(decide(question(i, **effects))).money.total for i in (before, after)]
    assert losses[1] >= losses[0] - 0.001 * losses[0] - 1


def one_about(incidents: dict[str, Incident], first: Finding) -> Incident:
    """The incident of a finding, as faded by noon."""
    found = next(i for i in incidents.values() if first.id in i.findings)
    beliefs, sure = ({n: decayed(b, NOON, HALF_LIFE) for n, b in of.items()} for of in (found.beliefs, found.sure))
    return replace(found, beliefs=beliefs, sure=sure)


@given(st.lists(findings(provenance=FORGED), min_size=1, max_size=40))
def test_forged_evidence_alone_never_acts(told: list[Finding]):
    for about in fold(*(replace(f, rule=f"rule {n}") for n, f in enumerate(told)), now=NOON).values():
        decision = decide(question(about))
        assert not [c for c in decision.candidates if c.target is not None]
        assert decision.chosen.title == Verb.NOTHING


@given(st.lists(st.sampled_from(("hmi1", "hist1", "ews1", "plc1")), min_size=1, max_size=30))
def test_forged_acts_in_the_names_of_others_turn_no_defence_on_them(framed: list[str]):
    real = finding("ws1", "plc1", rule="real")
    forged = [
        finding(name, "plc1" if name != "plc1" else "hmi1", rule=f"r{n}", provenance=FORGED, tactics=tactics)
        for n, name in enumerate(framed)
        for tactics in (SCAN, MOVE, ("impact",))
    ]
    decision = decide(question(one(fold(real, *forged, now=NOON))))
    for candidate in decision.candidates:
        match candidate.target:
            case HostTarget(asset=name) | FlowTarget(src=name):
                assert name == "ws1"
    assert decision.chosen.title == "block host ws1"


def test_no_evidence_no_action():
    known = incident(finding())
    bare = replace(known, evidence=(), beliefs={}, sources={}, proven=(), reached=(), steps=(), findings=())
    decision = decide(question(bare))
    assert decision.chosen.title == Verb.NOTHING
    assert nothing(decision).money.total == 0
    assert titles(decision) == ["do nothing", "wait for evidence"]


def test_a_belief_that_has_faded_is_no_reason_to_act():
    known = incident(finding())
    faded = replace(known, beliefs={n: Belief((0.995, 0, 0.005, 0, 0), NOON) for n in known.beliefs})
    assert decide(question(faded)).chosen.title == Verb.NOTHING


def test_more_evidence_never_turns_an_act_into_none():
    about = {}
    acted = False
    for n in range(6):
        about = fold(finding("ws1", "plc1", rule=f"r{n}"), incidents=about)
        acts = bool(doing(d := decide(question(one(about))), d.chosen))
        assert acts or not acted
        acted = acts
    assert acted


def test_irrelevant_assets_change_nothing():
    more = site(assets=[asset("ews2", "ot", "ews"), asset("web1", "dmz", "web", outage_per_hour=10**9)])
    known = incident(finding("ws1", "plc1"))
    one, other = decide(question(known)), decide(question(known, more))
    assert msgspec.structs.replace(one, input_digest="") == msgspec.structs.replace(other, input_digest="")


WRITTEN = """
import sys
from tercio.brain.decide.candidates import candidates
from tercio.brain.decide.choose import choose
from tercio.brain.decide.question import Question
from tercio.brain.decide.safety import filtered
from tercio.model.canon import canonical
from tercio.model.decisions import Permission, Ruling
import msgspec
asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
kept, removed = filtered(asked, candidates(asked))
rulings = {c.id: Ruling(c.id, Permission.PERMITTED, (), (), "") for c in kept}
sys.stdout.buffer.write(canonical(choose(asked, kept, removed, rulings, "c")))
"""


def test_the_same_input_gives_the_same_bytes_in_every_process():
    lines = [replace(FILLING, name=n, needs=(*FILLING.needs, "ews1")) for n in ("filling", "packing", "capping")]
    plant = site(*lines)
    moved = [finding(src, dst, plant=plant, tactics=MOVE) for src, dst in (("ws1", "hist1"), ("hist1", "ews1"))]
    asked = question(one(fold(*moved, finding("ws2", "ews1", STRANGER, plant=plant), plant=plant)), plant)
    here = canonical(decide(asked))
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", WRITTEN], input=canonical(asked), capture_output=True, check=True,
            env={"PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.stdout == here


def big(sources: int, steps: int, lines: int) -> Question:
    """So many proven sources, each with a few of the steps, against so many lines."""
    assets = {n: asset(f"plc{n}", "ot", "plc") for n in range(1, lines + 1)}
    processes = [
        replace(
            FILLING, name=f"line{n}", needs=(f"plc{n}",), views=(), redundant=(), tolerates={},
            flows=(Flow("hmi1", f"plc{n}", "modbus"),),
        )
        for n in assets
    ]  # fmt: skip
    hosts = [asset(f"ws{n}", "office", "workstation", outage_per_hour=100 * n) for n in range(1, sources + 1)]
    plant: Site = site(*processes, assets=[*assets.values(), *hosts])
    joined = finding("ws1", *(f"plc{n}" for n in assets), plant=plant, rule="all")
    told = [
        finding(f"ws{n % sources + 1}", f"plc{n % lines + 1}", plant=plant, rule=f"r{n // sources}")
        for n in range(steps)
    ]
    return question(one(fold(joined, *told, plant=plant)), plant)


def test_thirty_sources_forty_steps_and_ten_lines_are_priced_by_parts(monkeypatch: pytest.MonkeyPatch):
    asked, counted = big(30, 60, 10), [0]
    assert len(asked.incident.sources) == 30
    assert len(asked.incident.reached) >= 39

    def counting(*args: Any) -> float:
        counted[0] += 1
        return succeeds(*args)

    succeeds = loss.succeeds
    monkeypatch.setattr(loss, "succeeds", counting)
    decision = decide(asked)
    acting = [c for c in decision.candidates if c.target is not None]
    assert len(acting) > WIDEST
    assert decision.chosen.title == "close conduit office -> ot"
    # Three numbers of steps, three of detours, over horizon, wait and answer; not 276 pairs times 300 threats.
    assert 0 < counted[0] <= 3 * 3 * 3


def test_forged_names_never_change_what_is_done_about_a_proven_intruder():
    proven = finding("ws1", "plc1", tactics=WRITE, rule="write")
    alone = decide(question(incident(proven)))
    assert alone.chosen.title == "block host ws1"
    forged = [finding(f"10.1.0.{n}", "plc1", provenance=FORGED) for n in range(100, 160)]
    among = decide(question(incident(proven, *forged)))
    assert (among.chosen.title, among.chosen.money) == (alone.chosen.title, alone.chosen.money)


def test_where_nothing_is_at_stake_nothing_is_done():
    idle = replace(FILLING, scrap=0, restart_cost=0, outage_per_hour=0)
    about = question(incident(finding("ws1", "plc1", tactics=WRITE, rule="write"), plant=site(idle)), site(idle))
    assert decide(about).chosen.title == Verb.NOTHING


def test_what_needs_consent_is_asked_for_and_not_waited_for():
    about = question(incident(finding("ws1", "plc1", tactics=WRITE, rule="write")))
    assert decide(about, Permission.CONSENT).chosen.title == Verb.ASK
