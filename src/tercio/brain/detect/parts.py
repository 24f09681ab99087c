"""Rules that are about the same records, and which of them a record gives reason to ask."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import hyperscan

from tercio.brain.detect import ir
from tercio.brain.detect.content import Content, Routing
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.fields import ANYWHERE
from tercio.brain.detect.questions import Questions
from tercio.brain.detect.records import Record
from tercio.brain.detect.rules import Rule


class Needs(NamedTuple):
    """What rules need of a record: the fields that they ask about, those that they carry, the keywords they seek."""

    asked: tuple[str, ...]
    carried: tuple[str, ...]
    spoken: tuple[ir.Leaf, ...]

    @classmethod
    def of(cls, rules: Iterable[Rule], questions: Questions) -> "Needs":
        """The needs of rules that these questions do not deny; what they affirm is only carried for."""
        asked: dict[str, None] = {}
        carried: dict[str, None] = {}
        spoken: list[ir.Leaf] = []
        for rule in rules:
            known = questions.known(rule.condition)
            if known is not False:
                carried.update(dict.fromkeys(rule.carries))
            if known is None:
                asked.update(questions.fields(rule.condition))
                spoken.extend(questions.leaves(rule.condition, ANYWHERE))
        return cls(tuple(asked), tuple(carried), tuple(spoken))


class Part:
    """Rules of equal routes. Routing values may decide those whose places are in ``hanging``; ``needs`` is what all
    others need."""

    def __init__(self, rules: Sequence[Rule], content: Content, routing: Routing) -> None:
        hangs = routing.hangs
        self.rules = rules
        self.hanging = [number for number, rule in enumerate(rules) if hangs[rule.condition]]
        self.needs = Needs.of((rule for rule in rules if not hangs[rule.condition]), content.questions)
        self._unanchored: list[int] = []
        pieces: dict[str, list[int]] = {}
        expressions: dict[str, dict[int, list[int]]] = {}
        for number, rule in enumerate(rules):
            anchor = routing.anchors.of(rule.condition)
            if anchor is None:
                self._unanchored.append(number)
            for place in anchor.leaves if anchor else ():
                if place in content.pieces:
                    pieces.setdefault(content.pieces[place], []).append(number)
                else:
                    expressions.setdefault(content.leaves[place].field, {}).setdefault(place, []).append(number)
        self._expressions = [(field, frozenset(found), found) for field, found in expressions.items()]
        self._by_piece = [pieces[piece] for piece in sorted(pieces)]
        self._database = _database(sorted(pieces), content.databases) if pieces else None

    def asked(self, text: bytes, record: Record) -> set[int]:
        """The places of the rules that may hold for this record: all others do not. ``text`` is made of its values."""
        asked = set(self._unanchored)
        if self._database is not None:
            found: list[int] = []
            add = found.append
            self._database.scan(text, match_event_handler=lambda place, _from, _to, _flags, _context: add(place))
            for place in found:
                asked.update(self._by_piece[place])
        for field, places, numbers in self._expressions:
            for place in places & record.expressions(field):
                asked.update(numbers[place])
        return asked


def _database(pieces: Sequence[str], databases: Databases) -> hyperscan.Database:
    expressions = ["\\x" + piece.encode().hex(":").replace(":", "\\x") for piece in pieces]
    return databases.of(expressions, list(range(len(pieces))), [hyperscan.HS_FLAG_SINGLEMATCH] * len(pieces))
