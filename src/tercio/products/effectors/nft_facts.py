"""What is read of the table for an order, and the values that it becomes."""

import msgspec

from tercio.model.commands import Action, Command, FlowTarget, HostTarget
from tercio.products.effectors.contract import Answer, Config, Read, Via
from tercio.products.effectors.nft_answers import Element, Ruleset, table_of, verdict
from tercio.products.effectors.nft_claims import cells
from tercio.products.effectors.nft_elements import elements_of, packed
from tercio.products.effectors.nft_ruleset import KINDS, RANGES, TABLE, sets_of


class Facts(msgspec.Struct, frozen=True):
    """The table as it was read: ``never`` and ``kept`` are what its pinned sets should hold."""

    ruleset: Ruleset
    elements: tuple[Element, ...] = ()
    never: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


Listed = list[tuple[str, tuple[bytes, ...]]]
"""The names of sets, with what the kernel packed for each."""


def facts(config: Config, command: Command | None) -> tuple[Read, ...]:
    """The table with its rules, so that *held* is never said of a set that no rule reads any more: from memory while
    nobody changed anything. And the elements, always anew: for a deny of a host or flow, which must be fast, those in
    the sets of its kinds, else all."""
    fresh = (Read(Via.ELEMENTS, f"{TABLE} {name}") for name in _sets(command))
    return (Read(Via.NFT, f"list table {TABLE}", steady=True), *fresh)


def _sets(command: Command | None) -> tuple[str, ...]:
    if command is not None and command.action is Action.DENY:
        if isinstance(command.target, HostTarget):
            return sets_of(("hosts", "macs"))
        if isinstance(command.target, FlowTarget):
            return sets_of(("flows",))
    return sets_of(KINDS)


def read(config: Config, command: Command | None, answers: tuple[Answer | None, ...]) -> Facts:
    """Raises ValueError where an answer is not nft's JSON, or not what the kernel packs."""
    whole, *fresh = answers
    if not isinstance(whole, str) or None in fresh:
        return Facts(Ruleset.ABSENT, (), config.never, config.kept)
    listed = [(name, answer) for name, answer in zip(_sets(command), fresh, strict=True) if isinstance(answer, tuple)]
    if command is None:
        found = _apart(whole) + _elements(listed)
    elif command.action is Action.QUERY:
        found = _elements(listed)
    else:
        found = _near(command, listed)
    return Facts(verdict(whole, config.never, config.kept), found, config.never, config.kept)


def _apart(whole: str) -> tuple[Element, ...]:
    """Elements of pinned sets, and of those that are not ours: nobody changed them since the table was listed."""
    return tuple(element for element in table_of(whole).elements if element.set not in sets_of(KINDS))


def _elements(listed: Listed, near: frozenset[bytes] | None = None) -> tuple[Element, ...]:
    return tuple(element for name, answer in listed for element in elements_of(name, answer, near))


def _near(command: Command, listed: Listed) -> tuple[Element, ...]:
    """Of a thousand elements the few that one order concerns: those of its lease, whatever is on the addresses of its
    target or of these, and all of kinds whose elements may lie in one another."""
    wide = [each for each in listed if each[0] in sets_of(RANGES)]
    single = [each for each in listed if each[0] not in sets_of(RANGES)]
    target = cells(command.target) if command.action is Action.DENY and command.target is not None else ()
    near = frozenset((command.lease.encode(), *(packed(cell.key[0]) for cell in target if cell.kind not in RANGES)))
    found = _elements(single, near)
    moved = {packed(_source(element)) for element in found if element.mark()[0] == command.lease} - near
    return _elements(wide) + (_elements(single, near | moved) if moved else found)


def _source(element: Element) -> str:
    """The address that is denied; other leases may claim it, too."""
    return element.key[1 if element.set.startswith("claimed_") else 0]
