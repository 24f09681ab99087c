from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.decide.candidates import candidates, cuts_of
from tercio.brain.decide.question import Question
from tercio.brain.decide.safety import filtered, ground, together
from tercio.model.commands import FlowTarget, HostTarget, Target, target_name
from tercio.model.decisions import Candidate, Verb
from tercio.model.processes import FRESH, LOADING, ProcessState
from tercio.model.site import Flow
from tests.brain.decide.oracle import wrongs
from tests.brain.given import (
    FILLING,
    MOVE,
    NOON,
    PLANT,
    RUNNING,
    STOPPED,
    asset,
    effect,
    finding,
    incident,
    question,
    questions,
    replace,
    site,
)

SHOP = replace(
    FILLING, name="shop", needs=("web1",), views=("web1", "web2"), tolerates={}, flows=(Flow("ws1", "web1", "https"),)
)
ALARM = Flow("plc1", "ws1", "syslog", "read", alarm=True)
LOADING_NOW = replace(RUNNING, loads={"ews1>plc1 1:x": NOON})
WEBS = (asset("web1", "dmz", "web"), asset("web2", "dmz", "web"))


def about(src: str, dst: str, plant=PLANT, **changes: Any) -> Question:
    return question(incident(finding(src, dst, plant=plant, tactics=MOVE), plant=plant), plant, **changes)


def entered(plant, *names: str, **changes: Any) -> Question:
    """An intruder who went from the first to each of the others."""
    first, *rest = names
    found = [finding(first, name, plant=plant, tactics=MOVE, rule=name) for name in rest]
    return question(incident(*found, plant=plant), plant, **changes)


def removed(asked: Question) -> dict[str, str]:
    kept, gone = filtered(asked, candidates(asked))
    assert len(kept) + len(gone) == len(candidates(asked))
    return {target_name(r.candidate.target): r.reason for r in gone if r.candidate.target is not None}


def blocked(name: str, asked: Question) -> Candidate:
    target = HostTarget(name, asked.site.assets[name].addresses)
    return next(c for c in candidates(asked) if c.target == target)


def test_what_touches_no_process_is_safe():
    assert removed(about("ws1", "plc1")) == {}


def test_what_changes_nothing_is_always_safe():
    kept, gone = filtered(about("hmi1", "plc1"), candidates(about("hmi1", "plc1")))
    assert {Verb.NOTHING, Verb.WAIT, Verb.ASK} <= {c.verb for c in kept}
    assert gone


def test_a_download_is_over_after_its_time_and_does_not_protect_others():
    over = replace(RUNNING, loads={"ews1>plc1 1:x": NOON - LOADING - 1})
    assert "host ews1" not in removed(about("ews1", "plc1", processes={"filling": over}))
    assert "host ws1" not in removed(about("ws1", "plc1", processes={"filling": LOADING_NOW}))


def test_what_is_fragile_may_be_protected_from_others():
    fragile = site(assets=[asset("plc1", "ot", "plc", fragile=True)])
    assert removed(about("ws1", "plc1", fragile)) == {}


def never(**more: Any) -> Question:
    return about("ws1", "plc1", site(**more))


