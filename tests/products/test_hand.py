"""The hand as a process of its own, obeyed by nobody's wish: first what it does, then what is tried against it."""

import json
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tercio.model.commands import Action, ConduitTarget, FlowTarget, HostTarget, Response, SignedOrder, Status, Target
from tercio.model.units import SECOND
from tests.products.field import Loop, Served, command, now
from tests.products.plant import until

NEVER = 'never = ["sis1", "10.9.9.9", "fd00:9::/64", "02:00:00:00:09:09"]\n'
NEEDED = """needed = [
  {from = "10.3.0.10", to = "10.3.0.21", service = "modbus"},
  {from = "fd00:3::10", to = "fd00:3::21", service = "modbus"},
]
"""
X = HostTarget("ws1", ("10.1.0.1", "fd00:1::1"))


@pytest.fixture(scope="module")
def hand(served: Callable[..., Served]) -> Served:
    one = served(settings=NEVER + NEEDED + "targets_per_hour = 1000\n")
    one.space.run(
        "ip link add name b0 address 02:00:00:00:00:b0 type bridge",
        "ip link set b0 up",
        "ip addr add 10.7.0.1/24 brd + dev b0",
    )
    return one


@pytest.fixture
def loop(hand: Served) -> Iterator[Loop]:
    line = hand.loop()
    yield line
    line.close()


def leases(loop: Loop) -> list[str]:
    return [found.lease for found in loop.order(command(None, "", Action.QUERY)).standing]


def host(*addresses: str, asset: str = "x") -> HostTarget:
    return HostTarget(asset, addresses)


def test_it_acts_reads_back_and_undoes(loop: Loop, hand: Served) -> None:
    done = loop.order(command(X, "lse-act"))
    assert (done.status, done.held, done.hand) == (Status.DONE, True, "gw")
    assert done.before == "nothing of lse-act stands"
    assert "10.1.0.1" in done.after
    assert "10.1.0.1" in hand.space.run("nft list set inet tercio hosts4")
    assert "fd00:1::1" in hand.space.run("nft list set inet tercio hosts6")
    again = loop.order(command(X, "lse-act", until=_until(hand)))
    assert (again.status, again.held, again.steps) == (Status.DONE, True, ())
    undone = loop.order(command(None, "lse-act", Action.CANCEL))
    assert (undone.held, undone.after) == (True, "nothing of lse-act stands")
    assert "lse-act" not in hand.space.run("nft list set inet tercio hosts4")
    assert any("conntrack -D" in step for step in undone.steps)


def _until(hand: Served) -> int:
    """The end that the standing element carries."""
    return int(hand.space.run("nft list set inet tercio hosts4").split("lse-act ")[1].split('"')[0])


def test_the_read_back_is_after_the_order_and_close_to_now(loop: Loop) -> None:
    before = now()
    response = loop.order(command(X, "lse-at"))
    assert before < response.at < now()


def test_a_query_finds_leases_with_their_ends(loop: Loop) -> None:
    order = command(X, "lse-q", span=77 * SECOND)
    loop.order(order)
    found = {s.lease: s.until for s in loop.order(command(None, "", Action.QUERY)).standing}
    assert found["lse-q"] == order.until


def test_it_says_hello_with_its_limits(loop: Loop) -> None:
    assert loop.hello.hand == "gw"
    assert loop.hello.mechanism == "nftables"
    assert loop.hello.break_glass == "nft delete table inet tercio"
    for part in (
        "sis1",
        "10.9.9.9",
        "fd00:9::/64",
        "1 h",
        "1000 targets",
        "deny",
        "never cut 10.3.0.10 to 10.3.0.21 tcp/502",
    ):
        assert part in loop.hello.limits


