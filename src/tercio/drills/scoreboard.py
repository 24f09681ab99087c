"""The scoreboard of a drill: what the journal says against what the actors' traces say. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from tercio.drills.range.counts import WRITING, Counts, landings
from tercio.drills.range.harm import Account, Harm, Watched
from tercio.drills.range.traces import Connect, Record, Request, Write
from tercio.model.commands import ConduitTarget, Effect, FlowTarget, HostTarget
from tercio.model.decisions import Decision
from tercio.model.findings import Finding
from tercio.model.site import Site
from tercio.model.units import HOUR, SECOND

RELEASING = SECOND // 4
"""Between the moment when a mechanism lets go and its hand's answer there may be this much (microseconds): a read-back,
and connections to be forgotten."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal says of a drill, in order: findings with what became of them, decisions, and each effect as it
    ended; its ``root``, and whether it was ``verified``."""

    findings: tuple[tuple[Finding, str, str], ...]
    decisions: tuple[Decision, ...]
    effects: tuple[Effect, ...]
    root: str
    verified: bool


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What the actors' traces say: counts, how bystanders fared, ``leaked`` as the function of that name gives it, and
    when the intruder began (None where he never did)."""

    counts: Counts
    bystanders: Account
    leaked: int
    first_packet: int | None


class Priced(msgspec.Struct, frozen=True):
    """One alternative as the scoreboard shows it. Money in whole units of the currency."""

    plan: str
    expected_loss: float
    attack: float
    production: float
    risk: float
    permission: str
    chosen: bool


class Scoreboard(msgspec.Struct, frozen=True, kw_only=True):
    """How a drill went.

    Times are from the kernel's time stamp of the packet that completed the evidence, None where it never came to that;
    ``contained`` says that a hand read back what stops the intruder, and that by the traces nothing of his got through
    while it stood (``leaked`` counts what did). ``first_write_stopped`` is None where he tried none. Money in whole
    units of ``currency``. ``io_timeouts``, ``sessions_lost`` and ``failovers`` are what innocent bystanders suffered
    beyond what the ``control`` span before any defence lets expect; ``watched`` says what they could tell at all.
    """

    contained: bool
    leaked: int
    confirmed: bool
    released: bool
    time_to_detect_ms: float | None
    time_to_contain_ms: float | None
    time_to_confirm_ms: float | None
    first_packet_to_contain_ms: float | None
    polls: int
    missed_polls: int
    writes_tried: int
    writes_landed: int
    first_write_stopped: bool | None
    first_write_note: str
    replayed_writes: int
    wrong_containments: int
    io_timeouts: int
    sessions_lost: int
    failovers: int
    control: Harm
    control_seconds: float
    watched: Watched
    trips: int
    bottles: int
    line_running: bool | None
    production_lost: float
    cost_of_response: float
    currency: str
    chosen: str
    alternatives: tuple[Priced, ...]
    removed_for_safety: tuple[str, ...]
    evidence: tuple[str, ...]
    incidents: int
    journal_root: str
    journal_verified: bool


def score(site: Site, course: Course, truth: Truth, intruder: str) -> Scoreboard:
    """Hold a drill's journal against the ground truth. ``intruder`` is the asset that he worked from."""
    counts = truth.counts
    right = [effect for effect in course.effects if effect.held and concerns(effect, intruder)]
    wrong = [effect for effect in course.effects if effect.held and not concerns(effect, intruder)]
    first = min(right, key=lambda e: (e.held, e.lease), default=None)
    decision = next((d for d in course.decisions if first is not None and d.id == first.decision), None)
    finding = _decisive(course, decision)
    lost = _lost(site, counts)
    return Scoreboard(
        contained=first is not None and not truth.leaked,
        leaked=truth.leaked,
        confirmed=first is not None and first.confirmed > 0,
        released=bool(right) and all(effect.ended for effect in right),
        time_to_detect_ms=_between(finding.time if finding else None, finding.received if finding else None),
        time_to_contain_ms=_between(finding.time if finding else None, first.held if first else None),
        time_to_confirm_ms=_between(finding.time if finding else None, first.confirmed or None if first else None),
        first_packet_to_contain_ms=_between(truth.first_packet, first.held if first else None),
        polls=counts.polls,
        missed_polls=counts.missed_polls,
        writes_tried=counts.writes_tried,
        writes_landed=counts.writes_landed,
        first_write_stopped=counts.first_write_stopped,
        first_write_note=_note(counts),
        replayed_writes=counts.replayed_writes,
        wrong_containments=len(wrong),
        io_timeouts=truth.bystanders.harm.io_timeouts,
        sessions_lost=truth.bystanders.harm.sessions_lost,
        failovers=truth.bystanders.harm.failovers,
        control=truth.bystanders.control,
        control_seconds=truth.bystanders.control_seconds,
        watched=truth.bystanders.watched,
        trips=counts.trips,
        bottles=counts.bottles,
        line_running=counts.running,
        production_lost=lost / 100,
        cost_of_response=sum(_cost(site, effect) for effect in (*right, *wrong)) / 100,
        currency=site.currency,
        chosen=decision.chosen.title if decision else "",
        alternatives=_alternatives(decision),
        removed_for_safety=_removed(decision),
        evidence=decision.evidence if decision else (),
        incidents=len({incident for _, incident, _ in course.findings if incident}),
        journal_root=course.root,
        journal_verified=course.verified,
    )


