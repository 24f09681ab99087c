"""Reading only some fields of a JSON line: a decoder made for them, and a general way for lines of another shape."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

_decode_any = msgspec.json.Decoder().decode

Narrow = str | int | None
"""What the made decoders take, nearly all that there is: among these, what Python holds to be equal is the same."""

ANYWHERE = ""
"""The field that stands for the whole record: its values are all scalars in it, whatever they are called."""


def own_name(field: str) -> tuple[str, ...]:
    """Every field stands under its own name."""
    return (field,)


class Loose(NamedTuple):
    """What a general reading found: the values, and their kinds, since Python holds 1, 1.0 and True to be equal."""

    values: tuple[Any, ...]
    kinds: tuple[type, ...]


NOTHING = Loose((), ())
"""What a reading of no fields finds."""


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
            self._decode: Callable[[bytes], Hashable] = msgspec.json.Decoder(shape).decode
            self._pick: Callable[[Any], Any] = attrgetter(*names)
            self._single = len(names) == 1

    def read(self, line: bytes) -> tuple[Any, ...]:
        """The values. Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError on what is no JSON object."""
        return self.values(self.raw(line))

    def raw(self, line: bytes) -> Hashable:
        """What stands at all places: equal only where the values are. Its hash raises TypeError where a list or an
        object is among them. Raises as ``read`` does."""
        if not self._typed:
            return self._walk(line)
        try:
            return self._decode(line)
        except msgspec.ValidationError:
            return self._walk(line)

    def values(self, raw: Any) -> tuple[Any, ...]:
        """The values in what was read. Where a field is not at its first place, the next one that has it counts."""
        if isinstance(raw, Loose):
            return raw.values
        picked = (self._pick(raw),) if self._single else self._pick(raw)
        if not self._others:
            return picked
        values = list(picked[: len(self.fields)])
        for at, others in self._others:
            if values[at] is UNSET:
                values[at] = _first(picked[other] for other in others)
        return tuple(values)

    def _walk(self, line: bytes) -> Loose:
        record = _decode_any(line)
        if not isinstance(record, dict):
            raise msgspec.DecodeError("not an object")
        values = tuple(
            list(_scalars(record)) if field == ANYWHERE else _first(_follow(record, p) for p in self._choices[field])
            for field in self.fields
        )
        return Loose(values, tuple(map(type, values)))


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
            definitions.append((name, Narrow, UNSET))
            ways[head,] = name
    rename = {f"f{place}": head for place, head in enumerate(heads)}
    shape = msgspec.defstruct("Fields", definitions, rename=rename, frozen=True, gc=False)
    return shape, [ways[path] for path in paths]
