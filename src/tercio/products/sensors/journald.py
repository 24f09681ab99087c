"""systemd's journal as JSON, one entry a line (``journalctl --output=json --follow``): sshd, sudo, cron and the rest.

Trust: any user may write entries under any identifier. Fields that begin with an underscore are journald's own word on
who wrote; an address is taken from a message only where they say that it was sshd, and root: any process may take
sshd's name.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from tercio.model.events import Endpoint, Event, LogSource, Provenance, Unparsed
from tercio.model.ids import event_id
from tercio.model.site import ip_of
from tercio.model.sitenames import host_name
from tercio.products.sensors.contract import Filing

MAX_LINE = 1 << 20
"""Longest entry in bytes that is read; journald itself cuts most fields far below."""

_BASE, _LOGON = 0, 3002
_IDENTIFIERS = {
    "sshd": ("sshd", "sshd-session", "sshd-auth"),
    "sudo": ("sudo",),
    "su": ("su",),
    "cron": ("cron", "crond", "anacron"),
    "vsftpd": ("vsftpd",),
    "clamav": ("clamd", "freshclam", "clamscan"),
    "guacamole": ("guacd", "guacamole"),
}
LOG_SOURCE = LogSource(
    product="linux",
    routes=("SYSLOG_IDENTIFIER", "SYSLOG_FACILITY"),
    services={
        "syslog": ({},),
        "auth": ({"SYSLOG_FACILITY": ("4", "10")},),
        **{name: ({"SYSLOG_IDENTIFIER": names},) for name, names in _IDENTIFIERS.items()},
    },
    sees="what a Linux host's services say of themselves: logons, sudo, cron, daemons",
)

_Short = Annotated[str, msgspec.Meta(max_length=256)]


class _Entry(msgspec.Struct):
    time: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,17}\Z")] = msgspec.field(name="__REALTIME_TIMESTAMP")
    message: Any = msgspec.field(name="MESSAGE", default="")
    identifier: Any = msgspec.field(name="SYSLOG_IDENTIFIER", default="")
    comm: Any = msgspec.field(name="_COMM", default="")
    uid: Any = msgspec.field(name="_UID", default="")
    host: _Short = msgspec.field(name="_HOSTNAME", default="")


_decode = msgspec.json.Decoder(_Entry).decode
_fields = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_SSHD = b'"sshd'
_LOGIN = re.compile(r"(?:Failed|Accepted) [\w/-]{1,32} for (?:invalid user )?(?P<user>.{0,256}) from ", re.DOTALL)
"""Whom a logon was for: all up to the last ``from``, since he may have chosen a name with that word in it."""
_FROM = re.compile(
    r".*[ =](?P<where>[0-9a-fA-F.:]{2,45}) port (?P<port>[0-9]{1,5})(?: ssh2(?:: .*)?)?(?: \[preauth\])?", re.DOTALL
)


def reshape(lines: Sequence[bytes]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Each line, and the same with whom sshd speaks of as fields of their own: ``src_ip``, and ``user`` where it says
    so. Rules may count by them; no sender of any other entry can write them."""
    return tuple(lines), tuple(map(_told_of_peer, lines))


def _told_of_peer(line: bytes) -> bytes:
    if _SSHD not in line and b"src_ip" not in line and b'"user"' not in line:
        return line
    try:
        entry, fields = _decode(line), _fields(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
    for name in ("src_ip", "user"):
        fields.pop(name, None)
    message = _text(entry.message)
    if _sshd(entry) and (peer := _peer(message)) is not None:
        fields["src_ip"] = peer.address
        if (login := _LOGIN.match(message)) is not None:
            fields["user"] = login["user"]
    return _encode(fields) + b"\n"


def parse(source: str, generation: str, offset: int, raw: bytes, received: int) -> Event | Unparsed:
    """Make an event of one entry. Never raises: what is no entry comes back as ``Unparsed`` with the reason."""

    def unparsed(reason: str) -> Unparsed:
        return Unparsed(source, generation, offset, raw, reason)

    if len(raw) > MAX_LINE:
        return unparsed(f"longer than {MAX_LINE} bytes")
    try:
        entry = _decode(raw)
    except RecursionError:
        return unparsed("nested too deeply")
    except UnicodeDecodeError:
        return unparsed("not UTF-8")
    except msgspec.DecodeError as error:
        return unparsed(str(error)[:200])
    identifier = _text(entry.identifier)[:64]
    sshd = _sshd(entry)
    time = int(entry.time)
    return Event(
        id=event_id(source, generation, offset, raw),
        source=source,
        generation=generation,
        offset=offset,
        product=LOG_SOURCE.product,
        kind=f"journal:{identifier}",
        class_uid=_LOGON if sshd else _BASE,
        time=time,
        began=time,
        until=time,
        received=received,
        provenance=Provenance.FORGEABLE,
        src=_peer(_text(entry.message)) if sshd else None,
        service="ssh" if sshd else "",
        host=host_name(entry.host),
    )


def observes(_: bytes) -> bool:
    """A host's journal shows neither process readings nor the traffic of others: only what rules cite is worth
    parsing."""
    return False


def _moment(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise ValueError("not a time of the journal")
    return int(text)


FILING = Filing(("__REALTIME_TIMESTAMP",), ("_HOSTNAME",), _moment, host_name)


def _sshd(entry: _Entry) -> bool:
    """Whether sshd wrote it. What it says of logons, its part that is root says."""
    return _text(entry.comm) in _IDENTIFIERS["sshd"] and _text(entry.uid) == "0"


def _peer(message: str) -> Endpoint | None:
    """Whom sshd speaks of: what stands last, behind any name that the peer chose."""
    found = _FROM.fullmatch(message[:4096])
    address = ip_of(found["where"]) if found is not None else None
    if found is None or address is None or address.is_loopback or int(found["port"]) > 65535:
        return None
    return Endpoint(str(address), int(found["port"]))


def _text(value: Any) -> str:
    """A field as text: journald writes bytes that are no UTF-8 as a list of numbers."""
    if isinstance(value, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value[:4096]):
        return bytes(value[:4096]).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
