"""What is said on the laboratory's wire for the cases of rules about the network, attack and everyday work apart."""

import hashlib
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable

from tests.content.lab import ENGINEER, HMI, OFFICE, OUTSIDE, PLC, PLC2, SCANNER, Lab
from tests.content.peers import dnp3_frame

Scenario = Callable[[Lab], None]
BEACON = (
    'alert tcp any any -> any 7 (msg:"EXAMPLE beacon"; flow:established,to_server; content:"beacon"; '
    "classtype:command-and-control; sid:1000001; rev:1;)\n"
    'alert tcp any any -> any 7 (msg:"EXAMPLE overflow tried"; flow:established,to_server; content:"overflow"; '
    "classtype:attempted-admin; sid:1000002; rev:1;)\n"
    'alert tcp any any -> any 7 (msg:"EXAMPLE scan"; flow:established,to_server; content:"scan"; '
    "classtype:network-scan; sid:1000003; rev:1;)\n"
    'alert tcp any any -> any 7 (msg:"EXAMPLE curious"; flow:established,to_server; content:"curious"; '
    "classtype:misc-activity; sid:1000004; rev:1;)\n"
)
"""Signatures as a site has them beside Tercio's; what they look for means nothing."""


def session(lab: Lab, source: str, address: str, port: int) -> socket.socket:
    """A TCP session that must come about."""
    opened = lab.connect(source, address, port)
    assert opened is not None
    return opened


def said(source: str, address: str, port: int, *words: bytes) -> Scenario:
    """One session in which each of these is said and answered."""

    def scenario(lab: Lab) -> None:
        with session(lab, source, address, port) as open_session:
            for word in words:
                open_session.sendall(word)
                open_session.recv(4096)

    return scenario


def both(*scenarios: Scenario) -> Scenario:
    """One after the other."""

    def scenario(lab: Lab) -> None:
        for each in scenarios:
            each(lab)

    return scenario


def greeted(source: str, *servers: str) -> Scenario:
    """TLS sessions with the outer world, each asking for a server by its name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def scenario(lab: Lab) -> None:
        for name in servers:
            with session(lab, source, OUTSIDE, 443) as plain, context.wrap_socket(plain, server_hostname=name) as inner:
                inner.sendall(b"tercio")
                inner.recv(16)

    return scenario


def asked(source: str, *names: str) -> Scenario:
    """Questions of a resolver, one for each name."""

    def scenario(lab: Lab) -> None:
        for number, name in enumerate(names, 1):
            labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
            question = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, 1, 1)
            lab.datagram(source, OUTSIDE, 53, question)

    return scenario


def random_names(count: int, parent: str) -> list[str]:
    """Names whose first part carries something, always the same ones."""
    return [f"{hashlib.sha256(str(number).encode()).hexdigest()[:52]}.{parent}" for number in range(count)]


def page(source: str, path: str = "/", *headers: str) -> Scenario:
    """A page of the second PLC, asked for."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {PLC2}", *headers, "Connection: close", "", ""]
    return said(source, PLC2, 80, "\r\n".join(lines).encode())


def outstation(*functions: tuple[int, bytes]) -> Scenario:
    """A DNP3 session with the second PLC in which each function is asked for, with its objects."""
    return said(SCANNER, PLC2, 20000, *(dnp3_frame(number, 3, 2, objects) for number, objects in functions))


RELAY_OUTPUT = bytes((12, 1, 0x28, 1, 0, 1, 0, 3, 1)) + struct.pack("<IIB", 100, 100, 0)
"""Close relay 1 once for a tenth of a second."""
TIME = bytes((50, 1, 7, 1)) + (1_800_000_000_000).to_bytes(6, "little")
ALL_CLASSES = bytes((60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6))
EVENT_CLASSES = bytes((60, 2, 6, 60, 3, 6, 60, 4, 6))


def outstation_cases() -> dict[str, Scenario]:
    """Cases of DNP3, by file."""
    read, write_time = (1, ALL_CLASSES), (2, TIME)
    select, operate, direct = ((number, RELAY_OUTPUT) for number in (3, 4, 5))
    return {
        "dnp3-restart/positive": outstation((13, b""), (14, b"")),
        "dnp3-restart/negative": outstation(read, write_time, direct),
        "dnp3-operate/positive": outstation(select, operate, direct),
        "dnp3-operate/negative": outstation(read, write_time, select),
        "dnp3-unsolicited-off/positive": outstation((21, EVENT_CLASSES)),
        "dnp3-unsolicited-off/negative": outstation(read, (20, EVENT_CLASSES)),
    }


def modbus_frame(function: int, body: bytes, number: int = 1, unit: int = 1, protocol: int = 0) -> bytes:
    """One Modbus request; ``number`` is that of its transaction."""
    return struct.pack(">HHHBB", number, protocol, len(body) + 2, unit, function) + body


