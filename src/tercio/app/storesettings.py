"""The table ``[store]``: where all lines are kept, and how long."""

import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tercio.model.tomltable import Table
from tercio.model.units import SECOND

DAY = 24 * 3600 * SECOND

PORT = 8423
"""Where the embedded store listens, on 127.0.0.1."""

USER = "tercio"

_HOST, _DATABASE = re.compile(r"[A-Za-z0-9._:%-]+"), re.compile(r"/?|/[A-Za-z0-9_-]+/?")


class Kind(StrEnum):
    """Who keeps the lines: nobody; the engine in a process of Tercio's own; a ClickHouse that the site runs."""

    NONE = "none"
    EMBEDDED = "embedded"
    CLICKHOUSE = "clickhouse"


class StoreSettings(msgspec.Struct, frozen=True):
    """``keep`` is how long lines are kept (microseconds). The password is where ``password_file`` or the variable
    ``password_env`` says; the embedded store makes its own."""

    kind: Kind = Kind.NONE
    keep: int = 90 * DAY
    port: int = PORT
    url: str = ""
    user: str = USER
    password_file: Path | None = None
    password_env: str = ""


def store_settings(folder: Path, table: Table) -> StoreSettings:
    """Read the table; paths in it are relative to the folder."""
    kind = Kind(table.choice("kind", tuple(Kind), Kind.NONE))
    keep = table.span("keep", default=90 * DAY, least=DAY, most=3660 * DAY)
    port = table.number("port", 65535, least=1, default=PORT)
    if port != int(port):
        table.fault("port", f"is {port:g}; it must be a whole number")
    file = table.text("password_file")
    result = StoreSettings(
        kind=kind,
        keep=keep,
        port=int(port),
        url=table.text("url"),
        user=table.text("user", USER),
        password_file=folder / file if file else None,
        password_env=table.text("password_env"),
    )
    _fit(table, result)
    table.done()
    return result


def _fit(table: Table, store: StoreSettings) -> None:
    """A key that its kind has no use for is a fault: whoever wrote it expects something of it."""
    own = {Kind.EMBEDDED: ("port",), Kind.CLICKHOUSE: ("url", "user", "password_file", "password_env")}
    for kind, keys in own.items():
        for key in keys:
            if key in table and store.kind != kind:
                table.fault(key, f'is for kind = "{kind}"; take it off, or correct kind')
    if store.kind != Kind.CLICKHOUSE:
        return
    table.required("url", 'url = "https://clickhouse.example:8443/tercio"')
    if store.url and not _address(store.url):
        table.fault("url", "is no address of a ClickHouse; write https://HOST:PORT/DATABASE, without user or password")
    if (store.password_file is None) == (not store.password_env):
        words = 'needs the password by reference: password_file = "FILE" or password_env = "NAME", one of them'
        table.fault("url", words)


def _address(url: str) -> bool:
    """Whether it is ``http[s]://HOST[:PORT][/DATABASE]``, and nothing more."""
    try:
        at = urlsplit(url)
        host, port = at.hostname or "", at.port
    except ValueError:  # An IPv6 address that is none, or a port.
        return False
    known = at.scheme in ("http", "https") and _HOST.fullmatch(host) and _DATABASE.fullmatch(at.path)
    return bool(known) and port != 0 and "@" not in at.netloc and not at.query and not at.fragment
