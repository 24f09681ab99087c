"""``tercio rules except``: an exception to a rule, and first what it would hide."""

import getpass
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from tercio.app.assemble import rules_in
from tercio.app.commands.rules import CorpusFolder, recordings
from tercio.app.exceptions import proposal
from tercio.app.hiding import Library, Narrowing, Sample, Verdict, cases, evidence, recorded
from tercio.app.settings import Settings, load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, err, fail, out, sentence, visible
from tercio.brain.detect.rules import Rule
from tercio.brain.detect.sigma import compile_rules
from tercio.content import rule_texts, rules_folder
from tercio.store.errors import StateUnusable
from tercio.store.state import State

LASTS = timedelta(days=90)
"""How long an exception holds where nobody says: long enough for a season, short enough to be looked at again."""

_NAMES = re.compile(r"^name: *(\S+)", re.MULTILINE)

MOST_SHOWN = 40
"""Lines of one list on a screen; --json has all."""


def rules_except(  # noqa: PLR0913, PLR0917 (each option of the command is an argument)
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id or name.")],
    where: Annotated[
        list[str], typer.Option("--where", metavar="FIELD=VALUE", help="What shall pass; also Image|endswith=VALUE.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why it is right.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Whose word it is; else yours.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="Its last day; else 90 days from now.")] = "",
    corpus: CorpusFolder = None,
    into: Annotated[Path | None, typer.Option("--into", help="Where to; else rules/exceptions here.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Also where it hides a recorded attack.")] = False,
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Propose an exception to a rule, and show first which recorded attacks it would hide.

    The rule runs with and without it over the cases that came with rules, over what your own incidents cite, and, with
    --corpus, over recordings of attacks. Several --where must all hold; one field given twice may have either value.
    With --write it is written, but not where it hides something, unless you say --yes. Exit status 1 where it was not
    written though it should be.
    """
    loaded = load(settings)
    if write and not reason:
        fail("say why it is right, with --reason")
    texts = _texts(loaded)
    about = _concerned(texts, rule)
    pairs, last, today = [_pair(each) for each in where], _day(until), datetime.now(UTC).date()
    known = _rule(about, rule, loaded)
    name, text = proposal(known, pairs, owner=owner or getpass.getuser(), reason=reason, since=today, until=last)
    try:
        narrowing = Narrowing(known.id, about, {f"{name}.yml": text}, loaded.placeholders)
    except ValueError as error:
        fail(f"this exception can't be used: {error}")
    found = _over(narrowing, texts, loaded, corpus)
    file = (into or settings.parent / "rules" / "exceptions").absolute() / f"{name}.yml"
    refused = write and bool(found.hidden) and not yes
    written = write and not refused
    if written:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if json:
        emit({"ok": not refused, "file": str(file), "text": text, "written": written, "verdict": found})
    else:
        _told(found, text, bool(corpus))
        _ending(loaded, file, refused=refused, written=written)
    raise typer.Exit(1 if refused else 0)


def _texts(settings: Settings) -> dict[str, str]:
    """Our rules and the site's own, by file."""
    folder = rules_folder()
    texts = {str(folder / name): text for name, text in rule_texts().items()}
    for each in settings.rules:
        try:
            texts |= rules_in(each)[0]
        except ValueError as error:
            sentence(err, str(error), "yellow")
    return texts


def _concerned(texts: Mapping[str, str], word: str) -> dict[str, str]:
    """The files that an exception to this rule concerns."""
    library = Library(texts)
    found = library.called(word)
    if not found:
        close = get_close_matches(word, {name for text in texts.values() for name in _NAMES.findall(text)}, 1)
        fail(f"there is no rule {word!r}" + (f"; did you mean {close[0]!r}?" if close else "; name it by its id"))
    if len(found) > 1:
        fail(f"{word!r} means {len(found)} rules; name one by its id: {', '.join(str(b.get('id')) for _, b in found)}")
    return library.concerned(found[0][1])


def _rule(texts: Mapping[str, str], word: str, settings: Settings) -> Rule:
    ruleset = compile_rules(texts, own=texts.keys(), placeholders=settings.placeholders)
    ((_, body),) = Library(texts).called(word)
    name = str(body.get("id") or body.get("name"))
    if name in ruleset.correlations:
        parts = ", ".join(ruleset.correlations[name].rules)
        fail(f"{word} builds on other rules and can't be narrowed itself; name one of those that it builds on: {parts}")
    if name not in ruleset.rules:
        why = next((each.reason for each in ruleset.rejected), "it is an exception itself")
        fail(f"{word} is not used: {why}")
    return ruleset.rules[name]


def _pair(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not (field and equals and value):
        fail(f"--where {text!r} is not FIELD=VALUE, as in 'Image|endswith=\\backup.exe'", 2)
    return field, value


def _day(text: str) -> date:
    if not text:
        return datetime.now(UTC).date() + LASTS
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"--until {text!r} is no day; write it as 2027-06-30", 2)


def _over(narrowing: Narrowing, texts: Mapping[str, str], settings: Settings, folder: Path | None) -> Verdict:
    with recordings(folder) as corpus:
        return narrowing.over(
            chain(
                cases(narrowing.before, narrowing.rule, texts),
                _own(settings, {narrowing.rule, *narrowing.builders}),
                recorded(corpus) if corpus is not None else (),
            )
        )


def _own(settings: Settings, rules: set[str]) -> Iterator[Sample]:
    """What this site's own incidents cite; nothing where there is no state yet."""
    try:
        reader = State.read(settings.state)
    except StateUnusable as error:
        sentence(err, f"your own incidents are left out: {error}", "yellow")
        return
    with reader:
        yield from evidence(reader, rules, {source.name: source.sensor for source in settings.sources})


def _told(found: Verdict, text: str, others: bool) -> None:
    out.print(visible(text), soft_wrap=True)
    sentence(out, f"the rule was tried on {found.samples:,} recordings and matches in {found.matched:,}", "")
    if not others:
        sentence(out, "recordings of attacks by others were not among them; name their folder with --corpus", "yellow")
    if not found.hidden:
        sentence(out, "it hides nothing of them", "")
        return
    for each in sorted(found.hidden, key=lambda each: (each.techniques, each.kind, each.name))[:MOST_SHOWN]:
        gone = f"; no longer told: {', '.join(each.silenced)}" if each.silenced else ""
        words = (
            f"{' '.join(each.techniques)}: {each.kind} {each.name}: {each.hidden:,} of {each.matches:,} hidden{gone}"
        )
        sentence(out, words, "yellow")
    if len(found.hidden) > MOST_SHOWN:
        sentence(out, f"and {len(found.hidden) - MOST_SHOWN:,} more", "")
    sentence(out, f"it hides matches in {len(found.hidden):,} of them", "red")


def _ending(settings: Settings, file: Path, *, refused: bool, written: bool) -> None:
    if refused:
        sentence(err, "not written: it hides a recorded attack. Narrow it with a further --where, or say --yes")
    elif written:
        sentence(out, f"written to {file}", "")
        if not any(file.is_relative_to(folder) for folder in settings.rules):
            words = f'it holds once your tercio.toml has rules = ["{file.parent}"] under [tercio], beside what is there'
            sentence(out, words, "yellow")
    else:
        sentence(out, f"nothing was written; --write puts it into {file}", "")
