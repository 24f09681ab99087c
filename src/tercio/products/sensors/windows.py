"""Windows event logs as JSON, one record a line, in the three shapes that forwarders write.

*flat*: all values at the top, as NXLog, Fluent Bit and NDJSON exports have it; *winlogbeat*: under ``winlog``; *evtx*:
the XML of a record turned into JSON, ``Event.System`` and ``Event.EventData``.

Trust: who may write to a host's log, or to the file, may write anything into a record. What comes here without a
channel that proves its sender is forgeable.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from tercio.model.events import Endpoint, Event, LogSource, Provenance, Unparsed
from tercio.model.ids import event_id
from tercio.model.site import ip_of
from tercio.model.sitenames import host_name
from tercio.model.units import instant
from tercio.products.sensors.contract import Filing
from tercio.products.sensors.windows_logs import OTHER_NAMES, USER_DATA, services

MAX_LINE = 1 << 20
"""Longest record in bytes: a script block of PowerShell is cut by Windows itself far below."""

PRODUCT = "windows"
ROUTES = ("Channel", "EventID", "Provider_Name")
SEES = "what a Windows host logs of itself: processes, logons, files, registry, scripts, as far as it is set to"

_BASE = 0
_PROCESS, _FILE, _MODULE, _NETWORK, _DNS = 1007, 1001, 1005, 4001, 4003
_LOGON, _ACCOUNT, _JOB = 3002, 3001, 1006
_SYSMON_CLASSES = {1: _PROCESS, 5: _PROCESS, 10: _PROCESS, 8: _PROCESS, 25: _PROCESS, 3: _NETWORK, 22: _DNS}
_SYSMON_CLASSES |= {6: _MODULE, 7: _MODULE, 2: _FILE, 11: _FILE, 15: _FILE, 23: _FILE, 26: _FILE, 29: _FILE}
_SECURITY_CLASSES = {4688: _PROCESS, 4689: _PROCESS, 4624: _LOGON, 4625: _LOGON, 4634: _LOGON, 4648: _LOGON}
_SECURITY_CLASSES |= {4768: _LOGON, 4769: _LOGON, 4771: _LOGON, 4776: _LOGON, 4720: _ACCOUNT, 4728: _ACCOUNT}
_SECURITY_CLASSES |= {4732: _ACCOUNT, 4756: _ACCOUNT, 4698: _JOB, 4699: _JOB, 4702: _JOB, 5156: _NETWORK}
_CLASSES = {"microsoft-windows-sysmon/operational": _SYSMON_CLASSES, "security": _SECURITY_CLASSES}


class Shape(NamedTuple):
    """Where one kind of forwarder puts things: dotted paths, the first that is there counts; ``data`` stands before the
    name of everything else; ``unnamed`` is where values without a name stand, if not there, and ``user``, with the
    element's name in it, stands before what providers of their own kind write."""

    channel: tuple[str, ...]
    number: tuple[str, ...]
    provider: tuple[str, ...]
    host: tuple[str, ...]
    time: tuple[str, ...]
    data: str
    unnamed: tuple[str, ...] = ()
    user: str = ""


FLAT = Shape(
    channel=("Channel",),
    number=("EventID",),
    provider=("Provider_Name", "SourceName", "ProviderName"),
    host=("Computer", "Hostname", "host"),
    time=("SystemTime", "@timestamp", "TimeCreated", "UtcTime", "EventTime"),
    data="",
)
WINLOGBEAT = Shape(
    channel=("winlog.channel",),
    number=("winlog.event_id", "event.code"),
    provider=("winlog.provider_name",),
    host=("winlog.computer_name", "host.name"),
    time=("@timestamp",),
    data="winlog.event_data.",
    user="winlog.user_data.",
)
EVTX = Shape(
    channel=("Event.System.Channel",),
    number=("Event.System.EventID.#text", "Event.System.EventID"),
    provider=("Event.System.Provider.#attributes.Name",),
    host=("Event.System.Computer",),
    time=("Event.System.TimeCreated.#attributes.SystemTime",),
    data="Event.EventData.",
    user="Event.UserData.{}.",
    unnamed=("Event.EventData.Data.#text", "Event.EventData.Data"),
)