def concerns(effect: Effect, intruder: str) -> bool:
    """Whether an effect is aimed at the intruder alone: his host, or a flow of his. A closed conduit hits others."""
    match effect.target:
        case HostTarget(asset=name):
            return name == intruder
        case FlowTarget(src=src):
            return src == intruder
        case ConduitTarget():
            return False


def walls(effects: Iterable[Effect], now: int) -> tuple[tuple[int, int], ...]:
    """The intervals in which something was certainly refused; an effect that stands does so until ``now``."""
    held = [
        (effect.held, (effect.ended or now) - (RELEASING if effect.ended else 0)) for effect in effects if effect.held
    ]
    return tuple((start, end) for start, end in held if start < end)


def blocks(effects: Iterable[Effect], now: int) -> tuple[tuple[int, int], ...]:
    """The intervals by which stale writes are told. The mechanism let go a little before its hand said so, and a write
    may come in between: so each interval that ended is given with both ends that it may have had."""
    known = tuple(effects)
    whole = {(effect.held, effect.ended or now) for effect in known if effect.held}
    return tuple(sorted(whole | set(walls(known, now))))


def leaked(intruder: Iterable[Record], plc: Iterable[Record], spans: Sequence[tuple[int, int]]) -> int:
    """How much of the intruder got through while he was cut off: connections opened, and writes that the controller
    received, both begun inside one of the intervals."""

    def inside(at: int) -> bool:
        return any(start < at < end for start, end in spans)

    acts = tuple(intruder)
    received = [each for each in plc if isinstance(each, Request) and each.function in WRITING]
    landed = landings([each for each in acts if isinstance(each, Write)], received)
    opened = [each for each in acts if isinstance(each, Connect) and each.outcome == "open"]
    return sum(inside(each.at) for each, _ in landed) + sum(inside(each.at) for each in opened)


def _decisive(course: Course, decision: Decision | None) -> Finding | None:
    """The finding that completed the evidence of the containing decision: the latest that it cites."""
    if decision is None:
        return None
    cited = [finding for finding, _, _ in course.findings if finding.id in decision.evidence]
    return max(cited, key=lambda f: (f.received, f.time), default=None)


def _between(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else round((end - start) / 1000, 3)


def _note(counts: Counts) -> str:
    if counts.first_write_stopped is None:
        return "the intruder tried no write"
    if counts.first_write_stopped:
        return "he was contained before his first write reached the controller"
    return "out of band: the sensor sees a copy, so the write that gives him away lands; the next do not"


def _lost(site: Site, counts: Counts) -> int:
    """What the line lost by trips (cents): each costs the batch and the restart."""
    per_trip = sum(p.scrap + p.restart_cost + p.outage(p.restart_span) for p in site.processes.values())
    return per_trip * counts.trips


def _cost(site: Site, effect: Effect) -> float:
    """What the effect itself cost while it stood (cents)."""
    hours = max(0, (effect.ended or effect.until) - effect.held) / HOUR
    match effect.target:
        case HostTarget(asset=name):
            return hours * (site.assets[name].outage_per_hour if name in site.assets else 0)
        case ConduitTarget(src_zone=zone):
            return hours * site.zones[zone].outage_per_hour
        case _:
            return 0.0


def _alternatives(decision: Decision | None) -> tuple[Priced, ...]:
    if decision is None:
        return ()
    return tuple(
        Priced(
            plan.title,
            plan.money.total / 100,
            plan.money.attack / 100,
            plan.money.production / 100,
            plan.money.risk / 100,
            plan.permission,
            plan.title == decision.chosen.title,
        )
        for plan in decision.alternatives
    )


def _removed(decision: Decision | None) -> tuple[str, ...]:
    removed: Sequence[str] = (
        [f"{r.candidate.verb} ({r.candidate.path}): {r.reason}" for r in decision.removed] if decision else []
    )
    return tuple(removed)
