"""nft's JSON listing of the table, read into elements and a verdict on its rules."""

from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from tercio.model.units import SECOND
from tercio.products.effectors.addresses import Network, collapsed, network
from tercio.products.effectors.nft_claims import LEASE, Cell
from tercio.products.effectors.nft_ruleset import PINNED, SETS, SIGNATURES

_GUARD = {"type": "filter", "hook": "forward", "prio": -10, "policy": "accept"}
PROTOCOLS = {"6": "tcp", "17": "udp"}
"""The words for numbers that a key may hold."""


class Ruleset(StrEnum):
    """How the table was found. ``DAMAGED``: a set, a rule or a never address is missing, changed or too many, or the
    table is switched off."""

    WHOLE = "whole"
    ABSENT = "absent"
    DAMAGED = "damaged"


class Element(msgspec.Struct, frozen=True):
    """One element of one set: ``left`` is the time until it expires (microseconds; nft's own listings tell whole
    seconds, rounded down)."""

    set: str
    key: tuple[str, ...]
    left: int
    comment: str = ""

    def mark(self) -> tuple[str, int]:
        """The lease and the instant that its comment carries; empty and 0 where it is not ours."""
        lease, _, until = self.comment.partition(" ")
        if LEASE.fullmatch(lease) is None or not (until.isascii() and until.isdecimal() and len(until) < 19):
            return "", 0
        return lease, int(until)

    def cell(self) -> Cell:
        """The element's place, for a set that rules read."""
        return Cell(self.set[:-1], int(self.set[-1]), self.key)


class Table(msgspec.Struct, frozen=True):
    """The table as listed: names of its sets, its base chain's hook, (chain, comment) of its rules in order, elements;
    and whether it is ``flagged``: the flag that there is for a table of everybody's switches all its chains off."""

    sets: tuple[str, ...]
    guard: dict[str, object]
    rules: tuple[tuple[str, str], ...]
    elements: tuple[Element, ...]
    flagged: bool = False


def table_of(answer: str) -> Table:
    """Read what ``nft -j list table`` printed. Raises ValueError for anything else."""
    try:
        items: list[dict[str, Any]] = msgspec.json.decode(answer)["nftables"]
        sets = [item["set"] for item in items if "set" in item]
        guards = [item["chain"] for item in items if item.get("chain", {}).get("name") == "guard"]
        return Table(
            tuple(found["name"] for found in sets),
            {key: guards[0].get(key) for key in _GUARD} if guards else {},
            tuple((item["rule"]["chain"], item["rule"].get("comment", "")) for item in items if "rule" in item),
            tuple(_element(found["name"], raw) for found in sets for raw in found.get("elem", ())),
            any("flags" in item.get("table", {}) for item in items),  # What nft 1.0 says there is no flag's name.
        )
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"nft listed something else than a table: {error}") from error


def _element(name: str, raw: Any) -> Element:
    body = raw["elem"] if isinstance(raw, dict) and "elem" in raw else {"val": raw}
    value = body["val"]
    parts = [_text(part) for part in (value["concat"] if isinstance(value, dict) and "concat" in value else [value])]
    if "flows" in name or "needed" in name:
        parts[-2] = PROTOCOLS.get(parts[-2], parts[-2])
    return Element(name, tuple(parts), int(body.get("expires", 0)) * SECOND, str(body.get("comment", "")))


def _text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and "prefix" in part:
        return f"{part['prefix']['addr']}/{part['prefix']['len']}"
    if isinstance(part, dict) and "range" in part:
        return f"{part['range'][0]}-{part['range'][1]}"
    if isinstance(part, int):
        return str(part)
    raise TypeError(f"an element holds {type(part).__name__}")


@lru_cache(maxsize=2)
def verdict(answer: str, never: tuple[str, ...], kept: tuple[str, ...] = ()) -> Ruleset:
    """The verdict on a listing. Remembered, as the same listing is judged again with every order. Raises ValueError."""
    return ruleset_of(table_of(answer), never, kept)


def ruleset_of(table: Table, never: tuple[str, ...], kept: tuple[str, ...] = ()) -> Ruleset:
    """Compare the table with the declared one. Sets that are not declared are somebody else's mistake, and do no
    harm."""
    rules = sorted(table.rules, key=lambda rule: rule[0]) == sorted(SIGNATURES, key=lambda rule: rule[0])
    whole = not table.flagged and rules and table.guard == _GUARD and set(SETS) <= set(table.sets)
    pinned = all(
        _pinned(table, name) == collapsed([network(n) for n in networks])
        for name, networks in zip(PINNED, (never, kept), strict=True)
    )
    return Ruleset.WHOLE if whole and pinned else Ruleset.DAMAGED


def _pinned(table: Table, name: str) -> tuple[Network, ...]:
    try:
        return collapsed([network(e.key[0]) for e in table.elements if e.set in (f"{name}4", f"{name}6")])
    except ValueError:
        return ()
