"""Records the cases beside the rules: real packets between two network namespaces, watched by the real Suricata.

    python tests/content/record.py            (as root; writes the .ndjson files of every rule)

Nothing leaves the two namespaces; both are removed at the end, whatever happens.
"""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from tercio.content import suricata_rules

SCANNER, HMI = "10.77.20.66", "10.77.20.10"
PLC, ENGINEER, OFFICE = "10.77.30.21", "10.77.30.30", "10.77.10.5"
_LIBC = ctypes.CDLL(None, use_errno=True)


class Lab:
    """Two hosts on one wire: ``here`` with the scanner and the HMI, ``there`` with a PLC (Modbus on port 502, and an
    echo service on 7), an engineering station and an office server (echo on 7). Every other port refuses."""

    def __init__(self, here: str, there: str) -> None:
        self.here, self.there = here, there

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Sockets made in this block, by this thread, belong to that namespace."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        target = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            _enter(target)
            yield
        finally:
            _enter(own)
            os.close(target)
            os.close(own)

    def connect(self, source: str, address: str, port: int) -> socket.socket | None:
        """A TCP connection, or None where it was refused."""
        with self.inside(self.here):
            sock = socket.socket()
            sock.settimeout(2)
            try:
                sock.bind((source, 0))
                sock.connect((address, port))
            except ConnectionRefusedError:
                sock.close()
                return None
            return sock

    def sweep(self, source: str, address: str, ports: Iterable[int]) -> None:
        """Connection attempts to ports that refuse."""
        for port in ports:
            assert self.connect(source, address, port) is None

    def forge_syns(self, source: str, address: str, ports: Iterable[int], source_port: int = 40000) -> None:
        """SYNs in another's name, which no kernel connection stands behind."""
        with self.inside(self.here), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for port in ports:
                raw.sendto(_syn(source, address, source_port, port), (address, 0))

    def datagram(self, source: str, address: str) -> None:
        with self.inside(self.here), socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            sock.sendto(b"tercio", (address, 9))


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


