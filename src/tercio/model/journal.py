"""What the journal holds: one shape for each kind of record, used by whoever writes it and whoever reads it.

Versions: a shape may gain fields that have a default, and readers ignore fields they do not know. A change that an
older reader would misunderstand gets a kind of its own, the name with a number behind it (``finding.2``), so that the
version of a record is part of its leaf. Whoever meets a kind that is not in the table shows the record as it is.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from tercio.model.canon import canonical
from tercio.model.commands import Effect, Response
from tercio.model.decisions import Ruling
from tercio.model.findings import Finding
from tercio.model.incidents import Evidence, Incident
from tercio.model.precision import Precision
from tercio.model.records import CommandRow
from tercio.model.words import Word


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions rest on beside their own input, journaled before the first decision that rests on it.

    ``code`` is the digest of the code that decides, ``site``, ``rules`` and ``numbers`` those of what people set;
    ``policies`` and ``schema`` are the mandate that ships, ``own`` the site's policies: (file, text) pairs, sorted, so
    that a replay needs nothing but the journal.
    """

    version: str
    code: str
    site: str
    rules: str
    numbers: str
    policies: tuple[tuple[str, str], ...]
    schema: str
    own: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) over the canonical bytes, as decisions name it."""
        return _digest(self)


@lru_cache(maxsize=8)
def _digest(basis: Basis) -> str:
    return hashlib.sha256(canonical(basis)).hexdigest()


class Told(msgspec.Struct, frozen=True):
    """A finding, what became of it, and in which incident. ``lines`` is the digest (``digest_of``) over the events it
    cites, in their order, as they are kept beside the journal; ``absent`` are those whose lines were not at hand any
    more, because a restart or a flood came between."""

    finding: Finding
    incident: str
    change: str
    evidence: tuple[Evidence, ...]
    lines: str
    absent: tuple[str, ...] = ()


class Authorisation(msgspec.Struct, frozen=True):
    """The mandate's words on what a decision orders. Its subject is the decision."""

    rulings: tuple[Ruling, ...]


class Spoken(msgspec.Struct, frozen=True):
    """A word of a person, with what it came to."""

    word: Word
    answer: str


class Silence(msgspec.Struct, frozen=True):
    """A sensor fell silent, or speaks again."""

    source: str
    silent: bool


class Aside(msgspec.Struct, frozen=True):
    """A version of a rule was set aside because it kept failing, with the reason; or (``aside`` false) runs again."""

    rule: str
    version: str
    title: str
    aside: bool
    reason: str


class Lost(msgspec.Struct, frozen=True):
    """What a source's file could not give, in words: lines that were cut or gone, a file that can't be read."""

    source: str
    loss: str


class Stray(msgspec.Struct, frozen=True):
    """Something stood at a hand until ``until`` (an instant) though nobody here ordered it; it is being undone."""

    hand: str
    lease: str
    until: int


class Erasure(msgspec.Struct, frozen=True):
    """The body of record ``seq`` was erased. The body of this record stays."""

    seq: int
    who: str
    why: str


KINDS: Mapping[str, type[Any]] = {
    "basis": Basis,
    "finding": Told,
    "incident": Incident,
    "authorisation": Authorisation,
    "command": CommandRow,
    "response": Response,
    "effect": Effect,
    "word": Spoken,
    "silence": Silence,
    "aside": Aside,
    "precision": Precision,
    "loss": Lost,
    "stray": Stray,
    "erasure": Erasure,
}
"""The body of each kind of record; ``decision`` is added where its input is known (``loop.ledger``)."""


def digest_of(events: Iterable[bytes]) -> str:
    """What ``Told`` holds of its lines: ``whole_of`` the SHA-256 of each event's canonical bytes."""
    return whole_of(hashlib.sha256(event).digest() for event in events)


def whole_of(digests: Iterable[bytes]) -> str:
    """SHA-256 (hexadecimal) over digests, one behind the other."""
    whole = hashlib.sha256()
    for digest in digests:
        whole.update(digest)
    return whole.hexdigest()
