"""Ground truth: what each actor of the range saw and did, one JSON object a line, instants by the wall clock."""

import time
from pathlib import Path

import msgspec


class Started(msgspec.Struct, frozen=True, tag_field="kind", tag="started"):
    """An actor is ready."""

    at: int
    actor: str


class Request(msgspec.Struct, frozen=True, tag_field="kind", tag="request"):
    """A controller received a request: Modbus function, first address, count; ``values`` where it writes."""

    at: int
    peer: str
    port: int
    function: int
    address: int
    count: int
    values: tuple[int, ...] = ()


class Malformed(msgspec.Struct, frozen=True, tag_field="kind", tag="malformed"):
    """A controller received bytes that are no request, and hung up."""

    at: int
    peer: str
    port: int
    why: str


class Session(msgspec.Struct, frozen=True, tag_field="kind", tag="session"):
    """A controller's TCP session began (``opened``) or ended."""

    at: int
    peer: str
    port: int
    opened: bool


class Trip(msgspec.Struct, frozen=True, tag_field="kind", tag="trip"):
    """The controller's own limit stopped the line."""

    at: int
    reason: str
    level: float


class Line(msgspec.Struct, frozen=True, tag_field="kind", tag="line"):
    """How the line stands, once a second and at the end: level in per cent, temperature in degrees Celsius."""

    at: int
    running: bool
    level: float
    temperature: float
    bottles: int
    trips: int


class Missed(msgspec.Struct, frozen=True, tag_field="kind", tag="missed"):
    """A station's poll had no answer in time; ``at`` is when the poll was due."""

    at: int
    reason: str


class Polls(msgspec.Struct, frozen=True, tag_field="kind", tag="polls"):
    """A station's polls so far, once a second and at the end."""

    at: int
    polls: int
    missed: int


class Connect(msgspec.Struct, frozen=True, tag_field="kind", tag="connect"):
    """A sweep tried one port: ``at`` when it began, ``outcome`` open, refused, reset, unreachable or timeout."""

    at: int
    target: str
    port: int
    outcome: str
    local_port: int = 0


class Read(msgspec.Struct, frozen=True, tag_field="kind", tag="read"):
    """A look-alike asked a controller for values."""

    at: int
    target: str
    function: int
    address: int
    count: int
    answered: bool


class Write(msgspec.Struct, frozen=True, tag_field="kind", tag="write"):
    """One attempt to write: ``at`` just before it was sent (0 if there was no session to send it on), ``ended`` when
    its outcome was known: acked, exception, reset, refused, unreachable or timeout."""

    at: int
    ended: int
    sequence: int
    register: int
    value: int
    local_port: int
    outcome: str


Record = Started | Request | Malformed | Session | Trip | Line | Missed | Polls | Connect | Read | Write

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class Trace:
    """An actor's trace file, appended to; every record is one write, so a killed actor loses nothing it reported."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def add(self, record: Record) -> None:
        """Write one record."""
        self._file.write(_ENCODER.encode(record) + b"\n")


class Reading(msgspec.Struct, frozen=True):
    """A trace as it was found: its records in order, and how many lines no record could be made of."""

    records: tuple[Record, ...]
    broken: int


def read_trace(path: Path) -> Reading:
    """Read a trace. A missing file is an empty one; a line that is cut off or no record is counted, never fatal."""
    records: list[Record] = []
    broken = 0
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            records.append(_DECODER.decode(line))
        except msgspec.MsgspecError:
            broken += 1
    return Reading(tuple(records), broken)


def now() -> int:
    """The wall clock, as an instant."""
    return time.time_ns() // 1000
