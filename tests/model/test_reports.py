import msgspec
import pytest
from hypothesis import given, settings

from tercio.model.reports import FromLoop, Hello, Place, Refusal, Report, Taken, ToLoop, Welcome, Who
from tercio.model.sifted import Sifted
from tests.model.values import any_of


@settings(max_examples=30)
@given(any_of(Report))
def test_a_report_survives_and_is_known_by_its_tag(report: Report):
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(report), type=ToLoop) == report


@pytest.mark.parametrize(
    "said", [Welcome((Place("a", "/a", None, 1), Place("b", "/b", ("g", 7), 2)), 16), Refusal("no"), Taken(3)]
)
def test_what_the_loop_says_is_no_report(said: FromLoop):
    data = msgspec.msgpack.encode(said)
    assert msgspec.msgpack.decode(data, type=FromLoop) == said
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(data, type=ToLoop)


def test_a_report_counts_its_records():
    assert Report("s", ()).records == 0
    assert Report("s", (Sifted("s", "g", 0, 9, 1), Sifted("s", "g", 9, 9, 1))).records == 0
    assert {Who(), Who()} == {Who()}
    assert Hello("a", "b") != Hello("a", "c")
