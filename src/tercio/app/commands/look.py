"""Commands that look at what the loop wrote; they wait for nobody and change nothing."""

from typing import Annotated

import typer

from tercio.app import pages
from tercio.app.settings import load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, fail, now, out
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
    incident: Annotated[str, typer.Argument(help="An incident's id, or the beginning of it.")],
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Tell one incident from its beginning to its end.

    What happened, what was believed, what was considered and at which price, what was done, and how to undo it.
    """
    with State.read(load(settings).state) as reader:
        try:
            found = reader.incident(incident)
        except ValueError as error:
            fail(f"{error}; write more of the id")
        if found is None:
            fail(f"no incident has the name {incident!r}; `tercio incidents` lists them")
        story = pages.story_of(reader, found)
    if json:
        emit(story)
    else:
        out.print(pages.incident_page(story, now()))


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
