"""What sensors report: raw lines in batches, and the event that a cited line becomes."""

from enum import StrEnum

import msgspec


class Provenance(StrEnum):
    """How far the origin of an event can be trusted (DESIGN §5)."""

    AUTHENTICATED = "authenticated"
    """Came over a channel whose sender proved who he is."""
    ESTABLISHED = "established"
    """Seen inside a TCP session whose handshake the sensor watched: the source address is real."""
    FORGEABLE = "forgeable"
    """Any host on the wire could have sent it: may raise attention and ask, contains nothing alone."""
    DERIVED = "derived"
    """Computed from other events; no stronger than the weakest of them."""


ANSWERED = "answered"
"""The action of an application's exchange of which the answer was seen."""


class Batch(msgspec.Struct, frozen=True):
    """Complete lines of one source as they lie in its file, in order.

    ``offset`` is where the first line starts; each line carries its newline, so the offset of a line is the
    sum of the lengths before it. ``generation`` tells files of one source apart (rotation, truncation).
    ``received`` is when the batch was read (an instant).
    """

    source: str
    generation: str
    offset: int
    lines: tuple[bytes, ...]
    received: int

    @property
    def end(self) -> int:
        """The offset behind the last line: where reading goes on."""
        return self.offset + sum(map(len, self.lines))


class Unparsed(msgspec.Struct, frozen=True):
    """A line that no parser understood: counted and kept up to a limit, never fatal."""

    source: str
    generation: str
    offset: int
    raw: bytes
    reason: str


class Match(msgspec.Struct, frozen=True):
    """A base rule that matched one line: ``index`` is the line's place in its batch; ``fields`` are the values, by
    field name, that correlations over this rule group by or count."""

    rule: str
    index: int
    fields: dict[str, str] = {}


class Failed(msgspec.Struct, frozen=True):
    """A base rule that could not be held against one line, and why: ``index`` is the line's place in its batch."""

    rule: str
    index: int
    reason: str


class LogSource(msgspec.Struct, frozen=True):
    """What a sensor tells the brain of itself, in Sigma's words.

    ``routes`` are the fields that choose a rule group; ``services`` says which records a Sigma
    ``logsource.category``/``service`` means: those in which, by one of its mappings, each routing field has one of the
    values given. ``sees`` says in words what it can see. A field stands in a record where ``paths`` says (dotted paths,
    the first that is there counts), else behind ``prefix`` under its own name.
    """

    product: str
    routes: tuple[str, ...]
    services: dict[str, tuple[dict[str, tuple[str, ...]], ...]]
    sees: str
    paths: dict[str, tuple[str, ...]] = {}
    prefix: str = ""

    def places(self, field: str) -> tuple[str, ...]:
        """The dotted paths at which a field may stand, best first."""
        return self.paths.get(field) or (self.prefix + field,)


class Endpoint(msgspec.Struct, frozen=True):
    """One end of a flow. ``port`` is 0 where the protocol has none; ``mac`` is the link address that its frames carried
    where the sensor looked (a router's, where the end lies behind one), empty where the record does not show one."""

    address: str
    port: int = 0
    mac: str = ""


class Assignment(msgspec.Struct, frozen=True):
    """What a DHCP server acknowledged: that a link address has an IP address."""

    address: str
    mac: str


class Reading(msgspec.Struct, frozen=True):
    """A process tag as seen on the wire in somebody's poll of a controller: ``table`` is Modbus' word for the
    kind of point (coil, discrete, register, input)."""

    address: str
    unit: int
    table: str
    index: int
    value: int


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a product reported, with the way back to its raw record.

    ``class_uid`` is the OCSF class (4001 network activity, 2004 detection finding, ...); ``time`` is when it
    happened by the product's clock, ``received`` when Tercio read it; ``flow`` is the community id (one packet
    seen twice has one); ``began`` and ``until`` are the first and last moment the event speaks of (a flow's start
    and last packet), else ``time``; ``assigned`` is what a DHCP acknowledgement says; ``machine`` is the link address
    of whoever did it, where the loop saw whose it is (empty: it did not; ``unknown``: it may be another machine than
    that of the source's address); ``host`` is the computer that logged it of itself, by its own name in small letters
    (empty: it is about traffic).
    """

    id: str
    source: str
    generation: str
    offset: int
    product: str
    kind: str
    class_uid: int
    time: int
    began: int
    until: int
    received: int
    provenance: Provenance
    src: Endpoint | None = None
    dst: Endpoint | None = None
    transport: str = ""
    service: str = ""
    flow: str = ""
    action: str = ""
    readings: tuple[Reading, ...] = ()
    assigned: Assignment | None = None
    machine: str = ""
    host: str = ""
