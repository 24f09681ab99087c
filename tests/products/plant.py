"""A small plant in namespaces: an office host behind a gateway, and a zone of three hosts on the gateway's bridge."""

import socket
import struct
import threading
import time
from collections.abc import Callable

from tests.products.field import Namespace, join

HOSTS = {"office": 2, "plc": 21, "hmi": 10, "ews": 30}
"""Last number of each address; the office is on net 1, the others on net 2."""


def four(name: str) -> str:
    return f"10.99.{1 if name == 'office' else 2}.{HOSTS[name]}"


def six(name: str) -> str:
    return f"fd00:99:{1 if name == 'office' else 2}::{HOSTS[name]:x}"


class Plant:
    """``gateway`` forwards and bridges; frames between ports of the bridge pass its forward hook."""

    def __init__(self, make: Callable[[], Namespace]) -> None:
        self.lines: list[socket.socket] = []
        self.gateway = make()
        self.hosts = {name: make() for name in HOSTS}
        gateway = self.gateway
        for space in (gateway, *self.hosts.values()):  # else IPv6 is silent for its first seconds
            space.run("sysctl -qw net.ipv6.conf.all.accept_dad=0", "sysctl -qw net.ipv6.conf.default.accept_dad=0")
        gateway.run("ip link add name zone type bridge", "ip link set zone up")
        for name, host in self.hosts.items():
            join(gateway, f"to-{name}", host, "eth0")
            net, port = (1, f"to-{name}") if name == "office" else (2, "zone")
            if net == 2:
                gateway.run(f"ip link set to-{name} master zone")
            else:
                gateway.run(f"ip addr add 10.99.1.1/24 dev {port}", f"ip addr add fd00:99:1::1/64 dev {port} nodad")
            host.run(
                f"ip addr add {four(name)}/24 dev eth0",
                f"ip addr add {six(name)}/64 dev eth0 nodad",
                f"ip route add default via 10.99.{net}.1",
                f"ip route add default via fd00:99:{net}::1",
            )
        gateway.run(
            "ip addr add 10.99.2.1/24 dev zone",
            "ip addr add fd00:99:2::1/64 dev zone nodad",
            "sysctl -qw net.ipv4.ip_forward=1",
            "sysctl -qw net.ipv6.conf.all.forwarding=1",
            "sysctl -qw net.bridge.bridge-nf-call-iptables=1",
            "sysctl -qw net.bridge.bridge-nf-call-ip6tables=1",
        )

    def listen(self, name: str, port: int) -> "Sink":
        """A TCP server, both families, that keeps what it is sent."""
        return Sink(self.hosts[name].inside(lambda: _server(port)))

    def connect(self, name: str, address: str, port: int, timeout: float = 3.0) -> socket.socket:
        line = self.hosts[name].inside(lambda: socket.create_connection((address, port), timeout))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
        self.lines.append(line)
        return line

    def hang_up(self) -> None:
        """Close all connections that were made from here, at once."""
        while self.lines:
            self.lines.pop().close()

    def udp(self, name: str, port: int = 0, *, broadcast: bool = False, four_only: bool = True) -> socket.socket:
        def make() -> socket.socket:
            line = socket.socket(socket.AF_INET if broadcast or four_only else socket.AF_INET6, socket.SOCK_DGRAM)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, int(broadcast))
            line.bind(("", port))
            line.settimeout(0.3)
            return line

        return self.hosts[name].inside(make)

    def watch(self, name: str) -> "Watch":
        """Listen to every frame on a host's wire."""
        return Watch(self.hosts[name].inside(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))))


def _server(port: int) -> socket.socket:
    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)


class Sink:
    """Keeps what arrived, per peer; answers every piece with ``ok``."""

    def __init__(self, server: socket.socket) -> None:
        self.server, self.got = server, b""
        self.lines: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self.server.accept()
            except OSError:
                return
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
            self.lines.append(line)
            threading.Thread(target=self._read, args=(line,), daemon=True).start()

    def _read(self, line: socket.socket) -> None:
        try:
            while data := line.recv(4096):
                self.got += data
                line.send(b"ok")
        except OSError:
            return

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for line in self.lines:
            line.close()


Seen = tuple[str, str, int, frozenset[int]]


class Watch:
    """Frames seen since it began, as (source, destination, TCP flags, both ports) of IPv4 and IPv6 TCP."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.line.setblocking(False)

    def tcp(self) -> list[Seen]:
        """What has been seen, incoming only; forgets it."""
        found: list[Seen] = []
        while True:
            try:
                frame, (_, _, kind, _, _) = self.line.recvfrom(65536)
            except BlockingIOError:
                return found
            if kind != socket.PACKET_OUTGOING:
                found += _tcp(frame)

    def close(self) -> None:
        self.line.close()


def _tcp(frame: bytes) -> list[Seen]:
    packet = frame[14:]
    if frame[12:14] == b"\x08\x00" and packet[9] == socket.IPPROTO_TCP:
        ends = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
        return [(*ends, *_flags_and_ports(packet[(packet[0] & 15) * 4 :]))]
    if frame[12:14] == b"\x86\xdd" and packet[6] == socket.IPPROTO_TCP:
        source, sink = (socket.inet_ntop(socket.AF_INET6, packet[at : at + 16]) for at in (8, 24))
        return [(source, sink, *_flags_and_ports(packet[40:]))]
    return []


def _flags_and_ports(segment: bytes) -> tuple[int, frozenset[int]]:
    return segment[13], frozenset(struct.unpack("!HH", segment[:4]))


RST = 4
ABRUPT = struct.pack("ii", 1, 0)
"""Linger: a close is one reset, and nothing of a test is retransmitted into the next."""


def until(true: Callable[[], object], seconds: float = 60.0) -> bool:
    """Wait for something to come true; whether it did."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
