"""The rules on a real kernel with real traffic: what they stop, what they must not touch, what they never send."""

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tercio.model.commands import Action, ConduitTarget, FlowTarget, HostTarget, NeededFlow, Response, Target
from tercio.model.units import SECOND
from tercio.products.effectors.nft_ruleset import PINNED, RULES, SETS, SIGNATURES, declaration, signature
from tests.products.field import Loop, Namespace, Served, command
from tests.products.plant import RST, Plant, Sink, four, six, until

NEVER = ("10.99.3.40", "fd00:99:3::40")
KEPT = ("10.99.2.131", "fd00:99:2::131")
"""Further addresses of one host, which keep their own traffic."""


@pytest.fixture(scope="module")
def plant(spaces: Callable[[], Namespace]) -> Plant:
    return Plant(spaces)


@pytest.fixture(scope="module")
def hand(plant: Plant, served: Callable[..., Served]) -> Served:
    return served(
        plant.gateway,
        settings=f"never = {list(NEVER)}\nnever_host = {list(KEPT)}\ntargets_per_hour = 1000\n",
        words=("--ready",),
    )


@pytest.fixture
def loop(hand: Served, plant: Plant) -> Iterator[Loop]:
    """A loop's wire to the hand; afterwards nothing stands and no connection is remembered."""
    line = hand.loop()
    yield line
    line.close()
    plant.hang_up()
    for name in SETS:
        if not name.startswith(PINNED):
            plant.gateway.nft(f"flush set inet tercio {name}")
    subprocess.run(plant.gateway.argv("conntrack", "-F"), capture_output=True, check=False)


@pytest.fixture
def plc(plant: Plant) -> Iterator[Sink]:
    sink = plant.listen("plc", 502)
    yield sink
    sink.close()


def deny(loop: Loop, target: Target, lease: str = "lse-1", **changes: Any) -> Response:
    response = loop.order(command(target, lease, **changes))
    assert response.held, response
    return response


def cancel(loop: Loop, target: Target, lease: str = "lse-1") -> Response:
    response = loop.order(command(target, lease, Action.CANCEL))
    assert response.held, response
    return response


def host(name: str) -> HostTarget:
    return HostTarget(name, (four(name), six(name)))


def talks(line: socket.socket, seconds: float = 5.0) -> bool:
    """Whether a question is answered."""
    try:
        line.settimeout(seconds)
        line.send(b"read")
        return line.recv(100).startswith(b"ok")
    except OSError:
        return False


