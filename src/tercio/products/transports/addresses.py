"""The addresses of the network namespace that this process runs in, asked of the kernel by rtnetlink (RFC 3549)."""

import socket
import struct

from tercio.products.transports.packed import attributes

_GET, _NEW, _GET_LINK, _NEW_LINK, _DONE, _ERROR = 22, 20, 18, 16, 3, 2
_REQUEST_DUMP = 0x301
_ADDRESS, _LOCAL, _BROADCAST = 1, 2, 4
_LINK_ADDRESS, _LINK_SIZE = 1, 6


def own_addresses() -> frozenset[str]:
    """Every address, broadcast address and link address of every interface, as plain text. Raises OSError where the
    kernel refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as line:
        line.settimeout(2.0)
        line.bind((0, 0))
        found: set[str] = set()
        for number, kind in enumerate((_GET, _GET_LINK), 1):
            line.send(struct.pack("=IHHII16x", 32, kind, _REQUEST_DUMP, number, 0))
            while not _messages(line.recv(1 << 17), found):
                pass
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
        if kind == _NEW_LINK:
            found |= _of_link(data[16:size])
        data = data[(max(size, 16) + 3) & ~3 :]
    return False


def _of_interface(body: bytes) -> set[str]:
    """An ifaddrmsg of eight bytes, whose first is the family, and attributes behind it."""
    family, length = (socket.AF_INET, 4) if body[0] == socket.AF_INET else (socket.AF_INET6, 16)
    kinds = (_ADDRESS, _LOCAL, _BROADCAST)
    return {
        socket.inet_ntop(family, value)
        for kind, value in attributes(body[8:])
        if (kind in kinds and len(value) == length)
    }


def _of_link(body: bytes) -> set[str]:
    """An ifinfomsg of sixteen bytes, and attributes behind it."""
    found = (value for kind, value in attributes(body[16:]) if kind == _LINK_ADDRESS and len(value) == _LINK_SIZE)
    return {value.hex(":") for value in found if any(value)}
