"""Checkpoints of a log as signed notes (C2SP tlog-checkpoint, signed-note): origin, size, root, one line of extension
(a digest of what lies beside the log), one Ed25519 signature.

One value has one text: what doesn't read back to exactly the bytes it came from is refused.
"""

import base64
import binascii
import hashlib
import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tercio.store.keys import public_bytes

ED25519 = b"\x01"
"""C2SP's number for this kind of signature."""

_LAYOUT = re.compile(
    r"([^\n]+)\n(0|[1-9]\d{0,18})\n([A-Za-z0-9+/=]{44})\nbeside ([A-Za-z0-9+/=]{64})\n"
    r"\n— ([^ \n]+) ([A-Za-z0-9+/=]{92})\n",
    re.ASCII,
)
_UNFIT = re.compile(r"[\s+\x00-\x1f\x7f]+")


class Checkpoint(msgspec.Struct, frozen=True):
    """What a log promises: at ``size`` records its root is ``root``, and what lay beside it had the digest ``beside``
    (48 bytes). ``note`` is the signed text, ready to be kept off the machine.
    """

    origin: str
    size: int
    root: bytes
    beside: bytes
    note: str


def origin_name(text: str) -> str:
    """A log's name as C2SP allows it: no blanks and no plus sign; each run of them becomes a dash. Raises ValueError
    where nothing is left.
    """
    name = _UNFIT.sub("-", text).strip("-")
    if not name:
        raise ValueError(f"{text!r} can't name a journal: give the site a name with a letter or digit in it")
    return name


def sign(origin: str, size: int, root: bytes, beside: bytes, key: Ed25519PrivateKey) -> Checkpoint:
    """The signed checkpoint of a log. ``origin`` is a name as ``origin_name`` gives it; it names the key, too."""
    text = _text(origin, size, root, beside)
    mark = key_id(origin, public_bytes(key)) + key.sign(text.encode())
    return Checkpoint(origin, size, root, beside, _join(text, origin, mark))


def parse(note: str) -> Checkpoint:
    """Read a checkpoint without asking who signed it. Raises ValueError that says what is wrong with it."""
    return _take(note)[0]


def read(note: str, public: bytes) -> Checkpoint:
    """Read and verify a checkpoint against a raw public key. Raises ValueError that says what is wrong with it."""
    found, mark = _take(note)
    if mark[:4] != key_id(found.origin, public):
        raise ValueError("signed with another key")
    try:
        text = _text(found.origin, found.size, found.root, found.beside)
        Ed25519PublicKey.from_public_bytes(public).verify(mark[4:], text.encode())
    except InvalidSignature as error:
        raise ValueError("its signature is wrong") from error
    return found


def _take(note: str) -> tuple[Checkpoint, bytes]:
    """The checkpoint, and its key id and signature."""
    found = _LAYOUT.fullmatch(note)
    if found is None:
        raise ValueError("not laid out as a checkpoint")
    origin, size, root64, beside64, name, mark64 = found.groups()
    try:
        root, beside, mark = (base64.b64decode(each, validate=True) for each in (root64, beside64, mark64))
    except binascii.Error as error:
        raise ValueError("not in base64") from error
    lengths = (len(root), len(beside), len(mark))
    if lengths != (32, 48, 68) or _join(_text(origin, int(size), root, beside), name, mark) != note:
        raise ValueError("not in its one form")
    if name != origin:
        raise ValueError("signed under another name")
    return Checkpoint(origin, int(size), root, beside, note), mark


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes by which a signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def _text(origin: str, size: int, root: bytes, beside: bytes) -> str:
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\nbeside {base64.b64encode(beside).decode()}\n"


def _join(text: str, name: str, mark: bytes) -> str:
    return f"{text}\n— {name} {base64.b64encode(mark).decode()}\n"
