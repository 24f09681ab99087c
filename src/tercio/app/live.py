"""A drill as it happens, line by line, on a terminal: what is new is told, what only goes on is told briefly."""

import re
import time

import msgspec
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import line, seen
from tercio.app.aftermath import aftermath, witness
from tercio.app.lines import sentences
from tercio.app.pages import alternatives, clock, removed
from tercio.loop.authorise import Deliberation
from tercio.model.commands import Action, Effect, EffectState, Response, Target, target_name
from tercio.model.decisions import Decision
from tercio.model.incidents import Incident
from tercio.model.journal import Told
from tercio.model.records import CommandRow
from tercio.model.site import Site
from tercio.store.reader import Entry

STAGES = {
    "finding": "detect",
    "incident": "correlate",
    "decision": "decide",
    "authorisation": "authorise",
    "command": "order",
    "response": "act",
    "effect": "verify",
    "word": "people",
    "silence": "sense",
    "loss": "sense",
    "stray": "verify",
    "basis": "decide",
    "aside": "detect",
    "precision": "people",
}
"""Which step of the loop a journal record shows."""

STYLES = {"drill": "cyan", "line": "blue", "decide": "bold green", "act": "bold green", "people": "magenta"}
"""How a step looks; the others are green."""

INDENT = 4
"""Columns before a table."""

_WHEN = re.compile(r"\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\.\d{6}Z")


class Telling:
    """Tells a drill on a console. It remembers what it told, so that a renewal is not told like a new act."""

    def __init__(self, console: Console, site: Site) -> None:
        self._console = console
        self._site = site
        self._effects: dict[str, Effect] = {}
        self._statuses: dict[str, str] = {}
        self._renewals: set[str] = set()

    def say(self, stage: str, text: str) -> None:
        """What the drill itself, or the line, has to say, now."""
        self._line(time.time_ns() // 1000, stage, text)

    def show(self, entry: Entry) -> None:
        """One record of the journal, unless it only follows from what was told."""
        if entry.body is None:
            return
        try:
            text = self._news(entry, entry.body)
        except msgspec.DecodeError:
            text = None
        for sentence in sentences(entry, self._site) if text is None else (text,) if text else ():
            self._line(entry.time, STAGES.get(entry.kind, entry.kind), sentence)
        if entry.kind == "decision":
            self._decision(entry.body)

    def _news(self, entry: Entry, body: bytes) -> str | None:
        """The brief text of a record that goes on with something, empty where it is not worth a line; None where it is
        to be told whole."""
        match entry.kind:
            case "command":
                return self._command(msgspec.json.decode(body, type=CommandRow))
            case "response":
                response = msgspec.json.decode(body, type=Response)
                return "" if response.held and response.command in self._renewals else None
            case "finding":
                return self._finding(msgspec.json.decode(body, type=Told))
            case "effect":
                return self._effect(msgspec.json.decode(body, type=Effect))
            case "incident":
                incident = msgspec.json.decode(body, type=Incident)
                known = self._statuses.get(incident.id)
                self._statuses[incident.id] = incident.status
                if known is None:
                    return None
                return "" if known == incident.status else f"Incident {incident.id} is {incident.status}."
            case _:
                return None

    def _finding(self, told: Told) -> str | None:
        """Only what was seen although a block held needs more words than its own."""
        after = aftermath(told.finding, self._effects.values())
        return f"{seen(told.finding, self._site)} {after}" if after else None

    def _command(self, row: CommandRow) -> str | None:
        command = row.command
        before = self._effects.get(command.lease)
        if command.action == Action.DENY and before is not None and before.state == EffectState.STANDING:
            self._renewals.add(command.id)
        return "" if row.state != "ordered" or command.id in self._renewals else None

    def _effect(self, effect: Effect) -> str | None:
        before = self._effects.get(effect.lease)
        self._effects[effect.lease] = effect
        if effect.state == EffectState.ORDERED:
            return ""
        if effect.confirmed and not (before is not None and before.confirmed) and effect.state == EffectState.STANDING:
            by = witness(effect, self._site)
            return f"{line('effect', effect)} The witness: {by}." if by else None
        if before is None or (before.state, bool(before.confirmed)) != (effect.state, bool(effect.confirmed)):
            return None
        if effect.until != before.until:
            return f"It still holds: {_deed(effect.target)}, renewed until {clock(effect.until)[:8]}."
        return ""

    def _decision(self, body: bytes) -> None:
        try:
            decision = msgspec.json.decode(body, type=Deliberation).decision
        except msgspec.DecodeError:
            return
        self._console.print(Padding(Group(*self._tables(decision)), (0, 0, 0, INDENT)))

    def _tables(self, decision: Decision) -> list[RenderableType]:
        parts: list[RenderableType] = [alternatives(decision, self._site.currency)]
        if decision.removed:
            parts += [Text("removed for safety, before any money was counted:", style="yellow"), removed(decision)]
        return parts

    def _line(self, at: int, stage: str, text: str) -> None:
        row = Table.grid(padding=(0, 2, 0, 0), expand=True)
        row.add_column(width=12, style="dim")
        row.add_column(width=9, justify="right")
        row.add_column(ratio=1, overflow="fold")
        shown = _WHEN.sub(r"\1", text).replace(" (ordered).", ".")
        row.add_row(Text(clock(at)), Text(stage, style=STYLES.get(stage, "green")), Text(shown))
        self._console.print(row)


def _deed(target: Target) -> str:
    return f"block of {target_name(target)}"
