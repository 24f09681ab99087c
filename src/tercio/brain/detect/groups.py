"""What is left to ask once the routing values of a line are known: one plan per combination of them."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from operator import itemgetter
from sys import getsizeof
from typing import Any

from tercio.brain.detect import ir
from tercio.brain.detect.fields import ANYWHERE, NOTHING, FieldReader, own_name
from tercio.brain.detect.keywords import Keywords
from tercio.brain.detect.memory import Memory
from tercio.brain.detect.patterns import FieldMatcher
from tercio.brain.detect.questions import Questions, TooMuch
from tercio.brain.detect.rules import Rule
from tercio.model.events import Failed, Match

Found = tuple[tuple[str, dict[str, str] | str], ...]
"""Rules by id, and what they carry; of those that could not be asked, why, in words that no
record wrote."""


class Group:
    """The rules that can still match lines of one routing key, and the fields they need."""

    def __init__(
        self,
        questions: Questions,
        matchers: Mapping[str, FieldMatcher],
        rules: Iterable[Rule],
        places: Callable[[str], tuple[str, ...]] = own_name,
        memory: Memory | None = None,
    ) -> None:
        self._questions = questions
        self._always: list[Rule] = []
        self._unanchored: list[Rule] = []
        self._anchored: dict[int, list[Rule]] = {}
        asked: dict[str, None] = {}
        carried: dict[str, None] = {}
        spoken: list[ir.Leaf] = []
        for rule in rules:
            known = questions.known(rule.condition)
            if known is False:
                continue
            carried.update(dict.fromkeys(rule.carries))
            if known:
                self._always.append(rule)
                continue
            asked.update(questions.fields(rule.condition))
            spoken.extend(questions.leaves(rule.condition, ANYWHERE))
            anchor = questions.anchor(rule.condition)
            if anchor is None:
                self._unanchored.append(rule)
            for place in anchor[1] if anchor else ():
                self._anchored.setdefault(place, []).append(rule)
        self._anchors = frozenset(self._anchored)
        self._keywords = Keywords(spoken)
        self._whole = _Reading([*asked, *carried], asked, matchers, places) if ANYWHERE in asked else None
        asked.pop(ANYWHERE, None)
        self._usual = _Reading([*asked, *carried], asked, matchers, places)
        self._memory = memory or Memory()
        self._answers: dict[Hashable, Found] = {}
        self.empty = not (self._always or self._unanchored or self._anchored)

    def match(self, line: bytes, index: int) -> list[Match | Failed]:
        """The rules that match this line, and those that fail on it, by id. Raises as FieldReader.read does."""
        if self._whole and self._keywords.may_be_in(line):
            return _told(self._find(self._whole, self._whole.read(line)), index)
        usual = self._usual
        raw = usual.raw(line) if usual.fields else NOTHING
        try:
            found = self._answers.get(raw)
        except TypeError:  # A list or an object is among the values.
            return _told(self._find(usual, usual.values(raw)), index)
        if found is None:
            read = usual.values(raw)
            found = self._find(usual, read)
            self._memory.keep(self._answers, raw, found, sum(map(getsizeof, read), getsizeof(read) + getsizeof(found)))
        return _told(found, index) if found else []

    def _find(self, reading: "_Reading", read: tuple[Any, ...]) -> Found:
        """The rules that hold for these values, by id, and what they carry; a rule that fails takes no other along."""
        hits = frozenset[int]().union(*[hits_of(read[at]) for at, hits_of in reading.matchers])
        if not self._always and not self._unanchored and hits.isdisjoint(self._anchors):
            return ()
        values = dict(zip(reading.fields, read, strict=True))
        asked = {rule.id: rule for place in hits & self._anchors for rule in self._anchored[place]}
        asked.update((rule.id, rule) for rule in self._unanchored)
        test = self._questions.test
        found: dict[str, dict[str, str] | str] = {}
        for name, rule in asked.items():
            try:
                if test(rule.condition)(hits, values):
                    found[name] = carried_values(rule, values)
            except Exception as error:  # noqa: BLE001 (whatever a record did to it: the others are asked all the same)
                found[name] = str(error) if isinstance(error, TooMuch) else type(error).__name__
        found.update((rule.id, carried_values(rule, values)) for rule in self._always)
        return tuple(sorted(found.items(), key=itemgetter(0)))


class _Reading(FieldReader):
    """A way to read what is asked of a line, with what answers for each value, by its place among the values."""

    def __init__(
        self,
        fields: Iterable[str],
        asked: Collection[str],
        matchers: Mapping[str, FieldMatcher],
        places: Callable[[str], tuple[str, ...]],
    ) -> None:
        super().__init__(fields, places)
        self.matchers = [(at, matchers[field].hits) for at, field in enumerate(self.fields) if field in asked]


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
