"""What people say to the loop, and announced windows."""

from enum import StrEnum

import msgspec

from tercio.model.precision import Judgement
from tercio.model.units import HOUR

ALL = "all"
"""The target of a word that means everything."""

NOT_DONE = "not done: "
"""How an answer to a word begins that could not be carried out."""

LONGEST_WINDOW = 24 * HOUR
"""Nobody announces more than a day ahead (microseconds): what is forgotten must end by itself."""


class WordKind(StrEnum):
    """People's words that the loop understands."""

    UNDO = "undo"
    STAND_DOWN = "stand-down"
    STAND_TO = "stand-to"
    WINDOW_OPEN = "window-open"
    WINDOW_CLOSE = "window-close"
    CLOSE = "close"
    RESUME = "resume"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """An announced change ("that is us") by ``asset`` on ``target`` (asset or zone) until an instant. ``activity`` is
    ``write`` or ``scan``."""

    id: str
    asset: str
    target: str
    activity: str
    since: int
    until: int
    by: str
    why: str = ""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person said, and who. ``target`` is a lease, an incident, a process, a rule or ``all``.
    ``verdict`` is what is said of an incident, on ``rules`` of it or, where none is named, on all; ``note`` is why."""

    kind: WordKind
    who: str
    time: int
    target: str = ""
    window: Window | None = None
    verdict: Judgement | None = None
    rules: tuple[str, ...] = ()
    note: str = ""
