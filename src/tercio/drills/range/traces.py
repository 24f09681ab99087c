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


class Silence(msgspec.Struct, frozen=True, tag_field="kind", tag="silence"):
    """A receiver of cyclic frames heard nothing for longer than its watchdog allows, by the kernel's time stamps.

    ``at`` is when the watchdog tripped, ``span`` how long it was silent in all; ``lost`` frames were sent and never
    arrived; ``held_up`` is how much longer the frame that ended it was under way than the one that began it. Spans in
    microseconds.
    """

    at: int
    flow: str
    span: int
    lost: int
    held_up: int
    cycle: int
    watchdog: int

    @property
    def unexplained(self) -> bool:
        """Whether a punctual sender would have tripped the watchdog as well: then it is the network's doing."""
        return (self.lost + 1) * self.cycle + self.held_up > self.watchdog


class Cycles(msgspec.Struct, frozen=True, tag_field="kind", tag="cycles"):
    """A receiver's cyclic frames so far, twice a second and at the end; ``longest`` is how long the network had any of
    them at most (microseconds)."""

    at: int
    flow: str
    received: int
    lost: int
    longest: int


class SessionLost(msgspec.Struct, frozen=True, tag_field="kind", tag="session_lost"):
    """A session that was to last ended, by a reset or as nothing got through any more; ``asked`` is how many questions
    had been answered on it."""

    at: int
    session: str
    reason: str
    asked: int


class Asked(msgspec.Struct, frozen=True, tag_field="kind", tag="asked"):
    """Questions that were answered so far on sessions that are to last, twice a second and at the end."""

    at: int
    session: str
    answered: int


class TakeOver(msgspec.Struct, frozen=True, tag_field="kind", tag="take_over"):
    """The station in reserve took the floating address (``took``), or gave it back."""

    at: int
    address: str
    took: bool


class SignOn(msgspec.Struct, frozen=True, tag_field="kind", tag="sign_on"):
    """An account signed on at the directory: ``outcome`` accepted, refused or unreachable."""

    at: int
    target: str
    account: str
    outcome: str


class Forged(msgspec.Struct, frozen=True, tag_field="kind", tag="forged"):
    """A connection attempt was sent under an address that is another machine's."""

    at: int
    source: str
    target: str
    port: int


class Leased(msgspec.Struct, frozen=True, tag_field="kind", tag="leased"):
    """A machine, named by its own MAC address, has been given an IPv4 address by DHCP, or gave it back (``held``)."""

    at: int
    host: str
    mac: str
    address: str
    held: bool


Record = (
    Started
    | Request
    | Malformed
    | Session
    | Trip
    | Line
    | Missed
    | Polls
    | Connect
    | Read
    | Write
    | Silence
    | Cycles
    | SessionLost
    | Asked
    | TakeOver
    | SignOn
    | Forged
    | Leased
)

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
