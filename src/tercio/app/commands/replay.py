"""``tercio replay``: recorded telemetry through the loop, in shadow and in memory."""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status

from tercio.app import replayed
from tercio.app.assemble import bounded
from tercio.app.recordings import Found, Piece, looked_into
from tercio.app.replay import UNKNOWN, Outcome, content, replay
from tercio.app.settings import cores
from tercio.app.sifters import WORTH, Given, SifterEnded, Sifters
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
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", min=1, max=64, help="How many sift; else one for each processor if it is worth it."
        ),
    ] = None,
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
        count = processes or (cores() if sum(f.recording.path.stat().st_size for f in found) >= WORTH else 1)
        sensors = tuple(sorted({file.sensor for file in found}))
        given = Given(where, tuple(map(str, rules or [])), sensors, str(Path(folder) / "rules.cache"))
        made = _content(given, status)
        told = _together(made, given, found, count, each, status)
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


def _content(given: Given, status: Status) -> Content:
    status.update("reading rules")

    def tell(number: int) -> None:
        status.update(f"{number:,} rules are read")

    try:
        return content(given.site, map(Path, given.folders), given.sensors, tell, Path(given.keep))
    except ValueError as error:
        fail(str(error))


def _together(
    made: Content, given: Given, found: list[Found], count: int, each: bool, status: Status
) -> list[tuple[Outcome, float]]:
    """All files as one history, or each by itself, by so many processes; and the seconds that each replay took."""
    teller = _Teller(status)
    if count == 1:
        groups = [(file.recording.name, [file]) for file in found] if each else [("all", found)]
        return [_timed(partial(replay, made, name, files, teller.piece)) for name, files in groups]
    try:
        with Sifters(count, given) as sifters:
            if each:
                return sifters.outcomes(found, teller.file)
            return [_timed(partial(replay, made, "all", found, teller.piece, sifters.opened))]
    except SifterEnded as error:
        fail(str(error))


def _timed(act: Callable[[], Outcome]) -> tuple[Outcome, float]:
    begun = time.monotonic()
    return act(), time.monotonic() - begun


class _Teller:
    """Says how far it is, not too often."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._begun = self._said = time.monotonic()
        self._lines = self._files = 0

    def piece(self, found: Found, piece: Piece) -> None:
        """A piece of a file was taken."""
        self._lines += piece.lines
        rate = self._lines / (time.monotonic() - self._begun)
        self._say(f"{self._lines:,} lines, {rate:,.0f} a second; {replayed.named(found.recording.name)}")

    def file(self, found: Found) -> None:
        """A file was replayed by itself."""
        self._files += 1
        self._say(f"{self._files:,} files; {replayed.named(found.recording.name)}")

    def _say(self, words: str) -> None:
        now = time.monotonic()
        if now - self._said >= EVERY:
            self._said = now
            self._status.update(words)
