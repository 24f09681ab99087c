"""Tercio without one of its three arms: what each of them is worth."""

import msgspec

from tercio.agents.mandate import Limits, load, rule
from tercio.agents.situation import World, situate
from tercio.brain.decide.candidates import D3FEND, cuts_of
from tercio.brain.decide.question import Outlook
from tercio.content import mandate_schema, mandate_texts
from tercio.drills.baselines.alarms import Alarms, culprit, severe
from tercio.drills.baselines.blocking import Blocking
from tercio.drills.simulated.defenders import NEVER, Brief, Sensed, Tally, Tercio
from tercio.model.commands import Action, Command, HostTarget, Response, Standing, Status
from tercio.model.decisions import Candidate, Permission, Verb
from tercio.model.events import Provenance
from tercio.model.findings import Finding, Level
from tercio.model.incidents import Belief, Incident
from tercio.model.incidents import Status as Life


class Brainless:
    """No belief, no forecast, no price: a severe finding is believed as it stands. But the mandate is asked about each
    act, and a block is a lease as long as Tercio's first, which only a new finding renews."""

    def __init__(self, brief: Brief) -> None:
        self._brief, self._span = brief, Outlook().span
        self._alarms, self._blocking = Alarms(brief), Blocking(brief)
        self._mandate = load(mandate_texts(), mandate_schema())
        self._standing: dict[str, int] = {}
        self._cited = 0

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """Block whoever is said to have done something severe, if the mandate permits it."""
        orders: list[Command] = []
        for finding in self._alarms.of(sensed):
            name, address = culprit(self._brief.site, finding)
            if address and severe(finding, Level.HIGH) and self._may(finding, name, address, now):
                orders += self._blocking.block(name, address, now, now + self._span)
                self._standing[name] = now + self._span
        self._cited += len(orders)
        return tuple(orders)

    def due(self) -> int:
        """It never acts by the clock."""
        return NEVER

    def tally(self) -> Tally:
        """One finding is enough for each act."""
        return Tally(decisions=self._cited, cited=self._cited)

    def _may(self, finding: Finding, name: str, address: str, now: int) -> bool:
        site, target = self._brief.site, HostTarget(name, (address,))
        candidate = Candidate(
            id=finding.id,
            verb=Verb.BLOCK_HOST,
            target=target,
            span=self._span,
            path="",
            hand=self._brief.reaches[0].hand,
            d3fend=D3FEND[Verb.BLOCK_HOST],
            cuts=cuts_of(site, target),
        )
        lost = frozenset(each for each, until in self._standing.items() if until > now)
        own = tuple(a for asset in site.assets.values() if asset.role == "gateway" for a in asset.addresses)
        situation = situate(site, candidate, believed(finding, name, address), World(now=now, lost=lost, own=own), 0)
        return rule(self._mandate, candidate, situation).permission == Permission.PERMITTED


def believed(finding: Finding, name: str, address: str) -> Incident:
    """The incident that a finding makes where nobody weighs it: its source is held, and proven if its origin is."""
    sure = Belief((0.0, 0.0, 1.0, 0.0, 0.0), finding.received)
    proven = finding.provenance in (Provenance.ESTABLISHED, Provenance.AUTHENTICATED)
    return Incident(
        id=finding.id,
        opened=finding.received,
        updated=finding.received,
        status=Life.OPEN,
        beliefs={name: sure},
        evidence=(),
        findings=(finding.id,),
        events=finding.events,
        techniques=finding.techniques,
        sources={name: (address,)},
        proven=(name,) if proven else (),
        reached=tuple((name, dst, finding.service) for dst in finding.dst) if proven else (),
        steps=(),
        repeats=0,
        through={},
        version=0,
        last_evidence=finding.received,
    )


class Unled:
    """The brain alone: what it chooses is ordered once and stands for good. Nobody asks whether it may (every number of
    the mandate is as wide as it goes; what the mandate forbids outright is part of the choice, and stays), checks that
    it holds, renews or takes it back."""

    def __init__(self, brief: Brief) -> None:
        wide = Limits(belief=1, consent_belief=1, small_cost=10**12, longest=31 * 86_400, acts_per_hour=10_000)
        self._tercio = Tercio(brief, limits=wide)
        self._ordered: dict[str, int] = {}
        self._answers: list[Response] = []
        self._now = brief.start

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """Let the first order of each lease through, and say of all others that they were carried out."""
        given, self._answers = (*sensed.responses, *self._answers), []
        orders = self._tercio.see(now, msgspec.structs.replace(sensed, responses=given))
        self._now = now
        return tuple(order for order in map(self._passed, orders) if order is not None)

    def due(self) -> int:
        """At once, where it has answered for the hand."""
        return self._now if self._answers else self._tercio.due()

    def tally(self) -> Tally:
        """The brain's own."""
        return self._tercio.tally()

    def _passed(self, order: Command) -> Command | None:
        if order.action == Action.DENY and order.lease not in self._ordered:
            self._ordered[order.lease] = order.until
            return msgspec.structs.replace(order, until=NEVER)
        standing: tuple[Standing, ...] = ()
        if order.action == Action.QUERY:
            standing = tuple(Standing(lease, until) for lease, until in self._ordered.items())
        elif order.action == Action.DENY:
            self._ordered[order.lease] = order.until
        else:
            self._ordered.pop(order.lease, None)
        done = Response(
            command=order.id, hand=order.hand, status=Status.DONE, held=True, at=order.issued, standing=standing
        )
        self._answers.append(done)
        return None


def handless(brief: Brief) -> Tercio:
    """Tercio with no product that obeys it: it sees, decides, asks and advises."""
    return Tercio(msgspec.structs.replace(brief, reaches=()))
