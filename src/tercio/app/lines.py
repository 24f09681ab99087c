"""Journal records as sentences: decodes what the loop wrote and lets the scribe say it."""

import msgspec

from tercio.agents.scribe import line, plain
from tercio.loop.authorise import Deliberation
from tercio.model.commands import Effect, Response
from tercio.model.decisions import Ruling
from tercio.model.findings import Finding
from tercio.model.incidents import Evidence, Incident
from tercio.model.records import CommandRow
from tercio.model.words import Word
from tercio.store.reader import Entry


class Told(msgspec.Struct, frozen=True):
    """A finding as the journal keeps it."""

    finding: Finding
    incident: str
    change: str
    evidence: tuple[Evidence, ...]


class Spoken(msgspec.Struct, frozen=True):
    """A word as the journal keeps it, with what it came to."""

    word: Word
    answer: str


def sentences(entry: Entry, currency: str) -> tuple[str, ...]:
    """What a person reads of one record; nothing for a record whose body was erased or that only repeats a row."""
    if entry.body is None:
        return (f"a {plain(entry.kind, 40)} whose text was erased",)
    match entry.kind:
        case "finding":
            told = msgspec.json.decode(entry.body, type=Told)
            excuse = next((piece.excuse for piece in told.evidence if piece.excuse), "")
            weaker = f" It weighs little: {plain(excuse)}." if excuse else ""
            return (line("finding", told.finding) + weaker,)
        case "decision":
            return (line("decision", msgspec.json.decode(entry.body, type=Deliberation).decision, currency),)
        case "authorisation":
            rulings = msgspec.json.decode(entry.body, type=tuple[Ruling, ...])
            return tuple(line("authorisation", ruling) for ruling in rulings)
        case "word":
            spoken = msgspec.json.decode(entry.body, type=Spoken)
            return (f"{line('word', spoken.word)} {plain(spoken.answer).capitalize()}.",)
        case "incident":
            return (line("incident", msgspec.json.decode(entry.body, type=Incident)),)
        case "command":
            return (line("command", msgspec.json.decode(entry.body, type=CommandRow)),)
        case "response":
            return (line("response", msgspec.json.decode(entry.body, type=Response)),)
        case "effect":
            return (line("effect", msgspec.json.decode(entry.body, type=Effect)),)
        case _:
            return (f"{plain(entry.kind, 40)}: {plain(entry.body.decode(errors='replace'))}",)
