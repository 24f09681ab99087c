"""What the brain weighs and chooses: candidates, their money, what safety removed, the decision."""

from enum import StrEnum

import msgspec

from tercio.model.commands import Target


class Verb(StrEnum):
    """What can be chosen. The first three change nothing in the world and are always candidates."""

    NOTHING = "do nothing"
    WAIT = "wait for evidence"
    ASK = "ask"
    BLOCK_HOST = "block host"
    BLOCK_FLOW = "block flow"
    CLOSE_CONDUIT = "close conduit"


class Reach(msgspec.Struct, frozen=True):
    """A hand that can act, and the zones whose traffic to one another passes it (one zone alone: its inner traffic)."""

    hand: str
    mechanism: str
    zones: tuple[str, ...]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could be done. ``path`` names the intruder's step it stops; ``cuts`` are the needed flows of
    processes that it would take away ((process, from, to, service)); ``harms`` the assets that lose traffic by it;
    ``d3fend`` is the countermeasure's id; ``span`` its lease (microseconds)."""

    id: str
    verb: Verb
    target: Target | None
    span: int
    path: str
    hand: str
    d3fend: str
    cuts: tuple[tuple[str, str, str, str], ...] = ()
    harms: tuple[str, ...] = ()


class Removed(msgspec.Struct, frozen=True):
    """A candidate that safety took away before any money was counted, and why."""

    candidate: Candidate
    reason: str


class Permission(StrEnum):
    """What the mandate says of a candidate."""

    PERMITTED = "permitted"
    CONSENT = "needs consent"
    FORBIDDEN = "forbidden"


class Ruling(msgspec.Struct, frozen=True):
    """The mandate's word on one candidate: ``policies`` are the ids of the Cedar policies that determined it,
    ``of`` the roles whose consent is missing, ``words`` the same for a person."""

    candidate: str
    permission: Permission
    policies: tuple[str, ...]
    of: tuple[str, ...]
    words: str


class Money(msgspec.Struct, frozen=True):
    """Expected loss of a plan in cents, and its parts: what the attack would still cost, what the plan costs
    production, and the risk of the action itself."""

    attack: int
    production: int
    risk: int

    @property
    def total(self) -> int:
        """All parts together (cents)."""
        return self.attack + self.production + self.risk


class Plan(msgspec.Struct, frozen=True):
    """A set of candidates (ids, sorted) with its price. ``why`` says which numbers made it; ``evidence`` cites
    findings."""

    candidates: tuple[str, ...]
    title: str
    money: Money
    permission: Permission
    why: str
    evidence: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen plan, beside the best alternatives, with everything that made it.

    ``advice`` is the plan that would have been chosen had the mandate permitted everything that safety allows: what
    shadow mode reports. ``proposer`` says who proposed (the analytic core, a person).
    """

    id: str
    incident: str
    version: int
    time: int
    chosen: Plan
    advice: Plan
    alternatives: tuple[Plan, ...]
    candidates: tuple[Candidate, ...]
    removed: tuple[Removed, ...]
    rulings: tuple[Ruling, ...]
    evidence: tuple[str, ...]
    proposer: str
    input_digest: str
    content_digest: str
