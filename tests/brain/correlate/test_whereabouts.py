"""Who is where: proof by machine, and the lies about it."""

from typing import Any

import pytest

from tercio.brain.correlate.whereabouts import (
    MOST_FLOWS,
    MOST_HOMES,
    MOST_ROUTERS,
    TOLD_AGAIN,
    Census,
)
from tercio.model.events import Assignment, Endpoint, Event, Provenance, Reading
from tercio.model.findings import Finding
from tercio.model.site import Asset, Site
from tercio.model.units import SECOND
from tercio.model.whereabouts import (
    MOST_ADDRESSES,
    NOWHERE,
    PROOF_AGE,
    UNKNOWN,
    Whereabouts,
    index_of,
    machine_of,
    met,
    name_of,
)
from tests.brain.given import ASSETS, NOON, replace, site

FORGED, PROVEN = Provenance.FORGEABLE, Provenance.ESTABLISHED


def mac(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


GATE_OFFICE, GATE_OT, THIEF, NEW = mac(0x101), mac(0x301), mac(0x666), mac(0x777)
WS1, HMI1, PLC1, PLC6 = "10.1.0.1", "10.3.0.21", "10.3.0.31", "fd00:3::1f"
MACS = {name: mac(number) for number, name in enumerate(("ws1", "hist1", "hmi1", "plc1", "ews1"), 1)}
GATE = Asset("gate", ("10.3.0.254",), "ot", "gateway", GATE_OT)
LISTED = tuple(replace(asset, mac=MACS.get(asset.name, "")) for asset in ASSETS)
PLANT = site(assets=(*LISTED, GATE))


def event(src: str, dst: str, macs: tuple[str, str] = ("", ""), at: int = 0, **more: Any) -> Event:
    whole = {"provenance": PROVEN, "kind": "alert", "flow": "", "source": "ot", **more}
    return Event(
        id=f"evt-{src}>{dst}-{at}", generation="g", offset=0, product="suricata", class_uid=0, time=NOON + at,
        began=NOON + at, until=NOON + at, received=NOON + at, src=Endpoint(src, 40000, macs[0]),
        dst=Endpoint(dst, 502, macs[1]), **whole,
    )  # fmt: skip


class Desk:
    """Takes one event after the other, as turns would."""

    def __init__(self, plant: Site = PLANT) -> None:
        self.plant, self.at = plant, NOWHERE
        self.findings: list[Finding] = []

    def take(self, *args: Any, **more: Any) -> Event:
        before, kept = self.at, str(self.at)
        census = Census(self.plant, self.at)
        result = census.take(event(*args, **more))
        assert str(before) == kept, "what was given is what it was"
        self.at, self.findings = census.at, [*self.findings, *census.findings]
        return result

    def local(self, src: str, dst: str, macs: tuple[str, str], **more: Any) -> Event:
        return self.take(src, dst, macs, **more)


READ = (Reading(PLC1, 1, "coil", 0, 1),)
POLL = (HMI1, PLC1, (MACS["hmi1"], MACS["plc1"]))


def test_a_sensor_without_link_addresses_is_believed_as_it_was() -> None:
    desk = Desk()
    seen = desk.take(WS1, PLC1)
    assert seen == event(WS1, PLC1)
    assert desk.at is NOWHERE


def test_a_session_on_its_own_segment_proves_its_machine() -> None:
    desk = Desk()
    seen = desk.take(*POLL)
    assert (seen.provenance, seen.machine) == (PROVEN, MACS["hmi1"])
    assert desk.at.homes[HMI1].mac == MACS["hmi1"]


def test_who_plays_both_ends_in_a_neighbours_name_frames_nobody() -> None:
    desk = Desk()
    framed = desk.take(HMI1, PLC1, (THIEF, MACS["plc1"]))
    assert framed.provenance == FORGED
    assert [(f.src, f.provenance, f.dst) for f in desk.findings] == [(HMI1, FORGED, ())]
    assert desk.take(*POLL, at=SECOND).provenance == PROVEN, "the neighbour's own work goes on"
    assert name_of(PLANT, desk.at, HMI1, framed.machine) != "hmi1"
    desk.take(HMI1, PLC1, (THIEF, MACS["plc1"]), at=2 * SECOND)
    assert len(desk.findings) == 1, "said once an hour"
    desk.take(HMI1, PLC1, (THIEF, MACS["plc1"]), at=TOLD_AGAIN)
    assert len(desk.findings) == 2


def test_whose_link_address_the_site_lists_is_named_whatever_address_he_uses() -> None:
    desk = Desk()
    framed = desk.take(HMI1, PLC1, (MACS["ews1"], MACS["plc1"]))
    assert (framed.provenance, name_of(PLANT, desk.at, HMI1, framed.machine)) == (FORGED, "ews1")


def test_what_another_machine_answers_in_a_controllers_name_was_not_read() -> None:
    reading = (Reading(PLC1, 1, "coil", 0, 0),)
    desk = Desk()
    seen = desk.take(HMI1, PLC1, (MACS["hmi1"], THIEF), readings=reading)
    assert (seen.readings, seen.provenance) == ((), PROVEN)
    assert [f.src for f in desk.findings] == [PLC1]
    assert desk.take(*POLL, readings=reading).readings == reading
    assert desk.take(HMI1, PLC1, (THIEF, MACS["plc1"]), readings=reading).readings == ()


def test_behind_a_router_its_link_address_says_nothing_of_the_host() -> None:
    desk = Desk()
    seen = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]))
    assert (seen.provenance, seen.machine) == (PROVEN, ""), "nobody saw which machine it is"
    assert not desk.findings
    assert WS1 not in desk.at.homes


