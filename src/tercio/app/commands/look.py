"""Commands that look at what the loop wrote; they wait for nobody and change nothing."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from tercio.app import pages
from tercio.app.account import WIDEST, Ways, account, lone_page
from tercio.app.grounds import raw_lines
from tercio.app.settings import load
from tercio.app.story import Story, find, lone, story_of
from tercio.app.terminal import CALLED, HERE, Json, SettingsFile, emit, fail, now, out, sentence
from tercio.store.state import State


def incidents(
    settings: SettingsFile = HERE,
    json: Json = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the latest first.")] = 50,
) -> None:
    """List the incidents: what was seen that somebody is suspected for."""
    with State.read(load(settings).state) as reader:
        found = reader.incidents(limit)
    if json:
        emit({"incidents": found})
    else:
        out.print(pages.incidents_page(found))


def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="An incident's, lease's, decision's or finding's id.")],
    settings: SettingsFile = HERE,
    json: Json = False,
    raw: Annotated[bool, typer.Option("--raw", help="With the raw records that the findings cite.")] = False,
) -> None:
    """Tell one incident from its beginning to its end, on one page.

    What happened, what was believed, what was considered and at which price, what was done, and how to undo it. The id
    of a lease, a decision or a finding shows the incident that it belongs to.
    """
    with State.read(load(settings).state) as reader:
        try:
            found = find(reader, name)
        except ValueError as error:
            fail(f"{error}; write more of the id")
        if found is None:
            fail(f"nothing here has the name {name!r}; `{CALLED} incidents` and `{CALLED} effects` list what there is")
        incident = reader.incident(found[0]) if found[0] else None
        told = story_of(reader, incident, found[1]) if incident is not None else lone(reader, found[1])
    if json:
        emit(told)
    else:
        page = account(told, now(), None, _ways(settings)) if isinstance(told, Story) else lone_page(told)
        out.print(page, width=min(out.width, WIDEST), crop=False)
        for text in raw_lines(told.cited) if raw or not isinstance(told, Story) else ():
            sentence(out, text, "")


def _ways(settings: Path) -> Ways:
    """Commands as they work where this one did: with the same settings."""
    named = "" if settings == HERE or os.environ.get("TERCIO_SETTINGS") else f" --settings {shlex.quote(str(settings))}"
    return lambda words: f"{CALLED} {words}{named}"


def effects(
    settings: SettingsFile = HERE,
    json: Json = False,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended as well.")] = False,
) -> None:
    """List what Tercio has changed in the world and still stands: verified when and how, until when."""
    with State.read(load(settings).state) as reader:
        found = reader.effects(standing_only=not every)
    if json:
        emit({"effects": found})
    else:
        out.print(pages.effects_page(found, now()))
