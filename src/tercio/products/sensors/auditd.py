"""Linux' audit log (auditd): records of one event, joined by their serial, in the raw and the enriched form.

Trust: what a user names (files, arguments) is quoted or written as hexadecimal digits by the kernel; the log itself may
be written by whoever is root on its host.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from tercio.model.events import Endpoint, Event, LogSource, Provenance, Unparsed
from tercio.model.ids import event_id
from tercio.model.site import ip_of
from tercio.model.sitenames import host_name
from tercio.model.units import SECOND

MAX_EVENT = 1 << 20
"""Longest event in bytes: a command line alone can have 128 KB."""

MOST_HELD = 512
"""Lines that wait for the rest of their events at most."""

LATE = 2 * SECOND
"""So long after an event began (microseconds) nothing more of it comes."""

_BASE, _PROCESS, _LOGON = 0, 1007, 3002
_LOGONS = {"USER_LOGIN", "USER_AUTH", "USER_START", "USER_ACCT", "CRED_ACQ"}
_ENDS = {"EOE", "PROCTITLE"}
_MEMBERS = {"SYSCALL", "EXECVE", "CWD", "PATH", "SOCKADDR", "FD_PAIR", "IPC", "MMAP", "BPRM_FCAPS", "CAPSET", *_ENDS}
_MEMBERS |= {"OBJ_PID", "MQ_OPEN", "SOCKETCALL", "KERN_MODULE", "CONFIG_CHANGE", "AVC", "SECCOMP", "BPF"}
"""Types that may be part of an event of several records; others stand alone."""

LOG_SOURCE = LogSource(
    product="linux",
    routes=("kind",),
    services={"auditd": ({},), "process_creation": ({"kind": ("execve",)},)},
    sees="what a Linux host's kernel was told to audit: system calls, commands, files, logons",
    paths={"Image": ("exe",), "CurrentDirectory": ("cwd",), "ProcessId": ("pid",), "ParentProcessId": ("ppid",)},
)

_HEAD = re.compile(
    rb"(?:node=(\S{1,255}) )?type=([A-Z0-9_]{1,32}|UNKNOWN\[\d+\]) msg=audit\((\d{1,11})\.(\d{3}):(\d{1,20})\):"
)
_EXECUTED = re.compile(rb"^(?:node=\S{1,255} )?type=EXECVE ", re.MULTILINE)
_PAIR = re.compile(r"(?<![\w-])([A-Za-z][\w-]{0,63})=(\"[^\"]*\"|'[^']*'|\([^)]{0,64}\)|[^\s'\"]*)")
"""Linear on whatever comes: names begin at words only, and a bracket that nobody closes is not looked for to the end
again and again (a quotation mark is closed by the next one)."""
_ARGUMENT = re.compile(r"a\d{1,5}")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_NAMED = {"name", "cwd", "comm", "exe", "proctitle", "cmd", "acct", "data", "path", "old-name"}
"""Fields that the kernel writes as hexadecimal digits where they hold more than plain letters."""

_encode = msgspec.json.Encoder().encode


def whole(lines: Sequence[bytes]) -> int:
    """How many of the lines, from the first, belong to events of which nothing more comes."""
    begins: dict[bytes, tuple[int, int]] = {}
    lasts: dict[bytes, int] = {}
    ended: set[bytes] = set()
    newest, end = 0, len(lines)
    for place, line in enumerate(lines):
        head = _HEAD.match(line)
        if head is None:
            continue
        newest = max(newest, _time(head))
        if (kind := head[2].decode()) in _MEMBERS:
            begins.setdefault(_event(head), (place, _time(head)))
            lasts[_event(head)] = place
            ended |= {_event(head)} if kind in _ENDS else set()
    for event, (first, at) in reversed(begins.items()):
        if event not in ended and newest - at < LATE:
            end = min(end, first)
        elif first < end <= lasts[event]:
            end = first
    return end if len(lines) - end < MOST_HELD else len(lines)


def reshape(lines: Sequence[bytes]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The events in these lines, each with all its records one after the other, in the order in which they began; and
    each as one object: a field that several records have holds all their values."""
    events: dict[bytes, list[bytes]] = {}
    for place, line in enumerate(lines):
        head = _HEAD.match(line)
        joined = head is not None and head[2].decode() in _MEMBERS
        key = _event(head) if head is not None and joined else b"line %d" % place
        events.setdefault(key, []).append(line)
    raw = tuple(map(b"".join, events.values()))
    return raw, tuple(map(_joined, raw))


