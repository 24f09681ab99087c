"""The right target: whoever is on a wire frames nobody, frees nobody, and stops no line by what he forges there.

Lines as Suricata writes them with ``ethernet: yes``: an office host is seen on its own segment first, then behind the
router on the controllers'.
"""

from typing import Any

import pytest

from tercio.drills.range.topology import FLOATING, HOSTS, mac_of
from tercio.loop.state import Turn
from tercio.model.commands import Action, ConduitTarget, HostTarget, Standing
from tercio.model.incidents import Status
from tercio.model.units import SECOND, timestamp
from tests.loop.given import EWS1, HANDSHAKE, HIST1, HMI1, PLC1, WS1, Desk, alert, eve, flow, poll, reply

GATE_OFFICE, GATE_OT = mac_of("10.77.10.1"), mac_of("10.77.30.1")
MAC = {name: host.mac for name, host in HOSTS.items()}
WS1_6, THIEF, STRANGER = HOSTS["ws1"].address6, "02:00:00:00:06:66", "02:00:00:00:07:77"
X4, X6 = "10.77.10.66", "fd00:77:10::66"


def framed(line: bytes, src: str, dst: str) -> bytes:
    """The line with the link addresses of its frame."""
    return line[:-2] + f',"ether":{{"src_mac":"{src}","dest_mac":"{dst}"}}}}\n'.encode()


def watched(at: int, running: bool = True) -> bytes:
    return framed(poll(at, running), MAC["hmi1"], MAC["plc1"])


def seen_twice(at: int, address: str, mac: str, sport: int, dst: str = PLC1) -> tuple[bytes, bytes]:
    """An office machine opens a session, which its own segment shows, and writes, which the controllers' shows."""
    began = {"flow": {"start": timestamp(at).replace("Z", "+0000")}}
    home = eve("alert", at, address, dst, sport=sport, alert=_said(HANDSHAKE), **began)
    there = eve("alert", at, address, dst, sport=sport, alert=_said(9200003), **began)
    return framed(home, mac, GATE_OFFICE), framed(there, GATE_OT, MAC["plc1"])


def _said(sid: int) -> dict[str, Any]:
    return {"action": "allowed", "signature_id": sid, "metadata": {"provenance": ["established"]}}


def see(desk: Desk, *lines: bytes) -> Turn:
    """A second later, beside the operator's own poll."""
    return desk.take(watched(desk.now + SECOND), *lines, after=SECOND)


def ready() -> Desk:
    desk = Desk()
    desk.take(watched(desk.now))
    return desk


def contained(address: str = WS1, mac: str = MAC["ws1"]) -> Desk:
    desk = ready()
    see(desk, *seen_twice(desk.now, address, mac, 41000))
    desk.answer()
    return desk


def hosts(desk: Desk) -> list[HostTarget]:
    return [e.target for _, e in sorted(desk.state.effects.items()) if isinstance(e.target, HostTarget)]


def test_the_intruder_is_refused_with_all_addresses_and_his_link_address() -> None:
    assert hosts(contained()) == [HostTarget("ws1", (WS1, WS1_6), (MAC["ws1"],))]


def test_who_writes_in_a_neighbours_name_has_nobody_contained() -> None:
    """Two wires, three forgers: the neighbour in the office, one of the controllers' zone, one that nobody lists."""
    desk = ready()
    for number, (src, dst) in enumerate(((THIEF, GATE_OFFICE), (MAC["ews1"], MAC["plc1"]), (THIEF, MAC["plc1"]))):
        write = eve("alert", desk.now, WS1, PLC1, sport=42000 + number, alert=_said(9200003))
        see(desk, framed(write, src, dst))
    see(desk, framed(alert(desk.now, HMI1, PLC1), MAC["ews1"], MAC["plc1"]))
    assert not desk.orders
    assert not any("ws1" in i.proven or "hmi1" in i.proven for i in desk.state.incidents.values())
    titles = {told["finding"]["title"] for told in desk.records("finding")}
    assert "An address is used from two machines" in titles


def test_a_session_stolen_behind_the_router_is_its_own_machines() -> None:
    """A neighbour took the address and the router passes his session on: it happened, and no host is refused for it."""
    desk = ready()
    desk.take(*seen_twice(desk.now, WS1, MAC["ws1"], 41000, EWS1)[:1])
    see(desk, *seen_twice(desk.now, WS1, THIEF, 42000))
    assert {name for i in desk.state.incidents.values() for name in i.proven} == {f"{WS1}@unknown"}
    assert [c.target for c in desk.orders if isinstance(c.target, HostTarget)] == []
    assert desk.orders, "who doubles his link address does not go on for ever"


