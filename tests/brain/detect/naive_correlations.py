"""A slow and simple reading of Sigma's correlations, written apart from the engine: the oracle of its tests.

It takes one group's matches as (instant, rule, value), in the order of their time, and looks at each window anew.
"""

from itertools import product
from typing import Any

Matched = tuple[int, str, Any]


def told(
    kind: str, op: str, bound: float, span: int, rules: list[str], matches: list[Matched], **more: Any
) -> list[Any]:
    """The matches behind each finding, in order. What a finding rests on counts for no other."""
    if (more.get("expression") is not None and "not" in more["expression"]) or _undecided(kind, op):
        return _at_end(kind, op, bound, span, matches, **more)
    found, rest = [], []
    for match in matches:
        rest.append(match)
        window = [known for known in rest if match[0] - span <= known[0] <= match[0]]
        if _true(kind, op, bound, rules, window, **more):
            found.append(window)
            rest = [known for known in rest if known not in window]
    return found


def _undecided(kind: str, op: str) -> bool:
    return kind in ("value_avg", "value_median", "value_percentile") or op in ("lt", "lte", "eq", "neq")


def _at_end(kind: str, op: str, bound: float, span: int, matches: list[Matched], **more: Any) -> list[Any]:
    """Windows stand end to end; each that holds anything is looked at once."""
    found = []
    for number in sorted({at // span for at, _, _ in matches}):
        window = [known for known in matches if known[0] // span == number]
        if _true(kind, op, bound, [], window, **more):
            found.append(window)
    return found


def _true(kind: str, op: str, bound: float, rules: list[str], window: list[Matched], **more: Any) -> bool:
    seen = {rule for _, rule, _ in window}
    if more.get("expression") is not None:
        return bool(eval(more["expression"], {}, {rule: rule in seen for rule in more["names"]}))  # noqa: S307
    if kind == "temporal":
        return len(seen) >= bound
    if kind == "temporal_ordered":
        times = [[at for at, rule, _ in window if rule == wanted] for wanted in rules]
        return any(list(chosen) == sorted(chosen) for chosen in product(*times))
    amount = _amount(kind, [value for _, _, value in window], more.get("percentile", 0))
    relation = {"gt": amount > bound, "gte": amount >= bound, "lt": amount < bound, "lte": amount <= bound}
    return relation.get(op, (amount == bound) == (op == "eq"))


def _amount(kind: str, values: list[Any], percentile: int) -> float:
    if kind == "event_count":
        return len(values)
    if kind == "value_count":
        return len(set(values))
    numbers = sorted(values)
    if kind == "value_sum":
        return sum(numbers)
    if kind == "value_avg":
        return sum(numbers) / len(numbers)
    if kind == "value_median":
        middle = len(numbers) // 2
        return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2
    return next(n for at, n in enumerate(numbers, 1) if at * 100 >= percentile * len(numbers))
