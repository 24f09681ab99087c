"""The values of the loop: what it was given, what it remembers, what comes in, what goes out."""

from collections.abc import Mapping

import msgspec

from tercio.agents.mandate import Limits, Mandate
from tercio.brain.decide.question import Outlook
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.windows import Windows
from tercio.loop.conduct import Setback
from tercio.model.commands import Command, Effect, EffectState, Response
from tercio.model.decisions import Reach
from tercio.model.incidents import Incident
from tercio.model.journal import Basis, Lost
from tercio.model.precision import Precision
from tercio.model.processes import ProcessState
from tercio.model.records import Cited, Transaction
from tercio.model.sifted import Sifted
from tercio.model.site import Site
from tercio.model.units import SECOND
from tercio.model.whereabouts import NOWHERE, Whereabouts
from tercio.model.words import Window, Word
from tercio.products.sensors import Sensor


class Release(msgspec.Struct, frozen=True):
    """When a held lease ends: belief below ``threshold``, and a quiet period drawn between the two bounds
    (microseconds) passed without evidence; never later than ``longest`` after it began."""

    threshold: float = 0.2
    quiet_least: int = 1800 * SECOND
    quiet_most: int = 5400 * SECOND
    longest: int = 8 * 3600 * SECOND


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that does not change while the loop runs. ``basis`` is what of it decisions rest on."""

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
    basis: Basis


class Care(msgspec.Struct, frozen=True):
    """What is remembered of one lease beside its effect. ``quiet`` is its drawn quiet period (-1: not drawn yet);
    ``ending`` what it becomes once its hand says that nothing of it is left (None: nobody ends it); ``failed`` counts
    commands for it in a row that failed, and before ``again`` none is tried; ``handed`` says that people were told that
    it may not be renewed any more. ``doubt`` says what was seen that contradicts it, until its hand was asked about it
    (at ``doubted``)."""

    quiet: int = -1
    ending: EffectState | None = None
    failed: int = 0
    again: int = 0
    handed: bool = False
    doubt: str = ""
    doubted: int = 0


class Docket(msgspec.Struct, frozen=True):
    """What is due for one incident: at ``due`` it is decided again (0: not before something happens); ``decided`` is
    when it was last, and ``held`` how probable it then was that the likeliest proven source is held; ``looked`` counts
    decisions that did nothing since something happened, ``failed`` orders in a row that failed."""

    due: int = 0
    looked: int = 0
    failed: int = 0
    decided: int = 0
    held: float = 0.0


class Blamed(msgspec.Struct, frozen=True):
    """A target of an incident that was set free because ``view`` fell silent after it. ``seen`` is its last poll by
    then (the sensor's clock), or that of any flow where every one that was known fell silent with it (``blind``);
    ``since`` is when its effect had ended (0: not yet)."""

    incident: str
    target: str
    seen: int
    since: int = 0
    view: str = ""
    blind: bool = False


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What no table holds: detection windows, announced windows, process states, and small notes by id.

    ``stood_down`` names the processes, incidents, or ``all``, where people told Tercio to stand down. ``held_off``
    are, per incident, the target names that it must not choose again by itself, ``blamed`` those of them, by lease,
    that may turn out not to be to blame. ``heard`` is when each source last
    spoke (receipt), ``silent`` those of which people were told that they do not, ``views`` those that ever showed an
    answered poll. ``acts`` are the instants of acts per zone (blast budget), ``acted`` when
    each target was last acted on (it costs one act an hour), ``told`` when a finding that opened
    nothing was last journaled, by what it said; ``unparsed`` counts by source what nobody understood;
    ``at`` is who is where; ``basis`` is the digest of the basis that was journaled last. ``precisions`` are, by rule,
    what is known of its versions, the present one first; ``setbacks`` what is held against rules that fail.
    """

    windows: Windows
    announced: tuple[Window, ...] = ()
    stood_down: tuple[str, ...] = ()
    processes: dict[str, ProcessState] = {}
    heard: dict[str, int] = {}
    silent: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    leases: dict[str, Care] = {}
    held_off: dict[str, tuple[str, ...]] = {}
    blamed: dict[str, Blamed] = {}
    dockets: dict[str, Docket] = {}
    acts: dict[str, tuple[int, ...]] = {}
    acted: dict[str, int] = {}
    told: dict[str, int] = {}
    unparsed: dict[str, int] = {}
    at: Whereabouts = NOWHERE
    basis: str = ""
    precisions: dict[str, tuple[Precision, ...]] = {}
    setbacks: dict[str, Setback] = {}


class Asked(msgspec.Struct, frozen=True):
    """A hand asked what stands, and when; ``unheard`` says that it has gone, or could not be reached, since."""

    hand: str
    at: int
    unheard: bool = False


class LoopState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of the loop between two turns. ``commands`` are those not answered yet, with the instant at which
    each was last sent; ``queries`` the hands asked what stands, and when; ``dirty`` the incidents whose last change
    is not in the journal yet; ``reviewed`` is when leases were last reviewed; ``seen`` are the raw lines of late that
    rules matched, by event id."""

    memory: Memory
    offsets: dict[str, tuple[str, int]] = {}
    incidents: dict[str, Incident] = {}
    effects: dict[str, Effect] = {}
    commands: dict[str, tuple[Command, int]] = {}
    dirty: tuple[str, ...] = ()
    flushed: int = 0
    reviewed: int = 0
    queries: dict[str, Asked] = {}
    seen: dict[str, Cited] = {}


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn is given: the time, a number drawn at random in [0, 1), and whatever arrived.

    ``lots`` are what was read, sifted, in the order in which it is to be taken; ``over`` says that nothing comes after
    them, so that every open window is judged. ``recalled`` are the closed incidents that ``words`` are about, as they
    were last written.
    ``spare`` says that the disk is full and only its reserve is left: people, answers and ends are attended to, nothing
    new is looked at, decided or renewed."""

    now: int
    draw: float
    spare: bool = False
    lots: tuple[Sifted, ...] = ()
    responses: tuple[Response, ...] = ()
    words: tuple[Word, ...] = ()
    losses: tuple[Lost, ...] = ()
    over: bool = False
    recalled: tuple[Incident, ...] = ()


class Turn(msgspec.Struct, frozen=True):
    """What one turn gives back. ``transaction`` must be on disk before any of ``orders`` is sent; it is None where
    nothing needs writing. ``answers`` are the words for people who said something, in their order."""

    state: LoopState
    transaction: Transaction | None
    orders: tuple[Command, ...]
    answers: tuple[str, ...] = ()
