"""The command for one look at everything."""

import typer

from tercio.app import status as status_page
from tercio.app.settings import load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, now, out


def status(settings: SettingsFile = HERE, json: Json = False) -> None:
    """Tell in one look: does the loop live, do sensors speak, do hands answer, what stands, where may Tercio act.

    The exit status is 1 where the loop, a sensor, a hand or the store of the past does not work.
    """
    found = status_page.look(load(settings), now())
    if json:
        emit(found)
    else:
        out.print(status_page.page(found))
    raise typer.Exit(0 if found.ok else 1)
