"""Who answers in the laboratory: small services that say no more than their protocol's everyday words."""

import contextlib
import datetime as dt
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket], None]


def serve(listener: socket.socket, talk: Talk) -> None:
    """Accept sessions, each in a thread of its own, until the listener is closed."""
    while True:
        try:
            session, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_one, args=(session, talk), daemon=True).start()


def _one(session: socket.socket, talk: Talk) -> None:
    with session, contextlib.suppress(OSError):
        talk(session)


def echo(session: socket.socket) -> None:
    while data := session.recv(1024):
        session.sendall(data)


def modbus(session: socket.socket) -> None:
    """A PLC whose registers below 1,000 hold 500, 501, ... and whose coils alternate; writes are confirmed and
    forgotten. Points from 1,000 on do not exist. Who speaks another protocol than 0 gets no answer."""
    while frame := session.recv(260):
        transaction, protocol, _, unit, function = struct.unpack(">HHHBB", frame[:8])
        first, count = struct.unpack(">HH", frame[8:12].ljust(4, b"\0"))
        if protocol != 0:
            continue
        if function in (1, 2, 3, 4) and first >= 1000:
            body = struct.pack(">BB", function | 0x80, 2)
        elif function in (1, 2):
            data = bytes([0b01010101] * ((count + 7) // 8))
            body = struct.pack(">BB", function, len(data)) + data
        elif function in (3, 4):
            data = struct.pack(f">{count}H", *(500 + first + i for i in range(count)))
            body = struct.pack(">BB", function, len(data)) + data
        else:
            body = frame[7:12]
        session.sendall(struct.pack(">HHHB", transaction, 0, len(body) + 1, unit) + body)


def dnp3_frame(function: int, source: int, target: int, objects: bytes = b"", *, answer: bool = False) -> bytes:
    """One DNP3 frame with one application fragment; an answer carries its two bytes of indications."""
    said = struct.pack(">BBB", 0xC0, 0xC0, function) + (b"\0\0" if answer else b"") + objects
    head = struct.pack("<HBBHH", 0x6405, 5 + len(said), 0x44 if answer else 0xC4, target, source)
    blocks = [head, *(said[at : at + 16] for at in range(0, len(said), 16))]
    return b"".join(block + struct.pack("<H", _crc(block)) for block in blocks)


def _crc(data: bytes) -> int:
    rest = 0
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0xA6BC if rest & 1 else 0)
    return rest ^ 0xFFFF


def dnp3(session: socket.socket) -> None:
    """An outstation that confirms whatever it is asked."""
    while frame := session.recv(292):
        target, source = struct.unpack("<HH", frame[4:8])
        session.sendall(dnp3_frame(129, target, source, answer=True))


def ssh(session: socket.socket) -> None:
    """Says who it is, as SSH servers do, and no more."""
    session.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    session.recv(256)


def ftp(session: socket.socket) -> None:
    session.sendall(b"220 ready\r\n")
    while line := session.recv(256):
        word = line[:4].strip().upper()
        session.sendall({b"USER": b"331 password\r\n", b"PASS": b"230 welcome\r\n"}.get(word, b"200 fine\r\n"))


class _Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"<title>controller</title>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


def web(session: socket.socket) -> None:
    """A device's own page."""
    _Page(session, ("", 0), None)  # type: ignore[arg-type]


def tls(folder: Path) -> Talk:
    """A TLS server with a certificate of its own making, which it keeps in this folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))

    def talk(session: socket.socket) -> None:
        with context.wrap_socket(session, server_side=True) as inner:
            echo(inner)

    return talk


def _certificate(folder: Path) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "range")])
    since = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(since).not_valid_after(since + dt.timedelta(days=3650))
    path = folder / "tls.pem"
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, form, serialization.NoEncryption())
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


def names(server: socket.socket) -> None:
    """A resolver that knows one address for every name; it ends when its socket is closed."""
    with contextlib.suppress(OSError):
        while True:
            asked, client = server.recvfrom(512)
            if not asked:
                return
            question = asked[12 : asked.index(b"\0", 12) + 5]
            head = asked[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
            server.sendto(head + question + struct.pack(">HHHIH4B", 0xC00C, 1, 1, 60, 4, 203, 0, 113, 7), client)
