import hashlib

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.store import merkle
from tercio.store.merkle import (
    EMPTY,
    Range,
    consistency_proof,
    leaf_hash,
    root,
    verify_consistency,
)

SIZES = st.integers(1, 70)


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % n) for n in range(size)]


def oracle(size: int) -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for n in range(size):
        tree.append_entry(b"%d" % n)
    return tree


def test_roots_of_the_reference_vectors():
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]
    assert root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_an_empty_log_has_the_root_of_nothing():
    assert Range().root() == EMPTY == hashlib.sha256(b"").digest()


def test_every_small_root_equals_the_oracle():
    tree = oracle(130)
    for size in range(131):
        assert root(leaves_of(size)) == tree.get_root(size)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=200))
def test_any_entries_give_the_oracle_s_root(entries: list[bytes]):
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    assert root(map(leaf_hash, entries)) == tree.get_root()


@given(st.lists(st.integers(0, 9), max_size=20))
def test_appending_in_parts_is_appending_at_once(parts: list[int]):
    leaves, grown, start = leaves_of(sum(parts)), Range(), 0
    for part in parts:
        grown = grown.add(leaves[start : start + part])
        start += part
    assert grown == Range().add(leaves)
    assert len(grown.peaks) == grown.size.bit_count()


def test_appending_to_a_million_hashes_only_the_new(monkeypatch: pytest.MonkeyPatch):
    size, calls, hashed = 1_000_000, [], merkle.node_hash
    old = Range(size, tuple(leaf_hash(b"%d" % n) for n in range(size.bit_count())))
    monkeypatch.setattr(merkle, "node_hash", lambda left, right: calls.append(1) or hashed(left, right))
    new = old.add(leaves_of(64))
    assert new.size == size + 64
    assert len(calls) <= 64 + size.bit_length()


@given(st.data())
def test_consistency_is_proved_against_the_oracle_s_roots(data: st.DataObject):
    second = data.draw(SIZES)
    first = data.draw(st.integers(0, second))
    tree = oracle(second)
    roots = (tree.get_root(first) if first else EMPTY, tree.get_root(second))
    path = consistency_proof(leaves_of(second), first)
    assert verify_consistency(first, second, roots, path)


@given(st.data())
def test_a_log_that_was_changed_is_not_consistent(data: st.DataObject):
    second = data.draw(st.integers(2, 70))
    first = data.draw(st.integers(1, second - 1))
    leaves = leaves_of(second)
    roots, path = (root(leaves[:first]), root(leaves)), consistency_proof(leaves, first)
    other = leaf_hash(b"other")
    forged = [*leaves[: first - 1], other, *leaves[first:]]
    broken = data.draw(st.integers(0, len(path) - 1))
    assert not verify_consistency(first, second, (roots[0], root(forged)), consistency_proof(forged, first))
    assert not verify_consistency(first, second, (other, roots[1]), path)
    assert not verify_consistency(first, second, (roots[0], other), path)
    assert not verify_consistency(first, second, roots, (*path[:broken], other, *path[broken + 1 :]))
    assert not verify_consistency(first, second, roots, path[:-1])
    assert not verify_consistency(first, second, roots, (*path, other))
    assert not verify_consistency(first, second, roots, ())
    assert not verify_consistency(second, first, roots, path)


def test_sizes_that_meet_need_no_nodes():
    whole = root(leaves_of(5))
    assert verify_consistency(5, 5, (whole, whole), ())
    assert not verify_consistency(5, 5, (whole, EMPTY), ())
    assert not verify_consistency(5, 5, (whole, whole), (whole,))
    assert not verify_consistency(0, 5, (whole, whole), ())
    assert not verify_consistency(-1, 5, (whole, whole), ())


def test_a_path_of_the_wrong_length_proves_nothing_even_if_its_hashes_fit():
    leaves = leaves_of(4)
    other = leaf_hash(b"other")
    assert not verify_consistency(1, 2, (leaves[0], leaves[0]), ())
    three = (root(leaves[:3]), root(leaves))
    path = consistency_proof(leaves, 3)
    assert verify_consistency(3, 4, three, path)
    above = merkle.node_hash(other, three[0]), merkle.node_hash(other, three[1])
    assert not verify_consistency(3, 4, above, (*path, other))


def test_proofs_outside_of_the_log_are_errors():
    leaves = leaves_of(3)
    with pytest.raises(IndexError, match="no log of 4 leaves in one of 3"):
        consistency_proof(leaves, 4)
