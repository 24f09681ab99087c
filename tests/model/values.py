"""Any value of a model type, for properties that must hold for all of them, whatever fields they grow."""

import enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from tercio.model.canon import canonical

SCALARS: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    bytes: st.binary(max_size=8),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    NoneType: st.none(),
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """A strategy for a Struct, an enumeration, a scalar, or a union, tuple or dict of them."""
    if kind in SCALARS:
        return SCALARS[kind]
    arguments = get_args(kind)
    if get_origin(kind) is tuple and arguments[-1] is ...:
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    if get_origin(kind) is tuple:
        return st.tuples(*map(any_of, arguments))
    if get_origin(kind) is dict:
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=2)
    if isinstance(kind, UnionType):
        return st.one_of(*map(any_of, arguments))
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    return st.builds(kind, **{field.name: any_of(field.type) for field in msgspec.structs.fields(kind)})


def survives(value: Any) -> None:
    """A value is the same after being written in canonical bytes and read back, and so are its bytes."""
    written = canonical(value)
    read = msgspec.json.decode(written, type=type(value))
    assert read == value
    assert canonical(read) == written