def test_it_has_one_capability(hand: Served) -> None:
    status = open(f"/proc/{hand.process.pid}/status").read()  # noqa: SIM115, PTH123
    held = {line.split()[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")}
    assert held["CapEff:"] == held["CapPrm:"] == held["CapBnd:"] == 1 << 12
    assert "NoNewPrivs:\t1" in status


def test_its_imports_are_light() -> None:
    heavy = "{'sqlalchemy', 'sigma', 'hyperscan', 'asyncio', 'cedarpy', 'scipy', 'numpy', 'typer', 'rich'}"
    code = f"import sys, tercio.products.hand; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_each_order_leaves_one_line_of_ascii(loop: Loop, hand: Served) -> None:
    before = len(hand.log().splitlines())
    loop.order(command(HostTarget('"\n{"fake": 1}\u202e\x1b[2J', ("no address",)), "lse-log", id="id\n\x1b\u2028"))
    assert until(lambda: len(hand.log().splitlines()) > before)
    lines = hand.log().splitlines()[before:]
    assert len(lines) == 1
    assert lines[0].isascii()
    assert lines[0].isprintable()
    assert json.loads(lines[0])["response"]["status"] == "refused"


def refused(
    loop: Loop, target: Target | None, why: str, lease: str = "lse-no", *, retry: bool = False, **changes: Any
) -> None:
    response = loop.order(command(target, lease, **changes))
    assert response.status in {Status.REFUSED, Status.INVALID}, response
    assert not response.held
    assert response.retry == retry
    assert response.steps == ()
    assert why in response.detail, response.detail
    assert "lse-no" not in leases(loop)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (host("10.1.0.9", asset="sis1"), "never list"),
        (host("10.9.9.9"), "never list"),
        (host("::ffff:10.9.9.9"), "never list"),
        (host("10.1.0.9", "fd00:9::9"), "never list"),
        (ConduitTarget("a", "b", ("10.9.0.0/16",), ("10.1.0.0/24",), ()), "never list"),
        (ConduitTarget("a", "b", ("10.3.0.10/32",), ("10.3.0.21/32",), ()), "needed flow"),
        (ConduitTarget("a", "b", ("fd00:3::/64",), ("fd00:3:0::21/128",), ()), "needed flow"),
        (FlowTarget("a", "b", ("10.3.0.10",), ("10.3.0.21",), "tcp", 502), "needed flow"),
        (host("::ffff:10.3.0.10"), "needed flow"),
        (host("10.7.0.1"), "this host itself"),
        (host("10.7.0.255"), "this host itself"),
        (HostTarget("x", ("10.1.0.9",), ("02:00:00:00:00:b0",)), "link address of this host"),
        (HostTarget("x", (), ("02:00:00:00:09:09",)), "never list"),
        (HostTarget("x", (), ("01:00:5e:00:00:01",)), "no single machine"),
        (HostTarget("x", (), ("02:00:00:00:00:01 } ; flush ruleset",)), "no link address"),
        (HostTarget("x", ()), "no address"),
        (host("224.0.0.1"), "multicast"),
        (host("1.2.3.4 } ; flush ruleset"), "cannot be read"),
        (host("fe80::1%a } ; flush ruleset"), "zone index"),
        (host("plc1.plant.example"), "cannot be read"),
        (None, "names a target"),
    ],
)
def test_it_refuses_what_its_own_file_forbids(loop: Loop, target: Target | None, why: str) -> None:
    refused(loop, target, why)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"span": 0}, "no duration"),
        ({"span": 2 * 3600 * SECOND}, "longer than"),
        ({"until": 2**62}, "longer than"),
        ({"hand": "other"}, "for hand"),
        ({"lease": 'lse-no" } ; flush ruleset'}, "no lease id"),
        ({"lease": "lse-no\nflush ruleset"}, "no lease id"),
    ],
)
def test_it_refuses_a_lease_out_of_bounds(loop: Loop, hand: Served, changes: dict[str, Any], why: str) -> None:
    refused(loop, host("10.1.0.9"), why, **changes)
    assert "tercio" in hand.space.run("nft list tables")


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"issued": 1, "until": 60 * SECOND}, "lapsed"), ({"issued": now() + 3600 * SECOND}, "ahead")],
)
def test_what_comes_at_the_wrong_time_is_refused_and_may_be_ordered_anew(
    loop: Loop, changes: dict[str, Any], why: str
) -> None:
    response = loop.order(command(X, "lse-late", **changes))
    assert (response.status, response.held, response.retry) == (Status.REFUSED, False, True)
    assert why in response.detail
    assert "lse-late" not in leases(loop)