def test_who_plays_a_host_of_another_zone_on_the_controllers_wire_frames_nobody() -> None:
    """The site lists the router there, so everything else speaks for itself."""
    desk = Desk()
    for own in (MACS["ews1"], THIEF):
        framed = desk.take(WS1, PLC1, (own, MACS["plc1"]))
        assert (framed.provenance, framed.machine) == (FORGED, own)
    assert desk.at.routers == ()
    assert [f.src for f in desk.findings] == [WS1, WS1]


def test_a_router_that_the_site_does_not_list_is_known_by_whom_it_brings() -> None:
    desk = Desk(site(assets=LISTED))
    seen = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]))
    assert (seen.provenance, desk.at.routers, desk.findings) == (PROVEN, (GATE_OT,), [])
    desk.take(WS1, PLC1, (MACS["ws1"], GATE_OFFICE))
    assert desk.at.routers == (GATE_OFFICE, GATE_OT)
    framed = desk.take(WS1, PLC1, (MACS["ews1"], MACS["plc1"]))
    assert MACS["ews1"] not in desk.at.routers, "a machine that is known plays no router"
    assert (framed.provenance, framed.machine) == (FORGED, MACS["ews1"])


def test_what_anybody_can_send_teaches_nothing() -> None:
    desk = Desk(site(assets=LISTED))
    desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), provenance=FORGED)
    desk.take("10.3.0.99", PLC1, (THIEF, MACS["plc1"]), provenance=FORGED)
    assert (desk.at.routers, desk.at.homes) == ((), {})


def routed(desk: Desk, src: str, own: str, *, at: int = 0, flow: str = "1:a", provenance: Provenance = PROVEN) -> Event:
    """Seen at home, then behind the router, as one session."""
    desk.take(src, PLC1, (own, GATE_OFFICE), at=at, flow=flow, provenance=provenance)
    return desk.take(src, PLC1, (GATE_OT, MACS["plc1"]), at=at, flow=flow)


def test_a_session_seen_at_home_is_its_machines_behind_the_router_too() -> None:
    desk = Desk()
    own = routed(desk, WS1, MACS["ws1"])
    assert (own.provenance, own.machine) == (PROVEN, MACS["ws1"])
    assert desk.take(WS1, PLC1, (THIEF, GATE_OFFICE), at=SECOND, flow="1:b").provenance == FORGED
    framed = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), at=SECOND, flow="1:b", readings=READ)
    assert (framed.provenance, framed.machine, framed.readings) == (PROVEN, UNKNOWN, ()), "it happened all the same"
    again = routed(desk, WS1, MACS["ws1"], flow="1:c", at=2 * SECOND)
    assert again.provenance == PROVEN, "his own sessions, seen at home, still prove what he does"
    unseen = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), at=3 * SECOND, flow="1:d")
    assert (unseen.provenance, unseen.machine) == (PROVEN, UNKNOWN), "two use the address, and nobody saw whose it is"
    later = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), at=2 * PROOF_AGE, flow="1:e")
    assert (later.provenance, later.machine) == (PROVEN, "")


