"""Elements of the table's sets, as the kernel packs them (``linux/netfilter/nf_tables.h``)."""

from collections.abc import Callable, Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, summarize_address_range

from tercio.products.effectors.addresses import Network, plain
from tercio.products.effectors.nft_answers import PROTOCOLS, Element
from tercio.products.effectors.nft_ruleset import SETS
from tercio.products.transports.packed import attributes

_KEY, _EXPIRATION, _NOTES, _KEY_END = 1, 5, 6, 10
_VALUE = 1
_COMMENT = 0
_MILLISECOND = 1000

_FIELDS = {name: form.removeprefix("type ").partition(";")[0].split(" . ") for name, form in SETS.items()}


def _address(value: bytes) -> str:
    return str(ip_address(value))


def _protocol(value: bytes) -> str:
    return PROTOCOLS.get(str(value[0]), str(value[0]))


def _number(value: bytes) -> str:
    return str(int.from_bytes(value, "big"))


_FORMS: dict[str, tuple[int, Callable[[bytes], str]]] = {
    "ipv4_addr": (4, _address),
    "ipv6_addr": (16, _address),
    "ether_addr": (6, lambda value: value.hex(":")),
    "inet_proto": (1, _protocol),
    "inet_service": (2, _number),
}
"""Bytes that a field has, and its text."""


def _size(fields: list[str]) -> int:
    """Bytes of a key: where there are several fields, each is filled up to four."""
    sizes = [_FORMS[field][0] for field in fields]
    return sizes[0] if len(sizes) == 1 else sum((size + 3) & ~3 for size in sizes)


_SIZES = {name: _size(fields) for name, fields in _FIELDS.items()}


def packed(field: str) -> bytes:
    """What the kernel packs an address or a link address into."""
    if field.count(":") == 5 and "::" not in field:
        return bytes.fromhex(field.replace(":", ""))
    return ip_address(field).packed


def elements_of(name: str, answer: Iterable[bytes], near: Collection[bytes] | None = None) -> tuple[Element, ...]:
    """Read the elements of a set: all of them, or those in which one of ``near`` occurs. Raises ValueError for what the
    set can't hold."""
    if near is None:
        return tuple(_element(name, raw) for each in answer for _, raw in attributes(each))
    lists = (each for each in answer if _occurs(near, each))
    return tuple(_element(name, raw) for each in lists for _, raw in attributes(each) if _occurs(near, raw))


def _occurs(words: Iterable[bytes], raw: bytes) -> bool:
    for word in words:  # noqa: SIM110  Half the time of any(): this is asked of every element there is.
        if word in raw:
            return True
    return False


def _element(name: str, raw: bytes) -> Element:
    found = dict(attributes(raw))
    first = dict(attributes(found.get(_KEY, b""))).get(_VALUE, b"")
    last = dict(attributes(found[_KEY_END])).get(_VALUE, b"") if _KEY_END in found else first
    left = int.from_bytes(found.get(_EXPIRATION, b""), "big") * _MILLISECOND
    return Element(name, _key(name, first, last), left, _comment(found))


def _key(name: str, first: bytes, last: bytes) -> tuple[str, ...]:
    """The fields in nft's words."""
    if len(first) != _SIZES[name] or len(last) != len(first):
        raise ValueError(f"the kernel listed an element of {name} with a key of {len(first)} and {len(last)} bytes")
    texts, at = [], 0
    for field in _FIELDS[name]:
        size, text = _FORMS[field]
        one, other = first[at : at + size], last[at : at + size]
        texts.append(text(one) if one == other else _range(text, one, other))
        at += (size + 3) & ~3
    return tuple(texts)


def _range(text: Callable[[bytes], str], first: bytes, last: bytes) -> str:
    if text is _address:
        one, other = ip_address(first), ip_address(last)
        if isinstance(one, IPv4Address) and isinstance(other, IPv4Address):
            networks: list[Network] = [*summarize_address_range(one, other)]
        if isinstance(one, IPv6Address) and isinstance(other, IPv6Address):
            networks = [*summarize_address_range(one, other)]
        if len(networks) == 1:
            return plain(networks[0])
    return f"{text(first)}-{text(last)}"


def _comment(found: dict[int, bytes]) -> str:
    """What nft noted on an element: kind, length and value of each, in one byte, one byte and so many."""
    notes = found.get(_NOTES, b"")
    while len(notes) >= 2:
        if notes[0] == _COMMENT:
            return notes[2 : 2 + notes[1]].rstrip(b"\0").decode(errors="replace")
        notes = notes[2 + notes[1] :]
    return ""
