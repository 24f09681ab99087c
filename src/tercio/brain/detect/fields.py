"""Reading only some fields of a JSON line: a decoder made for them, and a general way for lines of another shape."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

_decode_any = msgspec.json.Decoder().decode


class FieldReader:
    """Reads the values of some fields (dotted paths), in their given order, from a line.

    A value is decoded JSON, or UNSET where the field is absent. A path goes through lists: then the value is the list
    of what was found in their members.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        self.fields = tuple(dict.fromkeys(fields))
        self._paths = tuple(tuple(field.split(".")) for field in self.fields)
        prefixes = {path[:length] for path in self._paths for length in range(1, len(path))}
        self._typed = bool(self._paths) and prefixes.isdisjoint(self._paths)
        if self._typed:
            shape, names = _struct(self._paths)
            self._decode = msgspec.json.Decoder(shape).decode
            self._pick: Callable[[Any], Any] = attrgetter(*names)
            self._single = len(names) == 1

    def read(self, line: bytes) -> tuple[Any, ...]:
        """The values. Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError on what is no JSON object."""
        if self._typed:
            try:
                picked = self._pick(self._decode(line))
            except msgspec.ValidationError:
                return self._walk(line)
            return (picked,) if self._single else picked
        return self._walk(line)

    def _walk(self, line: bytes) -> tuple[Any, ...]:
        record = _decode_any(line)
        if not isinstance(record, dict):
            raise msgspec.DecodeError("not an object")
        return tuple(_follow(record, path) for path in self._paths)


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
