"""The command line: each command reads its words, calls what does the work, and prints a page or one JSON object."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console

from tercio import __version__
from tercio.app import demo as demo_page
from tercio.app import doctor as doctor_page
from tercio.app import operate, pages, supervisor
from tercio.app.assemble import content_of, site_of
from tercio.app.offline import undo_offline
from tercio.app.settings import Settings, SettingsError, load
from tercio.loop.authorise import Deliberation
from tercio.loop.run import Setup, run
from tercio.model.sitecheck import check_site
from tercio.products import hand as hand_process
from tercio.products.transports.words import Heard
from tercio.store.audit import Anchor, verify
from tercio.store.errors import StateLocked, StateUnusable, StateUnwritable
from tercio.store.keys import KeyUnusable, signing_key
from tercio.store.reader import Reader
from tercio.store.state import State

app = typer.Typer(
    name="tercio",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Autonomous cyber defence for plants: senses, decides by safety and money, acts under leases, verifies, undoes.",
)
site_app = typer.Typer(no_args_is_help=True, help="The model of your site: its zones, assets and processes.")
audit_app = typer.Typer(no_args_is_help=True, help="The journal: what was decided and done, provable offline.")
window_app = typer.Typer(
    no_args_is_help=True, help='"That is us": changes announced for a station, a target and a time.'
)
app.add_typer(site_app, name="site")
app.add_typer(audit_app, name="audit")
app.add_typer(window_app, name="window")

out = Console(highlight=False, markup=False)
err = Console(stderr=True, highlight=False, markup=False)

SettingsFile = Annotated[Path, typer.Option("--settings", envvar="TERCIO_SETTINGS", help="Your tercio.toml.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, and nothing else.")]
HERE = Path("tercio.toml")

WORLD = (SettingsError, StateLocked, StateUnusable, StateUnwritable, KeyUnusable, operate.NobodyListens)
"""What the world may have wrong: told in one sentence, never as a traceback."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    except WORLD as error:
        _fail(str(error), supervisor.USAGE if isinstance(error, SettingsError | StateLocked | KeyUnusable) else 1)


def _fail(words: str, status: int = 1) -> NoReturn:
    err.print(words, style="red")
    raise SystemExit(status)


def _emit(value: object) -> None:
    """Print one JSON object, alone on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _now() -> int:
    return time.time_ns() // 1000


def _reader(settings: Settings) -> Reader:
    return State.read(settings.state)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(f"tercio {__version__}")
        raise typer.Exit


@app.command()
def demo(
    json: Json = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until you press Ctrl-C.")] = False,
    acts: Annotated[
        str, typer.Option("--intrude", help="What the intruder does: sweep,write or write.")
    ] = "sweep,write",
    folder: Annotated[Path | None, typer.Option("--folder", help="Where to keep traces, state and logs.")] = None,
    inside: Annotated[bool, typer.Option("--inside", hidden=True)] = False,
) -> None:
    """A plant in network namespaces is run, attacked and defended, live. Needs root; touches nothing outside."""
    raise typer.Exit(demo_page.demo(err, out, json=json, keep=keep, acts=acts, folder=folder, inside=inside))


@app.command()
def up(settings: SettingsFile = HERE) -> None:
    """Start Tercio on your settings: the hands, then the loop. Runs until Ctrl-C or SIGTERM."""
    loaded = load(settings)
    content_of(loaded)
    supervisor.prepare(loaded)
    raise typer.Exit(asyncio.run(supervisor.supervise(loaded, lambda text: err.print(text))))


@app.command(hidden=True)
def loop(settings: SettingsFile = HERE) -> None:
    """The loop alone; `tercio up` starts it."""
    loaded = load(settings)
    setup = Setup(
        folder=loaded.state,
        content=content_of(loaded),
        sources={source.name: source.path for source in loaded.sources},
        hands={hand.name: hand.socket for hand in loaded.hands},
        key=signing_key(supervisor.order_key(loaded)),
    )
    asyncio.run(run(setup))


@app.command()
def hand(
    name: Annotated[str, typer.Argument(help="The hand's name in its file.")],
    file: Annotated[Path, typer.Option("--file", help="The hand's own file (TOML), owned by root.")],
) -> None:
    """One hand: a process with one privilege that acts, verifies and lets leases expire. `tercio up` starts those it can."""
    raise typer.Exit(hand_process.main([name, "--file", str(file)]))


@app.command()
def incidents(
    settings: SettingsFile = HERE,
    json: Json = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the latest first.")] = 50,
) -> None:
    """What was seen that somebody is suspected for."""
    with _reader(load(settings)) as reader:
        found = reader.incidents(limit)
    if json:
        _emit({"incidents": found})
    else:
        out.print(pages.incidents_page(found))


@app.command()
def show(
    incident: Annotated[str, typer.Argument(help="An incident's id, or the beginning of it.")],
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """One incident: what happened, what was believed and considered, what it would have cost, what was done, how to undo it."""
    with _reader(load(settings)) as reader:
        try:
            found = reader.incident(incident)
        except LookupError as error:
            _fail(str(error))
        if found is None:
            _fail(f"no incident has the name {incident!r}; `tercio incidents` lists them")
        story = pages.story_of(reader, found)
    if json:
        _emit(story)
    else:
        out.print(pages.incident_page(story, _now()))


@app.command()
def effects(
    settings: SettingsFile = HERE,
    json: Json = False,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended as well.")] = False,
) -> None:
    """Every lease standing in the world: verified when and how, until when."""
    with _reader(load(settings)) as reader:
        found = reader.effects(standing_only=not every)
    if json:
        _emit({"effects": found})
    else:
        out.print(pages.effects_page(found, _now()))


@app.command()
def undo(
    target: Annotated[str, typer.Argument(help="A lease or an incident, or the beginning of its id.")],
    settings: SettingsFile = HERE,
    json: Json = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Without a running loop: order the hands directly.")
    ] = False,
) -> None:
    """Take back what was done: one lease, or everything of an incident."""
    loaded = load(settings)
    heard = asyncio.run(undo_offline(loaded, target, _now())) if offline else operate.undo(loaded.state, target)
    _answer(heard, json)


@app.command("stand-down")
def stand_down(
    target: Annotated[str, typer.Argument(help="A process, or all.")] = "all",
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Take back everything on a line and act no more there until told."""
    _answer(operate.stand(load(settings).state, target, down=True), json)


