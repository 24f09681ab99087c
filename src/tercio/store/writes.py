"""What one transaction writes beside the journal: progress, evidence, projections."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, Executable, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from tercio.model.events import Unparsed
from tercio.model.records import Transaction
from tercio.store.rows import Row, cited_row, command_row, effect_row, incident_row
from tercio.store.tables import CITED, COMMANDS, EFFECTS, INCIDENTS, OFFSETS, SNAPSHOT, UNPARSED, UNPARSED_COUNTS

UNPARSED_KEPT = 1000
"""Lines that nobody understood are kept up to this number a source, the latest; all are counted."""

UNPARSED_BYTES = 8192
"""So much of each such line is kept."""


class Writes:
    """The statements that write a transaction, made once for a dialect (``sqlite`` or ``postgresql``)."""

    def __init__(self, dialect: str) -> None:
        kept = (OFFSETS, SNAPSHOT, INCIDENTS, COMMANDS, EFFECTS, UNPARSED, UNPARSED_COUNTS)
        self._upserts = {table.name: _upsert(dialect, table) for table in kept}
        self._cite = _insert(dialect, CITED).on_conflict_do_nothing(index_elements=["id"])

    def write(self, connection: Connection, tx: Transaction) -> dict[str, int]:
        """Write all of ``tx`` but its records inside the open transaction. Returns the new totals of lines that nobody
        understood, of the sources of which ``tx`` has some."""
        self._put(
            connection,
            OFFSETS,
            [{"source": s, "generation": generation, "offset": o} for s, (generation, o) in tx.offsets.items()],
        )
        self._put(connection, SNAPSHOT, [{"id": 1, "body": tx.snapshot}] if tx.snapshot else [])
        self._put(connection, INCIDENTS, [incident_row(incident) for incident in tx.incidents])
        self._put(connection, COMMANDS, [command_row(row) for row in tx.commands])
        self._put(connection, EFFECTS, [effect_row(effect) for effect in tx.effects])
        if tx.cited:
            connection.execute(self._cite, [cited_row(cited) for cited in tx.cited])
        return self._keep(connection, tx.unparsed) if tx.unparsed else {}

    def _put(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        if rows:
            connection.execute(self._upserts[table.name], rows)

    def _keep(self, connection: Connection, lines: Sequence[Unparsed]) -> dict[str, int]:
        """Count every line and keep the latest: line n of a source goes into slot n modulo the limit."""
        by_source: defaultdict[str, list[Unparsed]] = defaultdict(list)
        for line in lines:
            by_source[line.source].append(line)
        counted = select(UNPARSED_COUNTS).where(UNPARSED_COUNTS.c.source.in_(by_source))
        totals = {row.source: row.total for row in connection.execute(counted)}
        rows: list[Row] = []
        for source, of_source in by_source.items():
            total = totals.get(source, 0) + len(of_source)
            totals[source] = total
            kept = of_source[-UNPARSED_KEPT:]
            rows += [_unparsed_row(line, total - len(kept) + at) for at, line in enumerate(kept)]
        self._put(connection, UNPARSED, rows)
        self._put(connection, UNPARSED_COUNTS, [{"source": s, "total": totals[s]} for s in by_source])
        return {source: totals[source] for source in by_source}


def _unparsed_row(line: Unparsed, number: int) -> Row:
    return {
        "source": line.source,
        "slot": number % UNPARSED_KEPT,
        "generation": line.generation,
        "offset": line.offset,
        "length": len(line.raw),
        "raw": line.raw[:UNPARSED_BYTES],
        # A reason may quote the line: what no database takes as text is written out.
        "reason": line.reason.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00"),
    }


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _upsert(dialect: str, table: Table) -> Executable:
    insert = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changed = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=changed)
