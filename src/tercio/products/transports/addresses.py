"""The addresses of the network namespace that this process runs in, asked of the kernel by rtnetlink (RFC 3549)."""

import socket
import struct

_GET, _NEW, _DONE, _ERROR = 22, 20, 3, 2
_REQUEST_DUMP = 0x301
_ADDRESS, _LOCAL, _BROADCAST = 1, 2, 4


def own_addresses() -> frozenset[str]:
    """Every address and broadcast address of every interface, as plain text. Raises OSError where the kernel
    refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as line:
        line.settimeout(2.0)
        line.bind((0, 0))
        line.send(struct.pack("=IHHII8x", 24, _GET, _REQUEST_DUMP, 1, 0))
        found: set[str] = set()
        while True:
            done = _messages(line.recv(1 << 17), found)
            if done:
                return frozenset(found)


def _messages(data: bytes, found: set[str]) -> bool:
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        if kind == _DONE:
            return True
        if kind == _ERROR:
            raise OSError(-struct.unpack_from("=i", data, 16)[0], "the kernel did not list addresses")
        if kind == _NEW:
            found |= _of_interface(data[16:size])
        data = data[(max(size, 16) + 3) & ~3 :]
    return False


def _of_interface(body: bytes) -> set[str]:
    """An ifaddrmsg of eight bytes, whose first is the family, and attributes behind it."""
    family, length = (socket.AF_INET, 4) if body[0] == socket.AF_INET else (socket.AF_INET6, 16)
    found, rest = set(), body[8:]
    while len(rest) >= 4:
        size, kind = struct.unpack_from("=HH", rest)
        if kind in (_ADDRESS, _LOCAL, _BROADCAST) and size == 4 + length:
            found.add(socket.inet_ntop(family, rest[4 : 4 + length]))
        rest = rest[(max(size, 4) + 3) & ~3 :]
    return found
