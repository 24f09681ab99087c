import hashlib

import msgspec
import pytest

from tercio.model.canon import canonical
from tercio.model.journal import KINDS, Basis, digest_of

BASIS = Basis(version="1", code="c", site="s", rules="r", numbers="n", policies=(("a", "x"),), schema="t")


def test_a_basis_is_named_by_its_canonical_bytes():
    assert BASIS.digest == hashlib.sha256(canonical(BASIS)).hexdigest()
    assert msgspec.json.decode(canonical(BASIS), type=Basis) == BASIS


@pytest.mark.parametrize("field", Basis.__struct_fields__)
def test_every_part_of_a_basis_is_in_its_name(field: str):
    other = (("a", "y"),) if field in ("policies", "own") else "other"
    assert msgspec.structs.replace(BASIS, **{field: other}).digest != BASIS.digest


def test_a_digest_of_events_knows_their_bytes_their_order_and_their_borders():
    said = [digest_of(events) for events in ([b"ab", b"c"], [b"a", b"bc"], [b"c", b"ab"], [b"ab"], [])]
    assert len(set(said)) == len(said)
    assert digest_of(iter([b"ab", b"c"])) == said[0]


def test_kinds_are_plain_names_without_a_version():
    assert all(kind.isalpha() and kind.islower() for kind in KINDS)
    assert all(issubclass(shape, msgspec.Struct) for shape in KINDS.values())
