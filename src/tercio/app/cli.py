"""The command line: the table of all commands, and what becomes of their errors."""

from collections.abc import Callable
from typing import Annotated

import typer

from tercio import __version__
from tercio.app.commands import check, look, run, speak
from tercio.app.operate import NobodyListens
from tercio.app.settings import SettingsError
from tercio.app.supervisor import USAGE
from tercio.app.terminal import fail, out
from tercio.store.errors import StateError, StateLocked
from tercio.store.keys import KeyUnusable

COMMANDS: dict[str, Callable[..., None]] = {
    "demo": run.demo,
    "up": run.up,
    "doctor": check.doctor,
    "incidents": look.incidents,
    "show": look.show,
    "effects": look.effects,
    "undo": speak.undo,
    "stand-down": speak.stand_down,
    "stand-to": speak.stand_to,
    "window open": speak.window_open,
    "window list": speak.window_list,
    "window close": speak.window_close,
    "site check": check.site_check,
    "audit verify": check.audit_verify,
    "hand": run.hand,
}
"""Every command that people may use, by its words; a test holds each to its help and its ``--json``."""

GROUPS = {
    "window": '"That is us": changes that you announce for a station, a target and a time.',
    "site": "The model of your site: its zones, assets and processes.",
    "audit": "The journal: what was decided and done, provable offline.",
}
"""Commands of two words, by their first."""

PURPOSE = "Autonomous cyber defence: sees, decides by safety and money, acts for a time, verifies, and undoes."

WORLD = (SettingsError, StateError, KeyUnusable, NobodyListens)
"""What the world may have wrong: told in one sentence, never as a traceback."""


def build() -> typer.Typer:
    """The application of all commands."""
    app = typer.Typer(
        name="tercio",
        help=PURPOSE,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_version)
    groups = {"": app}
    for name, text in GROUPS.items():
        groups[name] = typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)
    for words, command in COMMANDS.items():
        group, _, name = words.rpartition(" ")
        groups[group].command(name, short_help=first_sentence(command))(command)
    for name, text in GROUPS.items():
        app.add_typer(groups[name], name=name, short_help=text)
    app.command("loop", hidden=True)(run.loop)
    return app


def first_sentence(command: Callable[..., None]) -> str:
    """What a list of commands says of one: all of its first paragraph, however long."""
    return " ".join((command.__doc__ or "").partition("\n\n")[0].split())


def main() -> None:
    """Run the command line. Exit status: 1 for what failed, 2 for words that were not understood, 78 for settings that
    must be corrected first."""
    try:
        build()()
    except WORLD as error:
        fail(str(error), USAGE if isinstance(error, SettingsError | StateLocked | KeyUnusable) else 1)


def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(f"tercio {__version__}")
        raise typer.Exit


__all__ = ["COMMANDS", "build", "main"]