def written(source: str, places: Iterable[int], unit: int = 1) -> Scenario:
    """Registers written, one request each."""
    return said(source, PLC, 502, *(modbus_frame(6, _point(place), n, unit) for n, place in enumerate(places, 1)))


def read(source: str, places: Iterable[int]) -> Scenario:
    """Registers read, one request each."""
    return said(source, PLC, 502, *(modbus_frame(3, _point(place), n) for n, place in enumerate(places, 1)))


def _point(place: int) -> bytes:
    """A place and the number 1: one register to read, or the value to write."""
    return struct.pack(">HH", place, 1)


def broken(times: int) -> Scenario:
    """One Modbus request, and then some of a protocol that is none; nobody answers those."""

    def scenario(lab: Lab) -> None:
        with session(lab, SCANNER, PLC, 502) as opened:
            opened.sendall(modbus_frame(3, _point(0)))
            opened.recv(64)
            for number in range(2, times + 2):
                opened.sendall(modbus_frame(3, _point(0), number, protocol=9))
                time.sleep(0.02)

    return scenario


def modbus_cases() -> dict[str, Scenario]:
    """Cases of Modbus beyond single requests, by file."""
    record = bytes((9, 6, 0, 4, 0, 7, 0, 1, 6, 175))
    return {
        "modbus-file-write/positive": said(SCANNER, PLC, 502, modbus_frame(21, record)),
        "modbus-file-write/negative": both(written(SCANNER, [7]), read(SCANNER, [0])),
        "modbus-broadcast/positive": written(SCANNER, [7], unit=0),
        "modbus-broadcast/negative": written(SCANNER, [7]),
        "modbus-refused/positive": read(SCANNER, [1000]),
        "modbus-refused/negative": read(SCANNER, [0, 1]),
        "modbus-guessing/positive": read(SCANNER, range(1000, 1009)),
        "modbus-guessing/negative": both(read(HMI, [*[1000] * 12, 0, 1]), read(SCANNER, range(1000, 1007))),
        "modbus-many-writes/positive": written(SCANNER, [7] * 20),
        "modbus-many-writes/negative": both(written(SCANNER, [7] * 19), written(HMI, [7])),
        "protocol-anomaly/positive": broken(1),
        "protocol-anomaly/negative": both(read(HMI, [0]), written(SCANNER, [7])),
        "protocol-anomalies/positive": broken(12),
        "protocol-anomalies/negative": broken(5),
    }


def session_cases() -> dict[str, Scenario]:
    """Cases of names, pages and ways to administer a machine, by file."""
    login = (b"USER engineer\r\n", b"PASS harmless\r\n")
    hello = b"SSH-2.0-range\r\n"
    tunnel = random_names(22, "t.example.net")
    basic = "Authorization: Basic cmFuZ2U6aGFybWxlc3M="
    return {
        "remote-access-tls/positive": greeted(ENGINEER, "relay-7f3a.net.anydesk.com", "eu.ngrok.io"),
        "remote-access-tls/negative": both(
            greeted(ENGINEER, "updates.example.com"), greeted(OFFICE, "relay.anydesk.com")
        ),
        "remote-access-dns/positive": asked(ENGINEER, "router4.teamviewer.com"),
        "remote-access-dns/negative": both(asked(ENGINEER, "time.example.com"), asked(OFFICE, "www.teamviewer.com")),
        "dns-long-label/positive": asked(OFFICE, tunnel[0]),
        "dns-long-label/negative": asked(OFFICE, "a-long-name-with-words-in-it.example.com", "www.example.com"),
        "dns-tunnel/positive": asked(ENGINEER, *tunnel),
        "dns-tunnel/negative": both(asked(OFFICE, *tunnel[:19], *tunnel[:8]), asked(ENGINEER, "www.example.com")),
        "administration-into-ot/positive": said(SCANNER, ENGINEER, 22, hello),
        "administration-into-ot/negative": both(said(PLC, ENGINEER, 22, hello), read(HMI, [0])),
        "web-into-ot/positive": page(SCANNER, "/status"),
        "web-into-ot/negative": both(page(ENGINEER), read(HMI, [0])),
        "cleartext-login/positive": both(
            said(SCANNER, ENGINEER, 21, *login), page(SCANNER, "/", basic), said(SCANNER, ENGINEER, 23, login[0])
        ),
        "cleartext-login/negative": both(page(SCANNER), said(SCANNER, ENGINEER, 21, b"NOOP\r\n")),
    }


def watched_cases() -> dict[str, Scenario]:
    """Cases of a site's own signatures, which Suricata has beside Tercio's, by file."""
    words = {"ids-compromise": b"beacon", "ids-attempt": b"overflow", "ids-scan": b"scan"}
    found = {}
    for name, word in words.items():
        others = [other for other in (*words.values(), b"curious") if other != word]
        found[f"{name}/positive"] = said(SCANNER, OFFICE, 7, word)
        found[f"{name}/negative"] = said(SCANNER, OFFICE, 7, *others)
    return found