def refused(plant: Plant, name: str, address: str) -> bool:
    """Whether a new connection is answered by a reset."""
    try:
        plant.connect(name, address, 502, 1.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def silent(plant: Plant, name: str, address: str, port: int = 502) -> bool:
    """Whether a new connection is not answered at all."""
    try:
        plant.connect(name, address, port, 0.3).close()
    except TimeoutError:
        return True
    return False


def test_every_rule_has_its_own_signature_and_the_chains_are_known() -> None:
    assert len(SIGNATURES) == len(RULES)
    assert signature("why", "drop") != signature("why", "accept")
    text = declaration(("10.0.0.0/8", "fd00::1"))
    assert "never4 { 10.0.0.0/8 }" in text
    assert "never6 { fd00::1 }" in text
    assert "never4 {  }" not in declaration(())


@pytest.mark.usefixtures("loop", "plc")
def test_without_elements_everything_passes(plant: Plant) -> None:
    for name in ("office", "hmi"):
        for address in (four("plc"), six("plc")):
            line = plant.connect(name, address, 502)
            assert talks(line)
            plant.gateway.run("conntrack -F")
            assert talks(line), "a flow that conntrack forgot must go on"
            line.close()
    ear, mouth = plant.udp("plc", 4000), plant.udp("office")
    mouth.sendto(b"x", (four("plc"), 4000))
    assert ear.recv(10) == b"x"


@pytest.mark.parametrize("version", [four, six])
@pytest.mark.parametrize("name", ["office", "ews"])
def test_a_denied_host_is_reset_and_the_other_end_gets_nothing(
    plant: Plant, loop: Loop, plc: Sink, name: str, version: Callable[[str], str]
) -> None:
    old, hmi = plant.connect(name, version("plc"), 502), plant.connect("hmi", version("plc"), 502)
    assert talks(old)
    deny(loop, host(name))
    watch, before = plant.watch("plc"), plc.got
    old.send(b"write")
    with pytest.raises(ConnectionResetError):
        old.recv(10)
    assert refused(plant, name, version("plc"))
    assert talks(hmi)
    seen = watch.tcp()
    assert any(source == version("hmi") for source, *_ in seen), "the watch itself must see"
    assert not [packet for packet in seen if packet[0] == version(name)]
    assert not [packet for packet in seen if packet[2] & RST]
    assert plc.got == before + b"read"


def test_what_others_send_to_a_denied_host_vanishes(plant: Plant, loop: Loop) -> None:
    ews = plant.listen("ews", 502)
    old = plant.connect("hmi", four("ews"), 502)
    assert talks(old)
    assert talks(plant.connect("hmi", six("ews"), 502)), "and now its neighbour is known"
    deny(loop, host("ews"))
    watch, denied = plant.watch("hmi"), plant.watch("ews")
    assert silent(plant, "hmi", four("ews"))
    assert silent(plant, "hmi", six("ews"))
    assert not talks(old, 0.5)
    assert not [packet for packet in watch.tcp() if packet[2] & RST], "no packet of ours to the other end"
    assert not denied.tcp(), "nothing of it reaches the denied"
    ews.close()


def test_other_protocols_of_a_denied_host_vanish(plant: Plant, loop: Loop) -> None:
    ear, mouth = plant.udp("plc", 4001), plant.udp("office")
    mouth.connect((four("plc"), 4001))
    mouth.send(b"before")
    assert ear.recv(10) == b"before"
    deny(loop, host("office"))
    mouth.send(b"after")
    with pytest.raises(TimeoutError):
        ear.recv(10)
    with pytest.raises(TimeoutError):  # an ICMP error would be raised here
        mouth.recv(10)


def test_broadcast_and_multicast_are_never_matched(plant: Plant, loop: Loop) -> None:
    group = "239.1.1.1"
    ear, mouth = plant.udp("hmi", 4002), plant.udp("ews", broadcast=True)
    member = socket.inet_aton(group) + socket.inet_aton(four("hmi"))
    ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(four("ews")))
    deny(loop, host("ews"))
    for address in ("10.99.2.255", "255.255.255.255", group):
        mouth.sendto(address.encode(), (address, 4002))
        assert ear.recv(100).decode() == address
    mouth.sendto(b"x", (four("hmi"), 4002))
    with pytest.raises(TimeoutError):
        ear.recv(10)


def test_multicast_of_ipv6_is_never_matched(plant: Plant, loop: Loop) -> None:
    group, number = "ff15::7", 4004

    def member() -> socket.socket:
        line = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        line.settimeout(5)
        line.bind(("::", number))
        index = socket.if_nametoindex("eth0")
        line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", index)
        line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        return line

    ear, mouth = plant.hosts["hmi"].inside(member), plant.hosts["ews"].inside(member)
    deny(loop, host("ews"))
    mouth.sendto(b"all", (group, number))
    assert ear.recv(10) == b"all"
    mouth.sendto(b"one", (six("hmi"), number))
    with pytest.raises(TimeoutError):
        ear.recv(10)


@pytest.mark.parametrize("never", NEVER)
def test_a_never_address_is_not_touched_even_if_an_element_says_so(plant: Plant, loop: Loop, never: str) -> None:
    length, via, family = (128, six("plc"), 6) if ":" in never else (32, four("plc"), 4)
    plant.hosts["plc"].run(f"ip addr add {never}/{length} dev eth0")
    plant.gateway.run(f"ip route add {never}/{length} via {via}")
    sink = plant.listen("plc", 503)
    plant.gateway.nft(f"add element inet tercio hosts{family} {{ {never} timeout 60s }}")
    line = plant.connect("office", never, 503)
    assert talks(line)
    deny(loop, host("office"))
    assert talks(line)
    assert silent(plant, "plc", four("office"), 503)
    sink.close()
    plant.hosts["plc"].run(f"ip addr del {never}/{length} dev eth0")


def link(plant: Plant, name: str) -> str:
    """A host's own link address."""
    return plant.hosts[name].run("ip -o link show eth0").split("link/ether ")[1].split()[0]


