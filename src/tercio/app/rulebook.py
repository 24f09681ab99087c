"""Compiled rules and their pattern databases, kept on disk, so that a start does not wait for what did not change.

The file is trusted only where nobody else could have written it: it is a plain file of this very user that others
can't write to. It names the build, the libraries, the processor and the texts that it was made from; whatever does not
fit, or is damaged, is made anew. It holds plain values (MessagePack) and Hyperscan's own form, no code.
"""

import hashlib
import os
import platform
import stat
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from tercio.app.build import code_digest
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.model.canon import canonical
from tercio.model.events import LogSource

NAME = "rules.cache"
"""Its name in the state's folder."""
LARGEST = 512 * 2**20
"""Bytes beyond which a file is not read: 3,000 rules take some 30 MB."""

_LIBRARIES = ("pysigma", "pyyaml", "hyperscan", "msgspec")
_MARK = b"tercio rules 1\n"
_HASH = hashlib.sha256().digest_size


class Book(msgspec.Struct, frozen=True):
    """What rules became: the rule set, and the databases of its patterns."""

    rules: RuleSet
    databases: dict[str, bytes]


def detector_of(
    texts: Mapping[str, str],
    own: Mapping[str, str],
    log_sources: Mapping[str, LogSource],
    *,
    placeholders: Mapping[str, tuple[str, ...]] | None = None,
    keep: Path | None = None,
    read: Callable[[int], None] = lambda _: None,
) -> tuple[RuleSet, Detector]:
    """Rules compiled from ``texts`` and a site's ``own``, and their detector; taken from the file ``keep`` where it
    holds just these, and kept there. Raises as compile_rules does; a file that can't be read or written is no error."""
    key = _key(texts, own, placeholders or {})
    known = _load(keep, key) if keep else None
    rules = known.rules if known else compile_rules({**texts, **own}, own.keys(), read, placeholders)
    databases = Databases(known.databases if known else None)
    detector = Detector(rules, log_sources, databases)
    if keep and (known is None or databases.made):
        _save(keep, key, Book(rules, databases.used))
    return rules, detector


def _key(texts: Mapping[str, str], own: Mapping[str, str], placeholders: Mapping[str, tuple[str, ...]]) -> bytes:
    """A hash of everything that a rule set and its databases depend on."""
    build = [code_digest(), platform.machine(), *(f"{name} {version(name)}" for name in _LIBRARIES)]
    given = [build, sorted(texts.items()), sorted(own.items()), sorted(placeholders.items())]
    return hashlib.sha256(canonical(given)).digest()


def _load(path: Path, key: bytes) -> Book | None:
    """What the file holds, if it was made for this key and nobody else can have touched it."""
    try:
        data = _read_own(path)
    except OSError:
        return None
    head = _MARK + key
    if not data.startswith(head):
        return None
    digest, body = data[len(head) : len(head) + _HASH], data[len(head) + _HASH :]
    if hashlib.sha256(body).digest() != digest:
        return None
    try:
        return msgspec.msgpack.decode(body, type=Book)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _read_own(path: Path) -> bytes:
    """A file of this user's that nobody else may write to. Raises OSError for any other."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(opened, "rb") as file:
        status = os.fstat(opened)
        mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
        if not mine or status.st_size > LARGEST:
            raise PermissionError(f"{path} may be somebody else's")
        return file.read()


def _save(path: Path, key: bytes, book: Book) -> None:
    """Write it beside and put it in place, so that nobody ever reads half of it."""
    body = msgspec.msgpack.encode(book)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(opened, "wb") as file:
                file.write(_MARK + key + hashlib.sha256(body).digest() + body)
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
    except OSError:
        return
