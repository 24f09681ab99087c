"""Records the cases beside the rules: real packets between two network namespaces, watched by the real Suricata, and
requests to a real nginx in a third.

    python -m tests.content.record [NAME...]            (as root; writes the cases whose names begin so, or all)

Nothing leaves the namespaces; all are removed at the end, whatever happens.
"""

import socket
import struct
import sys
from collections.abc import Callable
from functools import partial

from tercio.content import suricata_rules
from tests.content import conversations, weblogs
from tests.content.lab import HMI, OFFICE, PLC, SCANNER, STATIONS, Lab, capture


def ask(session: socket.socket | None, request: bytes) -> bytes:
    """One Modbus request (unit 1) and the answer's data unit."""
    assert session is not None
    session.sendall(struct.pack(">HHHB", 7, 0, len(request) + 1, 1) + request)
    answer = session.recv(260)
    return answer[7:]


def read_registers(first: int, count: int) -> bytes:
    return struct.pack(">BHH", 3, first, count)


def write_register(place: int, value: int) -> bytes:
    return struct.pack(">BHH", 6, place, value)


def _handshake(lab: Lab) -> None:
    session = lab.connect(SCANNER, OFFICE, 7)
    assert session is not None
    session.sendall(b"tercio")
    session.recv(16)
    session.close()


def _no_handshake(lab: Lab) -> None:
    lab.sweep(SCANNER, OFFICE, range(2000, 2003))
    lab.datagram(SCANNER, OFFICE)
    lab.forge_syns(HMI, OFFICE, range(7, 8))


def _probe(lab: Lab) -> None:
    lab.sweep(SCANNER, PLC, (1000,))


class _Session:
    """The HMI holds a session from before."""

    def before(self, lab: Lab) -> None:
        self.session = lab.connect(HMI, PLC, 502)
        ask(self.session, read_registers(0, 2))

    def no_probe(self, lab: Lab) -> None:
        """It is used; everything new is not towards OT or no TCP."""
        ask(self.session, read_registers(0, 2))
        lab.sweep(SCANNER, OFFICE, range(1000, 1012))
        lab.datagram(SCANNER, PLC)

    def forged_sweep(self, lab: Lab) -> None:
        """Somebody sweeps in the HMI's name, one SYN with that session's ports."""
        assert self.session is not None
        ask(self.session, read_registers(0, 2))
        lab.forge_syns(HMI, PLC, range(1000, 1004))
        lab.forge_syns(HMI, PLC, range(502, 503), self.session.getsockname()[1])
        ask(self.session, read_registers(0, 2))
        self.session.close()


def _port_sweep(lab: Lab) -> None:
    """What an intruder does: he talks to the office first, then tries the ports of a PLC, of which one is open."""
    _handshake(lab)
    _short_read(lab, SCANNER)
    lab.sweep(SCANNER, PLC, (102, 44818, 4840, 80, 22))


def _no_port_sweep(lab: Lab) -> None:
    """Three ports of a PLC, one of them fifteen times, and twelve of an office server; an HMI that reconnects."""
    _handshake(lab)
    lab.sweep(SCANNER, OFFICE, range(1000, 1012))
    for _ in range(15):
        _short_read(lab, SCANNER)
    lab.sweep(SCANNER, PLC, (102, 4840))
    for _ in range(6):
        _short_read(lab, HMI)


def _host_sweep(lab: Lab) -> None:
    """Modbus asked for on eight hosts, of which one has it."""
    _short_read(lab, SCANNER)
    for station in STATIONS:
        lab.sweep(SCANNER, station, (502,))


def _no_host_sweep(lab: Lab) -> None:
    """Seven hosts, one of them fifteen times; another port of an eighth; an HMI that reconnects."""
    for _ in range(15):
        _short_read(lab, SCANNER)
    for station in STATIONS[:6]:
        lab.sweep(SCANNER, station, (502,))
    lab.sweep(SCANNER, STATIONS[6], (102,))
    for _ in range(6):
        _short_read(lab, HMI)


