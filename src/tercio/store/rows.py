"""Nouns as rows and back: the whole value as canonical JSON, beside the columns it is found by."""

from typing import TypeVar

import msgspec

from tercio.model.canon import canonical
from tercio.model.commands import LIVE, Effect
from tercio.model.events import Event
from tercio.model.incidents import Incident
from tercio.model.records import Cited, CommandRow
from tercio.store.errors import StateUnusable

Row = dict[str, str | int | bytes | None]
T = TypeVar("T")

LIVE_STATES = tuple(state.value for state in LIVE)
"""The same as the database has them."""


def incident_row(incident: Incident) -> Row:
    """A row of ``incidents``."""
    return {
        "id": incident.id,
        "status": incident.status.value,
        "opened": incident.opened,
        "updated": incident.updated,
        "body": canonical(incident),
    }


def command_row(row: CommandRow) -> Row:
    """A row of ``commands``."""
    return {
        "id": row.command.id,
        "lease": row.command.lease,
        "incident": row.command.incident,
        "state": row.state,
        "body": canonical(row),
    }


def effect_row(effect: Effect) -> Row:
    """A row of ``effects``."""
    return {
        "lease": effect.lease,
        "incident": effect.incident,
        "state": effect.state.value,
        "until": effect.until,
        "body": canonical(effect),
    }


def cited_row(cited: Cited) -> Row:
    """A row of ``cited``."""
    return {"id": cited.event.id, "event": canonical(cited.event), "raw": cited.raw}


def cited_of(event: bytes, raw: bytes) -> Cited:
    """What ``cited_row`` was made of. Raises StateUnusable."""
    return Cited(decode(event, Event), raw)


def decode(body: bytes, kind: type[T]) -> T:
    """Read a body back. Raises StateUnusable where it is not what the version of the state promises."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, TypeError) as error:
        raise StateUnusable(
            f"a row of the state is damaged ({kind.__name__}: {error}). "
            "Run tercio audit verify to find it, and restore a backup."
        ) from error