def log_source(shape: Shape) -> LogSource:
    """The shape as detection needs it: some logs call fields by other names, or put them elsewhere."""
    return LogSource(
        product=PRODUCT,
        routes=ROUTES,
        services=services(),
        sees=SEES,
        paths={
            "Channel": shape.channel,
            "EventID": shape.number,
            "Provider_Name": shape.provider,
            "Computer": shape.host,
            **{name: tuple(dict.fromkeys(_places(shape, name))) for name in sorted({*OTHER_NAMES, *USER_DATA})},
            **({"Data": shape.unnamed} if shape.unnamed else {}),
        },
        prefix=shape.data,
    )


def _places(shape: Shape, name: str) -> Iterator[str]:
    yield from (shape.data + known for known in (name, *OTHER_NAMES.get(name, ())))
    if shape.user:
        yield from (shape.user.format(element) + name for element in USER_DATA.get(name, ()))


def parser(shape: Shape) -> Callable[[str, str, int, bytes, int], Event | Unparsed]:
    """The parser of one shape. It never raises: what is no such record comes back as ``Unparsed`` with the reason."""

    def parse(source: str, generation: str, offset: int, raw: bytes, received: int) -> Event | Unparsed:
        def unparsed(reason: str) -> Unparsed:
            return Unparsed(source, generation, offset, raw, reason)

        if len(raw) > MAX_LINE:
            return unparsed(f"longer than {MAX_LINE} bytes")
        try:
            record = _decode(raw)
            channel, number = _text(record, shape.channel), _number(record, shape)
            time = _time(record, shape)
        except RecursionError:
            return unparsed("nested too deeply")
        except UnicodeDecodeError:
            return unparsed("not UTF-8")
        except (msgspec.DecodeError, ValueError, OverflowError) as error:
            return unparsed(str(error)[:200])
        src, dst = _ends(record, shape, number)
        return Event(
            id=event_id(source, generation, offset, raw),
            source=source,
            generation=generation,
            offset=offset,
            product=PRODUCT,
            kind=f"{channel.rpartition('/')[0] or channel}:{number}"[:128],
            class_uid=_CLASSES.get(channel.lower(), {}).get(number, _BASE),
            time=time,
            began=time,
            until=time,
            received=received,
            provenance=Provenance.FORGEABLE,
            src=src,
            dst=dst,
            host=host_name(_text(record, shape.host)),
        )

    return parse


def observes(_: bytes) -> bool:
    """A host's log shows neither process readings nor the traffic of others: only what rules cite is worth parsing."""
    return False


_decode = msgspec.json.Decoder(dict[str, Any]).decode


def _number(record: dict[str, Any], shape: Shape) -> int:
    text = _text(record, shape.number)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError(f"not a Windows event: its event id is {text[:40]!r}")
    return int(text)


def _time(record: dict[str, Any], shape: Shape) -> int:
    """When it happened: the best clock in the record that says its zone; one that does not is taken as UTC."""
    for path in shape.time:
        text = _text(record, (path,))
        if text:
            return _moment(text)
    raise ValueError("it does not say when it happened")


def _moment(text: str) -> int:
    text = text.replace(" ", "T")
    return instant(text if text.endswith("Z") or "+" in text[10:] or "-" in text[10:] else f"{text}Z")


def filing(shape: Shape) -> Filing:
    """The short way to what a record of this shape is filed under."""
    return Filing(shape.time, shape.host, _moment, host_name)


def _ends(record: dict[str, Any], shape: Shape, number: int) -> tuple[Endpoint | None, Endpoint | None]:
    """Whom a network record is about, and from where somebody logged on."""

    def end(address: str, port: str) -> Endpoint | None:
        where, at = _text(record, (shape.data + address,)), _text(record, (shape.data + port,))
        plain = ip_of(where.removeprefix("::ffff:")[:64])
        if plain is None or plain.is_loopback or plain.is_unspecified:
            return None
        return Endpoint(str(plain), int(at) if at.isascii() and at.isdecimal() and len(at) < 6 else 0)

    match number:
        case 3:
            return end("SourceIp", "SourcePort"), end("DestinationIp", "DestinationPort")
        case 5156:
            return end("SourceAddress", "SourcePort"), end("DestAddress", "DestPort")
        case 4624 | 4625 | 4768 | 4769 | 4771:
            return end("IpAddress", "IpPort"), None
        case _:
            return None, None


def _text(record: dict[str, Any], paths: tuple[str, ...]) -> str:
    """The first scalar at one of these paths, as text; empty where there is none."""
    for path in paths:
        value: Any = record
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return ""