def test_a_view_behind_a_router_is_read_while_another_machine_claims_its_address() -> None:
    desk = Desk()
    routed(desk, WS1, MACS["ws1"])
    desk.take(WS1, "10.1.0.2", (THIEF, NEW), at=SECOND)
    seen = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), at=2 * SECOND, flow="1:b", readings=READ)
    assert (seen.provenance, seen.machine, seen.readings) == (PROVEN, UNKNOWN, READ)


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_no_packet_that_anybody_can_send_makes_a_proven_session_nobodys(first: bool) -> None:
    desk = Desk()
    for lie in ((first, THIEF, FORGED), (True, MACS["ws1"], PROVEN), (not first, THIEF, FORGED), (True, THIEF, PROVEN)):
        if lie[0]:
            desk.take(WS1, PLC1, (lie[1], GATE_OFFICE), flow="1:a", provenance=lie[2])
    seen = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), flow="1:a")
    assert (seen.provenance, seen.machine) == (PROVEN, MACS["ws1"])


def test_a_packet_lends_nobodys_machine_to_a_session_of_an_address_that_has_none() -> None:
    desk = Desk()
    desk.take(*POLL)
    desk.take(X4, PLC1, (MACS["ews1"], GATE_OFFICE), flow="1:a", provenance=FORGED)
    assert desk.take(X4, PLC1, (GATE_OT, MACS["plc1"]), flow="1:a").machine == ""


def test_a_session_of_which_only_another_machines_packet_was_seen_is_an_unknown_ones() -> None:
    desk = Desk()
    routed(desk, WS1, MACS["ws1"])
    desk.take(WS1, PLC1, (THIEF, GATE_OFFICE), flow="1:b", provenance=FORGED)
    seen = desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), flow="1:b")
    assert (seen.provenance, seen.machine) == (PROVEN, UNKNOWN)
    assert name_of(PLANT, desk.at, WS1, seen.machine) == f"{WS1}@unknown"
    assert name_of(PLANT, desk.at, PLC1, UNKNOWN) == f"{PLC1}@unknown"


def test_nobody_takes_a_session_from_its_machine_with_what_anybody_can_send() -> None:
    desk = Desk()
    routed(desk, WS1, MACS["ws1"])
    desk.take(WS1, PLC1, (THIEF, GATE_OFFICE), flow="1:a", provenance=FORGED)
    assert desk.take(WS1, PLC1, (GATE_OT, MACS["plc1"]), flow="1:a").provenance == PROVEN


def test_a_record_without_its_frame_proves_nothing_on_a_segment_where_frames_are_seen() -> None:
    desk = Desk()
    desk.take(*POLL, flow="1:a")
    assert desk.take(HMI1, PLC1, flow="1:b").provenance == FORGED
    assert desk.take(HMI1, PLC1, flow="1:a").provenance == PROVEN, "its session was seen with one"


X4, X6 = "10.1.0.66", "fd00:1::66"


L1, LP = "fe80::77", "fe80::a03:31"


def test_a_link_local_address_is_its_machines_and_who_turns_to_it_turns_to_that_machine() -> None:
    desk = Desk()
    seen = desk.take(L1, LP, (NEW, MACS["plc1"]), flow="1:x")
    assert (seen.provenance, seen.machine) == (PROVEN, NEW)
    assert (met(PLANT, desk.at, LP), name_of(PLANT, desk.at, L1, NEW)) == ("plc1", L1)
    desk.take("10.3.0.66", PLC1, (NEW, MACS["plc1"]), flow="1:y", at=SECOND)
    assert name_of(PLANT, desk.at, "10.3.0.66", NEW) == L1, "one machine in both families"


