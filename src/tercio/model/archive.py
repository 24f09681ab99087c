"""The archive of all lines: what may be asked of it, as neutral values, and what it answers.

A condition only narrows: the archive may give more lines than it asks for, never fewer. Whoever asks decides about
each.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec


class FromSource(msgspec.Struct, frozen=True, tag="source"):
    """The line came from one of these sources."""

    names: tuple[str, ...]


class AtHost(msgspec.Struct, frozen=True, tag="host"):
    """The line is filed under one of these hosts: names in small letters, or addresses as text."""

    names: tuple[str, ...]


class Routed(msgspec.Struct, frozen=True, tag="routed"):
    """The line's routing field (one of its ``LogSource.routes``) has one of these values: as detection compares them,
    as text and folded (``ir.text_of``, ``ir.fold``); the empty text where the record does not have the field."""

    field: str
    values: tuple[str, ...]


class Says(msgspec.Struct, frozen=True, tag="says"):
    """The line, as it was written, has this text's UTF-8 bytes somewhere in it; A to Z count as a to z, and no other
    letters as each other. The text may be an attacker's."""

    text: str


class AllOf(msgspec.Struct, frozen=True, tag="all"):
    """All of these hold; of none, every line."""

    of: tuple["Condition", ...]


class AnyOf(msgspec.Struct, frozen=True, tag="any"):
    """At least one of these holds; of none, no line."""

    of: tuple["Condition", ...]


Condition = FromSource | AtHost | Routed | Says | AllOf | AnyOf

EVERYTHING = AllOf(())
NOTHING = AnyOf(())


def all_of(conditions: Iterable[Condition]) -> Condition:
    """What holds where all do, in its shortest form."""
    found: dict[Condition, None] = {}
    for each in conditions:
        found.update(dict.fromkeys(each.of if isinstance(each, AllOf) else (each,)))
    if NOTHING in found:
        return NOTHING
    return next(iter(found)) if len(found) == 1 else AllOf(tuple(found))


def any_of(conditions: Iterable[Condition]) -> Condition:
    """What holds where one at least does, in its shortest form."""
    found: dict[Condition, None] = {}
    for each in conditions:
        found.update(dict.fromkeys(each.of if isinstance(each, AnyOf) else (each,)))
    if EVERYTHING in found:
        return EVERYTHING
    return next(iter(found)) if len(found) == 1 else AnyOf(tuple(found))


class Kept(NamedTuple):
    """One record as the archive keeps it: whose it is, when it happened and was received (instants), its bytes."""

    source: str
    generation: str
    offset: int
    time: int
    received: int
    line: bytes


class Count(NamedTuple):
    """How many records of one source happened in a piece of time that begins here (an instant)."""

    source: str
    begins: int
    rows: int


class Archive(Protocol):
    """The archive as whoever asks sees it. Times are of what happened, ``since`` included and ``until`` not; each
    record is told once, however often it was written. All raise OSError while the archive can't answer."""

    def counts(self, since: int, until: int, step: int) -> Sequence[Count]:
        """What it holds in all: by source, and by pieces of ``step`` microseconds counted from the epoch, in the order
        of (begins, source); none that are empty."""
        ...

    def scan(self, where: Condition, since: int, until: int) -> Iterator[Sequence[Kept]]:
        """The records, in blocks, in the order of (time, source, generation, offset)."""
        ...