def _forged_host_sweep(lab: Lab) -> None:
    """The same in the name of an HMI that connects to something else meanwhile."""
    session = lab.connect(HMI, OFFICE, 7)
    for address in (PLC, *STATIONS):
        lab.forge_syns(HMI, address, range(502, 503))
    assert session is not None
    session.close()


def _short_read(lab: Lab, source: str) -> None:
    session = lab.connect(source, PLC, 502)
    ask(session, read_registers(0, 2))
    assert session is not None
    session.close()


def _write(lab: Lab) -> None:
    session = lab.connect(SCANNER, PLC, 502)
    ask(session, write_register(7, 1500))


def _read(lab: Lab) -> None:
    session = lab.connect(HMI, PLC, 502)
    for request in (read_registers(0, 2), struct.pack(">BHH", 1, 0, 4), struct.pack(">BHH", 4, 3, 1)):
        ask(session, request)


def _diagnose(*requests: bytes) -> Callable[[Lab], None]:
    """One session that asks each of these."""

    def scenario(lab: Lab) -> None:
        session = lab.connect(SCANNER, PLC, 502)
        for request in requests:
            ask(session, request)

    return scenario


RESTART, LISTEN_ONLY, ECHO = (struct.pack(">BHH", 8, kind, 0) for kind in (1, 4, 0))
PROGRAM = struct.pack(">BBBBB", 90, 0, 1, 0, 0)
SERVER_ID, DEVICE_ID = struct.pack(">B", 17), struct.pack(">BBBB", 43, 14, 1, 0)


def watched() -> dict[str, Callable[[], list[bytes]]]:
    """The cases that Suricata records, by file."""
    held = _Session()
    beside = conversations.watched_cases()
    plain = {
        "tcp-handshake/positive": _handshake,
        "tcp-handshake/negative": _no_handshake,
        "syn-probe/positive": _probe,
        "port-sweep/positive": _port_sweep,
        "port-sweep/negative": _no_port_sweep,
        "host-sweep/positive": _host_sweep,
        "host-sweep/negative": _no_host_sweep,
        "host-sweep/forged": _forged_host_sweep,
        "modbus-write/positive": _write,
        "modbus-write/negative": _read,
        "modbus-silence/positive": _diagnose(LISTEN_ONLY, RESTART),
        "modbus-silence/negative": _diagnose(ECHO, read_registers(0, 2), write_register(7, 1500)),
        "modbus-programming/positive": _diagnose(PROGRAM, PROGRAM),
        "modbus-programming/negative": _diagnose(ECHO, write_register(7, 1500), DEVICE_ID),
        "modbus-identify/positive": _diagnose(SERVER_ID, DEVICE_ID),
        "modbus-identify/negative": _diagnose(ECHO, read_registers(0, 2), PROGRAM),
        **conversations.modbus_cases(),
        **conversations.outstation_cases(),
        **conversations.session_cases(),
    }
    return {
        "syn-probe/negative": lambda: capture(held.no_probe, held.before),
        "port-sweep/forged": lambda: capture(held.forged_sweep, held.before),
        **{name: partial(capture, scenario) for name, scenario in plain.items()},
        **{name: partial(capture, each, signatures=conversations.BEACON) for name, each in beside.items()},
    }


def logged() -> dict[str, Callable[[], list[bytes]]]:
    """The cases that a web server records, by file."""
    return {name: partial(weblogs.requested, asked) for name, asked in weblogs.cases().items()}


def main() -> None:
    """Record every case, or those whose names begin with an argument."""
    rules = suricata_rules().parent.parent / "rules"
    for name, record in (watched() | logged()).items():
        if name.startswith(tuple(sys.argv[1:]) or ""):
            lines = record()
            (rules / f"{name}.ndjson").write_bytes(b"".join(lines))
            sys.stdout.write(f"{name}: {len(lines)} lines\n")


if __name__ == "__main__":
    main()