@pytest.mark.usefixtures("plc")
@pytest.mark.parametrize("name", ["office", "ews"])
def test_a_denied_machine_is_refused_under_every_address_it_takes(plant: Plant, loop: Loop, name: str) -> None:
    net, own = (1, plant.hosts[name]) if name == "office" else (2, plant.hosts[name])
    own.run(
        f"ip addr add 10.99.{net}.77/24 dev eth0", f"ip addr add fd00:99:{net}::77/64 dev eth0 nodad preferred_lft 0"
    )
    new = {four: f"10.99.{net}.77", six: f"fd00:99:{net}::77"}

    def again(version: Callable[[str], str]) -> bool:
        """Whether a connection from the new address is reset."""
        try:
            own.inside(partial(socket.create_connection, (version("plc"), 502), 3.0, (new[version], 0))).close()
        except ConnectionRefusedError:
            return True
        return False

    assert not again(four)
    assert not again(six)
    hmi = plant.connect("hmi", four("plc"), 502)
    target = HostTarget(name, (), (link(plant, name),))
    deny(loop, target)
    assert again(four)
    assert again(six)
    assert refused(plant, name, four("plc"))
    assert talks(hmi)
    assert loop.order(command(None, "", Action.QUERY)).standing[0].lease == "lse-1"
    cancel(loop, target)
    assert not again(four)
    assert not again(six)
    own.run(f"ip addr del 10.99.{net}.77/24 dev eth0", f"ip addr del fd00:99:{net}::77/64 dev eth0")


@pytest.mark.usefixtures("plc")
def test_what_keeps_its_own_traffic_keeps_it_from_a_denied_link_address(plant: Plant, loop: Loop) -> None:
    own = plant.hosts["ews"]
    own.run(f"ip addr add {KEPT[0]}/24 dev eth0", f"ip addr add {KEPT[1]}/64 dev eth0 nodad preferred_lft 0")
    deny(loop, HostTarget("ews", (), (link(plant, "ews"),)))
    for kept, version in zip(KEPT, (four, six), strict=True):
        line = own.inside(partial(socket.create_connection, (version("plc"), 502), 3.0, (kept, 0)))
        assert talks(line)
        line.close()
        assert refused(plant, "ews", version("plc"))
    own.run(f"ip addr del {KEPT[0]}/24 dev eth0", f"ip addr del {KEPT[1]}/64 dev eth0")


@pytest.mark.usefixtures("plc")
def test_neighbours_on_one_link_find_each_other_through_a_closed_conduit(plant: Plant, loop: Loop) -> None:
    """Two zones in one segment: what asks for a neighbour, and its answer, are no traffic between zones."""
    needed = NeededFlow(six("ews"), six("plc"), "tcp", 502)
    deny(loop, ConduitTarget("a", "b", (f"{six('ews')}/128",), (f"{six('plc')}/128",), (needed,)))
    for name in ("ews", "plc"):
        plant.hosts[name].run("ip -6 neigh flush dev eth0")
    assert talks(plant.connect("ews", six("plc"), 502))
    assert silent(plant, "ews", six("plc"), 503)
    echo = plant.hosts["ews"].argv("ping", "-c1", "-W1", six("plc"))
    assert subprocess.run(echo, capture_output=True, check=False).returncode != 0, "other ICMP stays outside"


def retransmits_after(
    plant: Plant, plc: Sink, block: Callable[[], None], lift: Callable[[], None], seconds: float = 2.5
) -> bool:
    """Whether a write that was sent during a block, by a stack that believes no reset, arrives after it."""
    office = plant.hosts["office"]
    line = plant.connect("office", four("plc"), 502)
    assert talks(line)
    office.nft("table ip deaf { chain i { type filter hook input priority 0; tcp flags & rst == rst drop; }; }")
    try:
        block()
        line.send(b"WRITE")
        time.sleep(0.5)
        lift()
        return until(lambda: b"WRITE" in plc.got, seconds)
    finally:
        office.nft("delete table ip deaf")
        line.close()


