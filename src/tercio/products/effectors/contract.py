"""What an effector is: pure functions that say what to read, what to do, and whether it held (DESIGN §11).

An effector touches nothing itself. The hand reads what ``facts`` names, performs the steps of ``plan``, reads again and
asks ``holds``; so idempotence, verification and undo are written once, in the hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from tercio.model.commands import Command, Standing

F = TypeVar("F")


class Via(StrEnum):
    """The transport that a read or a step goes through."""

    NFT = "nft"
    """libnftables: one text is one transaction, all of it or nothing; a read answers in nft's JSON."""
    ELEMENTS = "elements"
    """The kernel's own answer about one set of nft's (family, table and name, separated by spaces): what it packed for
    each element. For reading alone."""
    CONNTRACK = "conntrack"
    """The kernel's table of connections, in the words of the conntrack tool."""


Answer = str | tuple[bytes, ...]
"""What a read is answered with: text, or bytes, as its transport has it."""


class Read(msgspec.Struct, frozen=True):
    """One question to the world. A read of something absent is answered with None. What is ``steady`` changes only
    where somebody changes the mechanism, not by time alone."""

    via: Via
    text: str
    steady: bool = False


class Step(msgspec.Struct, frozen=True):
    """One change to the world. Where a step that is not ``needed`` fails, the hand says so and goes on. ``rules`` says
    that it changes what steady reads answer."""

    via: Via
    text: str
    needed: bool = True
    rules: bool = False


class Config(msgspec.Struct, frozen=True):
    """What the hand's own file tells the effector: ``never`` are networks (CIDR) that must never be touched, ``kept``
    those that keep their own traffic."""

    never: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effector(Generic[F]):
    """One mechanism. ``F`` is its own form of what was read.

    ``invalid(command)`` says in one sentence why a command cannot be expressed here, and is empty where it can.
    ``facts(config, command)`` names what to read for a command, or, without one, for everything; ``read(config,
    command, answers)`` turns the answers (same order) into facts; it raises ValueError for an answer that it does not
    understand. ``prepare(facts)`` are the steps that make the mechanism ready without any effect on traffic;
    ``there(facts)`` says whether anything of that is there; ``leave(facts)`` are the steps that take it away: none
    where anything still rests on it.
    ``plan(command, facts, now)`` are the steps to what is ordered: none where it already holds. ``holds(command, facts,
    now)`` is true where the facts show what is ordered (for a cancel: nothing of the lease is left). ``standing(facts,
    now)`` are the leases that stand whole; ``words(command, facts, now)`` tells a person what is there of a lease.
    """

    mechanism: str
    supports: tuple[type, ...]
    stops: str
    cannot: str
    permission: str
    expiry: str
    break_glass: str
    invalid: Callable[[Command], str]
    facts: Callable[[Config, Command | None], tuple[Read, ...]]
    read: Callable[[Config, Command | None, tuple[Answer | None, ...]], F]
    prepare: Callable[[F], tuple[Step, ...]]
    there: Callable[[F], bool]
    leave: Callable[[F], tuple[Step, ...]]
    plan: Callable[[Command, F, int], tuple[Step, ...]]
    holds: Callable[[Command, F, int], bool]
    standing: Callable[[F, int], tuple[Standing, ...]]
    words: Callable[[Command, F, int], str]
