"""The predicate graph: what rules ask of one event, each question once.

Nodes refer to others by their place in the table, and stand behind what they refer to. So equal questions of different
rules are one node, the table is a plain value that can be cached, and walking it needs no recursion.
"""

import re
from typing import Any, Literal

import msgspec

MANY = 0
"""In a pattern: any run of characters, also none (Sigma's ``*``)."""
ONE = 1
"""In a pattern: exactly one character (Sigma's ``?``)."""
MOST_BITS = 4096
"""A whole number of so many has no text: writing one out takes time that grows with its square."""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """The whole value as text has this shape: pieces of text, MANY and ONE. Letters count as equal whatever their case,
    unless ``cased``; the pieces of an uncased pattern are stored folded."""

    field: str
    parts: tuple[str | int, ...]
    cased: bool


class Number(msgspec.Struct, frozen=True, tag="number"):
    """The value is this number, or a text that writes it in the same way."""

    field: str
    value: int | float


class Null(msgspec.Struct, frozen=True, tag="null"):
    """The field is absent or null."""

    field: str


class Exists(msgspec.Struct, frozen=True, tag="exists"):
    """The field is present, whatever its value."""

    field: str


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """The expression (PCRE, in Hyperscan's subset) is found in the value as text. ``flags``: ``i``, ``m``, ``s``."""

    field: str
    pattern: str
    flags: str


class Cidr(msgspec.Struct, frozen=True, tag="cidr"):
    """The value is an address of this network."""

    field: str
    network: str


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """The value, a number or a text that is one, stands in this relation to ``bound``."""

    field: str
    op: Literal["lt", "lte", "gt", "gte"]
    bound: int | float


Part = Literal["minute", "hour", "day", "week", "month", "year"]


class TimePart(msgspec.Struct, frozen=True, tag="time"):
    """The value is a time of which this part, in UTC, stands in this relation to ``bound``; weeks are those of ISO."""

    field: str
    part: Part
    op: Literal["eq", "lt", "lte", "gt", "gte"]
    bound: int


class SameAs(msgspec.Struct, frozen=True, tag="same"):
    """The value equals that of field ``other``; or starts or ends with it; with both, contains it. Case is ignored."""

    field: str
    other: str
    starts: bool
    ends: bool


class And(msgspec.Struct, frozen=True, tag="and"):
    """All of these nodes hold."""

    of: tuple[int, ...]


class Or(msgspec.Struct, frozen=True, tag="or"):
    """At least one of these nodes holds."""

    of: tuple[int, ...]


class Not(msgspec.Struct, frozen=True, tag="not"):
    """This node does not hold. On an absent field, that is true."""

    of: int


Leaf = Text | Number | Null | Exists | Regex | Cidr | Compare | TimePart | SameAs
Node = Leaf | And | Or | Not


class Graph:
    """Builds a table of nodes in which no two are equal."""

    def __init__(self) -> None:
        self._places: dict[Node, int] = {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The table so far."""
        return tuple(self._places)

    def add(self, node: Node) -> int:
        """The node's place, new or old. Conjunctions and disjunctions drop repetitions; of one member, they are it."""
        if isinstance(node, And | Or):
            members = tuple(dict.fromkeys(node.of))
            if len(members) == 1:
                return members[0]
            node = type(node)(members)
        return self._places.setdefault(node, len(self._places))


def fold(text: str) -> str:
    """The text without case: each character by Unicode's simple folding, so that the length stays the same."""
    return text.lower() if text.isascii() else folded(text).decode("utf-8", "surrogatepass")


def folded(text: str) -> bytes:
    """The same in UTF-8."""
    data = text.encode("utf-8", "surrogatepass")
    small = data.lower()  # Of bytes, only ASCII.
    beyond = data.translate(None, _ASCII).decode("utf-8", "surrogatepass")
    changed = {character: _fold_character(character) for character in set(beyond)}
    if all(character == other for character, other in changed.items()):  # Most signs have no case.
        return small
    text = _BEYOND_ASCII.sub(lambda found: changed[found[0]], small.decode("utf-8", "surrogatepass"))
    return text.encode("utf-8", "surrogatepass")


_DECIMAL = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)
_ASCII = bytes(range(128))
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def _fold_character(character: str) -> str:
    folded = character.casefold()
    if len(folded) == 1:
        return folded
    lower = character.lower()
    return lower if len(lower) == 1 else character


def text_of(value: Any) -> str | None:
    """A scalar as Sigma compares it: JSON's words for truth values, decimal numbers; None for null and structures."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value.bit_length() < MOST_BITS else None
        case float():
            return repr(value or 0.0)
        case _:
            return None


def number_of(value: Any) -> int | float | None:
    """A JSON number, or a text that writes one in decimals, as a number; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


def scalars(value: Any) -> tuple[Any, ...]:
    """The values that a field stands for: a list stands for each of its members, an object for none."""
    if isinstance(value, list):
        return tuple(item for member in value for item in scalars(member))
    return () if isinstance(value, dict) else (value,)