def test_a_stolen_link_address_alone_names_nobody() -> None:
    """A stranger takes a station's link address and an address of his own."""
    desk = Desk()
    desk.take("10.3.0.32", PLC1, (MACS["ews1"], MACS["plc1"]))
    ews1 = next(a for a in PLANT.assets["ews1"].addresses if ":" not in a)
    desk.take(ews1, PLC1, (MACS["ews1"], MACS["plc1"]), at=SECOND)
    for mac_ in (MACS["ews1"], ""):
        assert name_of(PLANT, desk.at, "10.3.0.32", mac_) == f"10.3.0.32@{MACS['ews1']}"
    index = index_of(desk.at)
    borrowed = machine_of(PLANT, desk.at, index, f"10.3.0.32@{MACS['ews1']}", ("10.3.0.32",))
    assert (borrowed.addresses, borrowed.macs) == (("10.3.0.32",), ())
    assert name_of(PLANT, desk.at, ews1, MACS["ews1"]) == "ews1"


def test_a_listed_machine_that_has_only_a_new_address_is_itself() -> None:
    desk = Desk()
    desk.take("10.3.0.32", PLC1, (MACS["ews1"], MACS["plc1"]))
    assert name_of(PLANT, desk.at, "10.3.0.32", MACS["ews1"]) == "ews1"


def test_a_stranger_in_both_families_is_one_machine() -> None:
    desk = Desk()
    routed(desk, WS1, MACS["ws1"])
    one, other = routed(desk, X4, NEW, flow="1:x"), routed(desk, X6, NEW, flow="1:y")
    assert one.machine == other.machine == NEW
    assert name_of(PLANT, desk.at, X4, one.machine) == name_of(PLANT, desk.at, X6) == X4


def test_an_address_moves_when_its_machine_was_silent_and_evidence_stays_behind() -> None:
    desk = Desk()
    routed(desk, WS1, MACS["ws1"])
    routed(desk, X4, NEW, flow="1:x")
    early = routed(desk, X4, THIEF, flow="1:y", at=PROOF_AGE)
    assert (early.machine, desk.at.homes[X4].mac) == (UNKNOWN, NEW)
    late = routed(desk, X4, THIEF, flow="1:z", at=PROOF_AGE + SECOND)
    home = desk.at.homes[X4]
    assert (late.provenance, home.mac, home.before, home.since) == (PROVEN, THIEF, NEW, NOON + PROOF_AGE + SECOND)
    assert name_of(PLANT, desk.at, X4, NEW) == X4
    assert name_of(PLANT, desk.at, X4) == f"{X4}@{THIEF}", "another machine has another name"


def test_an_address_whose_machine_the_site_lists_never_moves_by_itself() -> None:
    desk = Desk()
    routed(desk, WS1, MACS["ws1"])
    late = routed(desk, WS1, THIEF, flow="1:y", at=10 * PROOF_AGE)
    assert (late.machine, desk.at.homes[WS1].mac) == (UNKNOWN, MACS["ws1"])


def ack(desk: Desk, address: str, to: str, server: str = "10.3.0.254", by: str = GATE_OT, at: int = SECOND) -> None:
    assigned = Assignment(address, to)
    desk.take(server, address, (by, to), at=at, kind="dhcp", provenance=FORGED, assigned=assigned)


X3, Y3 = "10.3.0.66", "10.3.0.77"


def test_the_sites_own_server_lets_an_address_move_as_soon_as_its_new_machine_proves_it() -> None:
    desk = Desk()
    desk.local(X3, PLC1, (NEW, MACS["plc1"]))
    ack(desk, X3, THIEF)
    assert desk.at.homes[X3].mac == NEW, "a word that anybody may have sent"
    mine = desk.local(X3, PLC1, (THIEF, MACS["plc1"]), at=2 * SECOND)
    assert (mine.provenance, mine.machine) == (PROVEN, THIEF)
    assert (desk.at.homes[X3].mac, desk.at.homes[X3].before) == (THIEF, NEW)
    assert (desk.at.promised, desk.at.disputes) == ({}, {})


def test_a_servers_word_is_void_once_the_old_machine_proves_the_address_again() -> None:
    desk = Desk()
    desk.local(X3, PLC1, (NEW, MACS["plc1"]))
    ack(desk, X3, THIEF)
    desk.local(X3, PLC1, (NEW, MACS["plc1"]), at=2 * SECOND)
    assert desk.at.promised == {}
    assert desk.local(X3, PLC1, (THIEF, MACS["plc1"]), at=3 * SECOND).provenance == FORGED


