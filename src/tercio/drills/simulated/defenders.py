"""Who defends: Tercio, or a baseline that is given just the same."""

from typing import Protocol

import msgspec

from tercio.model.commands import Command, Response
from tercio.model.sifted import Sifted
from tercio.model.words import Word

NEVER = 1 << 62
"""An instant that does not come."""


class Sensed(msgspec.Struct, frozen=True):
    """All that reaches a defender at an instant: what sensors wrote, what hands answered, what people said."""

    lots: tuple[Sifted, ...] = ()
    responses: tuple[Response, ...] = ()
    words: tuple[Word, ...] = ()


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What a defender says of itself at the end: questions that people were asked, decisions, incidents, and how many
    findings the decisions that acted rest on."""

    questions: int = 0
    decisions: int = 0
    incidents: int = 0
    cited: int = 0


class Defender(Protocol):
    """Whoever takes what is sensed and gives orders. It is never shown what is true."""

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """Take in what arrived by ``now``; give orders to hands: deny until an instant, cancel a lease, query."""
        ...

    def due(self) -> int:
        """The next instant at which it has something to do though nothing arrives (``NEVER``: none)."""
        ...

    def tally(self) -> Tally:
        """What it says of itself at the end."""
        ...
