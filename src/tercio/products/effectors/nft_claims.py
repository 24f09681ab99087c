"""Leases as claims on set elements, and the wall that is computed from them.

Two leases may want the same address, or networks of which one lies in the other. So each lease only *claims* elements,
in sets that no rule reads; what the rules read is a projection: every address that anybody claims, until the last claim
on it ends. Taking one lease away then takes away exactly what no other lease needs.
"""

import hashlib
import re
from collections import defaultdict
from itertools import product

import msgspec

from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.products.effectors.addresses import (
    Network,
    address,
    collapsed,
    covers,
    link_address,
    network,
    plain,
    without,
)
from tercio.products.effectors.nft_ruleset import RANGES

LEASE = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""The form of a lease id that may stand in a comment."""
MOST_ELEMENTS = 1024
"""Elements that one target may need: more is a mistake, and would slow every packet's order."""


class Cell(msgspec.Struct, frozen=True, order=True):
    """One element of one set: ``kind`` and ``family`` name the set, ``key`` are its fields in nft's words."""

    kind: str
    family: int
    key: tuple[str, ...]


class Claim(msgspec.Struct, frozen=True, order=True):
    """That a lease wants a cell until ``end`` (an instant). Of two claims the greater one ends later; ties break by
    lease."""

    end: int
    lease: str
    cell: Cell


def slot(lease: str) -> str:
    """What keeps the claims of different leases on one element apart: six bytes of SHA-256, in the form of a link
    address.

    A ``mark`` would say it better, but nft 1.0.6 swaps its bytes in elements of interval sets that hold no range, and
    then cannot delete what it has added."""
    return hashlib.sha256(lease.encode()).digest()[:6].hex(":")


def cells(target: Target) -> tuple[Cell, ...]:
    """What a target means in sets: sorted, no two overlapping. Raises ValueError with one sentence where it cannot be
    expressed."""
    match target:
        case HostTarget():
            found = _host(target)
        case FlowTarget():
            found = _flow(target)
        case ConduitTarget():
            found = _conduit(target)
    if not found:
        raise ValueError("the target names nothing that could be denied")
    if len(found) > MOST_ELEMENTS:
        raise ValueError(f"the target needs {len(found)} elements; at most {MOST_ELEMENTS} are accepted")
    return tuple(sorted(wall(frozenset(Claim(0, "", cell) for cell in found))))


def _host(target: HostTarget) -> set[Cell]:
    links = {Cell("macs", 2, (found,)) for found in map(link_address, target.macs)}
    return links | {Cell("hosts", found.version, (str(found),)) for found in map(address, target.addresses)}


def _service(transport: str, port: int) -> tuple[str, str]:
    if transport not in ("tcp", "udp"):
        raise ValueError(f"transport {transport!r} is neither tcp nor udp")
    if not 0 < port < 65536:
        raise ValueError(f"port {port} does not exist")
    return transport, str(port)


def _flow(target: FlowTarget) -> set[Cell]:
    service = _service(target.transport, target.port)
    pairs = product(map(address, target.src_addresses), map(address, target.dst_addresses))
    return {Cell("flows", s.version, (str(s), str(d), *service)) for s, d in pairs if s.version == d.version}


def _conduit(target: ConduitTarget) -> set[Cell]:
    src, dst = sides(target)
    if len(src) * len(dst) > MOST_ELEMENTS:
        raise ValueError(f"{len(src)} by {len(dst)} networks are too many; at most {MOST_ELEMENTS} pairs are accepted")
    shut = {Cell("conduits", s.version, (plain(s), plain(d))) for s, d in product(src, dst) if s.version == d.version}
    if not shut:
        raise ValueError("the two zones have no address family in common")
    needed = set()
    for flow in target.needed:
        one, other = network(flow.src), network(flow.dst)
        if one.version != other.version:
            raise ValueError(f"needed flow {flow.src!r} to {flow.dst!r} mixes address families")
        needed.add(Cell("needed", one.version, (plain(one), plain(other), *_service(flow.transport, flow.port))))
    return shut | needed


def sides(target: ConduitTarget) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
    """The networks of both zones. Where one lies inside the other the inner belongs to its own zone alone, so traffic
    within that zone stays open. Raises ValueError for what is no network, or is listed on both sides."""
    src = collapsed([network(n) for n in target.src_networks])
    dst = collapsed([network(n) for n in target.dst_networks])
    if common := set(src) & set(dst):
        raise ValueError(f"{plain(min(common, key=str))} is listed in both zones; a network belongs to one")
    return without(src, dst), without(dst, src)


def wall(claims: frozenset[Claim]) -> dict[Cell, tuple[Claim, ...]]:
    """Every cell that the rules must read, with the claims on it, the one that ends last at the end. No two cells
    overlap."""
    found: dict[Cell, tuple[Claim, ...]] = {}
    ranges = defaultdict(list)
    for claim in sorted(claims):
        if claim.cell.kind in RANGES:
            ranges[claim.cell.kind, claim.cell.family, claim.cell.key[2:]].append(claim)
        else:
            found[claim.cell] = (*found.get(claim.cell, ()), claim)
    for (kind, family, service), group in ranges.items():
        for pair, cover in _disjoint(group).items():
            found[Cell(kind, family, (*pair, *service))] = cover
    return found


def _disjoint(claims: list[Claim]) -> dict[tuple[str, str], tuple[Claim, ...]]:
    """Cut overlapping pairs of networks into pairs that do not overlap, each with the claims that cover it, in the
    given order."""
    pairs = [(network(c.cell.key[0]), network(c.cell.key[1]), c) for c in claims]
    src, dst = pieces([p[0] for p in pairs]), pieces([p[1] for p in pairs])
    found: dict[tuple[str, str], tuple[Claim, ...]] = {}
    for one, other, claim in pairs:
        for key in product(map(plain, src[one]), map(plain, dst[other])):
            found[key] = (*found.get(key, ()), claim)
    return found


def pieces(networks: list[Network]) -> dict[Network, tuple[Network, ...]]:
    """Each network as parts of which no two overlap, across all of them."""
    parts: list[Network] = []
    for found in sorted(set(networks), key=lambda n: -n.prefixlen):
        parts += without((found,), tuple(p for p in parts if covers(found, p)))
    return {n: tuple(p for p in parts if covers(n, p)) for n in networks}