def _joined(raw: bytes) -> bytes:
    records = [(head, line) for line in raw.splitlines() if (head := _HEAD.match(line))]
    if not records or len(raw) > MAX_EVENT:
        return b""
    fields: dict[str, dict[str, None]] = {}
    arguments: dict[int, str] = {}
    for head, line in records:
        kind = head[2].decode()
        for name, value in _pairs(kind, line[head.end() :].decode("utf-8", "replace")):
            fields.setdefault(name, {})[value] = None
            if kind == "EXECVE" and _ARGUMENT.fullmatch(name):
                arguments[int(name[1:])] = value
    kinds = list(dict.fromkeys(head[2].decode() for head, _ in records))
    several = {name: list(values) for name, values in fields.items()}
    shaped: dict[str, Any] = {name: values[0] if len(values) == 1 else values for name, values in several.items()}
    shaped["type"] = kinds[0] if len(kinds) == 1 else kinds
    shaped["kind"] = "execve" if "EXECVE" in kinds else kinds[0].lower()
    if arguments:
        shaped["CommandLine"] = " ".join(value for _, value in sorted(arguments.items()))
    return _encode(shaped) + b"\n"


def _pairs(kind: str, text: str) -> list[tuple[str, str]]:
    """The fields of one record in their order; those inside ``msg='...'`` among them."""
    found = []
    for name, value in _PAIR.findall(text.replace("\x1d", " ")):
        if name == "msg" and value.startswith("'"):
            found += _pairs(kind, value[1:-1])
        elif value not in ("", "?", "(null)", "(none)"):
            found.append((name, _plain(kind, name, value)))
    return found


def _plain(kind: str, name: str, value: str) -> str:
    if value[0] in "\"'":
        return value[1:-1]
    hexadecimal = name in _NAMED or (kind == "EXECVE" and _ARGUMENT.fullmatch(name))
    if not hexadecimal or not _HEX.fullmatch(value) or (kind == "EXECVE" and len(value) < 4):
        return value
    return bytes.fromhex(value).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")


def parse(source: str, generation: str, offset: int, raw: bytes, received: int) -> Event | Unparsed:
    """Make an event of the records of one event. Never raises: what is none comes back as ``Unparsed``."""
    head = _HEAD.match(raw)
    if head is None:
        return Unparsed(source, generation, offset, raw, "not a record of the audit log")
    if len(raw) > MAX_EVENT:
        return Unparsed(source, generation, offset, raw, f"longer than {MAX_EVENT} bytes")
    kind = head[2].decode()
    fields = dict(_pairs(kind, raw[head.end() :].split(b"\n", 1)[0].decode("utf-8", "replace")))
    process, logon, time = _EXECUTED.search(raw) is not None, kind in _LOGONS, _time(head)
    return Event(
        id=event_id(source, generation, offset, raw),
        source=source,
        generation=generation,
        offset=offset,
        product=LOG_SOURCE.product,
        kind=f"audit:{'execve' if process else kind.lower()}",
        class_uid=_PROCESS if process else _LOGON if logon else _BASE,
        time=time,
        began=time,
        until=time,
        received=received,
        provenance=Provenance.FORGEABLE,
        src=_peer(fields.get("addr", "")) if logon else None,
        action=fields.get("res", "")[:16] if logon else "",
        host=host_name((head[1] or b"").decode("utf-8", "replace")),
    )


def observes(_: bytes) -> bool:
    """A host's log shows neither process readings nor the traffic of others: only what rules cite is worth parsing."""
    return False


def _peer(text: str) -> Endpoint | None:
    address = ip_of(text[:64])
    return Endpoint(str(address)) if address is not None and not address.is_loopback else None


def _event(head: re.Match[bytes]) -> bytes:
    """What all records of one event have in common: host, serial, second."""
    return b"%b %b %b" % (head[1] or b"", head[5], head[3])


def _time(head: re.Match[bytes]) -> int:
    return int(head[3]) * SECOND + int(head[4]) * 1000