CASES: dict[str, tuple[Question, str, str]] = {
    "never asset": (never(never_assets=("ws1",)), "host ws1", "ws1 is on the site's never list"),
    "never asset in the zone": (
        never(never_assets=("ews1",)), "conduit office -> ot", "ews1 is on the site's never list",
    ),
    "never network": (
        never(never_networks=("10.1.0.0/30",)), "host ws1", "10.1.0.1 is on the site's never list",
    ),
    "never network, v6": (
        never(never_networks=("fd00:1::/120",)), "host ws1", "fd00:1::1 is on the site's never list",
    ),
    "never network in the zone": (
        never(never_networks=("10.3.0.128/25",)), "conduit office -> ot", "10.3.0.0/24 is on the site's never list",
    ),
    "safety function": (
        about("ws1", "plc1", site(replace(FILLING, safety=("plc1",)))), "flow ws1 -> plc1 tcp/502",
        "plc1 is a safety function or writes to one: nothing may be done to its traffic",
    ),
    "safety by its role": (
        entered(site(assets=[asset("sis1", "ot", "safety")]), "sis1", "ews1"), "host sis1",
        "sis1 is a safety function or writes to one: nothing may be done to its traffic",
    ),
    "station of a safety function": (
        about("ews1", "plc1", site(replace(FILLING, safety=("sis1",), flows=(Flow("ews1", "sis1", "s7"),)), assets=[
            asset("sis1", "ot", "safety")])), "host ews1",
        "ews1 is a safety function or writes to one: nothing may be done to its traffic",
    ),
    "safety in the zone": (
        about("ws1", "plc1", site(assets=[asset("sis1", "ot", "safety")])), "conduit office -> ot",
        "sis1 is a safety function or writes to one: nothing may be done to its traffic",
    ),
    "controller in run": (
        entered(PLANT, "plc1", "ews1"), "host plc1", "plc1 is a controller and process filling is not stopped",
    ),
    "controller of nothing": (
        entered(site(assets=[asset("plc2", "ot", "plc")]), "plc2", "ews1"), "host plc2",
        "plc2 is a controller of no listed process: it counts as in run",
    ),
    "shared": (
        about("ws2", "plc1", site(assets=[asset("ws2", "office", "jump", shared=True)])), "host ws2",
        "many stand behind ws2's address",
    ),
    "fragile": (
        about("ws2", "plc1", site(assets=[asset("ws2", "office", "workstation", fragile=True)])), "host ws2",
        "ws2 is fragile: to refuse its packets would send it resets",
    ),
    "a flow of a fragile device": (
        about("ws2", "plc1", site(assets=[asset("ws2", "office", "workstation", fragile=True)])),
        "flow ws2 -> plc1 tcp/502", "ws2 is fragile: to refuse its packets would send it resets",
    ),
    "alarm path, of a line that stands": (
        about("ws1", "plc1", site(replace(FILLING, flows=(*FILLING.flows, ALARM))), processes={"filling": STOPPED}),
        "host ws1", "it would take away the alarm path plc1 -> ws1 of process filling",
    ),
    "download": (
        about("ews1", "plc1", processes={"filling": LOADING_NOW}), "host ews1",
        "ews1 may be loading a program into plc1: to interrupt it leaves plc1 without one",
    ),
    "flow of a download": (
        about("ews1", "plc1", processes={"filling": LOADING_NOW}), "flow ews1 -> plc1 tcp/502",
        "ews1 may be loading a program into plc1: to interrupt it leaves plc1 without one",
    ),
    "conduit of a download": (
        about("ws1", "plc1", processes={"filling": replace(RUNNING, loads={"ws1>plc1 1:x": NOON - LOADING})}),
        "conduit office -> ot", "ws1 may be loading a program into plc1: to interrupt it leaves plc1 without one",
    ),
    "phase to hold": (
        about("hist1", "plc1", site(replace(FILLING, hold=("dose",))), processes={
            "filling": replace(RUNNING, phase="dose")}), "host hist1",
        "process filling is in a phase that must not be interrupted, or may be",
    ),
    "unknown phase": (
        about("hist1", "plc1", site(replace(FILLING, hold=("dose",)))), "host hist1",
        "process filling is in a phase that must not be interrupted, or may be",
    ),
    "need in a phase to hold, without a flow": (
        about("hist1", "ws2", site(replace(FILLING, hold=("dose",), flows=()))), "host hist1",
        "process filling is in a phase that must not be interrupted, or may be",
    ),
    "last view": (
        about("hmi1", "plc1"), "host hmi1", "it would take away the last working view of process filling",
    ),
    "last view, without a flow": (
        about("hmi1", "plc1", site(replace(FILLING, flows=()))), "host hmi1",
        "it would take away the last working view of process filling",
    ),
    "flow of the last view": (
        about("hmi1", "plc1"), "flow hmi1 -> plc1 tcp/502",
        "it would take away the last working view of process filling",
    ),
    "second of a redundant pair": (
        about("web1", "ws1", site(replace(SHOP, views=(), redundant=(("web1", "web2"),)), assets=WEBS), effects=(
            effect(HostTarget("web2", ())),)), "host web1", "it would cut the last of the redundant web1, web2",
    ),
    "control path": (
        about("hist1", "plc1"), "host hist1",
        "process filling needs modbus from hist1 to plc1, and plc1 is a controller in run",
    ),
    "undeclared need": (
        about("ws1", "plc1", site(replace(FILLING, needs=("plc1", "ws2")))), "conduit office -> ot",
        "process filling needs ws2, and the site declares no flow by which it is reached",
    ),
    "undeclared view": (
        about("ws1", "plc1", site(replace(FILLING, views=("hmi1", "ws2")))), "conduit office -> ot",
        "process filling needs ws2, and the site declares no flow by which it is reached",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CASES))
