"""The archive of all lines: a client of ClickHouse, embedded or a cluster, and nothing of its own to wait for.

Bytes are kept as they were written: a String of ClickHouse is bytes, and no text is made of them on the way.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

import msgspec

from tercio.model.archive import EVERYTHING, Condition, Count, Kept
from tercio.model.units import SECOND
from tercio.store import schema
from tercio.store.asked import Parameters, where
from tercio.store.clickhouse import EventsSilent, connected, silence_told

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

__all__ = ["Events", "EventsSilent", "Held", "Line", "Lost"]

DATABASE = "tercio"
"""Where the url names no other."""

BLOCK = 8192
"""Rows that a search gives at once."""

DAY = 24 * 3600 * SECOND
WEEK = 7 * DAY
_MONDAY = 4 * DAY  # The epoch was a Thursday.
EARLIEST, LATEST = -2_208_988_800 * SECOND, 10_413_791_999 * SECOND
"""Instants between which ClickHouse can tell a time (1900 to 2299): what says to have happened outside is kept at
the end of it."""


class Line(NamedTuple):
    """A record to be kept: ``host`` is under whom it is filed, ``routes`` its routing fields as detection compares
    them, ``time`` and ``received`` are instants."""

    source: str
    generation: str
    offset: int
    product: str
    host: str
    time: int
    received: int
    raw: bytes
    routes: Mapping[str, str]


class Lost(NamedTuple):
    """What the archive could not keep, as the table ``lost`` has it."""

    source: str
    at: int
    times: int
    size: int
    words: str


class Held(msgspec.Struct, frozen=True):
    """What the store holds of a site: rows, bytes on its disks (of all sites), and when the first and the last of
    them was received (instants; 0 where there is none)."""

    rows: int
    size: int
    oldest: int
    newest: int


class Events:
    """One site's part of the store. Not thread-safe. Everything raises EventsSilent while the store can't answer."""

    def __init__(self, client: "Client", database: str, site: str) -> None:
        self._client = client
        self._database = database
        self._table = f"{schema.quoted(database)}.events"
        self._site = site
        self._columns: tuple[str, ...] | None = None

    @classmethod
    def connect(cls, url: str, user: str, password: str, site: str, *, patience: int = 300) -> Self:
        """Connect to ``http[s]://HOST:PORT[/DATABASE]``. ``patience`` are the seconds that one answer may take."""
        database = urlsplit(url).path.strip("/") or DATABASE
        return cls(connected(url, user, password, patience), database, site)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def prepare(self, routes: Iterable[str], keep: int) -> None:
        """Make the tables, or bring them up to these routing fields and this time to ``keep`` (microseconds). Raises
        EventsSilent for tables of another version."""
        fields = tuple(dict.fromkeys(routes))
        with silence_told():
            asked = (
                "SELECT comment, create_table_query FROM system.tables WHERE database = {d:String} AND name = 'events'"
            )
            found = self._rows(asked, {"d": self._database})
            if found and found[0][0] != schema.VERSION:
                raise EventsSilent(
                    f"the table {self._table} is of version {found[0][0]!r}, this Tercio knows {schema.VERSION!r}; "
                    "name another database in [store] url, or install the Tercio that made it"
                )
            todo = (
                schema.changes(self._database, found[0][1], self._known(), fields, keep)
                if found
                else schema.tables(self._database, fields, keep)
            )
            for statement in todo:
                self._client.command(statement)
        self._columns = None

    def write(self, lines: Sequence[Line]) -> None:
        """Keep these; they are on the disk when this returns. Where it raises, or its process dies, some first ones of
        them may have been kept, and no others. What is written twice is kept once."""
        for _, week in groupby(lines, lambda line: (line.received - _MONDAY) // WEEK):
            self._write(tuple(week))

    def _write(self, lines: Sequence[Line]) -> None:
        routes = [name.removeprefix("route_") for name in self._known() if name.startswith("route_")]
        columns = [list(column) for column in zip(*(line[:8] for line in lines), strict=True)]
        columns[4] = list(map(_bytes, columns[4]))
        columns[5] = [min(max(time, EARLIEST), LATEST) for time in columns[5]]
        columns += [[_bytes(line.routes.get(field, "")) for line in lines] for field in routes]
        names = ["source", "generation", "offset", "product", "host", "time", "received", "raw"]
        self._insert("events", [*names, *map(schema.route, routes)], columns, schema.EVENTS)

    def begin(self, source: str, generation: str, offset: int, at: int) -> None:
        """Keep where reading of a source begins that has lines already."""
        self._insert("begun", list(schema.BEGUN)[1:], [[source], [generation], [offset], [at]], schema.BEGUN)

    def report(self, lost: Sequence[Lost]) -> None:
        """Keep what could not be kept."""
        columns = [list(column) for column in zip(*lost, strict=True)]
        self._insert("lost", list(Lost._fields), columns, schema.LOST)

    def losses(self, since: int, most: int = 100) -> tuple[Lost, ...]:
        """What could not be kept since then, the latest first."""
        asked = (
            f"SELECT source, at, times, size, words FROM {schema.quoted(self._database)}.lost "
            f"WHERE site = {{site:String}} AND at >= {_instant('since')} ORDER BY at DESC LIMIT {{most:UInt32}}"
        )
        return tuple(Lost(*row) for row in self._rows(asked, {"since": since, "most": most}))

    def reached(self, sources: Iterable[str]) -> dict[str, dict[str, tuple[int, int]]]:
        """For each source, and each of its generations of late: the offset behind its last record, and when that was
        received. Of late is a day before the last record of all, and for a source that is silent longer, ever."""
        newest = self.held().newest
        found: dict[str, dict[str, tuple[int, int]]] = {source: {} for source in sources}
        for source, ends in found.items():
            ends.update(self._ends(source, newest - DAY) or self._ends(source, 0))
        return found

    def _ends(self, source: str, since: int) -> dict[str, tuple[int, int]]:
        """The ends in the order in which their last records were received."""
        place = "WHERE site = {site:String} AND source = {source:String}"
        asked = (
            "SELECT generation, max(end), max(at) AS last FROM ("
            f"SELECT generation, offset + length(raw) AS end, received AS at FROM {self._table} {place} "
            f"AND received >= {_instant('since')} "
            f"UNION ALL SELECT generation, offset AS end, at FROM {schema.quoted(self._database)}.begun {place} "
            f"AND at >= {_instant('since')}) GROUP BY generation ORDER BY last"
        )
        rows = self._rows(asked, {"source": source, "since": max(since, 0)})
        return {generation: (end, last) for generation, end, last in rows}

    def held(self) -> Held:
        """What the store holds."""
        asked = f"SELECT count(), min(received), max(received) FROM {self._table} WHERE site = {{site:String}}"
        rows = self._rows(asked)
        size = self._rows(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = {d:String}", {"d": self._database}
        )
        count, oldest, newest = rows[0]
        return Held(count, size[0][0], oldest if count else 0, newest if count else 0)

    def counts(self, since: int, until: int, step: int) -> tuple[Count, ...]:
        """How many records happened, by source and by pieces of ``step`` microseconds counted from the epoch, in order.
        A record that was written twice may count twice until the store has put its rows in order."""
        parameters: Parameters = {"step": step, **_bounds(since, until)}
        asked = (
            f"SELECT source, intDiv(toUnixTimestamp64Micro(time), {{step:Int64}}) * {{step:Int64}} AS begins, count() "
            f"FROM {self._table} WHERE {self._within(EVERYTHING, parameters)} "
            "GROUP BY source, begins ORDER BY begins, source"
        )
        return tuple(Count(*row) for row in self._rows(asked, parameters))

    def scan(self, condition: Condition, since: int, until: int) -> Iterator[list[Kept]]:
        """The records of which the condition holds and that happened from ``since`` until before ``until``, in blocks,
        in the order of (time, source, generation, offset), each once. Close it where the rest is not wanted."""
        parameters = _bounds(since, until)
        asked = (
            f"SELECT source, generation, offset, time, received, raw FROM {self._table} "
            f"WHERE {self._within(condition, parameters)} ORDER BY site, time, source, generation, offset "
            f"SETTINGS max_block_size = {BLOCK}"
        )
        last: tuple[object, ...] = ()
        with silence_told():
            stream = self._client.query_row_block_stream(
                asked, parameters={**parameters, "site": self._site}, column_formats={"raw": "bytes", **_TIMES}
            )
            with stream as blocks:
                for block in blocks:
                    kept: list[Kept] = []
                    for row in block:
                        if row[:4] != last:
                            kept.append(Kept(*row))
                            last = row[:4]
                    yield kept

    def _within(self, condition: Condition, parameters: Parameters) -> str:
        narrowed = where(condition, self._known(), parameters)
        return f"site = {{site:String}} AND time >= {_instant('since')} AND time < {_instant('until')} AND {narrowed}"

    def _known(self) -> tuple[str, ...]:
        """The columns that the table has."""
        if self._columns is None:
            asked = "SELECT name FROM system.columns WHERE database = {d:String} AND table = 'events' ORDER BY position"
            self._columns = tuple(name for (name,) in self._rows(asked, {"d": self._database}))
        return self._columns

    def _rows(self, asked: str, parameters: Parameters | None = None) -> Sequence[Sequence[Any]]:
        with silence_told():
            bound = {"site": self._site, **(parameters or {})}
            return self._client.query(asked, parameters=bound, query_formats={"DateTime64": "int"}).result_rows

    def _insert(self, table: str, names: list[str], columns: list[list[Any]], types: Mapping[str, str]) -> None:
        if not columns or not columns[0]:
            return
        with silence_told():
            self._client.insert(
                table,
                [[self._site] * len(columns[0]), *columns],
                ["site", *names],
                database=self._database,
                column_type_names=[_type(types.get(name, schema.ROUTE)) for name in ("site", *names)],
                column_oriented=True,
            )


_TIMES = {"time": "int", "received": "int"}


def _bytes(text: str) -> bytes:
    """What a record says of itself need not be text that can be encoded."""
    return text.encode("utf-8", "surrogatepass")


def _type(column: str) -> str:
    return column.partition(" CODEC")[0]


def _instant(name: str) -> str:
    return f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"


def _bounds(since: int, until: int) -> Parameters:
    return {"since": max(since, EARLIEST), "until": min(until, LATEST + 1)}
