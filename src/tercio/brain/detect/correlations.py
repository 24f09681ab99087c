"""From pySigma's correlations to ours."""

from collections.abc import Callable
from typing import Any

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from tercio.brain.detect.conditions import Unsupported
from tercio.brain.detect.documents import Document
from tercio.brain.detect.rules import Correlation, Every, Expression, Kind, Never, Op, Rule, Seen, Some
from tercio.model.units import SECOND

MAX_COUNT = 10_000
"""Largest count a correlation may wait for: it keeps that many sightings per group."""
MOST_NUMBERS = 2**53
"""Bounds of sums and averages are below this: beyond it, numbers are no longer exact."""

_KINDS: dict[SigmaCorrelationType, Kind] = {
    SigmaCorrelationType.EVENT_COUNT: "event_count",
    SigmaCorrelationType.VALUE_COUNT: "value_count",
    SigmaCorrelationType.VALUE_SUM: "value_sum",
    SigmaCorrelationType.VALUE_AVG: "value_avg",
    SigmaCorrelationType.VALUE_MEDIAN: "value_median",
    SigmaCorrelationType.VALUE_PERCENTILE: "value_percentile",
    SigmaCorrelationType.TEMPORAL: "temporal",
    SigmaCorrelationType.TEMPORAL_ORDERED: "temporal_ordered",
}
_COUNTING = ("event_count", "value_count")
_MEASURING = ("value_sum", "value_avg", "value_median", "value_percentile")


def correlation_of(
    document: Document,
    given: SigmaCorrelationRule,
    referred: Callable[[str], str],
    known: Callable[[str], Rule | Correlation],
    common: dict[str, Any],
) -> Correlation:
    """The correlation of a document. ``referred`` gives the id behind a reference, and compiles what it names if need
    be; ``known`` gives a rule or correlation by its id; ``common`` is what all kinds of rule say of themselves. Raises
    Unsupported, and RuleError for what is no valid Sigma."""
    kind = _KINDS[given.type]
    references = [reference.reference for reference in given.rules or ()]
    if isinstance(given.condition, SigmaExtendedCorrelationCondition):
        references = given.condition.get_referenced_rules()
    rules = tuple(referred(reference) for reference in references)
    aliases = {
        alias.alias: {referred(rule.reference): field for rule, field in alias.mapping.items()}
        for alias in given.aliases
    }
    made = Correlation(
        id="",
        kind=kind,
        rules=rules,
        group_by=tuple(given.group_by or ()),
        aliases=aliases,
        span=given.timespan.seconds * SECOND,
        generate=given.generate,
        **_condition(kind, given.condition, rules, referred),
        **common,
    )
    for field in made.fields:
        if set(rules).isdisjoint(aliases.get(field, rules)):
            raise document.wrong(f"the alias {field} names none of its rules: nothing is counted", "correlation")
    for rule in rules:
        _carried(made, known(rule))
    return made


def _carried(made: Correlation, base: Rule | Correlation) -> None:
    """A correlation carries nothing but what it groups by."""
    if not isinstance(base, Correlation):
        return
    for field in (*(made.field_of(group, base.id) for group in made.group_by), *made.counted_of(base.id)):
        if field not in base.group_by:
            raise Unsupported(f"it needs the field {field} of the correlation {base.title!r}, which has no such group")


def _condition(
    kind: Kind,
    condition: SigmaCorrelationCondition | SigmaExtendedCorrelationCondition,
    rules: tuple[str, ...],
    referred: Callable[[str], str],
) -> dict[str, Any]:
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        return _extended(kind, _expression(condition.parsed, referred), len(rules))
    op: Op = condition.op.name.lower()  # type: ignore[assignment]
    count = condition.count
    if kind in _COUNTING or kind.startswith("temporal"):
        if not isinstance(count, int) or isinstance(count, bool):
            raise Unsupported(f"it counts to {count}: a whole number is needed")
        op, count = ("gte", count + 1) if op == "gt" else ("lte", count - 1) if op == "lt" else (op, count)
        if not 1 <= count <= MAX_COUNT:
            raise Unsupported(f"it counts to {count}: a whole number from 1 to {MAX_COUNT} is needed")
    elif not abs(count) < MOST_NUMBERS:
        raise Unsupported(f"it compares with {count:g}, which is too large to be exact")
    if kind.startswith("temporal"):
        return _all_rules(kind, op, count, len(rules))
    fields = [condition.fieldref] if isinstance(condition.fieldref, str) else condition.fieldref or []
    if not all(isinstance(field, str) for field in fields):
        raise Unsupported("the fields that it counts are no names")
    if kind in _MEASURING and len(fields) != 1:
        raise Unsupported("it takes the numbers of one field, and names several")
    percentile = condition.percentile or 0
    if kind == "value_percentile" and not 1 <= percentile <= 100:
        raise Unsupported("it does not say which percentile, from 1 to 100")
    rising = kind in (*_COUNTING, "value_sum") and op in ("gt", "gte")
    return {
        "op": op,
        "count": count,
        "fields": tuple(fields) if kind != "event_count" else (),
        "percentile": percentile if kind == "value_percentile" else 0,
        "at_end": not rising,
    }


def _all_rules(kind: Kind, op: Op, count: float, rules: int) -> dict[str, Any]:
    if op != "gte":
        raise Unsupported(f"it compares how many of its rules were seen by {op}; write which ones, as an expression")
    if kind == "temporal_ordered" and count != rules:
        raise Unsupported("an ordered correlation must see all its rules")
    if count > rules:
        raise Unsupported(f"it waits for {count} of {rules} rules")
    return {"count": count}


def _extended(kind: Kind, expression: Expression, rules: int) -> dict[str, Any]:
    """Of an expression, an order can be kept only where it names rules one behind the other."""
    if kind == "temporal_ordered":
        members = expression.of if isinstance(expression, Every) else (expression,)
        if not all(isinstance(member, Seen) for member in members):
            raise Unsupported("only rules that are joined by `and` can be in an order")
        return {"count": rules}
    return {"count": 1, "expression": expression, "at_end": _negates(expression)}


def _expression(given: object, referred: Callable[[str], str]) -> Expression:
    match given:
        case SigmaRuleReference():
            return Seen(referred(given.reference))
        case CorrelationConditionAND():
            return Every(tuple(_expression(member, referred) for member in given.args))
        case CorrelationConditionOR():
            return Some(tuple(_expression(member, referred) for member in given.args))
        case CorrelationConditionNOT():
            return Never(_expression(given.args[0], referred))
        case _:
            raise Unsupported(f"its condition has a part of kind {type(given).__name__}")


def _negates(expression: Expression) -> bool:
    match expression:
        case Seen():
            return False
        case Never():
            return True
        case _:
            return any(map(_negates, expression.of))
