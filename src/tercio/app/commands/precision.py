"""Commands about how well rules do: how right they were, and back to work with one that was set aside."""

from typing import Annotated

import typer

from tercio.app import operate
from tercio.app.precision import page, rows
from tercio.app.recall import recall
from tercio.app.settings import load
from tercio.app.terminal import HERE, Json, SettingsFile, answer, emit, out
from tercio.store.state import State


def rules_precision(settings: SettingsFile = HERE, json: Json = False) -> None:
    """List how often each rule fired, in how many incidents, and how right people found it; the noisiest first.

    A rule starts with the precision that its level claims. `tercio close` moves it, incident by incident.
    """
    with State.read(load(settings).state) as reader:
        found = rows(recall(reader).precisions)
    if json:
        emit({"rules": found})
    else:
        out.print(page(found))


def rules_resume(
    rule: Annotated[str, typer.Argument(help="A rule that was set aside: its id, or the beginning of it.")],
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Let a rule run again that was set aside because it kept failing."""
    heard = operate.resume(load(settings).state, rule)
    answer(heard, as_json=json)
