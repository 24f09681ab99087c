"""What hosts do, hostile or not, and what their doers see of it."""

from collections.abc import Generator
from enum import StrEnum

import msgspec


class Goal(StrEnum):
    """What a deed changes in the world where it works."""

    NONE = ""
    """Nothing but traffic."""
    ENTER = "enter"
    """The intruder holds ``dst`` from then on. Works where ``service`` is open to him there (``Estate.open``); done on
    the host itself (``dst`` empty) it always does: somebody opened his mail, or is the intruder."""
    CONTROL = "control"
    """He has changed what the controller ``dst`` does; its process goes on for now."""
    STOP = "stop"
    """Every process that the controller ``dst`` runs stops."""
    ENCRYPT = "encrypt"
    """The data of the host ``dst`` are lost, and with them every process that does not long do without it."""
    BLIND = "blind"
    """The sensor ``dst`` (its source's name) says nothing any more."""
    MOVE = "move"
    """The machine ``actor`` has the address of ``dst`` from now on; ``dst`` has none until it moves in turn."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a host does at an instant.

    ``actor`` is the machine that really does it: an asset's name, or a bare address outside the site; ``src`` is in
    whose name (empty: its own), which is another's only where packets are forged, so that no session comes about.
    ``dst`` is an asset's name, or an address; empty, or ``actor``, where it is done on the host itself. ``service`` is
    a name of ``model.services`` or ``tcp/PORT``. ``rule`` is the id of the rule about single records that it matches
    where a sensor sees it (``rules.rule``), empty where nothing matches. ``tactics`` say how well sensors see it.
    ``about`` is what correlations count or group by beside addresses: an account, a register, a name. ``hostile`` is
    what the intruder of an episode does; ``stray`` an attack by somebody else outside, who tries every door there is.
    """

    at: int
    actor: str
    src: str = ""
    dst: str = ""
    service: str = ""
    rule: str = ""
    tactics: tuple[str, ...] = ()
    about: str = ""
    hostile: bool = False
    stray: bool = False
    goal: Goal = Goal.NONE

    @property
    def named(self) -> str:
        """In whose name it is done."""
        return self.src or self.actor

    @property
    def forged(self) -> bool:
        """Whether it is done in another's name."""
        return self.named != self.actor


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """People say at an instant that ``asset`` will ``activity`` (``write``, ``scan``) on ``target``, an asset or zone,
    until another."""

    at: int
    until: int
    asset: str
    target: str
    activity: str
    by: str = "maintenance"


class Answer(msgspec.Struct, frozen=True):
    """What a doer sees of his last deed: the instant, and whether it worked. Whether a wall or a patch stopped him, he
    cannot tell."""

    at: int
    worked: bool


Play = Generator[Deed | Announced, Answer, None]
"""Somebody at work: yields the next thing he does, at ``at`` not before the answer to the last, and is sent what he
sees of it. Who does several things at once is several plays."""