def test_what_a_dead_loop_still_had_to_say_is_heard_before_its_successor(loop: Loop, hand: Served) -> None:
    """Its last order waits on its line while the hand is busy; the next loop's cancel must come after it, whichever of
    the two lines the kernel shows first."""
    dead = hand.loop()
    hand.process.send_signal(signal.SIGSTOP)
    try:
        heir = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        heir.connect(str(hand.socket))
        dead.socket.send(dead.signed(command(X, "lse-old")))
        dead.close()
    finally:
        hand.process.send_signal(signal.SIGCONT)
    with heir:
        heir.settimeout(90)
        assert heir.recv(65536), "it is greeted once the old line was heard out"
        log = [json.loads(line) for line in hand.log().splitlines()]
        assert any("lse-old refuses" in line.get("response", {}).get("after", "") for line in log)
    assert loop.order(command(None, "lse-old", Action.CANCEL)).held


def test_a_replayed_order_is_refused(loop: Loop) -> None:
    data = loop.signed(command(X, "lse-replay"))
    assert loop.raw(data).held
    assert loop.order(command(None, "lse-replay", Action.CANCEL)).held
    again = loop.raw(data)
    assert (again.status, again.held) == (Status.REFUSED, False)
    assert "does not come after" in again.detail
    assert "lse-replay" not in leases(loop)


def test_an_order_for_another_connection_is_refused(loop: Loop, hand: Served) -> None:
    other = hand.loop()
    data = loop.signed(command(X, "lse-other"))
    assert "another connection" in other.raw(data).detail
    assert other.hello.nonce != loop.hello.nonce
    other.close()


@pytest.mark.parametrize("sequence", [0, -1, -(2**62)])
def test_a_sequence_that_does_not_rise_is_refused(loop: Loop, sequence: int) -> None:
    assert loop.order(command(None, "", Action.QUERY), sequence=5).held
    for given in (sequence, 5, 4):
        assert loop.order(command(X, "lse-no"), sequence=given).status is Status.REFUSED
    assert loop.order(command(None, "", Action.QUERY), sequence=6).held


def test_an_order_of_another_key_is_refused_and_costs_no_sequence(loop: Loop) -> None:
    response = loop.order(command(X, "lse-key"), key=Ed25519PrivateKey.generate(), sequence=10**6)
    assert (response.status, response.command) == (Status.REFUSED, "")
    assert "signature" in response.detail
    assert loop.order(command(None, "", Action.QUERY), sequence=1).held


def test_a_changed_order_is_refused(loop: Loop) -> None:
    signed = msgspec.json.decode(loop.signed(command(X, "lse-change")), type=SignedOrder)
    changed = SignedOrder(signed.order.replace(b"10.1.0.1", b"10.1.0.2"), signed.signature)
    assert changed.order != signed.order
    assert loop.raw(msgspec.json.encode(changed)).status is Status.REFUSED


def test_nonsense_is_invalid_and_costs_nothing(loop: Loop) -> None:
    chance = random.Random(7)
    texts = [b"{}", b"[]", b"null", b"\xff\xfe", b'{"order": "x", "signature": "y"}', b"[" * 60000, b"\0" * 5]
    for data in [*texts, *(chance.randbytes(chance.randint(1, 400)) for _ in range(200))]:
        response = loop.raw(data)
        assert response.status in {Status.INVALID, Status.REFUSED}
        assert not response.held
    for order in (b"{}", b"no json", b'{"nonce": 1}'):
        signed = msgspec.json.encode(SignedOrder(order, loop.key.sign(order)))
        assert loop.raw(signed).status is Status.INVALID
    assert loop.order(command(None, "", Action.QUERY)).held


def test_a_datagram_too_long_is_invalid(loop: Loop) -> None:
    assert loop.raw(b"x" * 100_000).status is Status.INVALID
    with pytest.raises(OSError, match="too long"):
        loop.socket.send(b"x" * 10_000_000)
    assert loop.order(command(None, "", Action.QUERY)).held


def test_a_peer_that_does_not_read_is_dropped_and_stops_nobody(loop: Loop, hand: Served) -> None:
    slow = hand.loop()
    slow.socket.settimeout(0.2)
    with pytest.raises(OSError, match=r".") as caught:  # noqa: PT012
        for _ in range(20_000):
            slow.socket.send(b"nonsense")
    assert not isinstance(caught.value, TimeoutError), "the hand must not wait for him"
    assert loop.order(command(None, "", Action.QUERY)).held
    slow.close()


