"""From pySigma's condition tree to nodes of the graph."""

from collections.abc import Iterable
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
)

from tercio.brain.detect import ir
from tercio.brain.detect.fields import ANYWHERE
from tercio.brain.detect.patterns import expression_of

_WILDCARDS = {SpecialChars.WILDCARD_MULTI: ir.MANY, SpecialChars.WILDCARD_SINGLE: ir.ONE}
_OPERATORS: dict[CompareOperators, Literal["lt", "lte", "gt", "gte"]] = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
}


class Unsupported(Exception):
    """A rule needs something that this engine does not have; the text says what."""


def add_condition(graph: ir.Graph, condition: object) -> int:
    """Add a parsed condition and return its place. Raises Unsupported."""
    match condition:
        case ConditionAND():
            return graph.add(ir.And(_add_all(graph, condition.args)))
        case ConditionOR():
            return graph.add(ir.Or(_add_all(graph, condition.args)))
        case ConditionNOT():
            return graph.add(ir.Not(add_condition(graph, condition.args[0])))
        case ConditionFieldEqualsValueExpression():
            return _add_value(graph, condition.field, condition.value)
        case ConditionValueExpression():
            return _add_keyword(graph, condition.value)
        case _:
            raise Unsupported(f"its condition has a part of kind {type(condition).__name__}")


def _add_all(graph: ir.Graph, conditions: Iterable[object]) -> tuple[int, ...]:
    return tuple(add_condition(graph, condition) for condition in conditions)


def _add_value(graph: ir.Graph, field: str, value: SigmaType) -> int:
    match value:
        case SigmaExpansion():
            return graph.add(ir.Or(tuple(_add_value(graph, field, member) for member in value.values)))
        case SigmaExists():
            present = graph.add(ir.Exists(field))
            return present if value.exists else graph.add(ir.Not(present))
        case _:
            return graph.add(_leaf(field, value))


def _add_keyword(graph: ir.Graph, value: SigmaType) -> int:
    """A keyword is looked for in every value of the record, anywhere in it."""
    match value:
        case SigmaExpansion():
            return graph.add(ir.Or(tuple(_add_keyword(graph, member) for member in value.values)))
        case SigmaString():
            text = _text(ANYWHERE, value)
            start = () if text.parts[:1] == (ir.MANY,) else (ir.MANY,)
            end = () if text.parts[-1:] == (ir.MANY,) else (ir.MANY,)
            return graph.add(ir.Text(ANYWHERE, (*start, *text.parts, *end), text.cased))
        case SigmaNumber():
            return graph.add(ir.Text(ANYWHERE, (ir.MANY, str(_exact(value)), ir.MANY), cased=False))
        case SigmaRegularExpression():
            return graph.add(_regex(ANYWHERE, value))
        case _:
            raise Unsupported(f"it has a keyword of kind {type(value).__name__}")


def _leaf(field: str, value: SigmaType) -> ir.Leaf:
    match value:
        case SigmaString():
            return _text(field, value)
        case SigmaTimestampPart():
            raise Unsupported("it compares a part of a time")
        case SigmaNumber():
            return ir.Number(field, _exact(value))
        case SigmaBool():
            return ir.Text(field, ("true" if value.boolean else "false",), cased=False)
        case SigmaNull():
            return ir.Null(field)
        case SigmaRegularExpression():
            return _regex(field, value)
        case SigmaCIDRExpression():
            return ir.Cidr(field, str(value.network))
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


def _text(field: str, value: SigmaString) -> ir.Text:
    cased = isinstance(value, SigmaCasedString)
    parts: list[str | int] = []
    for part in value.s:
        if isinstance(part, str):
            parts.append(part if cased else ir.fold(part))
        elif isinstance(part, SpecialChars):
            parts.append(_WILDCARDS[part])
        else:
            raise Unsupported(f"it has a placeholder, %{part.name}%")
    return ir.Text(field, tuple(parts), cased)


def _regex(field: str, value: SigmaRegularExpression) -> ir.Regex:
    if value.regexp.contains_placeholder():
        raise Unsupported("it has a placeholder in a regular expression")
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    regex = ir.Regex(field, str(value.regexp), flags)
    expression, modes = expression_of(regex)
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
            expressions=[expression.encode()], ids=[0], elements=1, flags=[modes]
        )
    except hyperscan.error as error:
        raise Unsupported(f"its regular expression {value.regexp} cannot be matched in linear time: {error}") from error
    return regex
