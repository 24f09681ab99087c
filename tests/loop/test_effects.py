"""The life of an effect against what hands answer and sensors see."""

import pytest

from tercio.loop.effects import (
    MARGIN,
    SUSPECT,
    answered,
    denied,
    expired,
    gone,
    ordered,
    stands_in,
    views_lost,
    watched,
    zones_of,
)
from tercio.model.commands import (
    Action,
    Command,
    ConduitTarget,
    EffectState,
    FlowTarget,
    HostTarget,
    NeededFlow,
    Response,
    Standing,
    Status,
    Target,
)
from tercio.model.events import ANSWERED, Endpoint, Event, Provenance
from tercio.model.processes import ProcessState
from tercio.model.units import SECOND
from tests.agents import given as officers
from tests.loop.given import EWS1, HIST1, HMI1, PLC1, WS1, content, replace, reply

NOW = officers.NOW
SITE = content().site
HOST = HostTarget("ws1", (WS1, "fd00:77:10::10"))
FLOW = FlowTarget("ws1", "plc1", (WS1,), (PLC1,), "tcp", 502)
NEEDED = NeededFlow(HIST1, PLC1, "tcp", 502)
CONDUIT = ConduitTarget("dmz", "ot", ("10.77.20.0/24",), ("10.77.30.0/24",), (NEEDED,))
EFFECT = officers.effect(target=HOST)


def event(
    src: str,
    dst: str,
    *,
    kind: str = "alert",
    at: int = NOW + SECOND,
    sport: int = 40000,
    port: int = 502,
    **more: object,
) -> Event:
    whole = {"began": at, "until": at, "provenance": Provenance.ESTABLISHED, "transport": "tcp", **more}
    return Event(
        id=f"evt-{src}-{dst}-{at}", source="ot", generation="g", offset=0, product="suricata", kind=kind, class_uid=0,
        time=at, received=at + 1000, src=Endpoint(src, sport), dst=Endpoint(dst, port), **whole,
    )  # fmt: skip


def command(action: Action = Action.DENY, target: Target | None = HOST) -> Command:
    return Command(
        id="cmd-2", lease="lse-1", incident="inc-1", decision="dec-1", hand="gateway", action=action, target=target,
        issued=NOW, until=NOW + 600 * SECOND,
    )  # fmt: skip


def test_an_order_makes_an_effect_that_is_only_ordered():
    effect = ordered(command())
    assert (effect.state, effect.held, effect.until) == (EffectState.ORDERED, 0, NOW + 600 * SECOND)
    with pytest.raises(ValueError, match="only a command with a target"):
        ordered(command(target=None))


def test_held_means_read_back():
    waiting = ordered(command())
    at = NOW + SECOND
    held = answered(waiting, command(), reply(command(), at))
    assert (held.state, held.held, held.command) == (EffectState.STANDING, at, "cmd-2")
    unread = answered(waiting, command(), reply(command(), at, Status.DONE, held=False))
    assert unread.state == EffectState.FAILED
    renewed = answered(held, replace(command(), id="cmd-3"), reply(command(), at + SECOND))
    assert (renewed.held, renewed.command) == (at, "cmd-3")


@pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED, Status.INVALID])
def test_a_renewal_that_fails_ends_nothing_yet(status: Status):
    after = answered(EFFECT, command(), reply(command(), NOW, status, detail="no"))
    assert (after.state, after.until, after.why) == (EffectState.STANDING, EFFECT.until, "not renewed: no")
    assert answered(ordered(command()), command(), reply(command(), NOW, status)).state == EffectState.FAILED


def test_a_cancel_ends_it_as_what_it_was_meant_to_be_and_only_once_nothing_is_left():
    cancel = command(Action.CANCEL)
    done = reply(cancel, NOW + SECOND)
    assert answered(EFFECT, cancel, done).state == EffectState.RELEASED
    assert answered(EFFECT, cancel, done, EffectState.ROLLED_BACK).state == EffectState.ROLLED_BACK
    failed = answered(EFFECT, cancel, reply(cancel, NOW, Status.FAILED, detail="busy"))
    assert (failed.state, failed.ended, failed.why) == (EffectState.STANDING, 0, "cancel failed: busy")