def test_peers_that_hang_up_anywhere_stop_nobody(loop: Loop, hand: Served) -> None:
    for send in (b"", b"x", loop.signed(command(None, "", Action.QUERY))):
        gone = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gone.connect(str(hand.socket))
        if send:
            gone.send(send)
        gone.close()
    assert loop.order(command(None, "", Action.QUERY)).held


def test_too_many_peers_are_turned_away_and_the_first_still_served(loop: Loop, hand: Served) -> None:
    lines, turned = [], 0
    for _ in range(80):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.settimeout(5)
        line.connect(str(hand.socket))
        turned += line.recv(65536) == b""
        lines.append(line)
    assert turned >= 10
    assert loop.order(command(None, "", Action.QUERY)).held
    for line in lines:
        line.close()
    assert until(lambda: _greeted(hand))


def _greeted(hand: Served) -> bool:
    try:
        hand.loop().close()
    except msgspec.DecodeError:
        return False
    return True


def test_it_ends_cleanly_and_its_effects_outlive_it(served: Callable[..., Served]) -> None:
    one = served(settings="targets_per_hour = 2\n")
    line = one.loop()
    assert line.order(command(X, "lse-1", span=300 * SECOND)).held
    assert line.order(command(host("10.1.0.7"), "lse-2")).held
    stale, key = line.signed(command(X, "lse-9")), one.key
    assert one.end(signal.SIGTERM) == 0
    assert not one.socket.exists()
    assert "10.1.0.1" in one.space.run("nft list set inet tercio hosts4")
    one.launch()
    one.ready()
    again = Loop(one.socket, key)
    assert again.hello.nonce != line.hello.nonce
    assert "another start" in again.raw(stale).detail
    assert leases(again) == ["lse-1", "lse-2"]
    refused(again, host("10.1.0.8"), "2 targets within an hour", retry=True)
    assert again.order(command(X, "lse-1", span=400 * SECOND)).held, "what stands may be renewed"
    assert again.order(command(None, "lse-1", Action.CANCEL)).held
    assert leases(again) == ["lse-2"]
    again.close()
    line.close()


def tables(one: Served) -> str:
    return one.space.run("nft list tables")


def test_it_leaves_the_kernel_alone_until_the_first_refusal_and_after_the_last(served: Callable[..., Served]) -> None:
    one = served()
    line = one.loop()
    assert line.order(command(None, "", Action.QUERY)).held
    ended = line.order(command(None, "lse-never", Action.CANCEL))
    assert (ended.held, ended.steps) == (True, ()), "without a table nothing is denied"
    assert ended.after == "nothing of lse-never stands"
    refused(line, HostTarget("x", ("no address",)), "cannot be read")
    assert tables(one) == ""
    line.close()
    assert one.end() == 0
    assert tables(one) == ""
    assert "nothing is left" in one.log()


def test_the_first_refusal_makes_the_table_and_it_stays_while_anything_needs_it(served: Callable[..., Served]) -> None:
    one = served()
    line = one.loop()
    assert line.order(command(X, "lse-1", span=300 * SECOND)).held
    assert "inet tercio" in tables(one)
    line.close()
    assert one.end() == 0
    assert "effects stay" in one.log()
    assert "lse-1 until" in one.log()
    one.launch()
    one.ready()
    line = one.loop()
    assert leases(line) == ["lse-1"]
    assert line.order(command(None, "lse-1", Action.CANCEL)).held
    line.close()
    assert one.end() == 0
    assert "still distrusted" in one.log(), "what he sent during the block must not be delivered"
    assert "10.1.0.1" in one.space.run("nft list set inet tercio wary_hosts4")
    for name in ("wary_hosts4", "wary_hosts6"):
        one.space.nft(f"flush set inet tercio {name}")
    one.launch()
    one.ready()
    assert one.end() == 0
    assert tables(one) == ""


