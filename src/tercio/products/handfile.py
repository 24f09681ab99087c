"""A hand's own file: what it may do whatever the loop says. It belongs to root (or to the hand's user), not to the
loop."""

import os
import re
import stat
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tercio.model.commands import Action
from tercio.model.services import port_of
from tercio.model.units import duration
from tercio.products.effectors import EFFECTORS
from tercio.products.effectors.addresses import link_address, network, plain
from tercio.products.transports.seqpacket import LONGEST_PATH

_NUMERIC = re.compile(r"[\d.]+|\d+\..*|.*[:/].*")
"""What looks like an address must be one: a typing error must not become a name that protects nothing."""


LINK_COLONS = 5
"""A link address has so many; an IPv6 address written with so few has ``::``."""


class RawFlow(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A needed flow as it is written: ``{from = "10.0.0.1", to = "10.0.0.2", service = "modbus"}``."""

    src: str = msgspec.field(name="from")
    dst: str = msgspec.field(name="to")
    service: str


class Raw(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file as it is written (TOML)."""

    name: str
    socket: str
    order_key: str
    mechanism: str = "nftables"
    never: tuple[str, ...] = ()
    never_host: tuple[str, ...] = ()
    needed: tuple[RawFlow, ...] = ()
    verbs: tuple[Action, ...] = (Action.DENY, Action.CANCEL, Action.QUERY)
    longest: str = "1h"
    targets_per_hour: int = 20
    peer_uid: int = 0


class Listed(msgspec.Struct, frozen=True):
    """A list of the file: ``names`` of assets (case folded), ``networks``, and link addresses (``macs``)."""

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    macs: frozenset[str] = frozenset()


class Needed(msgspec.Struct, frozen=True):
    """A flow that no order may take away: opened from any address of ``src`` to ``port`` of any address of ``dst``
    (of one family). ``str`` is its form for people."""

    src: IPv4Network | IPv6Network
    dst: IPv4Network | IPv6Network
    transport: str
    port: int

    def __str__(self) -> str:
        return f"{plain(self.src)} to {plain(self.dst)} {self.transport}/{self.port}"


class HandFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file as it is obeyed: ``order_key`` is the raw public key (Ed25519, 32 bytes), ``longest`` a span.

    What is ``never`` is neither end of anything that is refused. What is ``never_host`` (controllers, views) keeps its
    own traffic: others may be kept from it. What is ``needed`` flows whatever is ordered.
    """

    name: str
    socket: str
    mechanism: str
    order_key: bytes
    never: Listed
    never_host: Listed
    needed: tuple[Needed, ...]
    verbs: frozenset[Action]
    longest: int
    targets_per_hour: int
    peer_uid: int


def load(path: Path) -> HandFile:
    """Read and check a hand's file, and the key that it names. Raises ValueError: file, line or key, what to do."""
    text = _owned(path)
    try:
        raw = msgspec.convert(tomllib.loads(text), Raw)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}{_line(text, str(error))}: {error}") from error
    try:
        return _checked(raw, path)
    except ValueError as error:
        raise ValueError(f"{path}{_line(text, str(error))}: {error}") from error


def _line(text: str, error: str) -> str:
    """``:7`` where line 7 sets the key that the error names: by its path, or first."""
    named = re.search(r"`\$\.(\w+)[^`]*`\Z", error) or re.search(r"field `(\w+)`|\A(\w+)(?:\[\d+\])?:", error)
    key = re.escape(next(filter(None, named.groups()), "")) if named else ""
    form = re.compile(rf"\s*(?:{key}\s*=|\[\[\s*{key}\s*\]\])")
    numbers = (n for n, line in enumerate(text.splitlines(), 1) if key and form.match(line))
    return f":{next(numbers, '')}".rstrip(":")


def _checked(raw: Raw, path: Path) -> HandFile:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", raw.name):
        raise ValueError("name: use 1 to 64 letters, digits, dots, dashes, underscores")
    if not raw.socket.startswith("/") or len(raw.socket.encode()) > LONGEST_PATH:
        raise ValueError(f"socket: give an absolute path of at most {LONGEST_PATH} bytes")
    if raw.mechanism not in EFFECTORS:
        raise ValueError(f"mechanism: {raw.mechanism!r} is not one of {', '.join(EFFECTORS)}")
    if raw.targets_per_hour < 1:
        raise ValueError("targets_per_hour: must be at least 1")
    try:
        longest = duration(raw.longest)
    except ValueError as error:
        raise ValueError(f"longest: {error}") from error
    if longest < 1_000_000:
        raise ValueError("longest: must be at least 1s")
    return HandFile(
        name=raw.name,
        socket=raw.socket,
        mechanism=raw.mechanism,
        order_key=_key(path.parent / raw.order_key),
        never=_listed("never", raw.never),
        never_host=_listed("never_host", raw.never_host),
        needed=tuple(_needed(f"needed[{number}]", flow) for number, flow in enumerate(raw.needed)),
        verbs=frozenset(raw.verbs),
        longest=longest,
        targets_per_hour=raw.targets_per_hour,
        peer_uid=raw.peer_uid,
    )


def _listed(key: str, entries: tuple[str, ...]) -> Listed:
    numeric = [entry for entry in entries if _NUMERIC.fullmatch(entry)]
    names = frozenset(entry.casefold() for entry in entries if entry not in numeric)
    links = [entry for entry in numeric if entry.count(":") == LINK_COLONS and "::" not in entry and "/" not in entry]
    networks = tuple(_network(key, entry) for entry in numeric if entry not in links)
    return Listed(names, networks, frozenset(_link(key, entry) for entry in links))


def _link(key: str, entry: str) -> str:
    try:
        return link_address(entry)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _network(key: str, entry: str) -> IPv4Network | IPv6Network:
    try:
        return network(entry)
    except ValueError as error:
        raise ValueError(f"{key}: {entry!r} looks like an address and is none: {error}") from error


def _needed(key: str, flow: RawFlow) -> Needed:
    src, dst = _end(f"{key}: from", flow.src), _end(f"{key}: to", flow.dst)
    if src.version != dst.version:
        raise ValueError(f"{key}: {flow.src!r} to {flow.dst!r} mixes IPv4 and IPv6; write one flow for each family")
    try:
        return Needed(src, dst, *port_of(flow.service))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _end(key: str, entry: str) -> IPv4Network | IPv6Network:
    try:
        return network(entry)
    except ValueError as error:
        raise ValueError(f"{key} = {entry!r}: write an address or a network, not a name: {error}") from error


def _key(path: Path) -> bytes:
    try:
        key = serialization.load_pem_public_key(_owned(path).encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"order_key: {path} is no public key in PEM form ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"order_key: {path} holds a key of another kind than Ed25519")
    return key.public_bytes_raw()


def _owned(path: Path) -> str:
    """The text of a file that nobody but root and this user can write. Checked on the open file, so it cannot be
    swapped."""
    try:
        with path.open(encoding="utf-8") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise ValueError(f"{path} is not a file")
            if state.st_uid not in (0, os.geteuid()):
                raise ValueError(f"{path} belongs to uid {state.st_uid}; it must belong to root or to the hand's user")
            if state.st_mode & 0o022:
                raise ValueError(f"{path} can be written by others; run chmod go-w on it")
            return file.read(1 << 20)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8") from error
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}; correct the path, or let this user read it") from error
