"""How right rules are: what people said of incidents, and what follows for each rule."""

from enum import StrEnum

import msgspec

from tercio.model.findings import Level

PRIORS: dict[Level, tuple[int, int]] = {
    Level.INFORMATIONAL: (1, 999),
    Level.LOW: (1, 9),
    Level.MEDIUM: (4, 6),
    Level.HIGH: (8, 2),
    Level.CRITICAL: (19, 1),
}
"""Beta prior of a rule's precision by its level: incidents in which it is right and wrong, until people judge some."""

LONGEST_NOTE = 500
"""Characters of a note on a verdict."""


class Judgement(StrEnum):
    """What a person says of an incident, or of a rule in it."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"
    WITHDRAWN = "withdrawn"


class Judged(msgspec.Struct, frozen=True):
    """What was said of one version of a rule in one incident. ``counted`` says that its precision was moved by it; else
    the day's allowance was spent, or it was ``unsure``."""

    rule: str
    version: str
    judgement: Judgement
    counted: bool


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A person's last word on an incident: on the whole of it (``judgement``) and on each of its rules. ``at`` is an
    instant; ``who`` and ``note`` are as they were said."""

    judgement: Judgement
    who: str
    at: int
    note: str
    rules: tuple[Judged, ...]


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one version of a rule.

    ``fired`` counts its findings since ``since`` (an instant; the last came at ``last``), ``incidents`` those it was
    part of. ``right`` and ``wrong`` count judged incidents that moved its precision, ``unsure`` those of which people
    could not say, ``beyond`` verdicts that moved nothing because the allowance of their day was spent. Of the day
    ``day`` (days since the epoch) ``spent`` is used up.
    """

    rule: str
    version: str
    title: str
    level: Level
    since: int
    last: int = 0
    fired: int = 0
    incidents: int = 0
    right: int = 0
    wrong: int = 0
    unsure: int = 0
    beyond: int = 0
    day: int = 0
    spent: int = 0


class Learned(msgspec.Struct, frozen=True):
    """What people's verdicts make of one version of a rule: ``odds`` that it is right, from ``right`` of ``judged``
    incidents and its level."""

    version: str
    odds: float
    right: int
    judged: int
