"""Access logs of web servers in the common and the combined form, as nginx and Apache write them.

Trust: whoever sends a request writes its path, its agent and its referer; servers escape quotes and controls in them.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import msgspec

from tercio.model.events import Endpoint, Event, LogSource, Provenance, Unparsed
from tercio.model.ids import event_id
from tercio.model.site import ip_of
from tercio.model.units import instant

MAX_LINE = 1 << 18
"""Longest record in bytes: servers refuse requests of more than some 8 to 64 KB."""

_HTTP = 4002
# Sigma's rules for web servers name the category only, and no product.
LOG_SOURCE = LogSource(
    product="",
    routes=("sc-status",),
    services={"webserver": ({},)},
    sees="each request that a web server answered: from where, for what, with which status; no bodies",
    paths={
        "c-uri": ("cs-uri",),
        "c-uri-query": ("cs-uri-query",),
        "c-uri-stem": ("cs-uri-stem",),
        "c-useragent": ("cs-user-agent",),
        "cs(User-Agent)": ("cs-user-agent",),
        "cs(Referer)": ("cs-referer",),
    },
)

_QUOTED = rb'"((?:[^"\\]|\\.)*)"'
_HEAD = rb"(\S+) \S+ (\S+|.{1,256}?) \[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] "
_LINE = re.compile(_HEAD + _QUOTED + rb" (\d{3}|-) (\d+|-)(?: " + _QUOTED + rb" " + _QUOTED + rb")?[^\n]*\n?")
_UNESCAPED = re.compile(_HEAD + rb'"([^\n]*)" (\d{3}|-) (\d+|-)()()\r?\n?')
"""Some servers write the request as it came: where it holds quotes, it ends at the last that can end it."""
_MONTHS = {name: n for n, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_encode = msgspec.json.Encoder().encode


def reshape(lines: Sequence[bytes]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Each line, and its fields under the names that Sigma uses for web servers."""
    return tuple(lines), tuple(map(_fields, lines))


def _fields(line: bytes) -> bytes:
    found = _understood(line) if len(line) <= MAX_LINE else None
    if found is None:
        return b""
    request = _text(found[12])
    method, _, rest = request.partition(" ")
    uri, _, version = rest.rpartition(" ") if rest.rpartition(" ")[2].startswith("HTTP/") else (rest, "", "")
    stem, _, query = uri.partition("?")
    fields = {
        "c-ip": _text(found[1]),
        "cs-username": _text(found[2]),
        "cs-method": method,
        "cs-uri": uri,
        "cs-uri-stem": stem,
        "cs-uri-query": [query, uri] if query else uri,
        "cs-version": version,
        "sc-status": _text(found[13]),
        "sc-bytes": _text(found[14]),
        "cs-referer": _text(found[15] or b"-"),
        "cs-user-agent": _text(found[16] or b"-"),
    }
    return _encode({name: value for name, value in fields.items() if value not in ("", "-")}) + b"\n"


def parse(source: str, generation: str, offset: int, raw: bytes, received: int) -> Event | Unparsed:
    """Make an event of one request. Never raises: what is no such line comes back as ``Unparsed`` with the reason."""
    if len(raw) > MAX_LINE:
        return Unparsed(source, generation, offset, raw, f"longer than {MAX_LINE} bytes")
    found = _understood(raw)
    if found is None:
        return Unparsed(source, generation, offset, raw, "not a line of an access log in the common or combined form")
    try:
        time = _time(found)
    except (ValueError, KeyError, OverflowError):
        return Unparsed(source, generation, offset, raw, "it does not say when it happened")
    client = ip_of(_text(found[1]))
    return Event(
        id=event_id(source, generation, offset, raw),
        source=source,
        generation=generation,
        offset=offset,
        product="webserver",
        kind="request",
        class_uid=_HTTP,
        time=time,
        began=time,
        until=time,
        received=received,
        provenance=Provenance.FORGEABLE,
        src=Endpoint(str(client)) if client is not None else None,
        service="http",
        action=_text(found[13]),
    )


def observes(_: bytes) -> bool:
    """Requests are neither process readings nor traffic that a hand could have stopped: only what rules cite counts."""
    return False


def _understood(line: bytes) -> re.Match[bytes] | None:
    return _LINE.fullmatch(line) or _UNESCAPED.fullmatch(line)


def _time(found: re.Match[bytes]) -> int:
    day, year, hour, minute, second = (int(found[n]) for n in (3, 5, 6, 7, 8))
    away = timedelta(hours=int(found[10]), minutes=int(found[11]))
    zone = timezone(-away if found[9] == b"-" else away)
    return instant(datetime(year, _MONTHS[found[4]], day, hour, minute, second, tzinfo=zone).isoformat())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