def test_told_to_be_ready_it_is_before_the_first_order(served: Callable[..., Served]) -> None:
    one = served(words=("--ready",))
    assert until(lambda: "inet tercio" in tables(one))
    one.loop().close()
    assert one.end() == 0
    assert tables(one) == ""


def test_a_hand_that_can_not_start_changes_nothing(served: Callable[..., Served]) -> None:
    one = served()
    argv = [sys.executable, "-m", "tercio.products.hand", "gw", "--file", str(one.folder / "hand.toml"), "--ready"]
    done = subprocess.run(one.space.argv(*argv), capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 1
    assert "another process listens" in done.stderr
    assert tables(one) == ""
    assert _greeted(one)


def test_more_targets_than_its_file_allows_are_refused(served: Callable[..., Served]) -> None:
    line = served(settings="targets_per_hour = 2\n").loop()
    for number in (1, 2):
        assert line.order(command(host(f"10.1.0.{number}"), f"lse-{number}")).held
    refused(line, host("10.1.0.3", asset="1"), "2 targets", retry=True)
    assert line.order(command(host("10.1.0.1"), "lse-1", span=90 * SECOND)).held
    line.close()


def test_a_stranger_is_turned_away(served: Callable[..., Served]) -> None:
    one = served(settings="peer_uid = 65534\n", capabilities="")
    assert one.socket.stat().st_uid == 65534
    assert one.socket.stat().st_mode & 0o777 == 0o600
    with pytest.raises(msgspec.DecodeError):
        one.loop()
    assert until(lambda: "turned_away" in one.log())


def test_a_second_hand_on_the_same_socket_does_not_start(hand: Served) -> None:
    argv = [sys.executable, "-m", "tercio.products.hand", "gw", "--file", str(hand.folder / "hand.toml")]
    done = subprocess.run(hand.space.argv(*argv), capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 1
    assert "another process listens" in done.stderr
    assert _greeted(hand)


@pytest.mark.parametrize(("name", "why"), [("other", "is the file of hand"), ("gw", "unknown field")])
def test_a_wrong_file_ends_it_with_a_sentence(hand: Served, name: str, why: str) -> None:
    path = hand.folder / "wrong.toml"
    path.write_text((hand.folder / "hand.toml").read_text() + ("" if name == "other" else "typo = 1\n"))
    path.chmod(0o600)
    argv = [sys.executable, "-m", "tercio.products.hand", name, "--file", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 2
    assert why in json.loads(done.stderr)["error"]


def test_without_the_capability_it_says_what_is_missing(hand: Served) -> None:
    argv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-m", "tercio.products.hand", "gw"]
    argv += ["--file", str(hand.folder / "hand.toml")]
    done = subprocess.run(hand.space.argv(*argv), capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 1
    assert "CAP_NET_ADMIN" in json.loads(done.stderr.splitlines()[-1])["error"]


def test_a_kernel_that_refuses_is_a_failure_that_may_be_retried(served: Callable[..., Served]) -> None:
    """Somebody's set of the same name and another type stands where the hand's own should be."""
    one = served(words=("--ready",))
    line = one.loop()
    assert until(lambda: "inet tercio" in tables(one))
    one.space.nft("delete table inet tercio")
    one.space.nft("add table inet tercio\nadd set inet tercio hosts4 { type ether_addr; }")
    response: Response = line.order(command(X, "lse-1"))
    assert (response.status, response.held, response.retry) == (Status.FAILED, False, True)
    assert response.detail
    one.space.nft("delete table inet tercio")
    assert line.order(command(X, "lse-1")).held
    line.close()


def test_it_goes_on_when_nobody_reads_its_log(served: Callable[..., Served]) -> None:
    one = served()
    one.end(signal.SIGKILL)
    one.socket.unlink()
    argv = [sys.executable, "-m", "tercio.products.hand", "gw", "--file", str(one.folder / "hand.toml")]
    with subprocess.Popen(one.space.argv(*argv), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline()
        process.stderr.close()
        line = one.loop()
        for number in range(3):
            assert line.order(command(host(f"10.1.0.{number}"), f"lse-{number}")).held
        line.close()
        process.terminate()
        assert process.wait(10) == 0


def test_after_all_of_the_above_the_same_hand_still_runs(hand: Served) -> None:
    assert hand.process.poll() is None
