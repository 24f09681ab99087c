"""What a leaf of the graph asks of a record, as a test in plain Python: linear in the value, whatever the pattern."""

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from operator import methodcaller
from typing import Any

from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.moments import part_of
from tercio.brain.detect.records import Record

Test = Callable[[Record], bool]
"""Whether a node of the graph holds for a record."""

MOST_PAIRS = 4_096
"""Members of two lists are held against each other up to so many times: what one record asks for stays bounded."""

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


class TooMuch(ValueError):
    """A record asks for more work on one question than is bounded."""


def for_leaf(place: int, leaf: ir.Leaf) -> Test:
    """The test of the leaf that has this place in the graph."""
    field = "" if isinstance(leaf, ir.SameAs) else leaf.field
    match leaf:
        case ir.Text():
            return any_of(list(for_texts([leaf])))
        case ir.Regex():
            return lambda record: place in record.expressions(field)
        case ir.Number(_, number):
            return _number(field, number)
        case ir.Null():
            return lambda record: record.value(field) is UNSET or None in _scalars(record, field)
        case ir.Exists():
            return lambda record: record.value(field) is not UNSET
        case ir.Cidr():
            return _network(field, ipaddress.ip_network(leaf.network))
        case ir.Compare():
            return _related(field, _RELATIONS[leaf.op], ir.number_of, leaf.bound)
        case ir.TimePart(_, part):
            return _related(field, _RELATIONS[leaf.op], lambda value: part_of(value, part), leaf.bound)
        case ir.SameAs():
            return _same(leaf)


def _scalars(record: Record, field: str) -> tuple[Any, ...]:
    value = record.value(field)
    return () if value is UNSET else ir.scalars(value)


def all_of(tests: Sequence[Test]) -> Test:
    """The test that all of these hold."""
    if len(tests) == 1:
        return tests[0]

    def test(record: Record) -> bool:
        for each in tests:  # noqa: SIM110  # A generator would cost more than the tests.
            if not each(record):
                return False
        return True

    return test


def any_of(tests: Sequence[Test]) -> Test:
    """The test that one at least of these holds."""
    if len(tests) == 1:
        return tests[0]

    def test(record: Record) -> bool:
        for each in tests:  # noqa: SIM110  # As above.
            if each(record):
                return True
        return False

    return test


def for_texts(leaves: Sequence[ir.Text]) -> Iterator[Test]:
    """Tests of which one at least holds where one at least of these leaves does; they are about one field, and all
    cased or all not. Rules list texts by the hundred: those of one shape are asked together."""
    field, cased = leaves[0].field, leaves[0].cased
    whole: list[str] = []
    starts: list[str] = []
    ends: list[str] = []
    within: list[str] = []
    for leaf in leaves:
        match leaf.parts:
            case () | (str(),):
                whole.append("".join(map(str, leaf.parts)))
            case (str(piece), ir.MANY):
                starts.append(piece)
            case (ir.MANY, str(piece)):
                ends.append(piece)
            case (ir.MANY, str(piece), ir.MANY):
                within.append(piece)
            case parts:
                yield _each(field, cased, _runs(parts))
    if whole:
        yield _whole(field, cased, frozenset(whole))
    if starts:
        yield _each(field, cased, methodcaller("startswith", tuple(starts)))
    if ends:
        yield _each(field, cased, methodcaller("endswith", tuple(ends)))
    if within:
        yield _within(field, cased, tuple(within))


def _whole(field: str, cased: bool, texts: frozenset[str]) -> Test:
    if cased:
        return lambda record: not texts.isdisjoint(record.texts(field))
    return lambda record: not texts.isdisjoint(record.folded[field])


def _each(field: str, cased: bool, holds: Callable[[str], bool]) -> Test:
    def test(record: Record) -> bool:
        for text in record.texts(field) if cased else record.folded[field]:  # noqa: SIM110  # A generator would cost more.
            if holds(text):
                return True
        return False

    return test


def _within(field: str, cased: bool, pieces: tuple[str, ...]) -> Test:
    def test(record: Record) -> bool:
        for text in record.texts(field) if cased else record.folded[field]:
            for piece in pieces:
                if piece in text:
                    return True
        return False

    return test


def _runs(parts: tuple[str | int, ...]) -> Callable[[str], bool]:
    """The general shape: runs of fixed length between MANYs. The first and the last stand at the ends; those between
    are taken where they come first, which leaves the most room for the rest, so nothing is ever tried twice."""
    runs: list[list[str | int]] = [[]]
    for part in parts:
        if part == ir.MANY:
            runs.append([])
        else:
            runs[-1].append(part)
    made = [re.compile("".join("." if p == ir.ONE else re.escape(str(p)) for p in run), re.DOTALL) for run in runs]
    sizes = [sum(1 if part == ir.ONE else len(str(part)) for part in run) for run in runs]
    if len(runs) == 1:
        return lambda text: made[0].fullmatch(text) is not None
    first, *between, last = made

    def holds(text: str) -> bool:
        end = len(text) - sizes[-1]
        if end < sizes[0] or not first.match(text) or not last.match(text, end):
            return False
        at = sizes[0]
        for run in between:
            found = run.search(text, at, end)
            if found is None:
                return False
            at = found.end()
        return True

    return holds


def _number(field: str, number: float) -> Test:
    text = str(number)

    def alike(value: Any) -> bool:
        return bool(value == text if isinstance(value, str) else value == number and not isinstance(value, bool))

    return lambda record: any(map(alike, _scalars(record, field)))


def _network(field: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Test:
    def inside(text: str) -> bool:
        try:
            return ipaddress.ip_address(text) in network
        except ValueError:
            return False

    return lambda record: any(map(inside, record.texts(field)))


def _related(
    field: str, relation: Callable[[Any, Any], bool], read: Callable[[Any], int | float | None], bound: float
) -> Test:
    def test(record: Record) -> bool:
        found = map(read, _scalars(record, field))
        return any(number is not None and relation(number, bound) for number in found)

    return test


def _same(leaf: ir.SameAs) -> Test:
    """Any member of a list will do; null and absence relate to nothing. The test raises TooMuch."""
    relation = _relation(leaf)

    def test(record: Record) -> bool:
        mine, theirs = record.folded[leaf.field], record.folded[leaf.other]
        if len(mine) * len(theirs) > MOST_PAIRS:
            raise TooMuch(f"{leaf.field} and {leaf.other} have {len(mine)} and {len(theirs)} values to compare")
        return any(relation(own, reference) for own in mine for reference in theirs)

    return test


def _relation(leaf: ir.SameAs) -> Callable[[str, str], bool]:
    if leaf.starts and leaf.ends:
        return operator.contains
    if leaf.starts:
        return str.startswith
    return str.endswith if leaf.ends else operator.eq
