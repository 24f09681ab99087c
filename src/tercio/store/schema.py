"""The tables of the event store, as SQL, and their version. They are ClickHouse's: embedded or a cluster."""

from collections.abc import Iterable

from tercio.model.units import SECOND

VERSION = "tercio 1"
"""Stands in the comment of the events' table. Another shape of the table gets another version."""

LEAST_FREE = 512 << 20
"""Bytes of its disk that the store leaves to others, twice the state's reserve: the past is kept while there is room,
the defence goes on in any case."""

EVENTS: dict[str, str] = {
    "site": "LowCardinality(String)",
    "source": "LowCardinality(String)",
    "generation": "LowCardinality(String)",
    "offset": "UInt64 CODEC(Delta, ZSTD(1))",
    "product": "LowCardinality(String)",
    "host": "LowCardinality(String)",
    "time": "DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1))",
    "received": "DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1))",
    "raw": "String CODEC(ZSTD(1))",
}
"""One row is one record: whose, from where, when it happened by its product's clock and when the archive read it, and
its bytes as they were written. (site, source, generation, offset) is a record's identity: the same record has the same
row, whenever it was read. A routing field has a column of its own, see ``route``."""

ROUTE = "LowCardinality(String)"

LOST: dict[str, str] = {
    "site": "LowCardinality(String)",
    "source": "LowCardinality(String)",
    "at": "DateTime64(6, 'UTC')",
    "times": "UInt64",
    "size": "UInt64",
    "words": "String",
}
"""What the archive could not keep: how often, how many bytes as far as known, and why."""


BEGUN: dict[str, str] = {
    "site": "LowCardinality(String)",
    "source": "LowCardinality(String)",
    "generation": "String",
    "offset": "UInt64",
    "at": "DateTime64(6, 'UTC')",
}
"""Where the archive began to read a source that had lines already."""


def route(field: str) -> str:
    """The column of a routing field: detection's own reading of it, as text without case."""
    return f"route_{field}"


def quoted(name: str) -> str:
    """A name as SQL takes it. Names come from the code and its settings; one with a backtick or backslash is none."""
    if set(name) & set("`\\"):
        raise ValueError(f"{name!r} can't be a name in the store")
    return f"`{name}`"


def tables(database: str, routes: Iterable[str], keep: int) -> tuple[str, ...]:
    """The statements that make what is not there yet.

    A week of receipt is a part of its own, and an insert lies in one week: so it is written whole or not at all, and
    what is too old is dropped by whole files. Rows lie in the order of (site, time), as a search reads them, and one
    that was written twice becomes one.
    """
    place = quoted(database)
    events = (
        f"CREATE TABLE IF NOT EXISTS {place}.events ({_columns(EVENTS | {route(field): ROUTE for field in routes})}, "
        "INDEX received_in received TYPE minmax GRANULARITY 1, "
        "INDEX words_in lower(raw) TYPE text(tokenizer = splitByNonAlpha)) "
        "ENGINE = ReplacingMergeTree PARTITION BY toMonday(received) "
        f"ORDER BY (site, time, source, generation, offset) TTL {_ttl('received', keep)} "
        f"SETTINGS fsync_after_insert = 1, ttl_only_drop_parts = 1, "
        f"min_free_disk_bytes_to_perform_insert = {LEAST_FREE} COMMENT '{VERSION}'"
    )
    lost = (
        f"CREATE TABLE IF NOT EXISTS {place}.lost ({_columns(LOST)}) ENGINE = MergeTree ORDER BY (site, at) "
        f"TTL {_ttl('at', keep)} SETTINGS fsync_after_insert = 1"
    )
    begun = (
        f"CREATE TABLE IF NOT EXISTS {place}.begun ({_columns(BEGUN)}) ENGINE = MergeTree ORDER BY (site, source, at) "
        "SETTINGS fsync_after_insert = 1"
    )
    return f"CREATE DATABASE IF NOT EXISTS {place}", begun, lost, events


def changes(database: str, there: str, columns: Iterable[str], routes: Iterable[str], keep: int) -> tuple[str, ...]:
    """The statements that bring a table of this version up to these settings; ``there`` is the statement that would
    make it as it is, ``columns`` are its columns."""
    known, events = set(columns), f"{quoted(database)}.events"
    added = [field for field in routes if route(field) not in known]
    statements = [f"ALTER TABLE {events} ADD COLUMN IF NOT EXISTS {quoted(route(field))} {ROUTE}" for field in added]
    if f"toIntervalSecond({keep // SECOND})" not in there:
        for table, column in (("events", "received"), ("lost", "at")):
            change = f"ALTER TABLE {quoted(database)}.{table} MODIFY TTL {_ttl(column, keep)}"
            statements.append(f"{change} SETTINGS materialize_ttl_after_modify = 0")
    return tuple(statements)


def _ttl(column: str, keep: int) -> str:
    """Rows may go ``keep`` (microseconds) after this column's instant."""
    return f"toDateTime({column}) + toIntervalSecond({keep // SECOND})"


def _columns(columns: dict[str, str]) -> str:
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
