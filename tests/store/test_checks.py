from types import SimpleNamespace

import pytest

from tercio.model.canon import canonical
from tercio.model.journal import Erasure
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
    found = Journaled()
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


def test_a_cited_line_is_the_one_its_id_names():
    check_cited(SimpleNamespace(**cited_row(made.cited(1))))
    for changes in ({"raw": b"another"}, {"id": made.cited(2).event.id}, {"event": canonical(made.cited(2).event)}):
        with pytest.raises(Wrong, match="was changed"):
            check_cited(SimpleNamespace(**cited_row(made.cited(1)) | changes))
    for changes in ({"raw": None}, {"event": b"{"}, {"event": 5}, {"event": None}):
        with pytest.raises(Wrong, match="can't be read"):
            check_cited(SimpleNamespace(**cited_row(made.cited(1)) | changes))
