"""The clairvoyant: knows at once what is true, has the same hands, and is as slow as they are. What he cannot stop,
nobody can."""

from tercio.brain.decide.candidates import cuts_of
from tercio.brain.decide.question import Outlook, Question
from tercio.brain.decide.safety import filtered
from tercio.drills.baselines.blocking import Blocking
from tercio.drills.simulated.defenders import NEVER, Brief, Sensed, Tally
from tercio.drills.simulated.truth import Truth
from tercio.model.commands import Command, HostTarget, Status
from tercio.model.decisions import Candidate, Verb
from tercio.model.incidents import Incident
from tercio.model.incidents import Status as Life


class Clairvoyant:
    """Cuts off each machine at the instant at which it falls to the intruder, for good, unless safety forbids it, and
    repeats an order that its hand failed. He does not know what comes."""

    def __init__(self, brief: Brief, truth: Truth) -> None:
        self._brief, self._truth = brief, truth
        self._blocking = Blocking(brief)
        self._known = 0
        self._sent: dict[str, Command] = {}

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """Cut off who was held a moment ago."""
        orders = [
            self._sent[answer.command]
            for answer in sensed.responses
            if answer.status != Status.DONE and answer.command in self._sent
        ]
        fallen = list(self._truth.held)[self._known :]
        self._known += len(fallen)
        for name in fallen:
            asset = self._brief.site.assets.get(name)
            address = asset.addresses[0] if asset is not None else name
            if safe(self._brief, HostTarget(name, (address,)), now):
                orders += self._blocking.block(name, address, now, NEVER)
        self._sent |= {order.id: order for order in orders}
        return tuple(orders)

    def due(self) -> int:
        """At once, where a machine has fallen of which nothing was ordered."""
        return max(self._truth.held.values()) if len(self._truth.held) > self._known else NEVER

    def tally(self) -> Tally:
        """As many decisions as machines that he could cut off."""
        return Tally(decisions=len(self._sent))


def safe(brief: Brief, target: HostTarget, now: int) -> bool:
    """Whether the product's own safety rules let this host be refused, nothing being known of any process but the site
    file."""
    nobody = Incident(
        id="clairvoyant",
        opened=now,
        updated=now,
        status=Life.OPEN,
        beliefs={},
        evidence=(),
        findings=(),
        events=(),
        techniques=(),
        sources={},
        proven=(),
        reached=(),
        steps=(),
        repeats=0,
        through={},
        version=0,
        last_evidence=now,
    )
    question = Question(
        site=brief.site,
        incident=nobody,
        processes={},
        effects=(),
        reaches=brief.reaches,
        outlook=Outlook(),
        now=now,
    )
    candidate = Candidate(
        id="clairvoyant",
        verb=Verb.BLOCK_HOST,
        target=target,
        span=Outlook().span,
        path="",
        hand=brief.reaches[0].hand,
        d3fend="",
        cuts=cuts_of(brief.site, target),
    )
    return bool(filtered(question, (candidate,))[0])
