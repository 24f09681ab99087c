import hashlib
from types import SimpleNamespace

import msgspec
import pytest

from tercio.model.canon import canonical
from tercio.model.journal import Erasure, Told
from tercio.model.records import Cited
from tercio.store.checks import Journaled, Wrong, check_cited, check_leaf
from tercio.store.journal import ERASURE, seal
from tercio.store.rows import cited_row
from tests.store import made


def row(**changes: object) -> SimpleNamespace:
    leaf = seal([made.record(1)], 4, bytes)[0]
    return SimpleNamespace(**{name: getattr(leaf, name) for name in leaf.__struct_fields__} | changes)


def test_a_whole_leaf_passes():
    assert check_leaf(row(), 5) == row().leaf
    assert check_leaf(row(salt=None, body=None), 5) == row().leaf


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seq": 7}, "record 5 is missing: behind 4 comes 7"),
        ({"kind": "word"}, "leaf of record 5 .word. is not the hash"),
        ({"subject": "inc-2"}, "is not the hash"),
        ({"time": 0}, "is not the hash"),
        ({"digest": bytes(32)}, "is not the hash"),
        ({"leaf": bytes(32)}, "is not the hash"),
        ({"salt": bytes(15) + b"\1"}, "the body or the salt of record 5 .finding. was changed"),
        ({"body": b"{}"}, "the body or the salt"),
        ({"salt": None}, "only one of salt and body"),
        ({"body": None}, "only one of salt and body"),
        ({"body": "text"}, "only one of salt and body"),
        ({"kind": None}, "something else than its type"),
        ({"kind": b"finding"}, "something else than its type"),
        ({"time": "now"}, "something else than its type"),
        ({"time": 1.5}, "something else than its type"),
        ({"digest": "text"}, "something else than its type"),
        ({"leaf": None}, "something else than its type"),
        ({"subject": 9}, "something else than its type"),
    ],
)
def test_a_changed_leaf_is_named(changes: dict[str, object], words: str):
    with pytest.raises(Wrong, match=words) as caught:
        check_leaf(row(**changes), 5)
    assert caught.value.seq == 5


def erasure(seq: int, of: int) -> SimpleNamespace:
    return row(seq=seq, kind=ERASURE, subject=str(of), body=canonical(Erasure(of, "officer", "request")))


def journaled(*rows: SimpleNamespace) -> Journaled:
    found = Journaled({})
    for each in rows:
        found.add(each)
    return found


def test_an_erasure_must_be_said_and_done():
    gone, there = row(salt=None, body=None), row()
    journaled(gone, erasure(6, 5)).check_erasures()
    journaled(there).check_erasures()
    with pytest.raises(Wrong, match="no record says that it was erased"):
        journaled(gone).check_erasures()
    with pytest.raises(Wrong, match="no record says that it was erased"):
        journaled(erasure(4, 5), gone).check_erasures()
    with pytest.raises(Wrong, match="yet it is there"):
        journaled(there, erasure(6, 5)).check_erasures()


@pytest.mark.parametrize("body", [None, b"", b"{}", b"[]", b'{"seq":"x","who":"","why":""}'])
def test_an_erasure_that_says_nothing_is_wrong(body: bytes | None):
    with pytest.raises(Wrong, match="doesn't say what was erased"):
        journaled(row(kind=ERASURE, body=body))


def kept(*lines: Cited) -> dict[str, bytes]:
    return {line.event.id: hashlib.sha256(canonical(line.event)).digest() for line in lines}


def finding(told: Told, **changes: object) -> SimpleNamespace:
    return row(**{"kind": "finding", "body": canonical(told), **changes})


def test_a_finding_rests_on_the_lines_that_are_kept():
    one, other = made.cited(1), made.cited(2)
    found = Journaled(kept(one, other))
    found.add(finding(made.told(1, one, absent=("evt-gone",))))
    assert found.absent == 1
    with pytest.raises(Wrong, match=f"cited event {other.event.id} is in the state, but no finding"):
        found.check_cited()
    found.add(finding(made.told(2, one, other)))
    found.check_cited()


def test_a_finding_without_its_lines_or_with_others_is_wrong():
    one, other = made.cited(1), made.cited(2)
    told = made.told(1, one, other)
    with pytest.raises(Wrong, match=f"cited event {other.event.id}, on which record 5 .finding. rests, is missing"):
        Journaled(kept(one)).add(finding(told))
    later = Cited(msgspec.structs.replace(other.event, time=99), other.raw)
    with pytest.raises(Wrong, match=r"record 5 .finding. rests are not those that were journaled"):
        Journaled(kept(one, later)).add(finding(told))
    with pytest.raises(Wrong, match=r"record 5 .finding. can't be read"):
        Journaled({}).add(finding(told, body=b"{}"))


@pytest.mark.parametrize("blind", [finding(made.told(1), body=None, salt=None), row(kind="finding.2"), row(kind="new")])
def test_what_can_t_be_read_may_rest_on_any_line(blind: SimpleNamespace):
    found = Journaled(kept(made.cited(1)))
    found.add(blind)
    found.check_cited()
    assert found.unknown == (blind.kind != "finding")


def test_a_cited_line_is_the_one_its_id_names():
    whole = SimpleNamespace(**cited_row(made.cited(1)))
    assert check_cited(whole) == hashlib.sha256(whole.event).digest()
    for changes in ({"raw": b"another"}, {"id": made.cited(2).event.id}, {"event": canonical(made.cited(2).event)}):
        with pytest.raises(Wrong, match="was changed"):
            check_cited(SimpleNamespace(**cited_row(made.cited(1)) | changes))
    for changes in ({"raw": None}, {"event": b"{"}, {"event": 5}, {"event": None}):
        with pytest.raises(Wrong, match="can't be read"):
            check_cited(SimpleNamespace(**cited_row(made.cited(1)) | changes))
