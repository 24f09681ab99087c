"""``tercio hunt``: rules over the past that the store keeps."""

import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.status import Status

from tercio.app import hunted
from tercio.app.assemble import content_of, rules_at
from tercio.app.commands.keep import LACKS
from tercio.app.eventstore import archive_of
from tercio.app.hunt import Hunt
from tercio.app.quest import Progress, Question
from tercio.app.replayed import left_out
from tercio.app.settings import Settings, load
from tercio.app.terminal import CALLED, HERE, Json, SettingsFile, emit, err, fail, now, out, sentence
from tercio.brain.detect.rules import Correlation, Rejected, Rule, RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.subset import subset
from tercio.model.units import SECOND, duration, instant, span
from tercio.products.sensors import SENSORS
from tercio.store.events import Events

EVERY = 0.2
"""Seconds between two words about how far it is."""

MOST_NAMED = 8
"""Rules of one title that are listed where it does not say which."""


def hunt_command(
    rules: Annotated[
        list[str],
        typer.Argument(metavar="RULE...", help="Ids or titles of rules you run; or files and folders of Sigma rules."),
    ],
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="30d, 12h, or 2026-11-20T08:00Z.")] = "30d",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Likewise; else until now.")] = "",
    host: Annotated[str, typer.Option("--host", help="Only what this host, by name or address, did or suffered.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, max=100_000, help="Matches told of each rule.")] = 100,
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Look for what rules match in the past that the store keeps.

    The engine that runs live decides about each line, so it finds what it would have found live; a correlation is
    hunted with the rules that it needs. Ctrl-C tells what was found so far, and how far it got.
    """
    loaded = load(settings)
    moment = now()
    begins, ends = _moment(since, moment), min(moment, _moment(until, moment)) if until else moment
    if begins >= ends:
        fail("that time ends before it begins; correct --since or --until", 2)
    with err.status("reading rules") as status:
        chosen, asked, rejected = _chosen(loaded, rules, status)
        question = Question(
            rules=chosen, asked=asked, since=begins, until=ends, host=host.strip().lower().rstrip("."), limit=limit
        )
        sensors = {source.name: SENSORS[source.sensor] for source in loaded.sources}
        status.update("asking the store")
        with closing(_archive(loaded)) as archive:
            hunt = Hunt(question, sensors, archive)
            trouble = _run(hunt, status)
    answer = hunt.answer()
    if json:
        emit({**msgspec.to_builtins(answer), "rejected": rejected, "trouble": trouble})
    else:
        for each in rejected:
            sentence(err, f"left out: {left_out(each)}", "yellow")
        out.print(hunted.page(answer))
    if trouble:
        sentence(err, trouble)
        raise typer.Exit(1)


def _archive(settings: Settings) -> Events:
    try:
        return archive_of(settings)
    except ModuleNotFoundError as error:
        fail(f"the Python package {error.name} {LACKS}")


def _run(hunt: Hunt, status: Status) -> str:
    """Hunt as far as it goes; returns what ended it early, in words."""
    begun = said = time.monotonic()
    try:
        for progress in hunt.run():
            if time.monotonic() - said >= EVERY:
                said = time.monotonic()
                status.update(how_far(progress, said - begun))
    except KeyboardInterrupt:
        return "it ended early: stopped by you"
    except OSError as error:
        return f"it ended early: {error}; `{CALLED} doctor` says what is missing"
    return ""


def how_far(progress: Progress, seconds: float) -> str:
    """How far a hunt is, and how long the rest will take at this pace."""
    words = f"{progress.passed:,} of {progress.rows:,} records, {progress.found:,} matches"
    if not progress.passed:
        return words
    left = seconds * (progress.rows - progress.passed) / progress.passed
    return f"{words}, {span(round(left) * SECOND)} left"


def _moment(text: str, moment: int) -> int:
    """An instant from how long ago it was, or from a date with or without its time (UTC where no zone is named)."""
    try:
        return moment - duration(text)
    except ValueError:
        pass
    try:
        day = text.strip().replace(" ", "T")
        clock = day.partition("T")[2]
        return instant(
            day if clock.endswith("Z") or "+" in clock or "-" in clock else f"{day}{'' if clock else 'T00:00'}Z"
        )
    except ValueError:
        fail(f"{text!r} is no time; write how long ago (30d, 12h), or a date (2026-11-20, 2026-11-20T08:00Z)", 2)


def _chosen(
    settings: Settings, names: list[str], status: Status
) -> tuple[RuleSet, tuple[str, ...], tuple[Rejected, ...]]:
    """The rules that are meant with what they need, the ids of those that were named, and what had to be left out."""

    def read(number: int) -> None:
        status.update(f"{number:,} rules are read")

    paths = [Path(name) for name in names if Path(name).exists()]
    if not paths:
        whole = content_of(settings, read).rules
        asked = tuple(dict.fromkeys(_named(whole, name) for name in names))
        return subset(whole, asked), asked, ()
    if len(paths) < len(names):
        other = next(name for name in names if not Path(name).exists())
        fail(f"{other}: there is no such file or folder; name either paths, or rules by id and title", 2)
    try:
        texts, unreadable = rules_at(paths)
    except ValueError as error:
        fail(str(error))
    whole = compile_rules(texts, texts.keys(), read, settings.placeholders)
    rejected = (*unreadable, *whole.rejected)
    asked = (*whole.rules, *whole.correlations)
    if not asked:
        fail(
            f"there is no rule to hunt with: {left_out(rejected[0])}" if rejected else "there is no rule in these files"
        )
    return msgspec.structs.replace(whole, rejected=()), asked, rejected


def _named(whole: RuleSet, name: str) -> str:
    """The id of the one rule that has this id or title."""
    every: list[Rule | Correlation] = [*whole.rules.values(), *whole.correlations.values()]
    titles = {each.id: each.title for each in every}
    if name in titles:
        return name
    found = [rule for rule, title in titles.items() if title.casefold() == name.strip().casefold()]
    if not found:
        fail(f"no rule that you run has the id or title {name!r}; `{CALLED} rules coverage --json` lists them", 2)
    if len(found) > 1:
        fail(f"{len(found)} rules have the title {name!r}; name one by its id: {', '.join(found[:MOST_NAMED])}", 2)
    return found[0]