@pytest.mark.usefixtures("loop")
def test_a_plain_drop_would_replay_the_write(plant: Plant, plc: Sink) -> None:
    rule = f"table ip plain {{ chain f {{ type filter hook forward priority -5; ip saddr {four('office')} drop; }}; }}"
    gateway = plant.gateway

    def lift() -> None:
        _nft(gateway, "delete table ip plain")

    assert retransmits_after(plant, plc, lambda: _nft(gateway, rule), lift, seconds=60)


def _nft(space: Namespace, text: str) -> None:
    space.nft(text)


@pytest.mark.usefixtures("loop")
def test_no_write_is_replayed_after_a_block_that_ends_with_the_hand_dead(
    plant: Plant, served: Callable[..., Served], plc: Sink
) -> None:
    other = served(plant.gateway, settings=f"never = {list(NEVER)}\n")

    def block() -> None:
        line = other.loop()
        deny(line, host("office"), span=3 * SECOND)
        line.close()
        other.process.kill()

    def lift() -> None:
        assert until(lambda: "expires" not in _listed(plant, "hosts4"))

    assert not retransmits_after(plant, plc, block, lift)
    fresh = plant.connect("office", four("plc"), 502)
    assert talks(fresh), "the block is over: what is new passes"
    fresh.close()


def _listed(plant: Plant, name: str) -> str:
    return plant.gateway.run(f"nft list set inet tercio {name}")


def test_no_write_is_replayed_after_a_release(plant: Plant, loop: Loop, plc: Sink) -> None:
    target = host("office")
    assert not retransmits_after(plant, plc, lambda: _hold(loop, target), lambda: _free(loop, target))


def _hold(loop: Loop, target: Target) -> None:
    deny(loop, target)


def _free(loop: Loop, target: Target) -> None:
    cancel(loop, target)


def test_what_others_were_writing_to_the_denied_is_not_delivered_late(plant: Plant, loop: Loop) -> None:
    ews = plant.listen("ews", 502)
    line = plant.connect("hmi", four("ews"), 502)
    assert talks(line)
    deny(loop, host("ews"))
    line.send(b"WRITE")
    time.sleep(0.5)
    cancel(loop, host("ews"))
    assert not until(lambda: b"WRITE" in ews.got, 2.5)
    assert talks(plant.connect("hmi", four("ews"), 502))
    ews.close()


def test_a_connection_in_which_only_the_denied_spoke_stays_refused(plant: Plant, loop: Loop) -> None:
    ews = plant.listen("ews", 502)
    line = plant.connect("hmi", four("ews"), 502)
    assert talks(line)
    deny(loop, host("ews"), span=3 * SECOND)
    ews.lines[0].send(b"news")
    assert until(lambda: "expires" not in _listed(plant, "hosts4"))
    watch = plant.watch("ews")
    line.send(b"WRITE")
    time.sleep(0.3)
    assert not watch.tcp()
    ews.close()


def test_a_connection_in_which_only_the_other_end_spoke_stays_refused(plant: Plant, loop: Loop, plc: Sink) -> None:
    line = plant.connect("office", four("plc"), 502)
    assert talks(line)
    deny(loop, host("office"), span=3 * SECOND)
    plc.lines[0].send(b"news")
    assert until(lambda: "expires" not in _listed(plant, "hosts4"))
    watch = plant.watch("office")
    time.sleep(1.5)
    assert not watch.tcp(), "what the other end retransmits is not delivered either"
    line.send(b"WRITE")
    with pytest.raises(ConnectionResetError):
        line.recv(10)


@pytest.mark.usefixtures("plc")
def test_where_conntrack_is_switched_off_a_released_host_may_speak_again(plant: Plant, loop: Loop) -> None:
    off = "chain c { type filter hook prerouting priority -300; meta l4proto tcp notrack; };"
    plant.gateway.nft(f"table inet off {{ {off} }}")
    try:
        deny(loop, host("office"))
        assert refused(plant, "office", four("plc"))
        cancel(loop, host("office"))
        assert talks(plant.connect("office", four("plc"), 502))
    finally:
        plant.gateway.nft("delete table inet off")