def test_other_traffic_of_the_link_after_it_was_held_is_a_witness():
    early = event(HMI1, PLC1, kind="modbus", at=NOW)
    assert watched(SITE, EFFECT, (early,)).effect is EFFECT
    later = event(HMI1, PLC1, kind="modbus")
    seen = watched(SITE, EFFECT, (early, later, event(HMI1, PLC1, at=NOW + 2 * SECOND)))
    assert (seen.effect.witness, seen.effect.confirmed, seen.contradiction) == (later.id, later.received, "")
    office = event("10.77.10.50", "10.77.10.51")
    assert watched(SITE, EFFECT, (office,)).effect is EFFECT
    assert watched(SITE, EFFECT, (event(HMI1, PLC1, kind="dns"),)).effect is EFFECT


def test_the_denied_ones_own_traffic_is_no_witness():
    assert watched(SITE, EFFECT, (event(PLC1, WS1),)).effect.confirmed == 0


def test_what_the_denied_one_still_does_contradicts():
    why = f"{WS1} still reached {PLC1} after it was refused"
    assert watched(SITE, EFFECT, (event(WS1, PLC1),)).contradiction == why
    assert watched(SITE, EFFECT, (event(WS1, PLC1, kind="flow"),)).contradiction == why
    answer = event(WS1, PLC1, kind="modbus", began=NOW - SECOND, action=ANSWERED)
    assert watched(SITE, EFFECT, (answer,)).contradiction == why


def test_what_goes_past_the_wall_does_not_contradict_it():
    neighbour, router = "10.77.10.11", "10.77.10.1"
    for there in (neighbour, router, "10.77.30.1"):
        seen = watched(SITE, EFFECT, (event(WS1, there), event(WS1, there, kind="flow")))
        assert not seen.contradiction, there
    ews = replace(EFFECT, target=HostTarget("ews1", ("10.77.30.30",)))
    assert watched(SITE, ews, (event("10.77.30.30", PLC1),)).contradiction, "a controller is what the wall is for"
    assert not watched(SITE, ews, (event("10.77.30.30", HMI1),)).contradiction


OWN, OTHER = "02:00:0a:4d:0a:0a", "02:00:0a:4d:0a:63"


def test_where_link_addresses_are_shown_only_the_denied_machine_itself_is_sure():
    effect = replace(EFFECT, target=HostTarget("ws1", (WS1,), (OWN,)))
    for machine, sure in ((OWN, True), (OTHER, False), ("", False)):
        seen = watched(SITE, effect, (event(WS1, PLC1, machine=machine),), {"ot"})
        assert (seen.sure, bool(seen.contradiction)) == (sure, True)
    assert watched(SITE, effect, (event(WS1, PLC1),), {"office"}).sure, "that sensor shows none"
    mixed = (event(WS1, PLC1, machine=OTHER), event(WS1, PLC1, machine=OWN))
    assert watched(SITE, effect, mixed, {"ot"}).sure
    flow = replace(EFFECT, target=FLOW)
    assert watched(SITE, flow, (event(WS1, PLC1, machine=OWN),), {"ot"}).sure
    assert not watched(SITE, flow, (event(WS1, PLC1),), {"ot"}).sure


def test_a_denied_machine_is_known_under_any_address():
    target = HostTarget("ws1", (WS1,), (OWN,))
    assert denied(target, event("10.77.10.99", PLC1, machine=OWN))
    assert not denied(target, event("10.77.10.99", PLC1, machine=OTHER))
    assert not denied(HostTarget("ws1", (WS1,)), event("10.77.10.99", PLC1)), "no machine is no match"
    effect = replace(EFFECT, target=target)
    assert watched(SITE, effect, (event("10.77.10.99", PLC1, machine=OWN),), {"ot"}).sure