@app.command("stand-to")
def stand_to(
    target: Annotated[str, typer.Argument(help="A process, or all.")] = "all",
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """End a stand-down."""
    _answer(operate.stand(load(settings).state, target, down=False), json)


@window_app.command("open")
def window_open(
    station: Annotated[str, typer.Argument(help="Who will do it: an asset.")],
    target: Annotated[str, typer.Argument(help="To whom: an asset or a zone.")],
    length: Annotated[str, typer.Option("--for", help="How long, for example 2h.")] = "1h",
    activity: Annotated[str, typer.Option("--activity", help="write or scan")] = "write",
    why: Annotated[str, typer.Option("--why", help="Why, for the journal.")] = "",
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Announce a change: what is announced weighs less as evidence, for exactly this station, target and time."""
    try:
        heard = operate.open_window(load(settings).state, station, target, activity, length, why, _now())
    except ValueError as error:
        _fail(str(error))
    _answer(heard, json)


@window_app.command("close")
def window_close(
    window: Annotated[str, typer.Argument(help="The window's id.")], settings: SettingsFile = HERE, json: Json = False
) -> None:
    """Close a window before its time."""
    _answer(operate.close_window(load(settings).state, window), json)


def _answer(heard: Heard, json: bool) -> None:
    if json:
        _emit(heard)
    else:
        (out if heard.ok else err).print(heard.answer)
    if not heard.ok:
        raise typer.Exit(1)


@audit_app.command("verify")
def audit_verify(
    folder: Annotated[Path | None, typer.Argument(help="A state folder; else that of the settings.")] = None,
    settings: SettingsFile = HERE,
    json: Json = False,
    size: Annotated[int, typer.Option("--size", help="The size of a checkpoint that you kept elsewhere.")] = 0,
    root: Annotated[str, typer.Option("--root", help="Its root (hexadecimal).")] = "",
) -> None:
    """Recompute the journal from the file alone and say the first thing that is wrong, if anything is."""
    try:
        anchor = Anchor(size, bytes.fromhex(root)) if root else None
    except ValueError:
        _fail("--root is not hexadecimal; copy it from an earlier `tercio audit verify`")
    verdict = verify(folder or load(settings).state, anchor=anchor)
    if json:
        _emit(verdict)
    elif verdict.ok:
        out.print(
            f"The journal is whole: {verdict.size} records, {verdict.checkpoints} signed checkpoints, root {verdict.root}"
        )
    else:
        err.print(f"The journal is wrong: {verdict.wrong}", style="red")
    raise typer.Exit(0 if verdict.ok else 1)


@site_app.command("check")
def site_check(settings: SettingsFile = HERE, json: Json = False) -> None:
    """Read site.toml and say in words what is missing, contradictory or dangerous in it."""
    site = site_of(load(settings))
    remarks = check_site(site)
    if json:
        _emit({"site": site.name, "remarks": remarks})
    else:
        out.print(pages.remarks_page(site, remarks))
    raise typer.Exit(1 if any(remark.severity == "error" for remark in remarks) else 0)


@app.command()
def doctor(settings: SettingsFile = HERE, json: Json = False) -> None:
    """What is missing on this machine or in your settings, and what to do about it."""
    findings = doctor_page.examine(settings)
    if json:
        _emit({"ok": not any(f.bad for f in findings), "findings": findings})
    else:
        out.print(doctor_page.page(findings))
    raise typer.Exit(1 if any(f.bad for f in findings) else 0)


COMMANDS: tuple[Callable[..., None], ...] = (
    demo,
    up,
    hand,
    incidents,
    show,
    effects,
    undo,
    stand_down,
    stand_to,
    window_open,
    window_close,
    audit_verify,
    site_check,
    doctor,
)
"""Every command a person may use; a test holds each to its help and its ``--json``."""

__all__ = ["Deliberation", "app", "main"]