@pytest.mark.parametrize("version", [four, six])
@pytest.mark.parametrize("forgotten", [True, False])
def test_after_a_release_only_the_denied_hosts_old_connections_are_refused(
    plant: Plant, loop: Loop, plc: Sink, forgotten: bool, version: Callable[[str], str]
) -> None:
    office, hmi = plant.connect("office", version("plc"), 502), plant.connect("hmi", version("plc"), 502)
    assert talks(office)
    assert talks(hmi)
    deny(loop, host("office"), span=3 * SECOND)
    if forgotten:
        cancel(loop, host("office"))
        plant.gateway.run("conntrack -F")
    else:
        assert until(lambda: "expires" not in _listed(plant, "hosts4") + _listed(plant, "hosts6"))
    assert talks(hmi), "an HMI's flow must survive that conntrack forgot it"
    new = plant.connect("office", version("plc"), 502)
    assert talks(new)
    office.send(b"WRITE")
    with pytest.raises(ConnectionResetError):
        office.recv(10)
    assert b"WRITE" not in plc.got


@pytest.mark.parametrize("version", [four, six])
def test_a_denied_flow_leaves_the_others_open(
    plant: Plant, loop: Loop, plc: Sink, version: Callable[[str], str]
) -> None:
    web = plant.listen("plc", 80)
    target = FlowTarget("office", "plc", (four("office"), six("office")), (four("plc"), six("plc")), "tcp", 502)
    old, other = plant.connect("office", version("plc"), 502), plant.connect("office", version("plc"), 80)
    assert talks(old)
    deny(loop, target)
    watch = plant.watch("office")
    plc.lines[0].send(b"answer")
    time.sleep(0.1)
    assert not watch.tcp(), "nor does an answer come back"
    assert not talks(old, 0.5)
    assert refused(plant, "office", version("plc"))
    assert talks(other)
    assert talks(plant.connect("ews", version("plc"), 502))
    cancel(loop, target)
    assert talks(plant.connect("office", version("plc"), 502))
    web.close()


@pytest.mark.parametrize("version", [four, six])
def test_after_a_denied_flow_its_old_connections_are_refused(
    plant: Plant, loop: Loop, plc: Sink, version: Callable[[str], str]
) -> None:
    target = FlowTarget("office", "plc", (four("office"), six("office")), (four("plc"), six("plc")), "tcp", 502)
    old = plant.connect("office", version("plc"), 502)
    assert talks(old)
    deny(loop, target)
    cancel(loop, target)
    plant.gateway.run("conntrack -F")
    old.send(b"WRITE")
    with pytest.raises(ConnectionResetError):
        old.recv(10)
    assert b"WRITE" not in plc.got


NETS = ("10.99.1.0/24", "fd00:99:1::/64"), ("10.99.2.0/24", "fd00:99:2::/64")


def needs(transport: str, port: int) -> tuple[NeededFlow, ...]:
    return tuple(NeededFlow(version("office"), version("plc"), transport, port) for version in (four, six))


@pytest.mark.usefixtures("plc")
@pytest.mark.parametrize("version", [four, six])
def test_a_closed_conduit_leaves_what_is_needed_open(plant: Plant, loop: Loop, version: Callable[[str], str]) -> None:
    web, spare = plant.listen("office", 80), plant.listen("plc", 503)
    needful, other = plant.connect("office", version("plc"), 502), plant.connect("office", version("plc"), 503)
    backward = plant.connect("hmi", version("office"), 80)
    assert all(map(talks, (needful, other, backward)))
    target = ConduitTarget("it", "ot", *NETS, needs("tcp", 502))
    deny(loop, target)
    watches = [plant.watch("plc"), plant.watch("office"), plant.watch("hmi")]
    assert talks(needful)
    assert talks(plant.connect("office", version("plc"), 502))
    assert talks(plant.connect("hmi", version("plc"), 502)), "traffic inside a zone is not the conduit's"
    assert not talks(other, 0.5)
    assert not talks(backward, 0.5)
    assert silent(plant, "office", version("plc"), 503)
    assert silent(plant, "hmi", version("office"), 80)
    seen = [packet for watch in watches for packet in watch.tcp() if (":" in packet[0]) == (version is six)]
    assert seen, "the watches themselves must see"
    own = {line.getsockname()[1] for line in (needful, other, backward)}
    assert not [packet for packet in seen if packet[2] & RST and packet[3] & own]
    cancel(loop, target)
    assert not talks(other, 0.5), "what was held back must not be delivered late"
    assert spare.got == web.got == b"read"
    assert talks(plant.connect("office", version("plc"), 503))
    for sink in (web, spare):
        sink.close()


