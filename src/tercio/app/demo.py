"""``tercio demo``: the plant range, run, attacked, defended; told live, then scored."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from tercio.app import doctor
from tercio.app.lines import sentences
from tercio.app.pages import alternatives, clock, removed
from tercio.drills.exercise import Plan, conduct
from tercio.drills.range.range import RangeError
from tercio.drills.range.sandbox import wrap
from tercio.drills.scoreboard import Scoreboard
from tercio.loop.authorise import Deliberation
from tercio.store.reader import Entry

CURRENCY = "EUR"
STAGES = {
    "finding": "detect", "incident": "correlate", "decision": "decide", "authorisation": "authorise", "command": "order",
    "response": "act", "effect": "verify", "word": "people", "input": "sense",
}
"""Which step of the loop a journal record shows."""


def demo(err: Console, out: Console, *, json: bool, keep: bool, acts: str, folder: Path | None, inside: bool) -> int:
    """Run the demo in a sandbox of its own and return the exit status: 0 only if the attack was contained without harm."""
    chosen = tuple(act for act in acts.split(",") if act)
    if not chosen or set(chosen) - {"sweep", "write"}:
        err.print("--intrude takes sweep, write or sweep,write", style="red")
        return 2
    if missing := doctor.for_range():
        err.print("\n".join(missing), markup=False, style="red")
        return 1
    if not inside:
        return _enter(json=json, keep=keep, acts=acts, folder=folder)
    place = folder or Path(tempfile.mkdtemp(prefix="tercio-demo-"))
    try:
        board = conduct(place, Plan(acts=chosen), lambda text: _say(err, text), lambda e: _show(err, e), _keeper(err, place, keep))
    except RangeError as error:
        err.print(str(error), markup=False, style="red")
        return 1
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(board), indent=2).decode() + "\n")
    else:
        out.print(board_page(board))
        out.print(f"Everything is kept in {place}: traces, state, journal, logs.", markup=False)
    return 0 if board.contained and not board.wrong_containments and not board.missed_polls else 1


def _enter(*, json: bool, keep: bool, acts: str, folder: Path | None) -> int:
    """Run this command again inside a sandbox, whose processes and namespaces all end with it."""
    words = [sys.executable, "-m", "tercio", "demo", "--inside", "--intrude", acts]
    words += ["--json"] * json + ["--keep"] * keep + (["--folder", str(folder.absolute())] if folder else [])
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(wrap(words), check=False, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode


def _keeper(err: Console, place: Path, keep: bool) -> "Keeper":
    return Keeper(err, place, keep)


class Keeper:
    """Waits, if told so, until somebody presses Ctrl-C."""

    def __init__(self, err: Console, place: Path, keep: bool) -> None:
        self._err, self._place, self._keep = err, place, keep

    def __call__(self) -> None:
        if not self._keep:
            return
        _say(self._err, f"all is left running; look with `tercio incidents --settings {self._place}/tercio.toml`; Ctrl-C ends it")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return


def _say(err: Console, text: str) -> None:
    err.print(f"[dim]{clock(time.time_ns() // 1000)}[/] [cyan]{'drill':>9}[/]  ", end="")
    err.print(text, markup=False)


def _show(err: Console, entry: Entry) -> None:
    stage = STAGES.get(entry.kind, entry.kind)
    for text in sentences(entry, CURRENCY):
        err.print(f"[dim]{clock(entry.time)}[/] [bold green]{stage:>9}[/]  ", end="")
        err.print(text, markup=False)
    if entry.kind == "decision" and entry.body is not None:
        decision = msgspec.json.decode(entry.body, type=Deliberation).decision
        err.print(alternatives(decision, CURRENCY))
        if decision.removed:
            err.print(removed(decision))


def board_page(board: Scoreboard) -> Table:
    """The scoreboard for a terminal."""
    table = Table(title="Scoreboard", show_header=False, box=None, title_justify="left")
    rows: list[tuple[str, object]] = [
        ("contained", board.contained),
        ("time to detect", _ms(board.time_to_detect_ms)),
        ("time to contain (held)", _ms(board.time_to_contain_ms)),
        ("time to confirm", _ms(board.time_to_confirm_ms)),
        ("HMI polls / missed", f"{board.polls} / {board.missed_polls}"),
        ("hostile writes tried / landed", f"{board.writes_tried} / {board.writes_landed}"),
        ("first write stopped", f"{board.first_write_stopped} ({board.first_write_note})"),
        ("stale writes replayed after release", board.replayed_writes),
        ("wrong containments", board.wrong_containments),
        ("line", f"{'running' if board.line_running else 'stopped'}, {board.bottles} bottles, {board.trips} trips"),
        ("production lost", f"{board.currency} {board.production_lost:,.2f}"),
        ("cost of the response", f"{board.currency} {board.cost_of_response:,.2f}"),
        ("released again", board.released),
        ("journal", f"{'whole' if board.journal_verified else 'WRONG'}, root {board.journal_root}"),
    ]
    for name, value in rows:
        table.add_row(name, "yes" if value is True else "no" if value is False else str(value))
    return table


def _ms(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} ms after the packet that completed the evidence"
