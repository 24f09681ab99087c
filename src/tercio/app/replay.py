"""Recorded telemetry through the real loop, in shadow and in memory: what it would have seen, believed and done.

The clock is that of the records. There is no state, no hand and nobody to ask: nothing is written, nothing is touched.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tercio.app.assemble import Parts, made, rules_in
from tercio.app.recordings import Found, Piece, merged, pieces
from tercio.brain.detect.rules import Rejected
from tercio.brain.detect.windows import Windows
from tercio.loop.engine import turn
from tercio.loop.state import Content, Inputs, LoopState, Memory, Turn
from tercio.model.decisions import Decision, Reach
from tercio.model.findings import Level
from tercio.model.incidents import Incident
from tercio.model.journal import Told
from tercio.model.sifted import Sifted
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


def content(
    site: Site,
    folders: Iterable[Path],
    sensors: Iterable[str],
    read: Callable[[int], None] = lambda _: None,
    keep: Path | None = None,
) -> Content:
    """The content of a loop in shadow over these sensors, with the Sigma rules of further folders; what rules were
    compiled to is taken from the file ``keep``, or kept there. Raises ValueError for a folder without rules,
    SettingsError for policies that can't be used."""
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
    return made(parts, read, keep)


def replay(
    content: Content,
    name: str,
    files: Iterable[Found],
    tell: Callable[[Found, Piece], None] = lambda *_: None,
    opened: Callable[[Found], Iterator[Piece]] | None = None,
) -> Outcome:
    """Take these files through the loop, in the order of their times, from a state that knows nothing. ``tell`` is
    called with every piece that was taken; ``opened`` gives the pieces of a file (else they are sifted here)."""
    account = _Account(content)
    for found, piece in merged(files, opened or (lambda found: pieces(content, found))):
        account.take(found, piece)
        tell(found, piece)
    account.end()
    return account.outcome(name)


class _File(msgspec.Struct):
    """What was taken of one file so far."""

    sensor: str
    lines: int = 0
    unparsed: int = 0
    trouble: str = ""


class _Account:
    """One replay as it goes: the loop's state, and what it told so far."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._state = LoopState(memory=Memory(windows=Windows()))
        self._now = self._begins = 0
        self._hits: Counter[str] = Counter()
        self._files: dict[str, _File] = {}
        self._incidents: dict[str, Incident] = {}
        self._told: dict[str, Counter[str]] = {}
        self._titles: dict[str, Told] = {}
        self._decisions: dict[str, Decision] = {}

    def take(self, found: Found, piece: Piece) -> None:
        """One turn over one piece, at the time of its latest record."""
        self._begins = self._begins or piece.begins
        self._now = max(self._now, piece.latest)
        lots = tuple(_received(lot, self._now) for lot in piece.lots)
        result = turn(self._content, self._state, Inputs(now=self._now, draw=0.5, lots=lots))
        self._state = result.state
        self._hits.update(match.rule for lot in lots for seen in lot.seen for match in seen.matches)
        file = self._files.setdefault(found.recording.name, _File(found.sensor))
        file.lines += piece.lines
        file.unparsed += sum(len(lot.unparsed) for lot in lots)
        file.trouble = piece.trouble
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

    def outcome(self, name: str) -> Outcome:
        """All of it, once nothing more comes."""
        hits = self._hits
        incidents, known = {**self._incidents, **self._state.incidents}, self._content.rules.rules
        ordered = sorted(incidents.values(), key=lambda incident: (incident.opened, incident.id))
        techniques = {technique for told in self._titles.values() for technique in told.finding.techniques}
        return Outcome(
            name=name,
            files=tuple(
                Read(path, file.sensor, file.lines, file.unparsed, file.trouble)
                for path, file in sorted(self._files.items())
            ),
            lines=sum(file.lines for file in self._files.values()),
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


def _received(lot: Sifted, now: int) -> Sifted:
    """The lot as if it had been read at an instant."""
    seen = tuple(
        msgspec.structs.replace(each, event=msgspec.structs.replace(each.event, received=now)) for each in lot.seen
    )
    return msgspec.structs.replace(lot, received=now, seen=seen)
