"""Commands that run something: the demo, the platform, its processes."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tercio.app import supervisor
from tercio.app.assemble import content_of
from tercio.app.demo import demo as run_demo
from tercio.app.outset import may_start, outset
from tercio.app.partition import BULK
from tercio.app.settings import SettingsError, load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, err, fail, out, sentence
from tercio.loop.run import run as run_loop
from tercio.loop.sources import SOCKET, Setup
from tercio.loop.worker import rules_day, work
from tercio.model.tomltable import nearest
from tercio.products import hand as hand_process
from tercio.products.transports.frames import Refused
from tercio.store.keys import signing_key


def demo(
    json: Json = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until you press Ctrl-C.")] = False,
    acts: Annotated[
        str, typer.Option("--intrude", metavar="ACTS", help="What the intruder does: sweep, write, or sweep,write.")
    ] = "sweep,write",
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to keep traces, state and logs; else a new folder.")
    ] = None,
    inside: Annotated[bool, typer.Option("--inside", hidden=True)] = False,
) -> None:
    """A plant on this machine is run, attacked and defended while you watch.

    Everything happens in network namespaces of its own and ends with the command, in less than a minute; no packet
    leaves them. Needs root, or a kernel that lets users make namespaces. The exit status is 0 where the attack was
    contained and nothing else was harmed.
    """
    raise typer.Exit(run_demo(err, out, json=json, keep=keep, acts=acts, folder=folder, inside=inside))


def up(settings: SettingsFile = HERE, json: Json = False) -> None:
    """Start Tercio on your settings: the hands, then the loop.

    Runs until Ctrl-C or SIGTERM, and starts again what ends by itself. With --json, how it ended is printed at the end.
    """
    loaded = load(settings)
    content = content_of(loaded, lambda number: sentence(err, f"{number:,} rules are read", ""))
    supervisor.prepare(loaded)
    may_start(loaded)
    for words in outset(loaded, content):
        sentence(err, words, "yellow")
    ended = asyncio.run(
        supervisor.supervise(supervisor.parts(loaded, content.site), lambda text: sentence(err, text, "yellow"))
    )
    if json:
        emit(ended)
    raise typer.Exit(ended.status)


def loop(settings: SettingsFile = HERE) -> None:
    """The loop alone; `tercio up` starts it."""
    loaded = load(settings)
    day = datetime.now(UTC).date()
    setup = Setup(
        folder=loaded.state,
        content=content_of(loaded, day=day),
        sources={source.name: source.path for source in loaded.sources},
        hands={hand.name: hand.socket for hand in loaded.hands},
        key=signing_key(supervisor.order_key(loaded)),
        from_start=frozenset(source.name for source in loaded.sources if source.from_start),
        bulk=frozenset(source.name for source in loaded.sources if source.lane == BULK),
        workers=loaded.workers,
        day=day.isoformat(),
    )
    asyncio.run(run_loop(setup))


def worker(
    name: Annotated[str, typer.Argument(help="Which of the workers in the settings.")], settings: SettingsFile = HERE
) -> None:
    """One worker: it reads and sifts for the loop what comes in bulk; `tercio up` starts it."""
    loaded = load(settings)
    if name not in loaded.workers:
        raise SettingsError(f"{loaded.file}: there is no worker {name!r}{nearest(name, loaded.workers)}")
    try:
        asyncio.run(work(name, content_of(loaded, day=rules_day(loaded.state / SOCKET)), loaded.state / SOCKET))
    except Refused as error:
        fail(f"worker {name}: the loop sent it away: {error}")


def hand(
    name: Annotated[str, typer.Argument(help="The hand's name in its file.")],
    file: Annotated[Path, typer.Option("--file", help="The hand's own file (TOML), owned by root.")],
    ready: Annotated[
        bool, typer.Option("--ready", help="Change the product at the start, so that the first order is no slower.")
    ] = False,
    json: Json = False,
) -> None:
    """Start one hand: the process that changes a product and verifies that it did, with one privilege.

    Start it inside the host or namespace where it acts. `tercio up` starts those that your settings tell it to.
    Until the first order it changes nothing, unless --ready. Its log goes to stderr; with --json, how it ended is
    printed at the end.
    """
    try:
        hand_process.serve(hand_process.own(name, file), ready=ready)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        fail(str(error))
    if json:
        emit({"hand": name, "status": 0})
