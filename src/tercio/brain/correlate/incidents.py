"""Joining findings into incidents, and what each says of which asset."""

from collections.abc import Mapping, Sequence

import msgspec

from tercio.brain.correlate.belief import decayed, unknown, updated
from tercio.brain.correlate.excuses import Excuse, excuse
from tercio.brain.correlate.likelihood import FORGEABLE_CEILING, ratio
from tercio.model.events import Provenance
from tercio.model.findings import Finding
from tercio.model.ids import incident_id
from tercio.model.incidents import Belief, Evidence, Incident, Stage, Status
from tercio.model.site import Site
from tercio.model.words import Window

STAGES: dict[str, tuple[Stage, Stage]] = {
    "reconnaissance": (Stage.FOOTHOLD, Stage.TOUCHED),
    "discovery": (Stage.FOOTHOLD, Stage.TOUCHED),
    "credential-access": (Stage.FOOTHOLD, Stage.TOUCHED),
    "lateral-movement": (Stage.FOOTHOLD, Stage.FOOTHOLD),
    "collection": (Stage.FOOTHOLD, Stage.TOUCHED),
    "impair-process-control": (Stage.CONTROL, Stage.CONTROL),
    "inhibit-response-function": (Stage.CONTROL, Stage.CONTROL),
    "impact": (Stage.CONTROL, Stage.IMPACT),
}
"""What an ATT&CK tactic, once seen, says of its source and of its target."""

OPENS = 0.02
"""An incident is opened once somebody's probability of being held reaches this; below it a finding is only journaled."""

JOINS = 24 * 3600 * 1_000_000
"""Findings join an incident that had evidence within this span (microseconds)."""


class Setting(msgspec.Struct, frozen=True):
    """What correlation knows beside the findings. ``half_life`` (microseconds) is how fast belief fades."""

    site: Site
    windows: tuple[Window, ...]
    half_life: int


class Note(msgspec.Struct, frozen=True):
    """What became of one finding: ``change`` is ``opened``, ``joined``, ``repeat``, ``below`` (nothing opened) or ``seen``
    (evidence of that file and offset was used before)."""

    finding: Finding
    incident: str
    change: str
    evidence: tuple[Evidence, ...]


def correlate(
    setting: Setting, incidents: Mapping[str, Incident], findings: Sequence[Finding], now: int
) -> tuple[dict[str, Incident], tuple[Note, ...]]:
    """Fold findings, in order, into the incidents. Returns all incidents and one note per finding."""
    result = dict(incidents)
    notes: list[Note] = []
    for finding in findings:
        incident, note = _one(setting, incidents, result, finding, now)
        if incident is not None:
            result[incident.id] = incident
        notes.append(note)
    return result, tuple(notes)


def held_now(incident: Incident, now: int, half_life: int) -> dict[str, float]:
    """Per asset of the incident, the probability that it is held, as faded by now."""
    return {name: decayed(belief, now, half_life).held for name, belief in sorted(incident.beliefs.items())}


def name_of(site: Site, address: str) -> str:
    """The listed asset that carries an address, else the bare address."""
    asset = site.asset_at(address)
    return asset.name if asset is not None else address


def _one(
    setting: Setting, before: Mapping[str, Incident], incidents: Mapping[str, Incident], finding: Finding, now: int
) -> tuple[Incident | None, Note]:
    src = name_of(setting.site, finding.src)
    targets = tuple(dict.fromkeys(name_of(setting.site, address) for address in finding.dst))
    pardon = excuse(setting.site, setting.windows, finding, src, targets[0] if targets else "")
    home = _home(incidents, finding, src, targets, pardon)
    evidence = _evidence(finding, src, targets, pardon, home.round if home is not None else 0)
    if home is not None and home.id in before and _seen(before[home.id], finding):
        return None, Note(finding, home.id, "seen", ())
    known = home.evidence if home is not None else ()
    keys = {piece.key for piece in known}
    fresh = tuple(piece for piece in evidence if piece.key not in keys)
    if home is not None and not fresh:
        return _repeated(home, finding, evidence, pardon), Note(finding, home.id, "repeat", ())
    beliefs = _believe(setting, home.beliefs if home is not None else {}, known, fresh, finding)
    if home is None:
        if beliefs[src].held < OPENS:
            return None, Note(finding, "", "below", evidence)
        opened = _opened(finding, src, targets, beliefs, fresh)
        return opened, Note(finding, opened.id, "opened", fresh)
    return _joined(home, finding, src, targets, beliefs, fresh), Note(finding, home.id, "joined", fresh)


def _evidence(
    finding: Finding, src: str, targets: tuple[str, ...], pardon: Excuse | None, round_: int
) -> tuple[Evidence, ...]:
    tactic = next((t for t in finding.tactics if t in STAGES), "discovery")
    at_src, at_dst = STAGES[tactic]
    weight = ratio(finding.level) ** (pardon.weight if pardon else 1.0)
    words = pardon.words if pardon else ""
    mark = f"{'excused' if pardon else _standing(finding)}|{round_}"
    pairs = [(src, at_src, f"{finding.rule}|{src}|{mark}")]
    pairs += [(dst, at_dst, f"{finding.rule}|{src}>{dst}|{mark}") for dst in targets if dst != src]
    return tuple(
        Evidence(finding.id, finding.events, key, asset, stage, round(weight, 6), words) for asset, stage, key in pairs
    )


