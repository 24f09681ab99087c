"""Journal records as sentences: decodes what the loop wrote and lets the scribe say it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tercio.agents.scribe import line, plain, quoted
from tercio.loop.authorise import Deliberation
from tercio.loop.ledger import Told
from tercio.model.commands import Effect, Response
from tercio.model.decisions import Ruling
from tercio.model.incidents import Incident
from tercio.model.records import CommandRow
from tercio.model.words import Word
from tercio.store.journal import Erasure
from tercio.store.reader import Entry


class Spoken(msgspec.Struct, frozen=True):
    """A word as the journal keeps it, with what it came to."""

    word: Word
    answer: str


class Silence(msgspec.Struct, frozen=True):
    """A sensor that fell silent, or speaks again, as the journal keeps it."""

    source: str
    silent: bool


class Stray(msgspec.Struct, frozen=True):
    """Something that stood at a hand though nobody here ordered it, as the journal keeps it."""

    hand: str
    lease: str
    until: int


def sentences(entry: Entry, currency: str) -> tuple[str, ...]:
    """What a person reads of one record. A body that was erased, is damaged or of a kind without words is said so."""
    if entry.body is None:
        return (f"A record of kind {quoted(entry.kind, 40)} whose text was erased.",)
    for kind, say in KINDS.get(entry.kind, ()):
        try:
            return say(msgspec.json.decode(entry.body, type=kind), currency)
        except msgspec.DecodeError:
            continue
    return (f"Record {entry.seq} ({plain(entry.kind, 40)}) can't be read; run `tercio audit verify`.",)


def _finding(told: Told, _: str) -> tuple[str, ...]:
    excuse = next((piece.excuse for piece in told.evidence if piece.excuse), "")
    weaker = f" It weighs little: {plain(excuse)}." if excuse else ""
    return (line("finding", told.finding) + weaker,)


def _word(spoken: Spoken, _: str) -> tuple[str, ...]:
    answer = plain(spoken.answer, 400)
    return (f"{line('word', spoken.word)} The answer: {answer}." if answer else line("word", spoken.word),)


def _decision(value: Deliberation, currency: str) -> tuple[str, ...]:
    return (line("decision", value.decision, currency),)


def _rulings(rulings: tuple[Ruling, ...], _: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line("authorisation", ruling) for ruling in rulings))


def _silence(value: Silence, _: str) -> tuple[str, ...]:
    name = quoted(value.source, 60)
    if value.silent:
        return (f"The sensor {name} fell silent: nothing acts by itself until it speaks again.",)
    return (f"The sensor {name} speaks again.",)


def _stray(value: Stray, _: str) -> tuple[str, ...]:
    return (f"{quoted(value.hand, 40)} holds {quoted(value.lease)}, which nobody here ordered: it is being undone.",)


def _erasure(value: Erasure, _: str) -> tuple[str, ...]:
    return (f"{quoted(value.who, 60)} erased the text of record {value.seq}: {plain(value.why)}.",)


def _as_it_is(kind: str) -> Callable[[Any, str], tuple[str, ...]]:
    return lambda value, currency: (line(kind, value, currency),)


KINDS: Mapping[str, tuple[tuple[Any, Callable[[Any, str], tuple[str, ...]]], ...]] = {
    "finding": ((Told, _finding),),
    "incident": ((Incident, _as_it_is("incident")),),
    "decision": ((Deliberation, _decision),),
    "authorisation": ((tuple[Ruling, ...], _rulings),),
    "command": ((CommandRow, _as_it_is("command")),),
    "response": ((Response, _as_it_is("response")),),
    "effect": ((Effect, _as_it_is("effect")),),
    "word": ((Spoken, _word),),
    "input": ((Silence, _silence), (Stray, _stray)),
    "erasure": ((Erasure, _erasure),),
}
"""For each kind of record: what its body may be, and how that is told."""
