"""From pySigma's condition tree to nodes of the graph."""

from collections.abc import Iterable, Iterator
from typing import Literal

import hyperscan
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
    TimestampPart,
)

from tercio.brain.detect import ir
from tercio.brain.detect.fields import ANYWHERE
from tercio.brain.detect.patterns import flags_of
from tercio.brain.detect.placeholders import Placeholders

_WILDCARDS = {SpecialChars.WILDCARD_MULTI: ir.MANY, SpecialChars.WILDCARD_SINGLE: ir.ONE}
_OPERATORS: dict[CompareOperators, Literal["lt", "lte", "gt", "gte"]] = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
}
_PARTS: dict[TimestampPart, ir.Part] = {
    TimestampPart.MINUTE: "minute",
    TimestampPart.HOUR: "hour",
    TimestampPart.DAY: "day",
    TimestampPart.WEEK: "week",
    TimestampPart.MONTH: "month",
    TimestampPart.YEAR: "year",
}


class Unsupported(Exception):
    """A rule needs something that this engine does not have; the text says what."""


def add_condition(graph: ir.Graph, condition: object, words: Placeholders | None = None) -> int:
    """Add a parsed condition and return its place; ``words`` stand for its placeholders. Raises Unsupported."""
    return _Adding(graph, words or Placeholders({})).condition(condition)


class _Adding:
    """Adds the conditions of one rule to a graph."""

    def __init__(self, graph: ir.Graph, words: Placeholders) -> None:
        self._graph = graph
        self._words = words

    def condition(self, condition: object) -> int:
        match condition:
            case ConditionAND():
                return self._graph.add(ir.And(self._all(condition.args)))
            case ConditionOR():
                return self._graph.add(ir.Or(self._all(condition.args)))
            case ConditionNOT():
                return self._graph.add(ir.Not(self.condition(condition.args[0])))
            case ConditionFieldEqualsValueExpression():
                return self._value(condition.field, condition.value)
            case ConditionValueExpression():
                return self._keyword(condition.value)
            case _:
                raise Unsupported(f"its condition has a part of kind {type(condition).__name__}")

    def _all(self, conditions: Iterable[object]) -> tuple[int, ...]:
        return tuple(self.condition(condition) for condition in conditions)

    def _any(self, leaves: Iterable[ir.Leaf]) -> int:
        return self._graph.add(ir.Or(tuple(map(self._graph.add, leaves))))

    def _value(self, field: str, value: SigmaType) -> int:
        match value:
            case SigmaExpansion():
                return self._graph.add(ir.Or(tuple(self._value(field, member) for member in value.values)))
            case SigmaExists():
                present = self._graph.add(ir.Exists(field))
                return present if value.exists else self._graph.add(ir.Not(present))
            case SigmaString():
                return self._any(self._texts(field, value))
            case SigmaRegularExpression():
                return self._any(self._regexes(field, value))
            case _:
                return self._graph.add(_leaf(field, value))

    def _keyword(self, value: SigmaType) -> int:
        """A keyword is looked for in every value of the record, anywhere in it."""
        match value:
            case SigmaExpansion():
                return self._graph.add(ir.Or(tuple(map(self._keyword, value.values))))
            case SigmaString():
                return self._any(_somewhere(text) for text in self._texts(ANYWHERE, value))
            case SigmaNumber():
                return self._graph.add(ir.Text(ANYWHERE, (ir.MANY, str(_exact(value)), ir.MANY), cased=False))
            case SigmaRegularExpression():
                return self._any(self._regexes(ANYWHERE, value))
            case _:
                raise Unsupported(f"it has a keyword of kind {type(value).__name__}")

    def _texts(self, field: str, value: SigmaString) -> Iterator[ir.Text]:
        cased = isinstance(value, SigmaCasedString)
        for text in self._known(self._words.texts(value)):
            yield _text(field, text, cased=cased)

    def _regexes(self, field: str, value: SigmaRegularExpression) -> Iterator[ir.Regex]:
        flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        for pattern in self._known(self._words.patterns(value)):
            regex = ir.Regex(field, str(pattern), flags)
            _linear(regex, f"its regular expression {pattern}")
            yield regex

    def _known(self, found: tuple[SigmaString, ...] | str) -> tuple[SigmaString, ...]:
        if isinstance(found, str):
            raise Unsupported(
                f"it has a placeholder, %{found}%, that stands for nothing; list its values in the settings,"
                f' [placeholders] {found} = ["..."]'
            )
        return found


def _somewhere(text: ir.Text) -> ir.Text:
    start = () if text.parts[:1] == (ir.MANY,) else (ir.MANY,)
    end = () if text.parts[-1:] == (ir.MANY,) else (ir.MANY,)
    return ir.Text(text.field, (*start, *text.parts, *end), text.cased)


def _leaf(field: str, value: SigmaType) -> ir.Leaf:
    match value:
        case SigmaTimestampPart():
            return ir.TimePart(field, _PARTS[value.timestamp_part], "eq", int(value.number))
        case SigmaNumber():
            return ir.Number(field, _exact(value))
        case SigmaBool():
            return ir.Text(field, ("true" if value.boolean else "false",), cased=False)
        case SigmaNull():
            return ir.Null(field)
        case SigmaCIDRExpression():
            return ir.Cidr(field, str(value.network))
        case SigmaCompareExpression(number=SigmaTimestampPart() as part) if value.op in _OPERATORS:
            return ir.TimePart(field, _PARTS[part.timestamp_part], _OPERATORS[value.op], int(part.number))
        case SigmaCompareExpression() if value.op in _OPERATORS:
            return ir.Compare(field, _OPERATORS[value.op], _exact(value.number))
        case SigmaFieldReference():
            return ir.SameAs(field, value.field, value.starts_with, value.ends_with)
        case _:
            raise Unsupported(f"it has a value of kind {type(value).__name__}")


def _exact(value: SigmaNumber) -> int | float:
    """The number as the rule wrote it: pySigma rounds integers that no float can hold."""
    if isinstance(value.number, float) and abs(value.number) >= 2**53:
        raise Unsupported(f"it has a number too large to be exact, {value.number:g}")
    return value.number


def _text(field: str, value: SigmaString, *, cased: bool) -> ir.Text:
    parts: list[str | int] = []
    for part in value.s:
        if isinstance(part, str):
            parts.append(part if cased else ir.fold(part))
        elif isinstance(part, SpecialChars):
            parts.append(_WILDCARDS[part])
        else:
            raise Unsupported(f"it has a placeholder, %{part.name}%, inside another")
    return ir.Text(field, tuple(parts), cased)


def _linear(leaf: ir.Regex, name: str) -> None:
    """Raises Unsupported for what cannot be matched in linear time and bounded memory."""
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
            expressions=[leaf.pattern.encode()], ids=[0], elements=1, flags=[flags_of(leaf)]
        )
    except hyperscan.error as error:
        raise Unsupported(f"{name} cannot be matched in linear time: {error}") from error
