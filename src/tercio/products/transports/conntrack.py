"""Forgetting connections, which nft cannot do. The kernel is asked in this process, in the words of the ``conntrack``
tool: to start that and to end it takes 30 to 80 ms, in which no order is obeyed."""

import errno
import socket
import struct
from ipaddress import ip_address

from tercio.products.transports.netfilter import Line
from tercio.products.transports.packed import attribute, attributes, nested

_GET, _DELETE = (1 << 8) | 1, (1 << 8) | 2
_ORIGINAL, _ID, _ZONE, _FILTER = 1, 12, 18, 25
_IP, _PROTOCOL = 1, 2
_NUMBER, _PORT = 1, 3
_FILTER_ORIGINAL, _FILTER_REPLY = 1, 2
_ENDS = {socket.AF_INET: (1, 2), socket.AF_INET6: (3, 4)}
"""Numbers of source and destination in a tuple."""
_BY_SOURCE, _BY_DESTINATION, _BY_PROTOCOL, _BY_PORT = 1 << 0, 1 << 1, 1 << 3, 1 << 5
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}

Tuple = tuple[dict[int, bytes], dict[int, bytes]]
"""Who speaks to whom: attributes of the addresses, and of protocol and ports."""


def forget(line: Line, words: str) -> str:
    """Forget the TCP connections that match: ``-D -f ipv4|ipv6 -p tcp --orig-src ADDRESS``, and where they are given
    ``--orig-dst ADDRESS --orig-port-dst PORT``. Returns why it failed, in one line; empty where it worked, also where
    no connection matched."""
    try:
        family, wanted = _read(words)
        if family != socket.AF_INET or not _at_once(line, wanted):
            _one_by_one(line, family, wanted)
    except ValueError as error:
        return f"conntrack failed: {error}"
    except OSError as error:
        return f"conntrack failed, so old connections were not forgotten: {error.strerror or error}"
    return ""


def _read(words: str) -> tuple[int, Tuple]:
    """The family, and what a connection's first direction must be. Raises ValueError for other words."""
    verb, *rest = words.split() or [""]
    given = dict(zip(rest[::2], rest[1::2], strict=False))
    src, dst, port = (given.pop(name, "") for name in ("--orig-src", "--orig-dst", "--orig-port-dst"))
    family = _FAMILIES.get(given.pop("-f", ""))
    if verb != "-D" or len(rest) % 2 or given != {"-p": "tcp"} or family is None or not src:
        raise ValueError(f"these words are not understood: {words[:200]!r}")
    ends = {number: ip_address(text) for number, text in zip(_ENDS[family], (src, dst), strict=True) if text}
    if any((end.version == 6) is not (family == socket.AF_INET6) for end in ends.values()):
        raise ValueError(f"an address is of another family: {words[:200]!r}")
    if port and not (port.isdecimal() and port.isascii() and int(port) < 1 << 16):
        raise ValueError(f"this is no port: {port[:80]!r}")
    ports = {_PORT: struct.pack("!H", int(port))} if port else {}
    return family, ({kind: end.packed for kind, end in ends.items()}, {_NUMBER: bytes([socket.IPPROTO_TCP]), **ports})


def _at_once(line: Line, wanted: Tuple) -> bool:
    """Have the kernel find and forget them, in 0.2 ms where a list of nothing takes it 10. False where it is older than
    6.12: it takes the filter for an incomplete connection, and forgets none. Never for IPv6, where it compares the
    wrong way round: it would forget all the others."""
    addresses, protocol = wanted
    by = _BY_SOURCE | _BY_PROTOCOL | (_BY_DESTINATION if len(addresses) > 1 else 0)
    by |= _BY_PORT if _PORT in protocol else 0
    flags = [attribute(kind, struct.pack("=I", bits)) for kind, bits in ((_FILTER_ORIGINAL, by), (_FILTER_REPLY, 0))]
    inner = [
        nested(kind, *(attribute(*each) for each in part.items()))
        for kind, part in zip((_IP, _PROTOCOL), wanted, strict=True)
    ]
    try:
        line.ask(_DELETE, socket.AF_INET, nested(_ORIGINAL, *inner) + nested(_FILTER, *flags))
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return False
        raise
    return True


def _one_by_one(line: Line, family: int, wanted: Tuple) -> None:
    addresses, _ = wanted
    for entry in line.dump(_GET, family):
        if not all(address in entry for address in addresses.values()):
            continue  # Of many thousand, the few that may match are soon found.
        found = dict(attributes(entry))
        parts = dict(attributes(found.get(_ORIGINAL, b"")))
        tuples = (dict(attributes(parts.get(kind, b""))) for kind in (_IP, _PROTOCOL))
        if all(part.items() >= want.items() for part, want in zip(tuples, wanted, strict=True)):
            _delete(line, family, found)


def _delete(line: Line, family: int, found: dict[int, bytes]) -> None:
    """Forget this very connection, not one that has its place by now."""
    named = nested(_ORIGINAL, found[_ORIGINAL])
    named += b"".join(attribute(kind, found[kind]) for kind in (_ZONE, _ID) if kind in found)
    try:
        line.ask(_DELETE, family, named)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
