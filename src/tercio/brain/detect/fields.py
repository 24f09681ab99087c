"""Reading only some fields of a JSON line: a decoder made for them, and a general way for lines of another shape."""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

_decode_any = msgspec.json.Decoder().decode


ANYWHERE = ""
"""The field that stands for the whole record: its values are all scalars in it, whatever they are called."""


def own_name(field: str) -> tuple[str, ...]:
    """Every field stands under its own name."""
    return (field,)


class FieldReader:
    """Reads the values of some fields, in their given order, from a line.

    ``places`` gives the dotted paths at which a field may stand, best first. A value is decoded JSON, or UNSET where
    the field is absent. A path goes through lists: then the value is the list of what was found in their members.
    """

    def __init__(self, fields: Iterable[str], places: Callable[[str], tuple[str, ...]] = own_name) -> None:
        self.fields = tuple(dict.fromkeys(fields))
        self._choices = {f: [tuple(p.split(".")) for p in places(f)] for f in self.fields if f != ANYWHERE}
        firsts = [choices[0] for choices in self._choices.values()]
        paths = list(dict.fromkeys([*firsts, *(path for choices in self._choices.values() for path in choices)]))
        prefixes = {path[:length] for path in paths for length in range(1, len(path))}
        distinct = len(firsts) == len(set(firsts)) == len(self.fields)
        self._typed = bool(paths) and distinct and prefixes.isdisjoint(paths)
        self._others = [
            (at, tuple(paths.index(path) for path in choices[1:]))
            for at, choices in enumerate(self._choices.values())
            if len(choices) > 1
        ]
        if self._typed:
            shape, names = _struct(paths)
            self._decode = msgspec.json.Decoder(shape).decode
            self._pick: Callable[[Any], Any] = attrgetter(*names)
            self._single = len(names) == 1

    def read(self, line: bytes) -> tuple[Any, ...]:
        """The values. Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError on what is no JSON object."""
        if not self._typed:
            return self._walk(line)
        try:
            picked: tuple[Any, ...] = self._pick(self._decode(line))
        except msgspec.ValidationError:
            return self._walk(line)
        if self._single:
            return (picked,)
        return self._chosen(picked) if self._others else picked

    def _chosen(self, picked: tuple[Any, ...]) -> tuple[Any, ...]:
        """Where a field is not at its first place, take it from the next one that has it."""
        values = list(picked[: len(self.fields)])
        for at, others in self._others:
            if values[at] is UNSET:
                values[at] = _first(picked[other] for other in others)
        return tuple(values)

    def _walk(self, line: bytes) -> tuple[Any, ...]:
        record = _decode_any(line)
        if not isinstance(record, dict):
            raise msgspec.DecodeError("not an object")
        return tuple(
            list(_scalars(record)) if field == ANYWHERE else _first(_follow(record, p) for p in self._choices[field])
            for field in self.fields
        )


def _first(values: Iterable[Any]) -> Any:
    """The first that is there, else UNSET."""
    return next((value for value in values if value is not UNSET), UNSET)


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from _scalars(member)
    elif value is not None:
        yield value


def _follow(value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return value
    if isinstance(value, dict):
        return _follow(value[path[0]], path[1:]) if path[0] in value else UNSET
    if isinstance(value, list):
        found = [item for item in (_follow(member, path) for member in value) if item is not UNSET]
        return found or UNSET
    return UNSET


def _struct(paths: Iterable[tuple[str, ...]]) -> tuple[type[msgspec.Struct], list[str]]:
    """A Struct with just these paths, nested, and the dotted attribute names that lead to each. Absent objects come as
    empty ones, so that every attribute exists."""
    paths = tuple(paths)
    heads = list(dict.fromkeys(path[0] for path in paths))
    definitions: list[tuple[str, Any, Any]] = []
    ways: dict[tuple[str, ...], str] = {}
    for place, head in enumerate(heads):
        name = f"f{place}"
        tails = [path[1:] for path in paths if path[0] == head and len(path) > 1]
        if tails:
            inner, inner_names = _struct(tails)
            definitions.append((name, inner, msgspec.field(default_factory=inner)))
            ways.update({(head, *tail): f"{name}.{way}" for tail, way in zip(tails, inner_names, strict=True)})
        else:
            definitions.append((name, Any, UNSET))
            ways[head,] = name
    rename = {f"f{place}": head for place, head in enumerate(heads)}
    shape = msgspec.defstruct("Fields", definitions, rename=rename, gc=False)
    return shape, [ways[path] for path in paths]