@pytest.mark.parametrize("claimed", [False, True], ids=["a packet in each session", "and a session before"])
def test_who_has_two_link_addresses_cannot_unprove_what_he_does(claimed: bool) -> None:
    desk = ready()
    if claimed:
        other = eve("alert", desk.now, WS1, HOSTS["ws2"].address4, sport=39999, alert=_said(HANDSHAKE))
        see(desk, framed(other, THIEF, MAC["ws2"]))
    home, there = seen_twice(desk.now, WS1, MAC["ws1"], 41000)
    began = {"flow": {"start": timestamp(desk.now).replace("Z", "+0000")}}
    forged = {**_said(9200002), "metadata": {"provenance": ["forgeable"]}}
    packet = eve("alert", desk.now, WS1, PLC1, sport=41000, alert=forged, **began)
    see(desk, home, framed(packet, THIEF, GATE_OFFICE), there)
    assert [c.target for c in desk.orders] == [HostTarget("ws1", (WS1, WS1_6), (MAC["ws1"],))]


def test_a_stranger_in_both_families_is_one_source_and_refused_on_both() -> None:
    desk = ready()
    for number, address in enumerate((X4, X6)):
        sink = PLC1 if address == X4 else HOSTS["plc1"].address6
        see(desk, seen_twice(desk.now, address, STRANGER, 43000 + number, sink)[0])
    see(desk, *seen_twice(desk.now, X4, STRANGER, 44000))
    assert [c.target for c in desk.orders] == [HostTarget(X4, (X4, X6), (STRANGER,))]


def test_a_router_is_never_refused_whatever_passes_it() -> None:
    desk = contained()
    assert not {GATE_OT, GATE_OFFICE} & {mac for host in hosts(desk) for mac in host.macs}


@pytest.mark.parametrize("role", ["jump1", "pair"])
def test_what_many_share_is_never_refused_as_a_host(role: str) -> None:
    desk = ready()
    address, mac = (HOSTS["jump1"].address4, GATE_OT) if role == "jump1" else (FLOATING, MAC["hmi2"])
    see(desk, framed(alert(desk.now, address, PLC1), mac, MAC["plc1"]))
    (decision,) = [record["decision"] for record in desk.records("decision")]
    reasons = {r["candidate"]["verb"]: r["reason"] for r in decision["removed"]}
    assert reasons["block host"] == f"many stand behind {role}'s address"
    assert "block flow" in {c["verb"] for c in decision["candidates"]}
    assert not any(isinstance(c.target, HostTarget) for c in desk.orders)


def ack(at: int, address: str, to: str, by: str = GATE_OFFICE, server: str = "10.77.10.1") -> bytes:
    said = {"type": "reply", "dhcp_type": "ack", "client_mac": to, "assigned_ip": address}
    line = eve("dhcp", at, server, address, sport=67, dport=68, proto="UDP", dhcp=said)
    return framed(line.replace(b'"proto":"TCP"', b'"proto":"UDP"'), by, to)


def moved(desk: Desk, address: str, to: str, *, by: str = GATE_OFFICE, sport: int = 45000) -> None:
    """A server gives the address away, and its new machine opens a session among its neighbours."""
    see(desk, ack(desk.now, address, to, by))
    if desk.orders:
        desk.answer()
    began = {"flow": {"start": timestamp(desk.now).replace("Z", "+0000")}}
    see(
        desk, framed(eve("alert", desk.now, address, WS1, sport=sport, alert=_said(HANDSHAKE), **began), to, MAC["ws1"])
    )


def test_an_address_that_moves_is_free_in_the_same_turn_and_the_machine_stays_refused() -> None:
    desk = contained(X4, STRANGER)
    assert desk.effect.target == HostTarget(X4, (X4,), (STRANGER,))
    see(desk, ack(desk.now, X4, MAC["ws2"]))
    (order,) = desk.orders
    assert (order.action, order.target) == (Action.DENY, HostTarget(X4, (), (STRANGER,)))
    assert order.until <= desk.effect.until
    desk.answer()
    assert desk.effect.target == order.target
    assert f"{X4} moved to another machine" in desk.effect.why
    moved(desk, X4, MAC["ws2"])
    assert not desk.orders
    see(desk, *seen_twice(desk.now, X4, MAC["ws2"], 47000)[:1])
    assert not desk.orders, "it is let go once"


