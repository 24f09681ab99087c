"""Journal records as sentences: decodes what the loop wrote and lets the scribe say it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tercio.agents.scribe import decided, line, plain, quoted, seen
from tercio.loop.authorise import Deliberation
from tercio.loop.ledger import SHAPES
from tercio.model.journal import Aside, Authorisation, Basis, Erasure, Lost, Silence, Spoken, Stray, Told
from tercio.model.precision import Precision
from tercio.model.site import Site
from tercio.store.reader import Entry

RAW = 200
"""Characters shown of a record that this version has no words for."""


def sentences(entry: Entry, site: Site) -> tuple[str, ...]:
    """What a person reads of one record, in the site's names and currency. A body that was erased, is damaged or of a
    kind that this version does not know is said so."""
    kind = quoted(entry.kind, 40)
    if entry.body is None:
        return (f"A record of kind {kind} whose text was erased.",)
    if entry.kind not in SHAPES:
        shown = plain(entry.body.decode("utf-8", "replace"), RAW)
        return (f"A record of kind {kind}, which this version of Tercio does not know: {shown}.",)
    try:
        return SAY[entry.kind](msgspec.json.decode(entry.body, type=SHAPES[entry.kind]), site)
    except msgspec.DecodeError:
        return (f"Record {entry.seq} ({plain(entry.kind, 40)}) can't be read; run `tercio audit verify`.",)


def _finding(told: Told, site: Site) -> tuple[str, ...]:
    excuse = next((piece.excuse for piece in told.evidence if piece.excuse), "")
    weaker = f" It weighs little: {plain(excuse)}." if excuse else ""
    return (seen(told.finding, site) + weaker,)


def _word(spoken: Spoken, _: Site) -> tuple[str, ...]:
    answer = plain(spoken.answer, 400)
    return (f"{line('word', spoken.word)} The answer: {answer}." if answer else line("word", spoken.word),)


def _decision(value: Deliberation, site: Site) -> tuple[str, ...]:
    standing = [e for e in value.question.effects if e.incident == value.decision.incident]
    return (decided(value.decision, site.currency, standing),)


def _authorisation(value: Authorisation, _: Site) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line("authorisation", ruling) for ruling in value.rulings))


def _basis(value: Basis, _: Site) -> tuple[str, ...]:
    policies = len(value.policies) + len(value.own)
    return (
        f"Decisions rest on Tercio {quoted(value.version, 20)}, {policies} mandate files, basis {value.digest[:12]}.",
    )


def _silence(value: Silence, _: Site) -> tuple[str, ...]:
    name = quoted(value.source, 60)
    if value.silent:
        return (f"The sensor {name} fell silent: nothing acts by itself until it speaks again.",)
    return (f"The sensor {name} speaks again.",)


def _loss(value: Lost, _: Site) -> tuple[str, ...]:
    return (f"The source {quoted(value.source, 60)} could not give everything: {plain(value.loss, 200)}.",)


def _stray(value: Stray, _: Site) -> tuple[str, ...]:
    return (f"{quoted(value.hand, 40)} holds {quoted(value.lease)}, which nobody here ordered: it is being undone.",)


def _erasure(value: Erasure, _: Site) -> tuple[str, ...]:
    return (f"{quoted(value.who, 60)} erased the text of record {value.seq}: {plain(value.why)}.",)


def _as_it_is(kind: str) -> Callable[[Any, Site], tuple[str, ...]]:
    return lambda value, site: (line(kind, value, site.currency),)


def _aside(found: Aside, _: Site) -> tuple[str, ...]:
    if not found.aside:
        return (f"The rule {quoted(found.title)} runs again.",)
    return (f"The rule {quoted(found.title)} was set aside: {quoted(found.reason)}.",)


def _precision(found: Precision, _: Site) -> tuple[str, ...]:
    judged = f"{found.right} right, {found.wrong} wrong, {found.unsure} unsure"
    return (f"People judged the rule {quoted(found.title)}: {judged}.",)


SAY: Mapping[str, Callable[[Any, Site], tuple[str, ...]]] = {
    "basis": _basis,
    "finding": _finding,
    "incident": _as_it_is("incident"),
    "decision": _decision,
    "authorisation": _authorisation,
    "command": _as_it_is("command"),
    "response": _as_it_is("response"),
    "effect": _as_it_is("effect"),
    "word": _word,
    "silence": _silence,
    "loss": _loss,
    "stray": _stray,
    "erasure": _erasure,
    "aside": _aside,
    "precision": _precision,
}
"""How each kind of record is told."""
