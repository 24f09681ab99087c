"""What a turn wants written and sent, gathered in order."""

from collections.abc import Iterable

import msgspec

from tercio.loop.state import LoopState
from tercio.model.canon import canonical
from tercio.model.commands import Command, Effect
from tercio.model.events import Unparsed
from tercio.model.findings import Finding
from tercio.model.incidents import Evidence, Incident
from tercio.model.records import Cited, CommandRow, Record, Transaction


class Ledger:
    """The records, rows and orders of one turn. It lives for that turn only; what it closes into is a value."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.records: list[Record] = []
        self.cited: dict[str, Cited] = {}
        self.unparsed: tuple[Unparsed, ...] = ()
        self.incidents: dict[str, Incident] = {}
        self.commands: dict[str, CommandRow] = {}
        self.effects: dict[str, Effect] = {}
        self.orders: list[Command] = []
        self.answers: list[str] = []

    def note(self, kind: str, subject: str, value: object) -> None:
        """Journal one value."""
        self.records.append(Record(kind, subject, self.now, canonical(value)))

    def incident(self, incident: Incident) -> None:
        """Journal an incident and write its row."""
        self.note("incident", incident.id, incident)
        self.incidents[incident.id] = incident

    def command(self, command: Command, state: str) -> None:
        """Journal where a command stands and write its row."""
        row = CommandRow(command, state)
        self.note("command", command.id, row)
        self.commands[command.id] = row

    def effect(self, effect: Effect) -> None:
        """Journal an effect and write its row."""
        self.note("effect", effect.lease, effect)
        self.effects[effect.lease] = effect

    def cite(self, cited: Iterable[Cited]) -> None:
        """Keep the raw lines that findings cite."""
        self.cited.update((c.event.id, c) for c in cited)

    def transaction(self, state: LoopState, flush: bool) -> Transaction | None:
        """Everything as one transaction; None where there is nothing to write and no flush is due."""
        if not (self.records or self.unparsed or flush):
            return None
        return Transaction(
            time=self.now,
            records=tuple(self.records),
            cited=tuple(self.cited.values()),
            unparsed=self.unparsed,
            incidents=tuple(self.incidents.values()),
            commands=tuple(self.commands.values()),
            effects=tuple(self.effects.values()),
            offsets=state.offsets,
            snapshot=canonical(state.memory),
        )


class Told(msgspec.Struct, frozen=True):
    """A finding as the journal keeps it: what became of it, and in which incident."""

    finding: Finding
    incident: str
    change: str
    evidence: tuple[Evidence, ...]