def test_an_effect_of_which_nothing_is_left_ends_and_says_why() -> None:
    desk = ready()
    write = framed(alert(desk.now, X4, PLC1), GATE_OT, MAC["plc1"])
    see(desk, write)
    desk.answer()
    assert hosts(desk) == [HostTarget(X4, (X4,))], "nobody saw whose machine it is"
    moved(desk, X4, STRANGER)
    assert not desk.orders, "a word to himself frees nobody"
    moved(desk, X4, MAC["ws2"], sport=46000)
    (order,) = desk.orders
    assert order.action is Action.CANCEL
    desk.answer()
    assert not desk.state.effects
    assert desk.records("effect")[-1]["why"] == f"{X4} moved to another machine"
    assert desk.incident.status == Status.RELEASED


def test_the_new_owner_is_not_blamed_for_what_the_old_one_did() -> None:
    desk = contained(X4, STRANGER)
    moved(desk, X4, MAC["ws2"])
    desk.answer()
    assert {name for i in desk.state.incidents.values() for name in i.proven} == {X4}
    see(desk, *seen_twice(desk.now, X4, MAC["ws2"], 46000))
    (order,) = desk.orders
    assert isinstance(order.target, HostTarget)
    assert order.target.asset == "ws2", "its own act is its own"


@pytest.mark.parametrize("victim", [PLC1, HMI1, EWS1, WS1])
@pytest.mark.parametrize("server", ["10.77.10.1", "10.77.30.1"])
def test_a_forged_word_of_the_server_frees_nobody_and_turns_no_order_on_the_line(victim: str, server: str) -> None:
    desk = contained()
    before = desk.effect.target
    by = mac_of(server)
    for number in range(4):
        see(desk, ack(desk.now, victim, THIEF, by, server), *seen_twice(desk.now, WS1, MAC["ws1"], 46000 + number))
        assert not any(isinstance(c.target, HostTarget) and victim in c.target.addresses for c in desk.orders)
        if desk.orders:
            desk.answer()
    assert desk.effect.target == before
    polls = desk.state.memory.processes["filling"].polls
    assert desk.now - polls["hmi1>plc1"] < 2 * SECOND, "the operator's view is still seen"


@pytest.mark.parametrize(
    "lie",
    [
        lambda at: ack(at, WS1, STRANGER, by=MAC["ws1"]),
        lambda at: ack(at, WS1, STRANGER, by=MAC["ws1"], server=WS1),
        lambda at: ack(at, WS1, STRANGER, server="10.77.10.99"),
        lambda at: framed(alert(at, WS1, EWS1, HANDSHAKE, sport=48000), STRANGER, GATE_OFFICE),
        lambda at: framed(alert(at, WS1, PLC1, 9200002, "forgeable"), STRANGER, GATE_OFFICE),
    ],
    ids=["in the server's name", "as a server", "by a server nobody lists", "a session of another", "a packet"],
)
def test_nobody_moves_his_own_address_out_of_a_block(lie: Any) -> None:
    desk = contained()
    before = desk.effect.target
    see(desk, lie(desk.now))
    assert not desk.orders
    assert desk.effect.target == before


def doubted(desk: Desk, *lines: bytes) -> None:
    """The lines come, the hand is asked and finds everything standing."""
    desk.pass_time(6 * SECOND)
    turn = desk.take(*lines)
    asked = [c for c in turn.orders if c.action is Action.QUERY]
    effect = desk.effect
    standing = (Standing(effect.lease, effect.until),)
    desk.take(responses=tuple(reply(c, desk.now, standing=standing) for c in asked))


def later(desk: Desk, src: str, dst: str) -> bytes:
    """A session in the intruder's name that began and completed just now."""
    return framed(flow(desk.now + 5 * SECOND, desk.now + 6 * SECOND, WS1, PLC1), src, dst)


@pytest.mark.parametrize("own", [MAC["ews1"], THIEF, GATE_OT], ids=["a listed machine", "a stranger", "the router"])
def test_a_second_foothold_on_the_controllers_wire_talks_nobody_free(own: str) -> None:
    desk = contained()
    doubted(desk, later(desk, own, MAC["plc1"]))
    assert not [c for c in desk.orders if c.action is Action.CANCEL]
    assert desk.effect.state == "standing"


def test_what_the_denied_machine_itself_still_does_is_believed() -> None:
    desk = contained()
    doubted(desk, later(desk, MAC["ws1"], GATE_OFFICE))
    assert [c.action for c in desk.orders] == [Action.CANCEL]


