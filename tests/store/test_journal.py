import hashlib
import os

from hypothesis import given
from hypothesis import strategies as st

from tercio.model.records import Record
from tercio.store.journal import digest_of, leaf_of, seal

RECORDS = [Record("finding", "inc-1", 5, b'{"a":1}'), Record("finding", "inc-1", 5, b'{"a":1}')]


def counted(count: int) -> bytes:
    return bytes(n % 256 for n in range(count))


def test_a_leaf_can_be_made_again_by_hand():
    first, second = seal(RECORDS, 7, counted)
    assert (first.seq, second.seq) == (8, 9)
    assert (first.salt, second.salt) == (bytes(range(16)), bytes(range(16, 32)))
    digest = hashlib.sha256(bytes(range(16)) + b'{"a":1}').hexdigest()
    said = f'["tercio journal 1",8,"finding","inc-1",5,"{digest}"]'.encode()
    assert first.leaf == hashlib.sha256(b"\0" + said).digest()


def test_equal_bodies_have_unlike_digests():
    first, second = seal(RECORDS, 0, os.urandom)
    assert first.digest != second.digest
    assert first.salt != second.salt


def test_nothing_makes_no_leaves():
    assert seal([], 3, os.urandom) == []


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.tuples(st.integers(1, 9), texts, texts, st.integers(), st.binary(max_size=9)), st.data())
def test_no_two_records_share_a_leaf(one: tuple[int, str, str, int, bytes], data: st.DataObject):
    other = data.draw(st.tuples(st.integers(1, 9), texts, texts, st.integers(), st.binary(max_size=9)))
    salt = bytes(16)
    leaves = [
        leaf_of(seq, kind, subject, time, digest_of(salt, body)) for seq, kind, subject, time, body in (one, other)
    ]
    assert (leaves[0] == leaves[1]) == (one == other)


def test_a_subject_can_t_spill_into_its_neighbours():
    digest = digest_of(bytes(16), b"")
    assert leaf_of(1, 'a","b', "c", 0, digest) != leaf_of(1, "a", 'b","c', 0, digest)
