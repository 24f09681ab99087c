"""The ClickHouse engine inside this process (chDB): statements in, blocks of answers out.

A process has one engine. It must never fork, and does not end by a crash of its own (it hangs): whoever starts it
watches it by asking, and kills it.
"""

import os
import queue
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

AT_ONCE = 6
"""Statements that run at the same time; one more waits."""

LIMITS = {"max_memory_usage": 1 << 30, "max_execution_time": 3600, "max_bytes_before_external_sort": 256 << 20}
"""What one statement may take: bytes of memory, seconds; and from how many bytes on it sorts on the disk."""

CACHES = (
    "mark_cache_size",
    "index_mark_cache_size",
    "primary_index_cache_size",
    "text_index_header_cache_size",
    "text_index_postings_cache_size",
    "text_index_tokens_cache_size",
)
BOUNDS = {"max_server_memory_usage": 3 << 29, **dict.fromkeys(CACHES, 64 << 20)}
"""What the engine may take as a whole, in bytes: it shares the machine with the defence, and else takes nine tenths."""

_CODE = re.compile(r"\bCode: (\d{1,4})\.")
_STREAMED = re.compile(r"\s*(?:SELECT|WITH)\b.*\bFORMAT\s+Native\s*", re.IGNORECASE | re.DOTALL)
"""What is answered block by block: other formats have something before, between and behind the blocks."""

UNKNOWN = 1002
"""ClickHouse's code for an exception that has none."""


class Statement(msgspec.Struct, frozen=True):
    """One SQL statement. ``form`` is the format of the answer, where the statement names none; ``values`` its
    parameters, as ClickHouse writes them; ``data`` what an INSERT brings, in the format ``data_form``."""

    sql: str
    form: str = "TabSeparated"
    database: str = ""
    values: Mapping[str, str] = {}
    data: bytes = b""
    data_form: str = ""


class Refusal(Exception):
    """A statement failed: ClickHouse's code and words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        found = _CODE.search(words)
        self.code = int(found[1]) if found else UNKNOWN


class Engine:
    """Several threads may ask at once; more than ``AT_ONCE`` wait for each other."""

    def __init__(self, folder: Path) -> None:
        """Open, or begin, the store in this folder. Raises Refusal."""
        self._free: queue.SimpleQueue[_Line] = queue.SimpleQueue()
        self._lines = tuple(_Line(folder) for _ in range(AT_ONCE))
        for line in self._lines:
            self._free.put(line)
        self._own = _Line(folder)

    def ask(self, statement: Statement) -> Generator[bytes]:
        """The answer, block by block; the first comes when the engine has begun to answer. Closing the generator ends
        the statement. Raises Refusal."""
        line = self._free.get()
        try:
            yield from line.ask(statement)
        finally:
            self._free.put(line)

    def ping(self) -> None:
        """Come back when the engine answers; not from two threads at once. Raises Refusal."""
        tuple(self._own.ask(Statement("SELECT 1")))

    def close(self) -> None:
        """Let go of the folder."""
        for line in (*self._lines, self._own):
            line.close()


class _Line:
    """One session with the engine: one statement at a time."""

    def __init__(self, folder: Path) -> None:
        from chdb import session  # noqa: PLC0415  Only the store's own process may load it.

        sessions: Any = session  # It states no types.
        with _refusals():
            self._session = sessions.Session(f"{folder}?{urlencode(BOUNDS)}")
            for name, value in LIMITS.items():
                self._session.query(f"SET {name} = {value}")
        self._database = "default"

    def ask(self, statement: Statement) -> Iterator[bytes]:
        with _refusals():
            self._use(statement.database or "default")
            if statement.data_form:
                self._insert(statement)
            elif not _STREAMED.fullmatch(statement.sql):
                yield bytes(self._session.query(statement.sql, statement.form, params=dict(statement.values)).bytes())
            else:
                with self._session.send_query(statement.sql, statement.form, params=dict(statement.values)) as answer:
                    for block in answer:
                        yield bytes(block.bytes())

    def _insert(self, statement: Statement) -> None:
        """Insert by a file in memory: the engine's own way to take data by pieces (send_insert of chDB 26.9) says that
        rows are written though the disk was full."""
        handle = os.memfd_create("insert", os.MFD_CLOEXEC)
        try:
            with os.fdopen(handle, "wb", closefd=False) as file:
                file.write(statement.data)
            place = f"/proc/self/fd/{handle}"
            self._session.query(f"{statement.sql} FROM INFILE '{place}' FORMAT {statement.data_form}")
        finally:
            os.close(handle)

    def close(self) -> None:
        self._session.close()

    def _use(self, database: str) -> None:
        if database != self._database:
            if not database.isidentifier():
                raise Refusal("Code: 36. DB::Exception: the name of a database is letters, digits and underscores")
            self._session.query(f"USE `{database}`")
            self._database = database


@contextmanager
def _refusals() -> Iterator[None]:
    """What the engine raises, as a Refusal. (chDB's own error is a RuntimeError, or an Exception that says no more.)"""
    try:
        yield
    except (GeneratorExit, Refusal):
        raise
    except Exception as error:
        raise Refusal(str(error)) from error
