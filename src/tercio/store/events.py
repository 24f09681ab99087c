"""The archive of all lines: a client of ClickHouse, embedded or a cluster, and nothing of its own to wait for.

Bytes are kept as they were written: a String of ClickHouse is bytes, and no text is made of them on the way.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

import msgspec

from tercio.model.archive import EVERYTHING, Condition, Count, Kept
from tercio.model.units import SECOND
from tercio.store import schema
from tercio.store.asked import Parameters, where

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

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

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class EventsSilent(OSError):
    """The store can't answer, or not as asked; the message says why."""


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
        import clickhouse_connect  # noqa: PLC0415  Nobody but who asks the store needs it, least of all the loop.
        from clickhouse_connect.driver.httputil import get_pool_manager  # noqa: PLC0415

        for name in ("clickhouse_connect", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # What fails is raised, and told once.
        at = urlsplit(url)
        here = at.hostname in LOOPBACK
        with _silence():
            client = clickhouse_connect.get_client(
                interface=at.scheme,
                host=at.hostname or "",
                port=at.port or (8443 if at.scheme == "https" else 8123),
                username=user,
                password=password,
                database="default",
                compress=not here,
                connect_timeout=min(10, patience),
                send_receive_timeout=patience,
                query_retries=0,
                autogenerate_session_id=False,
                client_name="tercio",
                show_clickhouse_errors="scrub",
                pool_mgr=get_pool_manager() if here else None,  # No proxy of the environment on this machine.
            )
        return cls(client, at.path.strip("/") or DATABASE, site)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def prepare(self, routes: Iterable[str], keep: int) -> None:
        """Make the tables, or bring them up to these routing fields and this time to ``keep`` (microseconds). Raises
        EventsSilent for tables of another version."""
        fields = tuple(dict.fromkeys(routes))
        with _silence():
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
        with _silence():
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
        with _silence():
            bound = {"site": self._site, **(parameters or {})}
            return self._client.query(asked, parameters=bound, query_formats={"DateTime64": "int"}).result_rows

    def _insert(self, table: str, names: list[str], columns: list[list[Any]], types: Mapping[str, str]) -> None:
        if not columns or not columns[0]:
            return
        with _silence():
            self._client.insert(
                table,
                [[self._site] * len(columns[0]), *columns],
                ["site", *names],
                database=self._database,
                column_type_names=[_type(types.get(name, schema.ROUTE)) for name in ("site", *names)],
                column_oriented=True,
            )


_PREFACE = re.compile(r"^.*?server response: (?:.*?DB::Exception: )?", re.DOTALL)
"""What the client puts before the store's own words."""
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


@contextmanager
def _silence() -> Iterator[None]:
    """Whatever keeps the store from answering, as EventsSilent."""
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415  As above.
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        yield
    except (ClickHouseError, HTTPError) as error:
        raise EventsSilent(f"the event store can't be used: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The system's word on why nobody answered, where it has one; else the store's own, or its client's."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, TimeoutError):
            return "it takes too long"
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        found = getattr(found, "reason", None) or found.__cause__ or found.__context__
        found = found if isinstance(found, BaseException) else None
    return _PREFACE.sub("", str(error)).strip()
