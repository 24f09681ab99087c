"""All questions about one field, answered together for one value."""

import ipaddress
import operator
import re
from collections.abc import Mapping
from sys import getsizeof
from typing import Any

import hyperscan
from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.memory import Memory
from tercio.brain.detect.moments import part_of

_DECIMAL = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)
_RELATIONS = {"eq": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}
_PLAIN = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_ALLOWEMPTY
_FLAGS = {
    "i": hyperscan.HS_FLAG_CASELESS,
    "m": hyperscan.HS_FLAG_MULTILINE,
    "s": hyperscan.HS_FLAG_DOTALL,
}
_NONE: frozenset[int] = frozenset()
_WILD = {ir.MANY: ".*", ir.ONE: "."}


def expression_of(leaf: ir.Text | ir.Regex) -> tuple[str, int]:
    """A leaf as Hyperscan's expression and flags."""
    if isinstance(leaf, ir.Regex):
        flags = _PLAIN
        for letter in leaf.flags:
            flags |= _FLAGS[letter]
        return leaf.pattern, flags
    # No anchor where the text may be longer anyway, and no UTF-8 mode where bytes tell: both cost Hyperscan much time.
    parts = leaf.parts
    start, parts = ("", parts[1:]) if parts[:1] == (ir.MANY,) else ("^", parts)
    end, parts = ("", parts[:-1]) if parts[-1:] == (ir.MANY,) else ("\\z", parts)
    body = "".join(_WILD[part] if isinstance(part, int) else _literal(part) for part in parts)
    bytes_tell = ir.ONE not in parts and _is_ascii(leaf)
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL | (0 if bytes_tell else hyperscan.HS_FLAG_UTF8)
    return f"{start}{body}{end}", flags if leaf.cased else flags | hyperscan.HS_FLAG_CASELESS


def _is_ascii(leaf: ir.Text) -> bool:
    return all(part.isascii() for part in leaf.parts if isinstance(part, str))


def _literal(text: str) -> str:
    return "".join(character if character.isalnum() else f"\\x{{{ord(character):x}}}" for character in text)


def number_of(value: Any) -> int | float | None:
    """A JSON number, or a text that writes one in decimals, as a number; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


class FieldMatcher:
    """The leaves about one field, by their places in the graph.

    Whole texts are looked up in a dictionary; wildcards and regular expressions are a Hyperscan database. Patterns that
    no ASCII value can match are another: of rules that list every dash there is, they are most. Hyperscan's own tables
    of letter case are older than Python's, so a value with other than ASCII characters is scanned folded as well, and
    the uncased patterns, which are stored folded, are answered from that.
    """

    def __init__(
        self, leaves: Mapping[int, ir.Leaf], memory: Memory | None = None, databases: Databases | None = None
    ) -> None:
        self._nulls = frozenset(i for i, leaf in leaves.items() if isinstance(leaf, ir.Null))
        self._present = frozenset(i for i, leaf in leaves.items() if isinstance(leaf, ir.Exists))
        self._any_text: list[int] = []
        self._texts: dict[str, list[int]] = {}
        self._cased: dict[str, list[int]] = {}
        self._numbers: dict[int | float, list[int]] = {}
        self._networks = [(i, ipaddress.ip_network(x.network)) for i, x in leaves.items() if isinstance(x, ir.Cidr)]
        self._bounds = [(i, _RELATIONS[x.op], x.bound) for i, x in leaves.items() if isinstance(x, ir.Compare)]
        self._moments = [(i, x, _RELATIONS[x.op]) for i, x in leaves.items() if isinstance(x, ir.TimePart)]
        patterns: dict[int, ir.Text | ir.Regex] = {}
        for place, leaf in leaves.items():
            match leaf:
                case ir.Number():
                    self._numbers.setdefault(leaf.value, []).append(place)
                    self._cased.setdefault(str(leaf.value), []).append(place)
                case ir.Text() if all(part == ir.MANY for part in leaf.parts) and leaf.parts:
                    self._any_text.append(place)
                case ir.Text() if all(isinstance(part, str) for part in leaf.parts):
                    exact = self._cased if leaf.cased else self._texts
                    exact.setdefault("".join(map(str, leaf.parts)), []).append(place)
                case ir.Text() | ir.Regex():
                    patterns[place] = leaf
        self._folded = frozenset(i for i, leaf in patterns.items() if isinstance(leaf, ir.Text) and not leaf.cased)
        beyond = {i: leaf for i, leaf in patterns.items() if isinstance(leaf, ir.Text) and not _is_ascii(leaf)}
        databases = databases or Databases()
        self._database = _database({i: leaf for i, leaf in patterns.items() if i not in beyond}, databases)
        self._beyond = _database(beyond, databases)
        self._memory = memory or Memory()
        self._answers: dict[str | tuple[type, float | bool | None], frozenset[int]] = {}

    def hits(self, value: Any) -> frozenset[int]:
        """The places of the leaves that hold for this value: decoded JSON, or UNSET where the field is absent."""
        if value is UNSET:
            return self._nulls
        if isinstance(value, list | dict):
            return self._present.union(*map(self.hits, ir.scalars(value)))
        question = (
            value if isinstance(value, str) else (type(value), value)
        )  # Python holds 1, 1.0 and True to be equal.
        known = self._answers.get(question)
        if known is None:
            known = self._scalar(value)
            self._memory.keep(self._answers, question, known, getsizeof(value) + getsizeof(known))
        return known

    def _scalar(self, value: str | float | bool | None) -> frozenset[int]:
        if value is None:
            return self._present | self._nulls
        found = list(self._present)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found += self._numbers.get(value, ())
        text = ir.text_of(value)
        if text is not None:
            self._add_text(found, text)
        number = number_of(value) if self._bounds else None
        if number is not None:
            found.extend(place for place, relation, bound in self._bounds if relation(number, bound))
        for place, leaf, relation in self._moments:
            part = part_of(value, leaf.part)
            if part is not None and relation(part, leaf.bound):
                found.append(place)
        return frozenset(found) if found else _NONE

    def _add_text(self, found: list[int], text: str) -> None:
        folded = ir.fold(text)
        found += self._any_text
        found += self._texts.get(folded, ())
        found += self._cased.get(text, ())
        if self._networks:
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                pass
            else:
                found.extend(place for place, network in self._networks if address in network)
        if text.isascii():
            if self._database is not None:
                _scan(self._database, text, found)
            return
        seen: list[int] = []
        seen_folded: list[int] = []
        for database in (self._database, self._beyond):
            if database is not None:
                _scan(database, text, seen)
                _scan(database, folded, seen_folded)
        found.extend(place for place in seen if place not in self._folded)
        found.extend(place for place in seen_folded if place in self._folded)


def _scan(database: hyperscan.Database, text: str, found: list[int]) -> None:
    add = found.append
    database.scan(text.encode(), match_event_handler=lambda place, _from, _to, _flags, _context: add(place))


def _database(patterns: Mapping[int, ir.Text | ir.Regex], databases: Databases) -> hyperscan.Database | None:
    if not patterns:
        return None
    asked = [expression_of(leaf) for leaf in patterns.values()]
    return databases.of([expression for expression, _ in asked], list(patterns), [flags for _, flags in asked])
