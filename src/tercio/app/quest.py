"""What a hunt is asked, and what it comes to."""

import msgspec

from tercio.brain.detect.rules import RuleSet
from tercio.model.findings import Finding, Level


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: rules and what correlations among them build on, of which ``asked`` were named; when it
    happened (instants, ``since`` included, ``until`` not); a host's name or address, or none; and how many matches of
    each rule are kept, while all are counted."""

    rules: RuleSet
    asked: tuple[str, ...]
    since: int
    until: int
    host: str = ""
    limit: int = 100


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a rule matched: when, whose, where it lies, its event's id, who did it to whom as far as the event
    says, and the values of the fields that the rule asks about. All texts may be an attacker's."""

    time: int
    source: str
    generation: str
    offset: int
    event: str
    host: str
    src: str
    dst: str
    fields: dict[str, str]


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: how many lines it matched, the first of them, and on how many it failed for which reasons. Not
    ``asked`` is what only a correlation needs; ``silent`` says why it can match nothing here."""

    rule: str
    title: str
    level: Level
    asked: bool
    count: int
    kept: tuple[Found, ...]
    failed: dict[str, int]
    silent: str


class Correlated(msgspec.Struct, frozen=True, kw_only=True):
    """One correlation: how many findings it made, and the first of them; ``silent`` as of a rule."""

    rule: str
    title: str
    level: Level
    asked: bool
    count: int
    kept: tuple[Finding, ...]
    silent: str


class Held(msgspec.Struct, frozen=True):
    """What the archive holds of one source in the span that was asked about: rows, and from when until when, to the
    hour. ``hunted`` is whether any of the rules is about that source, and ``known`` whether the settings name it."""

    source: str
    rows: int
    begins: int
    ends: int
    hunted: bool
    known: bool


class Progress(msgspec.Struct, frozen=True):
    """How far a hunt is: rows passed over, of how many; lines read of them; matches; all before ``through`` is done."""

    passed: int
    rows: int
    read: int
    found: int
    through: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a hunt came to. ``whole`` is false where it ended early: then it is true of what is before ``through``.
    ``unparsed`` lines matched, but their sensor makes no event of them, so that they are no finding either. ``broken``
    says on how many records Tercio itself failed, and how."""

    since: int
    until: int
    host: str
    held: tuple[Held, ...]
    progress: Progress
    whole: bool
    unparsed: int
    broken: dict[str, int] = {}
    rules: tuple[Matched, ...]
    correlations: tuple[Correlated, ...]
