"""Merkle tree hashing of RFC 9162, section 2.1, with SHA-256: pure, over leaf hashes.

All hashes are 32 bytes. Indices count from zero, sizes are numbers of leaves.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

EMPTY = hashlib.sha256(b"").digest()
"""The root of a log without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry (2.1.1): prefixed, so that no entry can pass for an inner node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over its two children (2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Range(msgspec.Struct, frozen=True):
    """All that must be kept of a log to append to it and to name its root: the roots of its perfect subtrees,
    largest first, one for each bit set in ``size``.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def add(self, leaves: Iterable[bytes]) -> "Range":
        """The range after these leaf hashes were appended: one or two hashes a leaf, whatever the size of the log."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            node, rest = leaf, size
            while rest & 1:
                node = node_hash(peaks.pop(), node)
                rest >>= 1
            peaks.append(node)
            size += 1
        return Range(size, tuple(peaks))

    def root(self) -> bytes:
        """The root of the whole log (MTH of 2.1.1)."""
        if not self.peaks:
            return EMPTY
        *rest, node = self.peaks
        for peak in reversed(rest):
            node = node_hash(peak, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes."""
    return Range().add(leaves).root()


def consistency_proof(leaves: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    """The nodes that show the log of ``first`` leaves to be the beginning of this one (2.1.4.1); none where there is
    nothing to show (``first`` is zero or the whole). Raises IndexError outside of the log.
    """
    if not 0 <= first <= len(leaves):
        raise IndexError(f"no log of {first} leaves in one of {len(leaves)}")
    if first in {0, len(leaves)}:
        return ()
    start, end, whole, path = 0, len(leaves), True, []
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(root(leaves[middle:end]))
            end = middle
        else:
            path.append(root(leaves[start:middle]))
            start, whole = middle, False
    if not whole:
        path.append(root(leaves[start:end]))
    return tuple(reversed(path))


def verify_consistency(first: int, second: int, roots: tuple[bytes, bytes], path: Sequence[bytes]) -> bool:
    """Whether ``path`` shows that the log of ``first`` leaves, with the first root, is the beginning of that of
    ``second`` leaves, with the second (2.1.4.2).
    """
    if not 0 <= first <= second:
        return False
    if first == second:
        return not path and roots[0] == roots[1]
    if first == 0:
        return not path and roots[0] == EMPTY
    nodes = list(path) if first & (first - 1) else [roots[0], *path]
    if not nodes:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, node)
        here, last = here >> 1, last >> 1
    return last == 0 and (old, new) == roots


def _split(size: int) -> int:
    """The largest power of two below ``size`` (at least 2)."""
    return 1 << (size - 1).bit_length() - 1
