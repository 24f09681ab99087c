"""Everything trusted that a ruling of the mandate may depend on, as plain values."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from tercio.model.site import Autonomy


class State(StrEnum):
    """What is known of a process by its own tag."""

    RUNNING = "running"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class Condition(msgspec.Struct, frozen=True):
    """A process now. What nobody knows counts as running and as a phase that is never interrupted. ``loading`` is who
    may be loading a program into which controller."""

    state: State = State.UNKNOWN
    hold: bool = True
    loading: tuple[tuple[str, str], ...] = ()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the mandate that people may change in their settings.

    ``belief`` (per mille held) is enough to act at once, ``consent_belief`` to act once a person consents;
    ``small_cost`` (cents) is what an act may cost without asking; ``longest`` (seconds) is the longest lease;
    ``acts_per_hour`` is the blast budget of one zone; a
    conduit that cuts no needed flow may be closed beyond it, unless it is 0: who changes his address for each act must
    not spend what would stop him. Raises ValueError for a number that means nothing.
    """

    belief: int = 500
    consent_belief: int = 200
    small_cost: int = 50_000
    longest: int = 86_400
    acts_per_hour: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.consent_belief <= self.belief <= 1000:
            raise ValueError("limits: write 1 <= consent_belief <= belief <= 1000 (per mille)")
        if not 0 <= self.small_cost <= 10**12:
            raise ValueError("limits: small_cost is cents, from 0 to 1000000000000")
        if not 1 <= self.longest <= 31 * 86_400:
            raise ValueError("limits: longest is seconds, from 1 to 31 days (2678400)")
        if not 0 <= self.acts_per_hour <= 10_000:
            raise ValueError("limits: acts_per_hour goes from 0 to 10000")


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What the loop knows at the moment of a ruling.

    ``conditions`` by process (a missing one is unknown); ``lost`` are assets that are out already (contained, or dead);
    ``own`` are addresses of Tercio's own hosts and of the gateways it acts on; ``acts`` counts acts of the last hour by
    zone.
    """

    now: int
    conditions: Mapping[str, Condition] = {}
    lost: frozenset[str] = frozenset()
    own: tuple[str, ...] = ()
    acts: Mapping[str, int] = {}
    limits: Limits = Limits()


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What the mandate's policies see, under the same names (``context.cuts``), beside verb, kind of target and span.

    ``level`` is the lowest Purdue level touched, in tenths (3.5 is 35); ``controller`` says that the host is one;
    ``states`` are those of the processes touched, ``hold`` that a cut would interrupt a phase that must not be;
    ``cuts`` counts needed flows taken away, ``controller_cut`` says that one ends at a controller, ``alarm`` that one
    is an alarm path; ``download`` that a program may be being loaded between those it would part; ``belief`` is per
    mille held; ``production`` is cents for the whole span; ``hour`` is of the day, UTC; ``acts`` of the last hour, in
    the zone with most. ``consents`` are the roles that have consented to this very act.
    """

    assets: tuple[str, ...]
    roles: tuple[str, ...]
    zones: tuple[str, ...]
    level: int
    controller: bool
    safety: bool
    never: bool
    shared: bool
    own: bool
    states: tuple[State, ...]
    hold: bool
    cuts: int
    controller_cut: bool
    last_view: bool
    last_redundant: bool
    belief: int
    proven: bool
    autonomy: Autonomy
    production: int
    hour: int
    acts: int
    alarm: bool = False
    download: bool = False
    limits: Limits = Limits()
    consents: tuple[str, ...] = ()
