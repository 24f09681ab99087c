"""What one turn of the loop asks to be written, in one transaction."""

import msgspec

from tercio.model.commands import Command, Effect
from tercio.model.events import Event, Unparsed
from tercio.model.incidents import Incident


class Record(msgspec.Struct, frozen=True):
    """One leaf of the journal: what kind of thing happened (``model.journal`` has the shape of each), to what (an
    incident's, lease's or source's id), when, and its canonical body (JSON bytes)."""

    kind: str
    subject: str
    time: int
    body: bytes


class Cited(msgspec.Struct, frozen=True):
    """An event that a finding cites, with the raw line as it was read: copied into state.db."""

    event: Event
    raw: bytes


class CommandRow(msgspec.Struct, frozen=True):
    """Where one command stands: ``ordered``, ``done``, ``refused``, ``failed``, ``lapsed``."""

    command: Command
    state: str


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one commit writes: all of it or nothing.

    ``offsets`` maps a source to (generation, offset) up to which lines are reflected in ``snapshot``, the
    engine's own state in canonical bytes.
    """

    time: int
    records: tuple[Record, ...] = ()
    cited: tuple[Cited, ...] = ()
    unparsed: tuple[Unparsed, ...] = ()
    incidents: tuple[Incident, ...] = ()
    commands: tuple[CommandRow, ...] = ()
    effects: tuple[Effect, ...] = ()
    offsets: dict[str, tuple[str, int]] = {}
    snapshot: bytes = b""
