"""The values of the loop: what it was given, what it remembers, what comes in, what goes out."""

from collections.abc import Mapping

import msgspec

from tercio.agents.mandate import Limits, Mandate
from tercio.brain.decide.question import Outlook
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.windows import Windows
from tercio.model.commands import Command, Effect, Response
from tercio.model.decisions import Reach
from tercio.model.events import Batch
from tercio.model.incidents import Incident
from tercio.model.processes import ProcessState
from tercio.model.records import Record, Transaction
from tercio.model.site import Site
from tercio.model.units import SECOND
from tercio.model.words import Window, Word
from tercio.products.sensors import Sensor


class Release(msgspec.Struct, frozen=True):
    """When a held lease ends: belief below ``threshold``, and a quiet period drawn between the two bounds (microseconds)
    passed without evidence; never later than ``longest`` after it began."""

    threshold: float = 0.2
    quiet_least: int = 1800 * SECOND
    quiet_most: int = 5400 * SECOND
    longest: int = 8 * 3600 * SECOND


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that does not change while the loop runs. ``digest`` names rules, mandate, site and code."""

    site: Site
    sensors: Mapping[str, Sensor]
    silent_after: Mapping[str, int]
    rules: RuleSet
    detector: Detector
    mandate: Mandate
    limits: Limits
    outlook: Outlook
    release: Release
    reaches: tuple[Reach, ...]
    digest: str


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What no table holds: detection windows, announced windows, process states, and small notes by id.

    ``heard`` is when each source last spoke (receipt), ``quiet`` the drawn quiet period per lease, ``held_off`` the
    target names that an incident must not choose again, ``due`` when an incident is to be decided again, ``acts`` the
    instants of acts per zone (blast budget), ``told`` when a finding that opened nothing was last journaled, by what
    it said; ``stood_down`` names the processes, or ``all``, where people told Tercio to stand down.
    """

    windows: Windows
    announced: tuple[Window, ...] = ()
    stood_down: tuple[str, ...] = ()
    processes: dict[str, ProcessState] = {}
    heard: dict[str, int] = {}
    silent: tuple[str, ...] = ()
    quiet: dict[str, int] = {}
    held_off: dict[str, tuple[str, ...]] = {}
    due: dict[str, int] = {}
    acts: dict[str, tuple[int, ...]] = {}
    told: dict[str, int] = {}
    unparsed: dict[str, int] = {}


class LoopState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of the loop between two turns. ``commands`` are those not answered yet, with the instant at which
    each was last sent; ``queries`` the hands asked what stands, and when; ``dirty`` the incidents whose last change
    is not in the journal yet."""

    memory: Memory
    offsets: dict[str, tuple[str, int]] = {}
    incidents: dict[str, Incident] = {}
    effects: dict[str, Effect] = {}
    commands: dict[str, tuple[Command, int]] = {}
    dirty: tuple[str, ...] = ()
    flushed: int = 0
    queries: dict[str, tuple[str, int]] = {}


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn is given: the time, a number drawn at random in [0, 1), and whatever arrived."""

    now: int
    draw: float
    batches: tuple[Batch, ...] = ()
    responses: tuple[Response, ...] = ()
    words: tuple[Word, ...] = ()


class Turn(msgspec.Struct, frozen=True):
    """What one turn gives back. ``transaction`` must be on disk before any of ``orders`` is sent; it is None where nothing
    needs writing. ``answers`` are the words for people who said something, in their order."""

    state: LoopState
    transaction: Transaction | None
    orders: tuple[Command, ...]
    answers: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
