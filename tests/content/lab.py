"""A laboratory of two network namespaces on one wire, watched by the real Suricata.

Nothing leaves the two namespaces; both are removed at the end, whatever happens.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from tercio.content import suricata_rules
from tests.content import peers

SCANNER, HMI, OUTSIDE = "10.77.20.66", "10.77.20.10", "203.0.113.7"
PLC, ENGINEER, OFFICE, PLC2 = "10.77.30.21", "10.77.30.30", "10.77.10.5", "10.77.30.41"
STATIONS = tuple(f"10.77.30.{number}" for number in range(51, 58))
CLASSES = Path("/etc/suricata/classification.config")
_LIBC = ctypes.CDLL(None, use_errno=True)


class Lab:
    """Two sides of one wire; every port that is not named refuses.

    Here are the scanner, the HMI, and a server of the outer world (TLS on 443, names on 53). There are a PLC (Modbus on
    502, an echo on 7), a second one (DNP3 on 20000, its own web page on 80), an engineering station (SSH on 22, FTP on
    21, for Telnet an echo on 23), seven stations without any service and an office server (echo on 7).
    """

    def __init__(self, here: str, there: str) -> None:
        self.here, self.there = here, there
        self.sides = {here: (SCANNER, HMI, OUTSIDE), there: (PLC, ENGINEER, OFFICE, PLC2, *STATIONS)}

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

    def home(self, address: str) -> str:
        """The namespace that an address lives in."""
        return self.here if address in self.sides[self.here] else self.there

    def connect(self, source: str, address: str, port: int) -> socket.socket | None:
        """A TCP connection, or None where it was refused."""
        with self.inside(self.home(source)):
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

    def datagram(self, source: str, address: str, port: int = 9, data: bytes = b"tercio") -> None:
        """One datagram, and its answer awaited where the other side is one that answers."""
        with self.inside(self.home(source)), socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.bind((source, 0))
            sock.sendto(data, (address, port))
            if port == 53:
                sock.recv(512)


def capture(
    scenario: Callable[[Lab], None], before: Callable[[Lab], None] | None = None, signatures: str = ""
) -> list[bytes]:
    """The EVE lines of everything but statistics that the scenario made. ``before`` acts before Suricata looks;
    ``signatures`` are rules that it has beside Tercio's."""
    tag = f"{os.getpid()}-{threading.get_ident() % 10_000}"
    lab = Lab(f"tercio-h{tag}", f"tercio-t{tag}")
    folder = Path(tempfile.mkdtemp(prefix="tercio-record-"))
    try:
        _wire(lab)
        with _services(lab, folder):
            if before:
                before(lab)
            with _suricata(lab, folder, signatures):
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
    for name in lab.sides:
        _ip("netns", "add", name)
    _ip("-n", lab.here, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", lab.there)
    for name, own in lab.sides.items():
        for address in own:
            _ip("-n", name, "addr", "add", f"{address}/32", "dev", "wire")
        for device in ("lo", "wire"):
            _ip("-n", name, "link", "set", device, "up")
        for network in ("10.77.0.0/16", "203.0.113.0/24"):
            _ip("-n", name, "route", "add", network, "dev", "wire")


@contextlib.contextmanager
def _services(lab: Lab, folder: Path) -> Iterator[None]:
    wanted: list[tuple[str, int, peers.Talk]] = [
        (PLC, 502, peers.modbus),
        (PLC, 7, peers.echo),
        (OFFICE, 7, peers.echo),
        (PLC2, 20000, peers.dnp3),
        (PLC2, 80, peers.web),
        (ENGINEER, 22, peers.ssh),
        (ENGINEER, 21, peers.ftp),
        (ENGINEER, 23, peers.echo),
        (OUTSIDE, 443, peers.tls(folder)),
    ]
    threads, listeners = [], []
    for address, port, talk in wanted:
        with lab.inside(lab.home(address)):
            listeners.append(socket.create_server((address, port)))
        threads.append(threading.Thread(target=peers.serve, args=(listeners[-1], talk), daemon=True))
    with lab.inside(lab.home(OUTSIDE)):
        listeners.append(socket.socket(type=socket.SOCK_DGRAM))
    listeners[-1].bind((OUTSIDE, 53))
    threads.append(threading.Thread(target=peers.names, args=(listeners[-1],), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for listener in listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in threads:
            thread.join(timeout=2)


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
def _suricata(lab: Lab, folder: Path, signatures: str) -> Iterator[None]:
    (folder / "beside.rules").write_text(signatures)
    settings = folder / "suricata.yaml"
    settings.write_text("%YAML 1.1\n---\n" + yaml.safe_dump(_settings(folder)))
    command = ["ip", "netns", "exec", lab.there, "suricata", "-c", str(settings), "--af-packet=wire", "-l", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _wait_for(lambda: b"Engine started" in (folder / "suricata.log").read_bytes(), process)
        faults = [line for line in (folder / "suricata.log").read_text().splitlines() if "error parsing" in line]
        assert not faults, faults
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
    raise TimeoutError("Suricata did not start within 90 s")


def _settled(eve: Path) -> None:
    """Wait until Suricata has written nothing for a while."""
    size, quiet = -1, 0
    while quiet < 5:
        time.sleep(0.06)
        now = eve.stat().st_size
        size, quiet = now, quiet + 1 if now == size else 0


def _settings(folder: Path) -> dict[str, object]:
    kinds: list[object] = [{"alert": {"metadata": True}}, "modbus", "dnp3", "http", "dns", "tls", "ssh", "flow"]
    kinds.append({"anomaly": {"enabled": True, "types": {"decode": False, "stream": False, "applayer": True}}})
    eve = {"enabled": True, "filetype": "regular", "filename": "eve.json", "community-id": True, "types": kinds}
    packets = {"interface": "wire", "threads": 1, "cluster-id": 77, "cluster-type": "cluster_flow"}
    protocols = {
        "modbus": {"enabled": True, "detection-ports": {"dp": 502}, "stream-depth": 0},
        "dnp3": {"enabled": True, "detection-ports": {"dp": 20000}},
        "dns": {"udp": {"enabled": True, "detection-ports": {"dp": 53}}},
        **{name: {"enabled": True} for name in ("http", "tls", "ssh", "ftp")},
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
        "classification-file": str(CLASSES),
        "rule-files": [str(suricata_rules()), str(folder / "beside.rules")],
        "default-rule-path": str(folder),
        "pid-file": str(folder / "suricata.pid"),
        "unix-command": {"enabled": False},
        "stats": {"enabled": False},
    }
