"""One record's values as the questions about it need them: each made when it is first asked for."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.patterns import Patterns


class Record:
    """The values of a line by field: decoded JSON, or UNSET where a field is absent. ``folded`` are what the values of
    a field read as, without case; no field is missing from it."""

    __slots__ = ("_expressions", "folded", "values")

    def __init__(self, values: Mapping[str, Any], expressions: Mapping[str, Patterns]) -> None:
        self.values = values
        self.folded: dict[str, tuple[str, ...]] = _Folded(values)
        self._expressions = expressions

    def value(self, field: str) -> Any:
        """The value; UNSET also for a field that was not read."""
        return self.values.get(field, UNSET)

    def texts(self, field: str) -> tuple[str, ...]:
        """What the field's values read as, as they are written."""
        return texts_of(self.values.get(field, UNSET))

    def expressions(self, field: str) -> frozenset[int]:
        """The places of the regular expressions about this field that hold."""
        found = [self._expressions[field].found(text) for text in self.texts(field)]
        return found[0] if len(found) == 1 else frozenset[int]().union(*found)


class _Folded(dict[str, tuple[str, ...]]):
    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __missing__(self, field: str) -> tuple[str, ...]:
        texts = self[field] = tuple(map(ir.fold, texts_of(self._values.get(field, UNSET))))
        return texts


def texts_of(value: Any) -> tuple[str, ...]:
    """What a value reads as: of a list, each of its members; nothing of null, objects and what is absent."""
    if isinstance(value, str):
        return (value,)
    if value is UNSET:
        return ()
    return tuple(text for text in map(ir.text_of, ir.scalars(value)) if text is not None)
