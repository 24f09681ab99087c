"""``tercio demo``: the plant range, run, attacked, defended; told live, then scored."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tercio.app import doctor
from tercio.app.lines import sentences
from tercio.app.pages import alternatives, clock, removed
from tercio.drills.exercise import Plan, conduct
from tercio.drills.range.range import RangeError
from tercio.drills.range.sandbox import wrap
from tercio.drills.scoreboard import Scoreboard
from tercio.loop.authorise import Deliberation
from tercio.model.commands import Effect, EffectState
from tercio.model.decisions import Decision
from tercio.model.records import CommandRow
from tercio.store.reader import Entry

CURRENCY = "EUR"
INDENT = 27
"""Columns before the text of a line."""

STAGES = {
    "finding": "detect",
    "incident": "correlate",
    "decision": "decide",
    "authorisation": "authorise",
    "command": "order",
    "response": "act",
    "effect": "verify",
    "word": "people",
    "input": "sense",
}
"""Which step of the loop a journal record shows."""


def demo(err: Console, out: Console, *, json: bool, keep: bool, acts: str, folder: Path | None, inside: bool) -> int:
    """Run the demo in a sandbox of its own and return the exit status: 0 only if the attack was contained without harm."""
    chosen = tuple(act for act in acts.split(",") if act)
    if not chosen or set(chosen) - {"sweep", "write"}:
        err.print("--intrude takes sweep, write or sweep,write", style="red")
        return 2
    if missing := doctor.for_range():
        err.print("\n".join(missing), style="red")
        return 1
    if not inside:
        return _enter(json=json, keep=keep, acts=acts, folder=folder)
    place = folder or Path(tempfile.mkdtemp(prefix="tercio-demo-"))
    try:
        board = conduct(
            place, Plan(acts=chosen), lambda text: _say(err, text), lambda e: _show(err, e), Keeper(err, place, keep)
        )
    except RangeError as error:
        err.print(str(error), style="red")
        return 1
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(board), indent=2).decode() + "\n")
    else:
        out.print(board_page(board))
        out.print(f"Everything is kept in {place}: traces, state, journal, logs.")
    return 0 if board.contained and not board.wrong_containments and not board.missed_polls else 1


def _enter(*, json: bool, keep: bool, acts: str, folder: Path | None) -> int:
    """Run this command again inside a sandbox, whose processes and namespaces all end with it."""
    words = [sys.executable, "-m", "tercio", "demo", "--inside", "--intrude", acts]
    words += ["--json"] * json + ["--keep"] * keep + (["--folder", str(folder.absolute())] if folder else [])
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(wrap(words), check=False, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode


class Keeper:
    """Waits, if told so, until somebody presses Ctrl-C."""

    def __init__(self, err: Console, place: Path, keep: bool) -> None:
        self._err, self._place, self._keep = err, place, keep

    def __call__(self) -> None:
        if not self._keep:
            return
        _say(
            self._err,
            f"all is left running; look with `tercio incidents --settings {self._place}/tercio.toml`; Ctrl-C ends it",
        )
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return


def _say(err: Console, text: str) -> None:
    _line(err, time.time_ns() // 1000, "drill", "cyan", text)


def _show(err: Console, entry: Entry) -> None:
    """One record as it happens. Rows that only follow from what was told are left to ``tercio show``."""
    if entry.body is None or not _new(entry):
        return
    for text in sentences(entry, CURRENCY):
        _line(err, entry.time, STAGES.get(entry.kind, entry.kind), "bold green", text)
    if entry.kind == "decision":
        decision = msgspec.json.decode(entry.body, type=Deliberation).decision
        err.print(Padding(Group(alternatives(decision, CURRENCY), *_removed(decision)), (0, 0, 0, INDENT)))


def _new(entry: Entry) -> bool:
    """Whether a record tells a person something that the one before did not."""
    if entry.kind == "command":
        return msgspec.json.decode(entry.body or b"", type=CommandRow).state != "done"
    if entry.kind == "effect":
        return msgspec.json.decode(entry.body or b"", type=Effect).state != EffectState.ORDERED
    return True


def _removed(decision: Decision) -> list[RenderableType]:
    return [Text("removed for safety:"), removed(decision)] if decision.removed else []


def _line(err: Console, at: int, stage: str, style: str, text: str) -> None:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=12, style="dim")
    row.add_column(width=9, style=style, justify="right")
    row.add_column(ratio=1, overflow="fold")
    row.add_row(clock(at), stage, Text(text))
    err.print(row)


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