def capture(scenario: Callable[[Lab], None], before: Callable[[Lab], None] | None = None) -> list[bytes]:
    """The EVE lines of everything but statistics that the scenario made. ``before`` acts before Suricata looks."""
    tag = f"{os.getpid()}-{threading.get_ident() % 10_000}"
    lab = Lab(f"tercio-h{tag}", f"tercio-t{tag}")
    folder = Path(tempfile.mkdtemp(prefix="tercio-record-"))
    try:
        _wire(lab)
        with _services(lab):
            if before:
                before(lab)
            with _suricata(lab, folder):
                scenario(lab)
                _settled(folder / "eve.json")
        return (folder / "eve.json").read_bytes().splitlines(keepends=True)
    finally:
        for name in (lab.here, lab.there):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(folder)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _wire(lab: Lab) -> None:
    addresses = {lab.here: (SCANNER, HMI), lab.there: (PLC, ENGINEER, OFFICE)}
    for name in addresses:
        _ip("netns", "add", name)
    _ip("-n", lab.here, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", lab.there)
    for name, own in addresses.items():
        for address in own:
            _ip("-n", name, "addr", "add", f"{address}/32", "dev", "wire")
        for device in ("lo", "wire"):
            _ip("-n", name, "link", "set", device, "up")
        _ip("-n", name, "route", "add", "10.77.0.0/16", "dev", "wire")


@contextlib.contextmanager
def _services(lab: Lab) -> Iterator[None]:
    with lab.inside(lab.there):
        listeners = [(socket.create_server((PLC, 502)), _modbus)]
        listeners += [(socket.create_server((address, 7)), _echo) for address in (PLC, OFFICE)]
    threads = [threading.Thread(target=_serve, args=pair, daemon=True) for pair in listeners]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for listener, _ in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in threads:
            thread.join(timeout=2)


def _serve(listener: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            session, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=talk, args=(session,), daemon=True).start()


def _echo(session: socket.socket) -> None:
    with session, contextlib.suppress(OSError):
        while data := session.recv(1024):
            session.sendall(data)


def _modbus(session: socket.socket) -> None:
    """A PLC whose registers hold 500, 501, ... and whose coils alternate; writes are confirmed and forgotten."""
    with session, contextlib.suppress(OSError):
        while frame := session.recv(260):
            transaction, _, _, unit, function = struct.unpack(">HHHBB", frame[:8])
            first, count = struct.unpack(">HH", frame[8:12].ljust(4, b"\0"))
            if function in (1, 2):
                data = bytes([0b01010101] * ((count + 7) // 8))
                body = struct.pack(">BB", function, len(data)) + data
            elif function in (3, 4):
                data = struct.pack(f">{count}H", *(500 + first + i for i in range(count)))
                body = struct.pack(">BB", function, len(data)) + data
            else:
                body = frame[7:12]
            session.sendall(struct.pack(">HHHB", transaction, 0, len(body) + 1, unit) + body)


def _syn(source: str, address: str, source_port: int, port: int) -> bytes:
    src, dst = socket.inet_aton(source), socket.inet_aton(address)
    bare = struct.pack(">HHLLBBHHH", source_port, port, 1000 + port, 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = src + dst + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(bare))
    total = sum(struct.unpack(f">{len(pseudo + bare) // 2}H", pseudo + bare))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    tcp = bare[:16] + struct.pack(">H", ~total & 0xFFFF) + bare[18:]
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, src, dst) + tcp


@contextlib.contextmanager
def _suricata(lab: Lab, folder: Path) -> Iterator[None]:
    settings = folder / "suricata.yaml"
    settings.write_text("%YAML 1.1\n---\n" + yaml.safe_dump(_settings(folder)))
    command = ["ip", "netns", "exec", lab.there, "suricata", "-c", str(settings), "--af-packet=wire", "-l", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _wait_for(lambda: b"Engine started" in (folder / "suricata.log").read_bytes(), process)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=90)


def _wait_for(ready: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if ready():
                return
        if process.poll() is not None:
            raise RuntimeError(process.communicate()[0].decode(errors="replace"))
        time.sleep(0.02)
    raise TimeoutError("Suricata did not start within 30 s")


def _settled(eve: Path) -> None:
    """Wait until Suricata has written nothing for a while."""
    size, quiet = -1, 0
    while quiet < 5:
        time.sleep(0.06)
        now = eve.stat().st_size
        size, quiet = now, quiet + 1 if now == size else 0


def _settings(folder: Path) -> dict[str, object]:
    kinds = [{"alert": {"metadata": True}}, "modbus", "http", "dns", "flow"]
    eve = {"enabled": True, "filetype": "regular", "filename": "eve.json", "community-id": True, "types": kinds}
    packets = {"interface": "wire", "threads": 1, "cluster-id": 77, "cluster-type": "cluster_flow"}
    protocols = {
        "modbus": {"enabled": True, "detection-ports": {"dp": 502}, "stream-depth": 0},
        "http": {"enabled": True},
    }
    return {
        "vars": {
            "address-groups": {"OT_NET": "[10.77.30.0/24]", "HOME_NET": "[10.77.0.0/16]", "EXTERNAL_NET": "any"},
            "port-groups": {"HTTP_PORTS": "80"},
        },
        "outputs": [{"eve-log": eve}],
        "logging": {
            "default-log-level": "notice",
            "outputs": [{"file": {"enabled": True, "level": "info", "filename": str(folder / "suricata.log")}}],
        },
        "af-packet": [packets | {"tpacket-v3": False, "checksum-checks": False, "defrag": True}],
        "app-layer": {"protocols": protocols},
        "stream": {"midstream": False, "checksum-validation": False, "reassembly": {"depth": "1mb"}},
        "flow-timeouts": {
            "default": {"new": 2, "established": 60, "closed": 0},
            "tcp": {"new": 2, "established": 60, "closed": 0},
        },
        "rule-files": [str(suricata_rules())],
        "default-rule-path": str(folder),
        "pid-file": str(folder / "suricata.pid"),
        "unix-command": {"enabled": False},
        "stats": {"enabled": False},
    }


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


def cases() -> dict[str, Callable[[], list[bytes]]]:
    """Every case by its file, and how it is recorded."""
    held = _Session()
    return {
        "tcp-handshake/positive": lambda: capture(_handshake),
        "tcp-handshake/negative": lambda: capture(_no_handshake),
        "syn-probe/positive": lambda: capture(_probe),
        "syn-probe/negative": lambda: capture(held.no_probe, held.before),
        "port-sweep/positive": lambda: capture(_port_sweep),
        "port-sweep/negative": lambda: capture(_no_port_sweep),
        "port-sweep/forged": lambda: capture(held.forged_sweep, held.before),
        "modbus-write/positive": lambda: capture(_write),
        "modbus-write/negative": lambda: capture(_read),
        "modbus-silence/positive": lambda: capture(_diagnose(LISTEN_ONLY, RESTART)),
        "modbus-silence/negative": lambda: capture(_diagnose(ECHO, read_registers(0, 2), write_register(7, 1500))),
        "modbus-programming/positive": lambda: capture(_diagnose(PROGRAM, PROGRAM)),
        "modbus-programming/negative": lambda: capture(_diagnose(ECHO, write_register(7, 1500), DEVICE_ID)),
        "modbus-identify/positive": lambda: capture(_diagnose(SERVER_ID, DEVICE_ID)),
        "modbus-identify/negative": lambda: capture(_diagnose(ECHO, read_registers(0, 2), PROGRAM)),
    }


def main() -> None:
    """Record every case, or those whose names begin with an argument."""
    rules = suricata_rules().parent.parent / "rules"
    for name, record in cases().items():
        if not name.startswith(tuple(sys.argv[1:]) or ""):
            continue
        lines = record()
        (rules / f"{name}.ndjson").write_bytes(b"".join(lines))
        kinds = [json.loads(line)["event_type"] for line in lines]
        sys.stdout.write(f"{name}: {', '.join(f'{kinds.count(k)} {k}' for k in sorted(set(kinds)))}\n")


if __name__ == "__main__":
    main()