def test_a_controllers_voice_from_another_machine_stops_no_line() -> None:
    desk = ready()
    for _ in range(10):
        lie = framed(poll(desk.now, running=False), MAC["hmi1"], THIEF)
        desk.take(lie, framed(poll(desk.now, running=False), THIEF, MAC["plc1"]), after=SECOND)
    assert desk.state.memory.processes["filling"].running, "what they said was not read"
    assert not desk.state.memory.processes["filling"].stopped(desk.now)


def test_a_line_stops_by_what_is_read_again_and_again() -> None:
    desk = ready()
    for number in range(3):
        assert not desk.state.memory.processes["filling"].stopped(desk.now), number
        desk.take(watched(desk.now + SECOND, running=False), after=SECOND)
    assert desk.state.memory.processes["filling"].stopped(desk.now)


def test_one_machine_costs_one_act_however_often_it_is_refused() -> None:
    desk = contained()
    acts = desk.state.memory.acts
    assert {zone: len(at) for zone, at in acts.items()} == {"office": 1}
    for _ in range(3):
        turn = desk.take(watched(desk.now + 6 * SECOND), after=6 * SECOND)
        asked = [c for c in turn.orders if c.action is Action.QUERY]
        desk.take(responses=tuple(reply(c, desk.now, standing=()) for c in asked))
        assert [c.target for c in desk.orders] == [HostTarget("ws1", (WS1, WS1_6), (MAC["ws1"],))], (
            "lost, and refused anew"
        )
        desk.answer()
    assert desk.state.memory.acts == acts


@pytest.mark.parametrize("victim", [HMI1, "10.77.30.51", "10.77.30.42", EWS1, "10.77.20.11"])
def test_who_is_written_to_is_not_refused_with_the_intruder(victim: str) -> None:
    desk = ready()
    see(desk, alert(desk.now, X4, victim))
    refused = {host.asset for host in hosts(desk)}
    assert refused <= {X4}


def test_who_takes_a_link_address_for_each_act_ends_in_a_closed_conduit() -> None:
    """One foothold in the office, and more machines of his than acts are allowed in an hour."""
    desk = ready()
    most = desk.content.limits.acts_per_hour
    for number in range(most + 1):
        see(desk, *seen_twice(desk.now, f"10.77.10.{100 + number}", f"02:00:00:00:aa:{number:02x}", 41000 + number))
        desk.answer()
    (shut,) = [e.target for e in desk.state.effects.values() if isinstance(e.target, ConduitTarget)]
    assert (shut.src_zone, shut.dst_zone) == ("office", "ot")


def met(desk: Desk, src: str, dst: str, mac: str, sport: int, to: str = MAC["plc1"]) -> Turn:
    """A session on the controllers' own segment, and a write in it."""
    began = {"flow": {"start": timestamp(desk.now).replace("Z", "+0000")}}
    lines = (eve("alert", desk.now, src, dst, sport=sport, alert=_said(sid), **began) for sid in (HANDSHAKE, 9200003))
    return see(desk, *(framed(line, mac, to) for line in lines))


@pytest.mark.parametrize(
    ("src", "dst", "macs"),
    [
        ("fe80::77", "fe80::a4d:1e15", (STRANGER,)),
        ("fe80::77", HOSTS["plc1"].address6, (STRANGER,)),
        ("192.168.55.5", PLC1, ()),
    ],
)
def test_who_comes_from_no_listed_network_is_refused_all_the_same(src: str, dst: str, macs: tuple[str, ...]) -> None:
    desk = ready()
    met(desk, src, dst, STRANGER, 44000)
    assert [c.target for c in desk.orders] == [HostTarget(src, (src,), macs)]
    assert desk.incident.reached == ((src, "plc1", "tcp/502"),)


def test_where_neither_end_is_known_people_are_asked() -> None:
    desk = ready()
    lines = (eve("alert", desk.now, "fe80::77", "fe80::a4d:1e15", alert=_said(sid)) for sid in (HANDSHAKE, 9200003))
    see(desk, *lines)
    assert not desk.orders
    assert desk.records("decision")[-1]["decision"]["chosen"]["title"] == "ask"


@pytest.mark.parametrize("victim", ["ews1", "hmi2", "rio1"])
def test_a_stolen_link_address_alone_frames_nobody(victim: str) -> None:
    desk = ready()
    own = eve("alert", desk.now, HOSTS[victim].address4, HIST1, sport=43000, dport=443, alert=_said(HANDSHAKE))
    see(desk, framed(own, MAC[victim], GATE_OT))
    met(desk, "10.77.30.99", PLC1, MAC[victim], 44000)
    assert [c.target for c in desk.orders] == [HostTarget(f"10.77.30.99@{MAC[victim]}", ("10.77.30.99",))]