def _standing(finding: Finding) -> str:
    return "forgeable" if finding.provenance == Provenance.FORGEABLE else "proven"


def _home(
    incidents: Mapping[str, Incident], finding: Finding, src: str, targets: tuple[str, ...], pardon: Excuse | None
) -> Incident | None:
    alive = [i for i in incidents.values() if i.status != Status.CLOSED and finding.time - i.last_evidence <= JOINS]
    same_source = [i for i in alive if src in i.sources]
    if same_source or pardon is not None:
        return min(same_source, key=lambda i: (i.opened, i.id), default=None)
    touching = {src, *targets}
    shared = [i for i in alive if touching & i.beliefs.keys()]
    return min(shared, key=lambda i: (i.opened, i.id), default=None)


def _seen(incident: Incident, finding: Finding) -> bool:
    through = incident.through.get(finding.source)
    return through is not None and through[0] == finding.generation and finding.offset <= through[1]


def _believe(
    setting: Setting,
    before: Mapping[str, Belief],
    known: tuple[Evidence, ...],
    fresh: tuple[Evidence, ...],
    finding: Finding,
) -> dict[str, Belief]:
    ceiling = FORGEABLE_CEILING if finding.provenance == Provenance.FORGEABLE else 1.0
    beliefs = dict(before)
    for piece in fresh:
        belief = decayed(beliefs.get(piece.asset, unknown(finding.time)), finding.time, setting.half_life)
        beliefs[piece.asset] = updated(belief, piece.stage, _added(known, piece), ceiling)
    return beliefs


def _added(known: tuple[Evidence, ...], piece: Evidence) -> float:
    """What a piece says beyond known evidence of the same asset that rests on some of the same events."""
    told = [e.ratio for e in known if e.asset == piece.asset and set(e.events) & set(piece.events)]
    return max(1.0, piece.ratio / max(told, default=1.0))


def _opened(
    finding: Finding, src: str, targets: tuple[str, ...], beliefs: dict[str, Belief], fresh: tuple[Evidence, ...]
) -> Incident:
    return Incident(
        id=incident_id(finding.id),
        opened=finding.time,
        updated=finding.received,
        status=Status.OPEN,
        beliefs=beliefs,
        evidence=fresh,
        findings=(finding.id,),
        events=finding.events,
        techniques=finding.techniques,
        sources={src: (finding.src,)},
        proven=() if finding.provenance == Provenance.FORGEABLE else (src,),
        reached=tuple((src, dst, _service(finding)) for dst in targets),
        steps=(finding.time,),
        repeats=0,
        through={finding.source: (finding.generation, finding.offset)},
        version=0,
        last_evidence=finding.time,
    )


def _joined(
    home: Incident,
    finding: Finding,
    src: str,
    targets: tuple[str, ...],
    beliefs: dict[str, Belief],
    fresh: tuple[Evidence, ...],
) -> Incident:
    addresses = tuple(dict.fromkeys((*home.sources.get(src, ()), finding.src)))
    proven = home.proven if finding.provenance == Provenance.FORGEABLE else tuple(dict.fromkeys((*home.proven, src)))
    steps = tuple((src, dst, _service(finding)) for dst in targets)
    return msgspec.structs.replace(
        home,
        updated=finding.received,
        status=Status.OPEN if home.status == Status.RELEASED else home.status,
        beliefs=beliefs,
        evidence=(*home.evidence, *fresh),
        findings=(*home.findings, finding.id),
        events=tuple(dict.fromkeys((*home.events, *finding.events))),
        techniques=tuple(dict.fromkeys((*home.techniques, *finding.techniques))),
        sources={**home.sources, src: addresses},
        proven=proven,
        reached=tuple(dict.fromkeys((*home.reached, *steps))),
        steps=(*home.steps, finding.time),
        through={**home.through, finding.source: (finding.generation, finding.offset)},
        last_evidence=max(home.last_evidence, finding.time),
    )


def _repeated(home: Incident, finding: Finding, evidence: tuple[Evidence, ...], pardon: Excuse | None) -> Incident:
    """Repetition strengthens nothing; it only shows that the source has not gone quiet, so belief does not fade."""
    told = set() if pardon else {piece.asset for piece in evidence}
    beliefs = {
        name: msgspec.structs.replace(belief, as_of=max(belief.as_of, finding.time)) if name in told else belief
        for name, belief in home.beliefs.items()
    }
    return msgspec.structs.replace(
        home,
        updated=finding.received,
        beliefs=beliefs,
        repeats=home.repeats + 1,
        through={**home.through, finding.source: (finding.generation, finding.offset)},
        last_evidence=home.last_evidence if pardon else max(home.last_evidence, finding.time),
    )


def _service(finding: Finding) -> str:
    return finding.service or (f"tcp/{finding.port}" if finding.port else "")
