"""What is left to ask once the routing values of a line are known: one plan per combination of them."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from operator import itemgetter
from sys import getsizeof
from typing import Any

from tercio.brain.detect import ir
from tercio.brain.detect.content import Content
from tercio.brain.detect.fields import ANYWHERE, NOTHING, FieldReader, Loose, own_name
from tercio.brain.detect.keywords import Keywords
from tercio.brain.detect.leaves import Test, TooMuch
from tercio.brain.detect.literals import loose_text, template
from tercio.brain.detect.memory import Memory
from tercio.brain.detect.parts import Needs, Part
from tercio.brain.detect.questions import Questions
from tercio.brain.detect.records import Record
from tercio.brain.detect.rules import Rule
from tercio.model.events import Failed, Match

Found = tuple[tuple[str, dict[str, str] | str], ...]
"""Rules by id, and what they carry; of those that could not be asked, why, in words that no
record wrote."""

PATIENCE = 64
"""Answers given anew, one after the other, after which only one in so many is remembered: where no record is like
another, remembering costs as much as answering."""


class Group:
    """The rules that can still match lines of one routing key, and the fields they need.

    ``questions`` are those of the graph with the routing values known: they decide what hangs on these.
    """

    def __init__(
        self,
        content: Content,
        parts: Sequence[Part],
        questions: Questions,
        places: Callable[[str], tuple[str, ...]] = own_name,
        memory: Memory | None = None,
    ) -> None:
        self._questions = questions
        self._expressions = content.expressions
        self._parts: list[tuple[Part, list[Test | None]]] = []
        self._always: list[Rule] = []
        for part in parts:
            tests: list[Test | None] = [None] * len(part.rules)
            for number in part.hanging:
                known = questions.known(part.rules[number].condition)
                if known is not None:
                    tests[number] = _decided
                if known:
                    self._always.append(part.rules[number])
            if tests.count(_decided) < len(tests):
                self._parts.append((part, tests))
        hanging = [part.rules[number] for part in parts for number in part.hanging]
        needs = [*(part.needs for part in parts), Needs.of(hanging, questions)]
        asked = dict.fromkeys(field for each in needs for field in each.asked)
        carried = dict.fromkeys(field for each in needs for field in each.carried)
        self._keywords = Keywords((leaf for each in needs for leaf in each.spoken), content.databases)
        self._whole = _Reading(asked, carried, content, places) if ANYWHERE in asked else None
        asked.pop(ANYWHERE, None)
        self._usual = _Reading(asked, carried, content, places)
        self._memory = memory or Memory()
        self._answers: dict[Hashable, Found] = {}
        self._in_vain = 0
        self.empty = not self._always and not self._parts

    def match(self, line: bytes, index: int) -> list[Match | Failed]:
        """The rules that match this line, and those that fail on it, by id. Raises as FieldReader.read does."""
        if self._whole and self._keywords.may_be_in(line):
            return _told(self._find(self._whole, self._whole.raw(line)), index)
        usual = self._usual
        raw = usual.raw(line) if usual.fields else NOTHING
        try:
            found = self._answers.get(raw)
        except TypeError:  # A list or an object is among the values.
            return _told(self._find(usual, raw), index)
        if found is None:
            found = self._find(usual, raw)
            self._in_vain += 1
            if self._in_vain < PATIENCE or self._in_vain % PATIENCE == 0:
                size = sum(map(getsizeof, usual.values(raw)), getsizeof(found))
                self._memory.keep(self._answers, raw, found, size)
        else:
            self._in_vain = 0
        return _told(found, index) if found else []

    def _find(self, reading: "_Reading", raw: Any) -> Found:
        """The rules that hold for these values, by id, and what they carry; a rule that fails takes no other along."""
        read = reading.values(raw)
        values = dict(zip(reading.fields, read, strict=True))
        record = Record(values, self._expressions)
        text = reading.text(raw, read)
        found: dict[str, dict[str, str] | str] = {rule.id: carried_values(rule, values) for rule in self._always}
        for part, tests in self._parts:
            for number in part.asked(text, record):
                test = tests[number]
                rule = part.rules[number]
                if test is None:
                    test = tests[number] = self._questions.test(rule.condition)
                try:
                    if test(record):
                        found[rule.id] = carried_values(rule, values)
                except Exception as error:  # noqa: BLE001 (whatever a record did to it: the others are asked all the same)
                    found[rule.id] = str(error) if isinstance(error, TooMuch) else type(error).__name__
        return tuple(sorted(found.items(), key=itemgetter(0))) if found else ()


def _decided(_: Record) -> bool:
    """Stands for the test of a rule of which routing has said all."""
    return False


class _Reading(FieldReader):
    """A way to read what is asked of a line, and to make one text of it."""

    def __init__(
        self,
        asked: Collection[str],
        carried: Collection[str],
        content: Content,
        places: Callable[[str], tuple[str, ...]],
    ) -> None:
        super().__init__([*asked, *carried], places)
        self._marks = [content.marks[field] for field in asked]
        self._template = template(self._marks)

    def text(self, raw: Any, read: tuple[Any, ...]) -> bytes:
        """The folded text of what is asked, among the values read."""
        asked = read[: len(self._marks)]
        text = loose_text(self._marks, asked) if isinstance(raw, Loose) else self._template % asked
        return ir.folded(text)


def _told(found: Found, index: int) -> list[Match | Failed]:
    return [Failed(name, index, said) if isinstance(said, str) else Match(name, index, said) for name, said in found]


def carried_values(rule: Rule, values: Mapping[str, Any]) -> dict[str, str]:
    """The values that correlations need, as text; a field that has not exactly one is left out."""
    carried = {}
    for field in rule.carries:
        members = ir.scalars(values[field])
        text = ir.text_of(members[0]) if len(members) == 1 else None
        if text is not None:
            carried[field] = text
    return carried
