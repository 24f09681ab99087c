"""Recorded telemetry through the real loop, in shadow and in memory: what it would have seen, believed and done.

The clock is that of the records. There is no state, no hand and nobody to ask: nothing is written, nothing is touched.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from tercio.app.assemble import Parts, made, rules_in
from tercio.app.recordings import Found, Piece, merged
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import Rejected
from tercio.brain.detect.windows import Windows
from tercio.loop.engine import turn
from tercio.loop.sift import sift
from tercio.loop.state import Content, Inputs, LoopState, Memory, Turn
from tercio.model.decisions import Decision, Reach
from tercio.model.events import Batch, Failed, Match
from tercio.model.findings import Level
from tercio.model.incidents import Incident
from tercio.model.journal import Told
from tercio.model.site import Autonomy, Site
from tercio.products.sensors import SENSORS

UNKNOWN = Site(name="", currency="EUR", zones={}, assets={}, processes={})
"""The site of a replay that was given none: every host is unknown, so nothing can be cut off."""

HAND = "a hand on every gateway"
"""Who could have acted: without settings nobody says where hands are, so that all is in reach."""

_LEVELS = {level: place for place, level in enumerate(Level)}


class Fired(msgspec.Struct, frozen=True):
    """A rule that gave findings: how many different ones were told, and its words."""

    rule: str
    title: str
    level: Level
    count: int
    techniques: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One incident: who is suspected, how surely each is held by the last word (and without what could be forged), what
    it rests on, and what would have been done: under shadow, and with full authority (``would``)."""

    id: str
    status: str
    opened: int
    last: int
    sources: tuple[str, ...]
    held: dict[str, float]
    proven: dict[str, float]
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    findings: int
    evidence: int
    repeats: int
    rules: tuple[Fired, ...]
    chosen: str
    would: str


class Read(msgspec.Struct, frozen=True):
    """One file: the sensor that read it, its lines, those that nobody understood, and what could not be read."""

    name: str
    sensor: str
    lines: int
    unparsed: int
    trouble: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one replay came to. ``hits`` are matches of rules by rule, context too; ``techniques`` those of all that was
    told, ``matched`` those of all rules that matched; ``below`` what was told without opening an incident."""

    name: str
    files: tuple[Read, ...]
    lines: int
    begins: int
    ends: int
    hits: dict[str, int]
    techniques: tuple[str, ...]
    matched: tuple[str, ...]
    below: tuple[Fired, ...]
    incidents: tuple[Seen, ...]


class _Decided(msgspec.Struct):
    """Of a record of a decision only the decision is read."""

    decision: Decision


class Tally(Detector):
    """A detector that counts, by rule, what it finds."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.unrouted = detector.unrouted
        self.hits: Counter[str] = Counter()

    def match(self, batch: Batch) -> tuple[Match | Failed, ...]:
        """As the detector's own."""
        found = self._detector.match(batch)
        self.hits.update(match.rule for match in found if isinstance(match, Match))
        return found


def content(
    site: Site, folders: Iterable[Path], sensors: Iterable[str], read: Callable[[int], None] = lambda _: None
) -> Content:
    """The content of a loop in shadow over these sensors, with the Sigma rules of further folders. Raises ValueError
    for a folder without rules, SettingsError for policies that can't be used."""
    rules: dict[str, str] = {}
    unreadable: list[Rejected] = []
    for folder in folders:
        found, lost = rules_in(folder)
        rules |= found
        unreadable += lost
    zones = {name: msgspec.structs.replace(zone, autonomy=Autonomy.SHADOW) for name, zone in site.zones.items()}
    parts = Parts(
        site=msgspec.structs.replace(site, zones=zones),
        rules=rules,
        unreadable=tuple(unreadable),
        sensors={name: SENSORS[name] for name in sorted(set(sensors))},
        reaches=(Reach(HAND, "nftables", tuple(zones)),) if zones else (),
    )
    return made(parts, read)


def replay(
    content: Content, name: str, files: Iterable[Found], tell: Callable[[Piece], None] = lambda _: None
) -> Outcome:
    """Take these files through the loop, in the order of their times, from a state that knows nothing. ``tell`` is
    called with every piece that was taken."""
    tally = Tally(content.detector)
    account = _Account(msgspec.structs.replace(content, detector=tally))
    for piece in merged(files):
        account.take(piece)
        tell(piece)
    account.end()
    return account.outcome(name, tally.hits)


