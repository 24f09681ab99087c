"""What a turn wants written and sent, gathered in order."""

from collections.abc import Mapping
from typing import Any

from tercio.brain.correlate.incidents import Note
from tercio.loop.authorise import Deliberation
from tercio.loop.state import LoopState
from tercio.model.canon import canonical
from tercio.model.commands import Command, Effect
from tercio.model.events import Unparsed
from tercio.model.incidents import Incident
from tercio.model.journal import KINDS, Told, digest_of
from tercio.model.records import Cited, CommandRow, Record, Transaction

SHAPES: Mapping[str, type[Any]] = {**KINDS, "decision": Deliberation}
"""The body of every kind of record that is ever written."""

_KIND_OF = {shape: kind for kind, shape in SHAPES.items()}


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

    def note(self, subject: str, value: object) -> None:
        """Journal one value; its type says of which kind the record is. Raises KeyError for a type of no kind."""
        self.records.append(Record(_KIND_OF[type(value)], subject, self.now, canonical(value)))

    def incident(self, incident: Incident) -> None:
        """Journal an incident and write its row."""
        self.note(incident.id, incident)
        self.incidents[incident.id] = incident

    def command(self, command: Command, state: str) -> None:
        """Journal where a command stands and write its row."""
        row = CommandRow(command, state)
        self.note(command.id, row)
        self.commands[command.id] = row

    def effect(self, effect: Effect) -> None:
        """Journal an effect and write its row."""
        self.note(effect.lease, effect)
        self.effects[effect.lease] = effect

    def tell(self, note: Note, seen: Mapping[str, Cited]) -> None:
        """Journal what became of a finding, and keep the raw lines that it cites as far as they are in ``seen``."""
        finding = note.finding
        at_hand = [seen[event] for event in finding.events if event in seen]
        absent = tuple(event for event in finding.events if event not in seen)
        lines = digest_of(canonical(cited.event) for cited in at_hand)
        told = Told(finding, note.incident, note.change, note.evidence, lines, absent)
        self.note(note.incident or finding.id, told)
        self.cited.update((cited.event.id, cited) for cited in at_hand)

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
