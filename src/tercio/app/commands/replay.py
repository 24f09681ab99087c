"""``tercio replay``: recorded telemetry through the loop, in shadow and in memory."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status

from tercio.app import replayed
from tercio.app.assemble import bounded
from tercio.app.recordings import Found, Piece, looked_into
from tercio.app.replay import UNKNOWN, Outcome, content, replay
from tercio.app.terminal import Json, emit, err, fail, out, sentence
from tercio.loop.state import Content
from tercio.model.site import Site
from tercio.model.siteparse import SiteError, parse_site
from tercio.products.transports.recorded import Skipped, recordings

EVERY = 0.2
"""Seconds between two words about how far it is."""


def replay_command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, folders and archives (zip, tar).")],
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", metavar="DIR", help="A folder of further Sigma rules.")
    ] = None,
    site: Annotated[Path | None, typer.Option("--site", metavar="FILE", help="Your site.toml.")] = None,
    each: Annotated[
        bool, typer.Option("--each", help="Every file by itself, as if the others were not there.")
    ] = False,
    json: Json = False,
) -> None:
    """Take recorded telemetry through the loop and say what it would have seen, believed and done.

    Reads Windows event logs (EVTX, or JSON by line), Suricata's EVE, Linux audit logs, systemd's journal as JSON, and
    access logs of web servers, also packed (gz, xz, bz2). All files together are one history, by their own times,
    unless --each. Nothing is written and nothing is touched: zones are in shadow, and there is no hand. Without a site
    file every host is unknown.
    """
    where = _site(site)
    with (
        tempfile.TemporaryDirectory(prefix="tercio-replay-") as folder,
        err.status("looking at what is there") as status,
    ):
        found, skipped = _looked(paths, Path(folder), status)
        if not found:
            why = f"; {skipped[0].name}: {skipped[0].why}" if skipped else ""
            fail(f"there is nothing to replay in {', '.join(map(str, paths))}{why}")
        made = _content(where, rules or [], found, status)
        told = [
            _timed(made, name, files, status)
            for name, files in ([(f.recording.name, [f]) for f in found] if each else [("all", found)])
        ]
    if json:
        emit(replayed.whole(made, told, skipped))
        return
    for file in skipped:
        sentence(err, f"not read: {replayed.shown(file)}", "yellow")
    for rejected in made.rules.rejected:
        sentence(err, f"left out: {replayed.left_out(rejected)}", "yellow")
    out.print(replayed.page(made, told))


def _site(file: Path | None) -> Site:
    if file is None:
        return UNKNOWN
    try:
        return bounded(parse_site(file.read_text(encoding="utf-8"), str(file)))
    except UnicodeDecodeError:
        fail(f"{file}: this is not UTF-8 text; save it as UTF-8")
    except SiteError as error:
        fail(str(error))


def _looked(paths: list[Path], folder: Path, status: Status) -> tuple[list[Found], list[Skipped]]:
    for path in paths:
        if not path.exists():
            fail(f"{path}: there is no such file or folder; correct the path")
    found: list[Found] = []
    skipped: list[Skipped] = []
    for file in recordings(paths, folder):
        known = file if isinstance(file, Skipped) else looked_into(file)
        (skipped if isinstance(known, Skipped) else found).append(known)  # type: ignore[arg-type]
        status.update(f"looking at what is there: {len(found)} files of records, {len(skipped)} others")
    return found, skipped


def _content(site: Site, rules: list[Path], found: list[Found], status: Status) -> Content:
    status.update("reading rules")
    try:
        return content(
            site, rules, {each.sensor for each in found}, lambda number: status.update(f"{number:,} rules are read")
        )
    except ValueError as error:
        fail(str(error))


def _timed(made: Content, name: str, files: list[Found], status: Status) -> tuple[Outcome, float]:
    """One replay, and the seconds that it took."""
    begun = time.monotonic()
    outcome = replay(made, name, files, _teller(status, begun))
    return outcome, time.monotonic() - begun


def _teller(status: Status, begun: float) -> Callable[[Piece], None]:
    lines, said = 0, begun

    def tell(piece: Piece) -> None:
        nonlocal lines, said
        lines += len(piece.lines)
        now = time.monotonic()
        if now - said >= EVERY:
            said = now
            status.update(
                f"{lines:,} lines, {lines / (now - begun):,.0f} a second; {replayed.named(piece.found.recording.name)}"
            )

    return tell