class _Account:
    """One replay as it goes: the loop's state, and what it told so far."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._state = LoopState(memory=Memory(windows=Windows()))
        self._now = self._begins = 0
        self._files: dict[str, list[int]] = {}
        self._found: dict[str, Found] = {}
        self._incidents: dict[str, Incident] = {}
        self._told: dict[str, Counter[str]] = {}
        self._titles: dict[str, Told] = {}
        self._decisions: dict[str, Decision] = {}

    def take(self, piece: Piece) -> None:
        """One turn over one piece, at the time of its latest record."""
        found = piece.found
        self._begins = self._begins or piece.begins
        self._now = max(self._now, piece.latest)
        batch = Batch(found.sensor, found.recording.name, piece.offset, piece.lines, self._now)
        before = self._state.memory.unparsed.get(found.sensor, 0)
        result = turn(self._content, self._state, Inputs(now=self._now, draw=0.5, lots=sift(self._content, batch)))
        self._state = result.state
        self._found[found.recording.name] = found
        counts = self._files.setdefault(found.recording.name, [0, 0])
        counts[0] += len(piece.lines)
        counts[1] += self._state.memory.unparsed.get(found.sensor, 0) - before
        self._listen(result)

    def end(self) -> None:
        """One more turn, by which every open window is judged: nothing comes any more."""
        result = turn(self._content, self._state, Inputs(now=self._now, draw=0.5, over=True))
        self._state = result.state
        self._listen(result)

    def _listen(self, result: Turn) -> None:
        if result.transaction is None:
            return
        self._incidents |= {incident.id: incident for incident in result.transaction.incidents}
        for record in result.transaction.records:
            if record.kind == "finding":
                told = msgspec.json.decode(record.body, type=Told)
                self._told.setdefault(told.incident, Counter())[told.finding.rule] += 1
                self._titles[told.finding.rule] = told
            elif record.kind == "decision":
                decision = msgspec.json.decode(record.body, type=_Decided).decision
                self._decisions[decision.incident] = decision

    def outcome(self, name: str, hits: Counter[str]) -> Outcome:
        """All of it, once nothing more comes."""
        incidents, known = {**self._incidents, **self._state.incidents}, self._content.rules.rules
        ordered = sorted(incidents.values(), key=lambda incident: (incident.opened, incident.id))
        techniques = {technique for told in self._titles.values() for technique in told.finding.techniques}
        return Outcome(
            name=name,
            files=tuple(
                Read(file, self._found[file].sensor, lines, unparsed, self._found[file].recording.trouble)
                for file, (lines, unparsed) in sorted(self._files.items())
            ),
            lines=sum(lines for lines, _ in self._files.values()),
            begins=self._begins,
            ends=self._now,
            hits=dict(sorted(hits.items())),
            techniques=tuple(sorted(techniques)),
            matched=tuple(sorted({name for rule in hits if rule in known for name in known[rule].techniques})),
            below=self._fired(""),
            incidents=tuple(map(self._seen, ordered)),
        )

    def _fired(self, incident: str) -> tuple[Fired, ...]:
        """The rules that told something of an incident, the gravest first."""
        fired = []
        for rule, count in self._told.get(incident, {}).items():
            known = self._titles[rule].finding
            fired.append(Fired(rule, known.title, known.level, count, known.techniques))
        return tuple(sorted(fired, key=lambda each: (-_LEVELS[each.level], -each.count, each.rule)))

    def _seen(self, incident: Incident) -> Seen:
        decision = self._decisions.get(incident.id)
        rules = self._fired(incident.id)
        tactics = dict.fromkeys(tactic for each in rules for tactic in self._titles[each.rule].finding.tactics)
        return Seen(
            id=incident.id,
            status=incident.status,
            opened=incident.opened,
            last=max((belief.as_of for belief in incident.beliefs.values()), default=incident.opened),
            sources=tuple(sorted(incident.sources)),
            held={name: belief.held for name, belief in sorted(incident.beliefs.items())},
            proven={name: incident.proved(name) for name in sorted(incident.beliefs)},
            tactics=tuple(tactics),
            techniques=tuple(sorted(incident.techniques)),
            findings=incident.found,
            evidence=len(incident.evidence),
            repeats=incident.repeats,
            rules=rules,
            chosen=decision.chosen.title if decision is not None else "",
            would=decision.advice.title if decision is not None else "",
        )