@pytest.mark.parametrize(
    "harmless",
    [
        event(WS1, PLC1, at=NOW + MARGIN),
        event(PLC1, WS1),
        event(WS1, PLC1, provenance=Provenance.FORGEABLE),
        event(WS1, PLC1, kind="flow", began=NOW - SECOND),
        event(WS1, PLC1, began=NOW - SECOND),
        event(PLC1, WS1, kind="modbus", action=ANSWERED),
        event(WS1, PLC1, kind="modbus", at=NOW + MARGIN, action=ANSWERED),
        event(WS1, PLC1, kind="modbus"),
        event(EWS1, "10.77.10.50"),
    ],
    ids=[
        "in flight",
        "the other end",
        "forged",
        "an older flow",
        "an older session",
        "the other end's answer",
        "answered before",
        "no act",
        "somebody else",
    ],
)
def test_what_proves_nothing_does_not_contradict(harmless: Event):
    assert watched(SITE, EFFECT, (harmless,)).contradiction == ""


@pytest.mark.parametrize("state", sorted(set(EffectState) - {EffectState.STANDING}))
def test_only_what_stands_is_watched(state: EffectState):
    effect = replace(EFFECT, state=state)
    assert watched(SITE, effect, (event(WS1, PLC1), event(HMI1, PLC1))).effect is effect


@pytest.mark.parametrize(
    ("target", "seen", "is_denied"),
    [
        (HOST, event(WS1, "10.9.9.9"), True),
        (HOST, event("10.9.9.9", "fd00:77:10::10"), True),
        (HOST, event(EWS1, PLC1), False),
        (FLOW, event(WS1, PLC1), True),
        (FLOW, event(PLC1, WS1, sport=502, port=40000), True),
        (FLOW, event(WS1, PLC1, port=80), False),
        (FLOW, event(WS1, PLC1, transport="udp"), False),
        (FLOW, event(PLC1, WS1, port=502), False),
        (CONDUIT, event("10.77.20.40", PLC1), True),
        (CONDUIT, event(PLC1, "10.77.20.40"), True),
        (CONDUIT, event(HIST1, PLC1), False),
        (CONDUIT, event(PLC1, HIST1, sport=502, port=40000), False),
        (CONDUIT, event(HIST1, PLC1, port=22), True),
        (CONDUIT, event("10.77.20.40", HIST1), False),
        (CONDUIT, event("10.77.20.40", "fd00:77:30::21"), False),
    ],
)
def test_what_a_target_forbids(target: Target, seen: Event, is_denied: bool):
    assert denied(target, seen) is is_denied


def test_events_without_ends_are_nobodys_traffic():
    nobody = replace(event(WS1, PLC1), src=None)
    assert not denied(HOST, nobody)
    assert watched(SITE, EFFECT, (nobody, replace(event(WS1, PLC1), dst=None))).effect is EFFECT


def polls(seen: int, pace: int = SECOND) -> dict[str, ProcessState]:
    return {"filling": ProcessState(polls={"hmi1>plc1": seen, "hist1>plc1": 0}, every={"hmi1>plc1": pace})}


