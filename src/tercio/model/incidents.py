"""What correlation makes of findings (OCSF 2005): one incident, and beliefs about assets."""

from enum import IntEnum, StrEnum

import msgspec

from tercio.model.precision import Verdict


class Stage(IntEnum):
    """How far an intruder is with one asset."""

    CLEAN = 0
    TOUCHED = 1
    FOOTHOLD = 2
    CONTROL = 3
    IMPACT = 4


class Belief(msgspec.Struct, frozen=True):
    """Probabilities over the five stages for one asset, as of an instant; they sum to one."""

    p: tuple[float, float, float, float, float]
    as_of: int

    @property
    def held(self) -> float:
        """Probability that the intruder at least has a foothold here."""
        return round(self.p[2] + self.p[3] + self.p[4], 6)


class Evidence(msgspec.Struct, frozen=True):
    """One independent piece of evidence: a finding, what it says of which asset, and with which weight.

    ``ratio`` is the likelihood ratio that it claims for stage ``stage`` of ``asset``; where it rests on ``events``
    that other evidence cites too, only what it adds to that is applied. ``excuse`` says why it is weaker than the
    rule's own (a window, a schedule, a declared flow), and is empty where nothing weakened it. ``flow`` is the key of
    the traffic it rests on (two sightings of one packet have one); ``forgeable`` says that any host on the wire could
    have made it; ``round`` is the incident's when it came; ``suffered`` that it was done to the asset, and not by it.
    ``judged`` says on what the weight of its rule rested beside
    its level: in how many incidents it had been right, of how many that people had judged.
    """

    finding: str
    events: tuple[str, ...]
    key: str
    asset: str
    stage: Stage
    ratio: float
    excuse: str = ""
    flow: str = ""
    forgeable: bool = False
    round: int = 0
    judged: tuple[int, int] = (0, 0)
    suffered: bool = False


class Status(StrEnum):
    """Life of an incident."""

    OPEN = "open"
    CONTAINED = "contained"
    RELEASED = "released"
    CLOSED = "closed"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One intrusion as far as it is known, across IT and OT.

    Names in it are of listed assets, or bare addresses where the site lists none. ``beliefs`` are about each of them;
    ``sure`` says what they would be without anything that could be forged, where that differs. ``sources`` are the
    assets in whose name hostile acts were seen, with the addresses used; ``proven`` those of them of which a hostile
    act is known that could not be forged and was not announced; ``reached`` the (source, target, service) steps of
    such acts, ``steps`` the instants of those that came independently; ``repeats`` counts what only said again what
    was known; ``through`` is, per source file, the offset up to which evidence was used; ``version`` counts decisions;
    ``findings``, ``events`` and ``steps`` name the first and the last of many, and ``left_out`` counts the findings
    between them; ``round`` counts releases: evidence of an earlier round was answered, so the same thing seen again
    after a release is new. ``rules`` are those that said something of it, with their versions, in the order in which
    they did; ``verdict`` is what a person said of it in the end.
    """

    id: str
    opened: int
    updated: int
    status: Status
    beliefs: dict[str, Belief]
    evidence: tuple[Evidence, ...]
    findings: tuple[str, ...]
    events: tuple[str, ...]
    techniques: tuple[str, ...]
    sources: dict[str, tuple[str, ...]]
    proven: tuple[str, ...]
    reached: tuple[tuple[str, str, str], ...]
    steps: tuple[int, ...]
    repeats: int
    through: dict[str, tuple[str, int]]
    version: int
    last_evidence: int
    round: int = 0
    sure: dict[str, Belief] = {}
    left_out: int = 0
    rules: tuple[tuple[str, str], ...] = ()
    verdict: Verdict | None = None

    @property
    def found(self) -> int:
        """How many findings joined it, those included that it no longer names."""
        return len(self.findings) + self.left_out

    def proved(self, name: str) -> float:
        """Probability that the intruder holds an asset to act from, without anything that could have been forged; 0 for
        one not known. Of one that was never seen to act, that it was harmed says nothing: as if no impact were known.
        """
        belief = self.sure.get(name, self.beliefs.get(name))
        if belief is None:
            return 0.0
        unharmed = sum(belief.p[: Stage.IMPACT])
        if name in self.proven or unharmed <= 0:
            return belief.held
        return round((belief.p[Stage.FOOTHOLD] + belief.p[Stage.CONTROL]) / unharmed, 6)