def test_who_holds_a_listed_address_is_refused_at_its_cost_whatever_he_is_called(case: str):
    """The same targets under the names of strangers: what was unsafe stays unsafe."""
    asked, target, _ = CASES[case]
    named = [c for c in candidates(asked) if c.target is not None and target_name(c.target) == target]
    for one in named:
        other = replace(one, target=renamed(one.target), cuts=cuts_of(asked.site, renamed(one.target)))
        assert bool(filtered(asked, (other,))[1]) == bool(filtered(asked, (one,))[1])


def renamed(target: Target) -> Target:
    match target:
        case HostTarget():
            return replace(target, asset="10.9.9.9")
        case FlowTarget():
            return replace(target, src="10.9.9.9", dst="10.9.9.8")
        case _:
            return target


@pytest.mark.parametrize("case", CASES)
def test_each_reason_has_its_case(case: str):
    asked, target, reason = CASES[case]
    assert removed(asked).get(target) == reason


def test_what_is_known_to_stand_may_be_cut():
    still = {"processes": {"filling": STOPPED}}
    assert "host hmi1" not in removed(about("hmi1", "plc1", **still))
    assert "host plc1" not in removed(entered(PLANT, "plc1", "ews1", **still))
    stale = {"processes": {"filling": replace(STOPPED, seen=NOON - FRESH - 1)}}
    assert "host hmi1" in removed(about("hmi1", "plc1", **stale))


def test_of_two_views_one_may_go_unless_the_other_is_out_or_silent():
    two = site(replace(SHOP, redundant=(("web1", "web2"),)), assets=WEBS)
    asked = about("web2", "ws2", two)
    assert "host web2" not in removed(asked)
    assert "host web2" in removed(replace(asked, effects=(effect(HostTarget("web1", ())),)))
    working = ProcessState(polls={"ws1>web2": NOON})
    assert "host web2" in removed(replace(asked, processes={"shop": working}))
    both = ProcessState(polls={"ws1>web2": NOON, "ws1>web1": NOON - FRESH})
    assert "host web2" not in removed(replace(asked, processes={"shop": both}))
    unseen = ProcessState(polls={"ws1>web2": NOON - FRESH - 1})
    assert "host web2" not in removed(replace(asked, processes={"shop": unseen}))


def test_two_that_are_safe_alone_are_not_always_safe_together():
    views = entered(site(replace(SHOP, flows=()), assets=WEBS), "ws1", "web1", "web2")
    first, second, third = (blocked(name, views) for name in ("web1", "web2", "ws1"))
    assert set(removed(views)) == {"conduit office -> dmz"}
    reason = "it would take away the last working view of process shop"
    assert together(ground(views), first, second) == together(ground(views), second, first) == reason
    assert together(ground(views), first, third) == ""
    still = replace(views, processes={"shop": STOPPED})
    assert together(ground(still), first, second) == ""
    pair = entered(site(replace(SHOP, views=(), redundant=(("web1", "web2"),)), assets=WEBS), "ws1", "web1", "web2")
    assert "redundant web1, web2" in together(ground(pair), blocked("web1", pair), blocked("web2", pair))


@given(questions(), st.data())
def test_what_is_kept_does_nothing_that_must_never_be_done(asked: Question, data: st.DataObject):
    acting = [c.target for c in candidates(asked) if c.target is not None]
    standing = data.draw(st.lists(st.sampled_from(acting), max_size=2)) if acting else []
    asked = replace(asked, effects=tuple(map(effect, standing)))
    kept, gone = filtered(asked, candidates(asked))
    for candidate in kept:
        assert candidate.target is None or not list(wrongs(asked, [candidate.target]))
    # What stands may end before what is ordered now: a reason that holds without some of it holds.
    worlds = [replace(asked, effects=s) for n in range(len(asked.effects) + 1) for s in combinations(asked.effects, n)]
    for each in gone:
        targets = [each.candidate.target]
        assert [wrong for world in worlds for wrong in wrongs(world, targets)], each.reason
    acting = [c for c in kept if c.target is not None]
    for one in acting:
        for other in acting:
            targets = [one.target, other.target]
            refused = together(ground(asked), one, other)
            assert refused or not list(wrongs(asked, targets))
            assert not refused or [wrong for world in worlds for wrong in wrongs(world, targets)], refused
