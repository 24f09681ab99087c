"""What is wrong with Sigma rules, and what is missing in them, by file, line and column."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import msgspec

from tercio.app.exceptions import faults
from tercio.brain.detect.documents import Document, RuleError, documents
from tercio.brain.detect.rules import Rejected, RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.model.events import LogSource

_COLUMN = re.compile(r"column (\d+): ")
_WORD = re.compile(r"[\w*.-]+")
_PLACEHOLDER = re.compile(r"%([^%\\\n]{1,64})%")
_KEYWORDS = frozenset(("and", "or", "not", "of", "1", "all", "any", "them"))
_TECHNIQUE = re.compile(r"attack\.t[0-9]{4}(\.[0-9]{3})?", re.IGNORECASE)
_NO_SELECTION = frozenset(("condition", "timeframe", "rules"))


class Techniques(msgspec.Struct, frozen=True):
    """ATT&CK as we know it: its version, and the names of its techniques by id, of all domains."""

    version: str
    names: dict[str, str]


class Weight(StrEnum):
    """How bad it is: with an error, the rule is left out."""

    ERROR = "error"
    WARNING = "warning"


class Remark(msgspec.Struct, frozen=True):
    """One thing about one rule. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    weight: Weight
    title: str
    words: str


def lint(
    texts: Mapping[str, str],
    log_sources: Mapping[str, LogSource],
    techniques: Techniques,
    today: date,
    others: Mapping[str, str] | None = None,
) -> tuple[RuleSet, tuple[Remark, ...]]:
    """The rules of these files, and all remarks on them, in the order of the files and their lines. What a placeholder
    stands for is a site's affair: each stands for something here. ``today`` says which exceptions have ended.
    ``others`` are rules that these may refer to, and on which nothing is remarked."""
    whole = {**(others or {}), **texts}
    names = {name for text in whole.values() for name in _PLACEHOLDER.findall(text)}
    ruleset = compile_rules(whole, own=texts.keys(), placeholders=dict.fromkeys(names, ("placeholder",)))
    quiet = {name for name in (*ruleset.rules, *ruleset.correlations) if not ruleset.reports(name)}
    found = [_error(rejected) for rejected in ruleset.rejected if rejected.file in texts]
    for file, text in texts.items():
        try:
            for document in documents(file, text):
                context = any(name in quiet for name in (document.body.get("id"), document.body.get("name")))
                found += _warnings(document, log_sources, techniques, context=context)
                if "filter" in document.body:
                    found += (_warning(document, *fault) for fault in faults(document, today))
        except RuleError:  # Told already, by the compiler.
            continue
    return ruleset, tuple(sorted(set(found), key=lambda each: (each.file, each.line, each.column, each.words)))


def known_techniques(table: bytes) -> Techniques:
    """ATT&CK from the table that Tercio brings along (JSON)."""
    whole = msgspec.json.decode(table)
    return Techniques(whole["version"], {**whole["enterprise"], **whole["ics"]})


def _error(rejected: Rejected) -> Remark:
    place = _COLUMN.match(rejected.reason)
    words = rejected.reason[place.end() :] if place else rejected.reason
    column = int(place[1]) if place else 1
    return Remark(rejected.file, rejected.line, column, Weight.ERROR, rejected.title, words)


def _warnings(
    document: Document, log_sources: Mapping[str, LogSource], techniques: Techniques, *, context: bool
) -> Iterator[Remark]:
    """``context`` is a rule that is no finding by itself: only others build on it."""
    body, warning = document.body, partial(_warning, document)
    if "filter" not in body:
        if not body.get("level"):
            yield warning("level", "it has no level, and counts as medium; say how bad a match is")
        if not body.get("falsepositives") and not context:
            yield warning("falsepositives", "it names no false positives; say who else does such things")
        given = body.get("tags")
        tags = list(map(str, given)) if isinstance(given, list) else []
        if not any(tag.startswith("attack.") for tag in tags) and not context:
            yield warning("tags", "it has no ATT&CK tag; add for example attack.t1059.001")
        for tag in tags:
            if _TECHNIQUE.fullmatch(tag) and tag.removeprefix("attack.").upper() not in techniques.names:
                words = f"{tag} is no technique of ATT&CK {techniques.version}; correct it, unless it is newer"
                yield warning("tags", words)
    for section in ("detection", "filter"):
        for name in _unused(body.get(section)):
            yield warning(f"{section}.{name}", f"{name!r} is in no condition; use it, or take it out")
    source = body.get("logsource")
    if isinstance(source, dict) and (words := _nobody(source, log_sources)):
        yield warning("logsource", words)


def _warning(document: Document, section: str, words: str) -> Remark:
    line, column = document.places.get(section, (document.line, 1))
    return Remark(document.file, line, column, Weight.WARNING, str(document.body.get("title", "")), words)


def _unused(detection: Any) -> list[str]:
    """The selections that no condition names."""
    if not isinstance(detection, dict):
        return []
    conditions = detection.get("condition")
    words = _WORD.findall(" ".join(map(str, conditions if isinstance(conditions, list) else [conditions])))
    wanted = [word for word in words if word.lower() not in _KEYWORDS]
    them = "them" in words
    return [
        name
        for name in map(str, detection)
        if name not in _NO_SELECTION
        and not (them and not name.startswith("_"))
        and not any(fnmatchcase(name, word) for word in wanted)
    ]


def _nobody(source: dict[str, Any], log_sources: Mapping[str, LogSource]) -> str:
    """Why no sensor gives the records that a rule is about; empty if one does."""
    product = source.get("product")
    known = [each for each in log_sources.values() if product in (None, each.product)]
    if not known:
        return f"no sensor gives records of product {product!r}: it will never run"
    named = [str(source[key]) for key in ("category", "service") if source.get(key)]
    if any(all(name in each.services for name in named) for each in known):
        return ""
    return f"no sensor gives {' and '.join(named)} of {product or 'any product'}: it will never run"
