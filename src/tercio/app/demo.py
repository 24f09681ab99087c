"""``tercio demo``: the plant range, run, attacked, defended; told live, then scored."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app import doctor
from tercio.app.live import Telling
from tercio.app.terminal import CALLED, emit, fail, sentence
from tercio.drills.exercise import Plan, conduct
from tercio.drills.range.range import RangeError, site_file
from tercio.drills.range.sandbox import wrap
from tercio.drills.scoreboard import Scoreboard
from tercio.model.siteparse import parse_site

ACTS = ("sweep", "write")
"""What the intruder can be told to do."""


def demo(err: Console, out: Console, *, json: bool, keep: bool, acts: str, folder: Path | None, inside: bool) -> int:
    """Run the demo in a sandbox of its own. Returns the exit status: 0 where the attack was contained without harm."""
    chosen = tuple(act for act in acts.replace(" ", "").split(",") if act)
    if not chosen or set(chosen) - set(ACTS):
        fail(f"--intrude takes {', '.join(ACTS)}, or both as {','.join(ACTS)}; not {acts!r}", 2)
    if missing := doctor.for_range():
        fail("\n".join(missing))
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        if not inside:
            return _enter(json=json, keep=keep, acts=",".join(chosen), folder=folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        place = folder or Path(tempfile.mkdtemp(prefix="tercio-demo-"))
        telling = Telling(err, parse_site(site_file().read_text(encoding="utf-8")))
        keeper = Keeper(err, err if json else out, place) if keep else None
        board = conduct(place, Plan(acts=chosen), telling.say, telling.show, keeper)
    except KeyboardInterrupt:
        fail("ended by Ctrl-C, and everything taken down", 130)
    except (RangeError, OSError) as error:
        fail(str(error))
    if json:
        emit(board)
    else:
        out.print(board_page(board))
        where = f"Everything is kept in {place}; look at it with: {_look('incidents', place)}"
        out.print(Text(where), soft_wrap=True)
    return 0 if harmless(board) else 1


def harmless(board: Scoreboard) -> bool:
    """Contained, and nothing hurt, lost, left standing or unproven by the defence. A trip is the intruder's where a
    write of his landed, and else ours; bystanders that nobody watched are not known to be unharmed."""
    trips = board.trips and not board.writes_landed
    bystanders = board.io_timeouts or board.sessions_lost or board.failovers or not board.watched.everything
    harm = board.wrong_containments or board.missed_polls or board.replayed_writes or trips or bystanders
    return board.contained and not harm and board.released and board.journal_verified


def _enter(*, json: bool, keep: bool, acts: str, folder: Path | None) -> int:
    """Run this command again inside a sandbox, whose processes and namespaces all end with it."""
    words = [sys.executable, "-m", "tercio", "demo", "--inside", "--intrude", acts]
    words += ["--json"] * json + ["--keep"] * keep + (["--folder", str(folder.absolute())] if folder else [])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(wrap(words), check=False, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode


class Keeper:
    """Shows the score so far, and leaves everything running until somebody presses Ctrl-C."""

    def __init__(self, err: Console, page: Console, place: Path) -> None:
        self._err, self._page, self._place = err, page, place

    def __call__(self, board: Scoreboard) -> None:
        """Show it, and wait."""
        self._page.print(board_page(board))
        sentence(self._err, "All is left running, and what Tercio refused last stands. In another terminal:", "bold")
        for words in ("status", "incidents", "effects", "undo all"):
            sentence(self._err, f"  {_look(words, self._place)}", "")
        sentence(self._err, "Ctrl-C takes back what stands, and ends it.", "bold")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return


def _look(words: str, place: Path) -> str:
    return f"{CALLED} {words} --settings {quote(str(place.absolute() / 'tercio.toml'))}"


def board_page(board: Scoreboard) -> Table:
    """The scoreboard for a terminal."""
    table = Table(title="Scoreboard", show_header=False, box=None, title_justify="left", title_style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    state = {True: "running", False: "standing still", None: "not seen"}[board.line_running]
    whole = "whole" if board.journal_verified else "WRONG"
    rows = [
        ("contained", f"{_yes(board.contained)}{f', but {board.leaked} got through' if board.leaked else ''}"),
        ("plan", plain(board.chosen) or "none"),
        ("time to detect", _ms(board.time_to_detect_ms)),
        ("time to contain (held)", _ms(board.time_to_contain_ms)),
        ("time to confirm", _ms(board.time_to_confirm_ms)),
        ("from his first packet", _ms(board.first_packet_to_contain_ms, "to contained")),
        ("hostile writes", f"{board.writes_tried} tried, {board.writes_landed} landed"),
        ("first write", f"{_stopped(board.first_write_stopped)}: {board.first_write_note}"),
        ("stale writes replayed", f"{board.replayed_writes}"),
        ("wrong containments", f"{board.wrong_containments}"),
        ("bystanders", bystanders(board)),
        ("operator's screen", f"{board.polls} polls, {board.missed_polls} missed"),
        ("line", f"{state}, {board.bottles} bottles, {board.trips} trips"),
        ("production lost", f"{board.currency} {board.production_lost:,.2f}"),
        ("cost of the response", f"{board.currency} {board.cost_of_response:,.2f}"),
        ("released again", _yes(board.released)),
        ("journal", f"{whole}, root {board.journal_root}"),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def bystanders(board: Scoreboard) -> str:
    """How innocent bystanders fared, in one sentence."""
    seen, control = board.watched, board.control
    counts = (
        (board.io_timeouts, "I/O time-out"),
        (board.sessions_lost, "lost session"),
        (board.failovers, "take-over"),
    )
    suffered = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts if number]
    if not suffered and not seen.everything:
        who = f": {', '.join(seen.unwatched)}" if seen.unwatched else ""
        return f"not watched to the end, so nobody knows{who}"
    before = sum((control.io_timeouts, control.sessions_lost, control.failovers))
    beyond = f"; control not clean: {before}" if before else ""
    return (
        f"{'HARMED: ' + ', '.join(suffered) if suffered else 'none harmed'} "
        f"in {seen.cycles} cyclic frames, {seen.answers} answers and {seen.heartbeats} heartbeats{beyond}"
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _stopped(value: bool | None) -> str:
    return {True: "stopped", False: "landed", None: "none"}[value]


def _ms(value: float | None, after: str = "after the packet that completed the evidence") -> str:
    return "never" if value is None else f"{value:.1f} ms {after}"
