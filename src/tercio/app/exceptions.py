"""A site's exceptions to rules: Sigma filters with an owner, a reason and an end.

An exception is a file of its own, so that it can be reviewed, and taken away, by itself. Its author is its owner, its
description the reason, and ``until`` the last day on which it holds.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import yaml

from tercio.brain.detect.documents import Document, RuleError, documents
from tercio.brain.detect.rules import Rejected, Rule

LEAST = 4
"""Letters of a part of a value that say something; fewer are found nearly everywhere."""

_PARTIAL = frozenset(("contains", "startswith", "endswith"))
_ANYTHING = re.compile(r"[*?\s]*")
_ANY_PATTERN = re.compile(r"\^?(\.[*+]?)*\$?")
_NO_SELECTION = frozenset(("condition", "rules"))


class Excepted(msgspec.Struct, frozen=True, kw_only=True):
    """One exception as it stands in a file: the rules it is about (by id or name; empty: all of its source), whose it
    is, why, until when (a day, or empty), and what it lets pass, in words."""

    file: str
    line: int
    title: str
    rules: tuple[str, ...]
    owner: str
    reason: str
    until: str
    where: tuple[str, ...]

    def ended(self, today: date) -> bool:
        """Whether its last day is over."""
        last = _day(self.until)
        return last is not None and last < today


def exceptions_in(texts: Mapping[str, str]) -> tuple[Excepted, ...]:
    """All exceptions in these files. A file that can't be read has none: the compiler tells of it."""
    found: list[Excepted] = []
    for file, text in sorted(texts.items()):
        try:
            found += [_excepted(each) for each in documents(file, text) if "filter" in each.body]
        except RuleError:
            continue
    return tuple(found)


def in_force(texts: Mapping[str, str], today: date) -> tuple[dict[str, str], tuple[Rejected, ...]]:
    """The same files without the exceptions that have ended, and those as what is left out. Other rules in such a file
    stay, on their lines."""
    kept, over = dict(texts), []
    for each in exceptions_in(texts):
        if each.ended(today):
            kept[each.file] = _without(kept[each.file], each.line)
            words = f"this exception ended on {each.until}"
            over.append(Rejected(each.file, each.line, each.title, words))
    return kept, tuple(over)


def faults(document: Document, today: date) -> Iterator[tuple[str, str]]:
    """What is wrong with an exception: the section, and the words."""
    known = _excepted(document)
    if not known.owner:
        yield "author", "it has no owner; name one as its author"
    if not known.reason:
        yield "description", "it has no reason; say in its description why it is right"
    if _day(known.until) is None:
        yield "until", "it has no end; add until: 2027-06-30, say, after which it no longer holds"
    elif known.ended(today):
        yield "until", f"it ended on {known.until} and no longer holds; take it away, or give it a new end"
    if not known.rules:
        yield "filter.rules", "it is about every rule of its source; name the rules"
    for name, selection in _selections(document.body.get("filter")):
        if words := _broad(selection):
            yield f"filter.{name}", words


def proposal(
    rule: Rule, where: Sequence[tuple[str, str]], *, owner: str, reason: str, since: date, until: date
) -> tuple[str, str]:
    """The name and the text of an exception's file: the rule does not report where each of these fields (with Sigma's
    modifiers) has its value, or one of its values where a field is named several times."""
    values: dict[str, list[str]] = {}
    for field, value in where:
        values.setdefault(field, []).append(value)
    selection = {field: each[0] if len(each) == 1 else each for field, each in values.items()}
    source = {
        key: value
        for key, value in msgspec.structs.asdict(rule.origin).items()
        if key in ("product", "category", "service") and value
    }
    name = str(uuid5(NAMESPACE_URL, yaml.safe_dump([rule.id, sorted(where)])))
    body = {
        "title": f"Exception: {rule.title}",
        "id": name,
        "description": reason,
        "author": owner,
        "date": since.isoformat(),
        "until": until.isoformat(),
        "logsource": source,
        "filter": {"rules": [rule.id], "excepted": selection, "condition": "not excepted"},
    }
    words = re.sub(r"[^a-z0-9]+", "-", rule.title.lower()).strip("-")[:40].rstrip("-")
    return f"{words}-{name[:8]}", yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120)


def _excepted(document: Document) -> Excepted:
    body, given = document.body, document.body.get("filter")
    rules = given.get("rules") if isinstance(given, dict) else None
    return Excepted(
        file=document.file,
        line=document.line,
        title=str(body.get("title", "")),
        rules=tuple(map(str, rules)) if isinstance(rules, list) else (),
        owner=_words(body.get("author")),
        reason=_words(body.get("description")),
        until=str(body.get("until") or ""),
        where=tuple(_told(name, selection) for name, selection in _selections(given)),
    )


def _words(value: Any) -> str:
    return " ".join(str(value or "").split())


def _selections(given: Any) -> list[tuple[str, Any]]:
    return (
        [(str(name), each) for name, each in given.items() if name not in _NO_SELECTION]
        if isinstance(given, dict)
        else []
    )


def _told(name: str, selection: Any) -> str:
    if isinstance(selection, dict):
        return "; ".join(f"{field}: {' or '.join(map(str, _listed(value)))}" for field, value in selection.items())
    return f"{name}: {' or '.join(map(str, _listed(selection)))}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _broad(selection: Any) -> str:
    """Why a selection lets nearly everything pass; empty where it does not."""
    if not isinstance(selection, dict):
        short = [each for each in _listed(selection) if isinstance(each, str) and len(each.strip("*?")) < LEAST]
        return (
            f"it lets pass whatever holds {short[0]!r} anywhere; name the field, and more of its value" if short else ""
        )
    loose = [words for field, value in selection.items() if (words := _loose(str(field), _listed(value)))]
    return loose[0] if selection and len(loose) == len(selection) else ""


def _loose(field: str, values: Iterable[Any]) -> str:
    """Why a field's values say next to nothing; empty where they do."""
    name, *modifiers = field.split("|")
    for value in values:
        text = str(value)
        if "re" in modifiers:
            if _ANY_PATTERN.fullmatch(text):
                return f"{text!r} matches any {name}; say more of it"
        elif "exists" not in modifiers and isinstance(value, str):
            if text and _ANYTHING.fullmatch(text):
                return f"{text!r} stands for any {name}; say more of it"
            if (_PARTIAL & set(modifiers) or "*" in text) and len(text.strip("*?")) < LEAST:
                return f"{text!r} is found in nearly any {name}; say more of it"
    return ""


def _without(text: str, line: int) -> str:
    """A file whose document at this line (from 1) is empty; all others keep their places."""
    lines = text.splitlines(keepends=True)
    for place in range(line - 1, len(lines)):
        if lines[place].startswith("---") and place >= line:
            break
        lines[place] = "\n"
    return "".join(lines)