@pytest.mark.parametrize("version", [four, six])
def test_what_is_needed_goes_on_though_conntrack_forgot_it_and_the_far_end_speaks_first(
    plant: Plant, loop: Loop, plc: Sink, version: Callable[[str], str]
) -> None:
    needful = plant.connect("office", version("plc"), 502)
    assert talks(needful)
    deny(loop, ConduitTarget("it", "ot", *NETS, needs("tcp", 502)))
    plant.gateway.run("conntrack -F")
    plc.lines[0].send(b"news")
    needful.settimeout(1)
    assert needful.recv(10) == b"news"


@pytest.mark.parametrize("version", [four, six])
def test_a_closed_conduit_leaves_needed_datagrams_and_their_answers_through(
    plant: Plant, loop: Loop, version: Callable[[str], str]
) -> None:
    plc, office = (plant.udp(name, port, four_only=False) for name, port in (("plc", 4005), ("office", 4006)))
    deny(loop, ConduitTarget("it", "ot", *NETS, needs("udp", 4005)))
    prefix = "::ffff:" if version is four else ""
    for _ in range(2):
        office.sendto(b"question", (prefix + version("plc"), 4005))
        assert plc.recv(20) == b"question"
        plc.sendto(b"answer", (prefix + version("office"), 4006))
        assert office.recv(20) == b"answer"
        plant.gateway.run("conntrack -F")
    other = plant.udp("plc", 4007, four_only=False)
    office.sendto(b"other", (prefix + version("plc"), 4007))
    with pytest.raises(TimeoutError):
        other.recv(20)


@pytest.mark.parametrize("version", [four, six])
def test_a_closed_conduit_leaves_errors_about_what_is_needed_through(
    plant: Plant, loop: Loop, version: Callable[[str], str]
) -> None:
    deny(loop, ConduitTarget("it", "ot", *NETS, needs("udp", 4008)))
    office = plant.udp("office", four_only=version is four)
    office.connect((version("plc"), 4008))
    office.send(b"question")
    with pytest.raises(ConnectionRefusedError):
        office.recv(10)


def test_the_service_port_of_a_needed_flow_opens_no_new_connection_backwards(plant: Plant, loop: Loop) -> None:
    office = plant.listen("office", 81)
    needed = (NeededFlow(four("office"), four("plc"), "tcp", 502),)
    deny(loop, ConduitTarget("it", "ot", ("10.99.1.0/24",), ("10.99.2.0/24",), needed))

    def attempt() -> socket.socket:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.settimeout(5)
        line.bind((four("plc"), 502))
        return line

    line = plant.hosts["plc"].inside(attempt)
    with pytest.raises(TimeoutError):
        line.connect((four("office"), 81))
    line.close()
    office.close()


def test_renewing_leaves_no_gap(plant: Plant, loop: Loop) -> None:
    ear, mouth = plant.udp("plc", 4003), plant.udp("office")
    deny(loop, host("office"))
    running, sent = [True], [0]

    def flood() -> None:
        while running:
            mouth.sendto(b"x", (four("plc"), 4003))
            sent[0] += 1

    thread = threading.Thread(target=flood)
    thread.start()
    for turn in range(40):
        response = deny(loop, host("office"), span=(61 + 5 * turn) * SECOND)
        assert any("delete element" in step for step in response.steps)
    running.clear()
    thread.join()
    assert sent[0] > 1000
    with pytest.raises(TimeoutError):
        ear.recv(10)


@pytest.mark.usefixtures("plc")
def test_the_sites_own_mark_bits_are_kept(plant: Plant, loop: Loop) -> None:
    site = "chain f { type filter hook forward priority -20; ct mark set ct mark or 0x5; };"
    plant.gateway.nft(f"table inet site {{ {site} }}")
    try:
        line = plant.connect("office", four("plc"), 502)
        assert talks(line)
        deny(loop, host("office"))
        assert not talks(line, 0.5)
        marks = plant.gateway.run("conntrack -L -p tcp --orig-src 10.99.1.2")
        assert f"mark={0x01000005}" in marks, marks
    finally:
        plant.gateway.nft("delete table inet site")