@pytest.mark.parametrize("pace", [SECOND // 2, SECOND, 4 * SECOND, 30 * SECOND])
def test_a_view_is_lost_where_it_kept_its_pace_and_its_sensor_still_speaks(pace: int):
    patience = polls(NOW, pace)["filling"].patience("hmi1>plc1")
    assert patience == max(3 * SECOND, 3 * pace)
    now = NOW + patience + SECOND
    assert views_lost(SITE, polls(NOW, pace), EFFECT, now, now) == ("hmi1>plc1",)
    assert views_lost(SITE, polls(NOW, pace), EFFECT, now - SECOND, now) == (), "the sensor fell silent too"
    assert views_lost(SITE, polls(now - patience, pace), EFFECT, now, now) == (), "it was seen just now"
    assert views_lost(SITE, polls(NOW - patience - 1, pace), EFFECT, now, now) == (), "it was gone before"
    late = NOW + SUSPECT + patience + 1
    assert views_lost(SITE, polls(NOW, pace), EFFECT, late, late) == (), "too long ago to be this effect's doing"
    assert views_lost(SITE, {}, EFFECT, now, now) == ()
    assert views_lost(SITE, polls(NOW, 0), EFFECT, now, now) == (), "nobody knows its pace"
    assert views_lost(SITE, polls(NOW, pace), replace(EFFECT, state=EffectState.ORDERED), now, now) == ()


HMI1_MAC = SITE.assets["hmi1"].mac


@pytest.mark.parametrize(
    ("target", "stands"),
    [
        (HOST, False),
        (HostTarget("hmi1", ()), True),
        (HostTarget("plc1", ()), True),
        (HostTarget("10.77.30.99", ("10.77.30.99", HMI1)), True),
        (HostTarget("10.77.30.99", ("10.77.30.99",), (HMI1_MAC,)), True),
        (HostTarget("pair", ("10.77.30.50",), ()), False),
        (FLOW, False),
        (FlowTarget("hmi1", "plc1", (HMI1,), (PLC1,), "tcp", 502), True),
        (FlowTarget("plc1", "hmi1", (PLC1,), (HMI1,), "tcp", 102), True),
        (FlowTarget("10.77.30.99", "plc1", ("10.77.30.99", HMI1), (PLC1,), "tcp", 502), True),
        (FlowTarget("hmi1", "plc2", (HMI1,), ("10.77.30.41",), "tcp", 502), False),
        (CONDUIT, False),
        (ConduitTarget("ot", "ot", (), (), ()), True),
    ],
)
def test_which_targets_stand_in_the_way_of_a_view(target: Target, stands: bool):
    assert stands_in(SITE, target, "hmi1>plc1") is stands


def test_what_a_hand_does_not_list_is_gone():
    at = NOW + 10 * SECOND
    lost = gone(EFFECT, said(at, Standing("lse-9", at)), NOW + SECOND, at)
    assert (lost.state, lost.ended) == (EffectState.LOST, at)
    assert gone(EFFECT, said(at, Standing("lse-1", at)), NOW + SECOND, at) is EFFECT
    assert gone(EFFECT, said(at), NOW - 1, at) is EFFECT, "asked before it was ordered"
    assert gone(EFFECT, said(EFFECT.until), NOW + SECOND, at) is EFFECT, "it has ended by its own time"
    waiting = replace(EFFECT, state=EffectState.ORDERED)
    assert gone(waiting, said(at), NOW + SECOND, at) is waiting


def test_what_was_ordered_before_the_clock_was_set_back_is_not_believed_for_an_hour():
    back = EFFECT.since - 3600 * SECOND
    assert gone(EFFECT, said(back + 1), back, back + 2).state == EffectState.LOST


def said(at: int, *standing: Standing) -> Response:
    return Response(command="cmd-q", hand="gateway", status=Status.DONE, held=True, at=at, standing=standing)


def test_an_effect_ends_with_its_time():
    assert expired(EFFECT, EFFECT.until - 1) is EFFECT
    over = expired(EFFECT, EFFECT.until)
    assert (over.state, over.ended, over.why) == (EffectState.EXPIRED, EFFECT.until, "its lease ended")
    never = expired(replace(EFFECT, state=EffectState.ORDERED), EFFECT.until)
    assert (never.state, never.why) == (EffectState.FAILED, "its hand never answered")
    assert expired(replace(EFFECT, why="not renewed: x"), EFFECT.until).why == "not renewed: x"
    ended = replace(EFFECT, state=EffectState.RELEASED)
    assert expired(ended, EFFECT.until) is ended


@pytest.mark.parametrize(
    ("target", "zones"),
    [
        (HOST, ["office"]),
        (FLOW, ["office", "ot"]),
        (CONDUIT, ["dmz", "ot"]),
        (HostTarget("x", ("192.0.2.1", "junk")), [""]),
    ],
)
def test_the_zones_that_an_act_lies_in(target: Target, zones: list[str]):
    assert list(zones_of(SITE, target)) == zones


def test_an_address_that_is_none_lies_nowhere():
    assert not denied(CONDUIT, event("junk", PLC1))
