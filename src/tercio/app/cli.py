"""The command line: the table of all commands, and what becomes of their errors."""

import errno
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from tercio import __version__
from tercio.app.commands import (
    audit,
    check,
    drill,
    excepting,
    hunt,
    init,
    keep,
    look,
    precision,
    replay,
    rules,
    run,
    site,
    speak,
    status,
)
from tercio.app.operate import NobodyListens
from tercio.app.settings import SettingsError
from tercio.app.supervisor import USAGE
from tercio.app.terminal import CALLED, Failed, failed, out
from tercio.store.errors import StateError
from tercio.store.keys import KeyUnusable

COMMANDS: dict[str, Callable[..., None]] = {
    "demo": run.demo,
    "drill": drill.drill,
    "init": init.init,
    "up": run.up,
    "status": status.status,
    "doctor": check.doctor,
    "incidents": look.incidents,
    "show": look.show,
    "effects": look.effects,
    "undo": speak.undo,
    "close": speak.close,
    "stand-down": speak.stand_down,
    "stand-to": speak.stand_to,
    "window open": speak.window_open,
    "window list": speak.window_list,
    "window close": speak.window_close,
    "site check": site.site_check,
    "site show": site.site_show,
    "site suricata": site.site_suricata,
    "replay": replay.replay_command,
    "hunt": hunt.hunt_command,
    "rules coverage": rules.rules_coverage,
    "rules except": excepting.rules_except,
    "rules lint": rules.rules_lint,
    "rules test": rules.rules_test,
    "rules update": rules.rules_update,
    "rules precision": precision.rules_precision,
    "rules resume": precision.rules_resume,
    "audit verify": audit.audit_verify,
    "audit replay": audit.audit_replay,
    "hand": run.hand,
}
"""Every command that people may use, by its words; a test holds each to its help and its ``--json``."""

GROUPS = {
    "window": '"That is us": changes that you announce for a station, a target and a time.',
    "site": "The model of your site: its zones, assets and processes.",
    "rules": "What is detected: Sigma rules, yours and ours.",
    "audit": "The journal: what was decided and done, provable offline.",
}
"""Commands of two words, by their first."""

PURPOSE = "Autonomous cyber defence: sees, decides by safety and money, acts for a time, verifies, and undoes."

ADVICE = {
    errno.ENOENT: "correct the path",
    errno.ENOTDIR: "correct the path",
    errno.EISDIR: "name a file, not a folder",
    errno.EACCES: "let this user read and write there, or ask as another",
    errno.EPERM: "let this user do that, or ask as root",
    errno.ENOSPC: "free space on its disk",
}
"""What to do about errors of the system that say what they are."""

WORLD = (Failed, SettingsError, StateError, KeyUnusable, NobodyListens)
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
    app.command("worker", hidden=True)(run.worker)
    app.command("store", hidden=True)(keep.store)
    app.command("archive", hidden=True)(keep.archive)
    return app


def first_sentence(command: Callable[..., None]) -> str:
    """What a list of commands says of one: all of its first paragraph, however long."""
    return " ".join((command.__doc__ or "").partition("\n\n")[0].split())


def main() -> None:
    """Run the command line. Exit status: 1 for what failed, 2 for words that were not understood, 78 for settings that
    must be corrected first. With ``--json`` an error is an object ``{"error": "..."}`` on stdout."""
    json = "--json" in sys.argv[1:]
    try:
        sys.exit(build()(standalone_mode=False))
    except typer.TyperException as error:  # Words that were not understood, or a group without a command.
        failed(not_understood(error.format_message()), json=json)
        sys.exit(error.exit_code)
    except (*WORLD, OSError) as error:
        failed(told(error), json=json)
        sys.exit(status_of(error))


def not_understood(words: str) -> str:
    """What a command line lacks; a group without a command gives its help, which says it all."""
    return words if words.startswith("Usage:") else f"{words.rstrip('.')}; add --help to see what is understood"


def told(error: Exception) -> str:
    """What went wrong in the world, in words."""
    if not isinstance(error, OSError):
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    return (
        f"{place}{error.strerror or error}; {ADVICE.get(error.errno or 0, f'`{CALLED} doctor` says what is missing')}"
    )


def status_of(error: Exception) -> int:
    """The exit status for an error of the world."""
    if isinstance(error, Failed):
        return error.status
    return USAGE if isinstance(error, SettingsError | KeyUnusable) else 1


def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(f"tercio {__version__}")
        raise typer.Exit


__all__ = ["COMMANDS", "build", "main"]
