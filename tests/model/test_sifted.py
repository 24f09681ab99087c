import msgspec
from hypothesis import given, settings

from tercio.model.sifted import Sifted
from tests.model.values import any_of


@settings(max_examples=40)
@given(any_of(Sifted))
def test_what_was_sifted_survives_the_way_to_another_process(lot: Sifted):
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(lot), type=Sifted) == lot
    assert lot.records == len(lot.seen) + len(lot.unparsed)
