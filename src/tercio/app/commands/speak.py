"""Commands by which people say something to Tercio: undo, stand down, that is us."""

import asyncio
from typing import Annotated

import typer

from tercio.app import operate, pages
from tercio.app.offline import undo_offline
from tercio.app.settings import load
from tercio.app.terminal import CALLED, HERE, Json, SettingsFile, answer, emit, fail, now, out
from tercio.model.precision import Judgement
from tercio.store.state import State


def undo(
    target: Annotated[str, typer.Argument(help="A lease or an incident, or the beginning of its id; or all.")],
    settings: SettingsFile = HERE,
    json: Json = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Without a running loop: order the hands directly.")
    ] = False,
) -> None:
    """Take back what was done: one lease, or everything of an incident. `tercio effects` shows what stands."""
    loaded = load(settings)
    heard = asyncio.run(undo_offline(loaded, target, now())) if offline else operate.undo(loaded.state, target)
    answer(heard, as_json=json)


def stand_down(
    target: Annotated[str, typer.Argument(help="A process, or all.")] = "all",
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Take back everything on a line, and do nothing more there until told to stand to."""
    answer(operate.stand(load(settings).state, target, down=True), as_json=json)


def stand_to(
    target: Annotated[str, typer.Argument(help="A process, an incident, or all: what was stood down.")] = "all",
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """End a stand-down: Tercio acts again."""
    answer(operate.stand(load(settings).state, target, down=False), as_json=json)


def close(
    incident: Annotated[str, typer.Argument(help="The incident, open or closed, or the beginning of its id.")],
    verdict: Annotated[Judgement, typer.Option("--verdict", help="Whether what was said of it was true.")],
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="RULE", help="Judge this rule alone (its id or title); may be repeated."),
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the journal.")] = "",
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Say whether an incident was right or wrong, and close it.

    Rules weigh more or less by it, within bounds, and a later word takes it back. Nothing that stands is taken away: it
    is attended to as before, and the incident is closed once nothing stands for it. What comes after that opens a new
    one.
    """
    try:
        heard = operate.close(load(settings).state, incident, verdict, tuple(rule or ()), note)
    except ValueError as error:
        fail(f"{error}; `{CALLED} incidents` lists them")
    answer(heard, as_json=json)


def window_open(
    station: Annotated[str, typer.Argument(help="Who will do it: an asset.")],
    target: Annotated[str, typer.Argument(help="To whom: an asset or a zone.")],
    length: Annotated[str, typer.Option("--for", metavar="TIME", help="How long, for example 2h.")] = "1h",
    activity: Annotated[str, typer.Option("--activity", metavar="WHAT", help="write or scan.")] = "write",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the journal.")] = "",
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Announce a change before you make it: "that is us".

    What is announced weighs less as evidence, for exactly this station, target and time.
    """
    state = load(settings).state
    try:
        heard = operate.open_window(state, station, target, activity, length, why, now())
    except ValueError as error:
        fail(str(error))
    answer(heard, as_json=json)


def window_list(settings: SettingsFile = HERE, json: Json = False) -> None:
    """List the announced windows that are open now."""
    with State.read(load(settings).state) as reader:
        found = operate.open_windows(reader, now())
    if json:
        emit({"windows": found})
    else:
        out.print(pages.windows_page(found))


def window_close(
    window: Annotated[str, typer.Argument(help="The window's id; `tercio window list` shows it.")],
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Close a window before its time."""
    answer(operate.close_window(load(settings).state, window), as_json=json)
