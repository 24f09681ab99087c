"""What one finding says of which asset, and how much of it was not known before."""

from collections.abc import Mapping, Sequence
from math import prod

import msgspec

from tercio.brain.correlate.excuses import Excuse, excuse
from tercio.brain.correlate.likelihood import claimed, ratio
from tercio.model.events import Provenance
from tercio.model.findings import Finding
from tercio.model.incidents import Belief, Evidence, Stage
from tercio.model.precision import Learned
from tercio.model.site import Site, ip_of
from tercio.model.whereabouts import NOWHERE, Whereabouts, met, name_of, unknown
from tercio.model.words import Window

MOST_ALIKE = 32
"""So many pieces of evidence that say the same of one asset are kept; further ones count only where they weigh more."""

STAGES: dict[str, tuple[Stage, Stage]] = {
    "reconnaissance": (Stage.FOOTHOLD, Stage.TOUCHED),
    "initial-access": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "execution": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "persistence": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "privilege-escalation": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "defense-evasion": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "evasion": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "credential-access": (Stage.FOOTHOLD, Stage.TOUCHED),
    "discovery": (Stage.FOOTHOLD, Stage.TOUCHED),
    "lateral-movement": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "collection": (Stage.FOOTHOLD, Stage.TOUCHED),
    "command-and-control": (Stage.FOOTHOLD, Stage.TOUCHED),
    "exfiltration": (Stage.FOOTHOLD, Stage.TOUCHED),
    "impair-process-control": (Stage.CONTROL, Stage.CONTROL),
    "inhibit-response-function": (Stage.CONTROL, Stage.CONTROL),
    "impact": (Stage.CONTROL, Stage.IMPACT),
}
"""What an ATT&CK tactic (Enterprise or ICS), once seen, says of its source and of its target."""


class Account(msgspec.Struct, frozen=True):
    """A finding told in the site's own names: ``src`` did it to ``targets``; ``at`` is when, by the sensor's clock but
    not later than now; ``pardon`` is what excuses it, ``learned`` what people's verdicts say of its rule."""

    finding: Finding
    src: str
    targets: tuple[str, ...]
    at: int
    pardon: Excuse | None
    learned: Learned | None = None

    @property
    def forgeable(self) -> bool:
        """Whether any host on the wire could have done it in this name."""
        return self.finding.provenance not in (Provenance.ESTABLISHED, Provenance.AUTHENTICATED)

    @property
    def sound(self) -> bool:
        """Whether it proves something hostile of its source: not forgeable, not announced."""
        return not self.forgeable and self.pardon is None

    @property
    def empty(self) -> bool:
        """Whether it says nothing of anybody: it names no source, or is the process at work."""
        return not self.src or (self.pardon is not None and self.pardon.weight == 0)


def account(site: Site, windows: Sequence[Window], finding: Finding, now: int, at: Whereabouts = NOWHERE) -> Account:
    """Say who did what to whom, and what was announced of it. ``at`` says which machine an address means now."""
    src = name_of(site, at, finding.src, finding.machine) if finding.src else ""
    # What was announced of the address's own machine excuses one that may be it.
    announced = name_of(site, at, finding.src) if unknown(src) else src
    named = dict.fromkeys(met(site, at, address) for address in finding.dst)
    targets = tuple(name for name in named if name != src)
    return Account(finding, src, targets, min(finding.time, now), excuse(site, windows, finding, announced, targets))


def pieces(told: Account, round_: int) -> tuple[Evidence, ...]:
    """What an account says of its source and then of each target. Two pieces with one key are one piece of evidence.

    A forgeable act upon a target has one key whoever seems to have done it: names cost nothing there.
    """
    finding = told.finding
    said_of = [STAGES[tactic] for tactic in finding.tactics if tactic in STAGES] or [STAGES["discovery"]]
    mark = f"{'excused ' if told.pardon else ''}{'forgeable' if told.forgeable else 'proven'}|{round_}"
    doer = "" if told.forgeable else told.src
    said = [(told.src, max(s for s, _ in said_of), f"{finding.rule}|{told.src}|{mark}", False)]
    said += [(dst, max(d for _, d in said_of), f"{finding.rule}|{doer}>{dst}|{mark}", True) for dst in told.targets]
    weight = told.pardon.weight if told.pardon else 1.0
    known = told.learned
    odds = claimed(finding.level) if known is None else known.odds
    return tuple(
        Evidence(
            finding=finding.id,
            events=finding.events,
            key=key,
            asset=asset,
            stage=stage,
            ratio=round(ratio(odds, stage) ** weight, 6),
            excuse=told.pardon.words if told.pardon else "",
            flow=finding.flow,
            forgeable=told.forgeable,
            round=round_,
            judged=(known.right, known.judged) if known is not None else (0, 0),
            suffered=suffered,
        )
        for asset, stage, key, suffered in said
        if asset
    )


def used_address(finding: Finding) -> tuple[str, ...]:
    """The address that a source used; none where its host's own log names it, which proves no address."""
    return (finding.src,) if ip_of(finding.src) is not None else ()


def proven_steps(
    told: Account, evidence: tuple[Evidence, ...], known: Mapping[str, Belief]
) -> tuple[tuple[str, str, str], ...]:
    """The steps that an account proves, as far as their ends are kept."""
    if not told.sound:
        return ()
    finding = told.finding
    service = finding.service or (f"tcp/{finding.port}" if finding.port else "")
    kept = {*known, *(piece.asset for piece in evidence)}
    return tuple((told.src, dst, service) for dst in told.targets if dst in kept)


def added(known: Sequence[Evidence], piece: Evidence) -> float:
    """The likelihood ratio that a piece adds to what is known of its asset (at least 1).

    Pieces that rest on one event or one flow are not independent: together they weigh as much as the weightiest. Nor is
    what is done to an asset to bring it to one stage: who tries many doors, from many places, fails at all of them for
    one reason, and nobody may be made a suspect by being attacked. Those of an earlier round were answered by what was
    released since.
    """
    about = [k for k in known if k.asset == piece.asset] + [piece]
    last = len(about) - 1
    rests: dict[int, list[int]] = {}
    todo = [last]
    while todo:
        place = todo.pop()
        if place not in rests:
            rests[place] = [earlier for earlier in range(place) if _depends(about[earlier], about[place])]
            todo += rests[place]
    gains: dict[int, float] = {}
    for place in sorted(rests):
        gains[place] = max(1.0, about[place].ratio / prod(gains[earlier] for earlier in rests[place]))
    return gains[last]


def telling(known: Sequence[Evidence], fresh: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The pieces that still say something beside those known: not what only adds to many that say as much."""
    weights: dict[tuple[str, Stage, bool, bool, int], list[float]] = {}
    for piece in known:
        weights.setdefault(_kind(piece), []).append(piece.ratio)
    alike = [weights.get(_kind(piece), []) for piece in fresh]
    return tuple(piece for piece, of in zip(fresh, alike, strict=True) if len(of) < MOST_ALIKE or piece.ratio > max(of))


def _kind(piece: Evidence) -> tuple[str, Stage, bool, bool, int]:
    return piece.asset, piece.stage, piece.forgeable, bool(piece.excuse), piece.round


def _depends(one: Evidence, other: Evidence) -> bool:
    if one.round != other.round:
        return False
    done_to = one.suffered and other.suffered and one.stage == other.stage
    same_flow = bool(one.flow) and one.flow == other.flow
    return done_to or same_flow or not set(one.events).isdisjoint(other.events)