@pytest.mark.parametrize("victim", [WS1, PLC1, HMI1, "10.1.0.66"])
def test_no_word_moves_what_the_site_has_placed_or_what_is_elsewhere(victim: str) -> None:
    """Listed with a link address; a controller or a view with one and without; an address of another network."""
    for plant in (PLANT, site(assets=(*ASSETS, GATE))):
        desk = Desk(plant)
        desk.local(*POLL)
        ack(desk, victim, THIEF)
        assert desk.at.promised == {}
        desk.local(victim, PLC1 if victim != PLC1 else HMI1, (THIEF, MACS["hmi1"]), at=2 * SECOND)
        assert victim not in (HMI1, PLC1) or desk.at.homes.get(victim) is None or desk.at.homes[victim].mac != THIEF


@pytest.mark.parametrize(
    ("server", "by"),
    [
        ("10.3.0.254", MACS["ws1"]),  # In the server's name, from the intruder's own machine.
        ("10.1.0.66", NEW),  # A server that nobody lists.
        (WS1, MACS["ws1"]),  # A listed machine that is no server.
        ("10.3.0.254", ""),
    ],
)
def test_nobody_else_moves_an_address(server: str, by: str) -> None:
    desk = Desk()
    desk.local(X3, PLC1, (NEW, MACS["plc1"]))
    ack(desk, X3, THIEF, server=server, by=by)
    assert desk.local(X3, PLC1, (THIEF, MACS["plc1"]), at=2 * SECOND).provenance == FORGED
    assert desk.at.homes[X3].mac == NEW


def test_a_flow_told_late_is_of_its_last_packet_and_its_machine_had_the_address_then() -> None:
    desk, address = Desk(), "10.3.0.77"
    desk.local(address, PLC1, (NEW, MACS["plc1"]))
    ack(desk, address, THIEF)
    desk.local(address, PLC1, (THIEF, MACS["plc1"]), at=2 * SECOND)
    for until, said, disputes in ((0, PROVEN, 0), (20 * SECOND, FORGED, 1)):
        told = event(address, PLC1, (NEW, MACS["plc1"]), at=20 * SECOND, kind="flow")
        census = Census(desk.plant, desk.at)
        assert census.take(replace(told, began=NOON, until=NOON + until)).provenance == said
        assert len(census.findings) == len(census.at.disputes) == disputes


def test_what_many_share_is_at_no_machine() -> None:
    floating = Asset("pair", ("10.3.0.77",), "ot", "hmi", shared=True)
    desk = Desk(site(assets=(*LISTED, floating)))
    for number in (1, 2):
        seen = desk.take("10.3.0.77", PLC1, (mac(0x900 + number), MACS["plc1"]), at=number)
        assert (seen.provenance, name_of(desk.plant, desk.at, "10.3.0.77", seen.machine)) == (PROVEN, "pair")
    assert not desk.findings
    assert "10.3.0.77" not in desk.at.homes


def test_memory_is_bounded_and_strangers_go_first() -> None:
    desk = Desk()
    desk.take(*POLL)
    census = Census(PLANT, desk.at)
    for number in range(MOST_HOMES + MOST_FLOWS):
        address = f"fd00:3::{number + 0x1000:x}"
        census.take(event(address, PLC6, (mac(number), MACS["plc1"]), at=number * 10, flow=f"1:{number}"))
    at = census.at
    assert (len(at.homes), len(at.flows)) == (MOST_HOMES, MOST_FLOWS)
    assert at.homes[HMI1].mac == MACS["hmi1"]
    assert "fd00:3::1000" not in at.homes
    assert len(at.names) <= MOST_HOMES


def test_one_machine_has_so_many_addresses_and_no_more() -> None:
    census = Census(PLANT, NOWHERE)
    for number in range(MOST_ADDRESSES + 5):
        census.take(event(f"fd00:3::{number + 0x1000:x}", PLC6, (NEW, MACS["plc1"]), at=number))
    assert sum(home.mac == NEW for home in census.at.homes.values()) == MOST_ADDRESSES


def test_routers_are_learnt_up_to_a_number() -> None:
    census = Census(site(assets=LISTED), Whereabouts(routers=tuple(mac(0x4000 + n) for n in range(MOST_ROUTERS))))
    census.take(event(WS1, PLC1, (MACS["ws1"], GATE_OFFICE)))
    assert len(census.at.routers) == MOST_ROUTERS
