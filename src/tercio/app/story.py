"""Everything that a state knows of one incident, gathered as values: what the page tells and ``--json`` gives."""

from collections.abc import Iterator
from typing import Any

import msgspec

from tercio.app.aftermath import witness
from tercio.app.concern import concerning
from tercio.app.moments import Moment, collapsed, moments_of
from tercio.app.weighed import Weighed, shown, weighed_of
from tercio.brain.correlate.likelihood import PRIOR
from tercio.loop.authorise import Deliberation
from tercio.loop.leases import cancelling
from tercio.loop.ledger import SHAPES
from tercio.model.commands import Action, Command, Effect, Response
from tercio.model.incidents import Belief, Incident, Stage
from tercio.model.journal import Spoken, Told
from tercio.model.records import Cited, CommandRow
from tercio.model.site import Site
from tercio.store.errors import StateUnusable
from tercio.store.reader import Entry, Reader

CHUNK = 1000
"""Records of the journal that are read at once."""


class Held(msgspec.Struct, frozen=True):
    """How sure Tercio was that an asset is held: before anything was seen, when it decided (None: not asked then), by
    the last word, and without anything that could be forged; ``stage`` is the likeliest now."""

    asset: str
    zone: str
    before: float
    decided: float | None
    now: float
    proven: float
    stage: str


class Deed(msgspec.Struct, frozen=True):
    """One lease with its orders: the first, every later one that prolonged it (``renewals``: instants), its end, and
    who saw it work (``witness`` in words)."""

    effect: Effect
    ordered: Command | None
    answered: Response | None
    renewals: tuple[int, ...]
    ended: Response | None
    witness: str
    undo: str


class Journal(msgspec.Struct, frozen=True):
    """Where the story stands in the journal: the numbers of its records, and the last signed checkpoint."""

    records: tuple[int, ...]
    size: int
    root: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the state knows of one incident. ``asked`` is the id that somebody named; ``shown`` are the
    decisions whose alternatives are shown, none where nothing was decided; beliefs are told as of ``focus``, the one
    asked for or the first of them."""

    asked: str
    incident: Incident
    site: Site | None
    moments: tuple[Moment, ...]
    findings: tuple[Told, ...]
    decisions: tuple[Weighed, ...]
    shown: tuple[str, ...]
    focus: str
    beliefs: tuple[Held, ...]
    deeds: tuple[Deed, ...]
    words: tuple[Spoken, ...]
    cited: tuple[Cited, ...]
    journal: Journal

    @property
    def currency(self) -> str:
        """The site's, empty where no decision tells it."""
        return self.site.currency if self.site is not None else ""


def find(reader: Reader, name: str) -> tuple[str, str] | None:
    """The incident that a name belongs to, and the whole name: an incident's, lease's, decision's or finding's, or the
    beginning of one. None where nothing has that name. Raises ValueError where several have."""
    incident = reader.incident(name)
    if incident is not None:
        return incident.id, incident.id
    found = {e.lease: e.incident for e in reader.effects() if _begins(e.lease, name)}
    for entry, body in _all(reader, "decision"):
        decision = _read(entry, body, _Decided).decision
        if _begins(decision.id, name):
            found[decision.id] = decision.incident
    for entry, body in _all(reader, "finding"):
        told = _read(entry, body, Told)
        if _begins(told.finding.id, name):
            found[told.finding.id] = told.incident
    if len(found) > 1:
        names = ", ".join(sorted(found)[:5])
        raise ValueError(f"{name!r} begins more than one name: {names}{' and more' if len(found) > 5 else ''}")
    return next(((found[whole], whole) for whole in found), None)


class Lone(msgspec.Struct, frozen=True):
    """A finding that belongs to no incident, with the records that it cites."""

    finding: Told
    cited: tuple[Cited, ...]


def lone(reader: Reader, finding: str) -> Lone:
    """A finding that belongs to no incident, by its whole id."""
    (entry, *_) = reader.records(subject=finding, kind="finding", limit=1)
    told: Told = _read(entry, entry.body, Told)
    return Lone(told, reader.cited(told.finding.events))


class _Named(msgspec.Struct):
    id: str
    incident: str


class _Decided(msgspec.Struct):
    decision: _Named


def story_of(reader: Reader, incident: Incident, asked: str = "") -> Story:
    """Gather an incident's story. Raises StateUnusable where a record can't be read."""
    effects = tuple(
        sorted((e for e in reader.effects() if e.incident == incident.id), key=lambda e: (e.since, e.lease))
    )
    entries = _entries(reader, incident, effects)
    read = [(entry, _read(entry, entry.body, SHAPES[entry.kind])) for entry in entries if _known(entry)]
    thought = tuple(value for _, value in read if isinstance(value, Deliberation))
    site = thought[-1].question.site if thought else None
    words = tuple(concerning((value for _, value in read if isinstance(value, Spoken)), incident, effects, site))
    others = {entry.seq for entry, value in read if isinstance(value, Spoken) and value not in words}
    entries = [entry for entry in entries if entry.seq not in others]
    read = [(entry, value) for entry, value in read if entry.seq not in others]
    weighed = weighed_of((value for _, value in read), site)
    asked = asked or incident.id
    behind = next((effect.decision for effect in effects if effect.lease == asked), asked)
    tables = shown(weighed, effects, behind)
    focus = behind if behind in tables else next(iter(tables), "")
    checkpoint = reader.checkpoint()
    return Story(
        asked=asked,
        incident=incident,
        site=site,
        moments=collapsed(sorted(moments_of(read, site), key=lambda moment: (moment.at, moment.record))),
        findings=tuple(value for _, value in read if isinstance(value, Told)),
        decisions=weighed,
        shown=tables,
        focus=focus,
        beliefs=_beliefs(incident, next((t for t in thought if t.decision.id == focus), None), site),
        deeds=tuple(_deed(effect, read, site) for effect in effects),
        words=words,
        cited=reader.cited(incident.events),
        journal=Journal(tuple(entry.seq for entry in entries), checkpoint.size, checkpoint.root.hex()),
    )


def _beliefs(incident: Incident, thought: Deliberation | None, site: Site | None) -> tuple[Held, ...]:
    then = thought.question.incident.beliefs if thought is not None else {}
    unknown = round(sum(PRIOR[Stage.FOOTHOLD :]), 6)
    return tuple(
        Held(
            asset=name,
            zone=site.zone_of(name) if site is not None else "",
            before=unknown,
            decided=then[name].held if name in then else None,
            now=belief.held,
            proven=incident.proved(name),
            stage=_likeliest(belief),
        )
        for name, belief in sorted(incident.beliefs.items(), key=lambda each: (-each[1].held, each[0]))
    )


def _likeliest(belief: Belief) -> str:
    return max(Stage, key=lambda stage: belief.p[stage]).name.lower()


def _deed(effect: Effect, read: list[tuple[Entry, Any]], site: Site | None) -> Deed:
    orders = {v.command.id: v.command for _, v in read if isinstance(v, CommandRow) and v.command.lease == effect.lease}
    answers = {value.command: value for _, value in read if isinstance(value, Response)}
    denies = sorted((c for c in orders.values() if c.action == Action.DENY), key=lambda c: (c.issued, c.id))
    return Deed(
        effect=effect,
        ordered=denies[0] if denies else None,
        answered=answers.get(denies[0].id) if denies else None,
        renewals=tuple(answers[c.id].at for c in denies[1:] if c.id in answers and answers[c.id].held),
        ended=answers.get(cancelling(effect, 0).id),
        witness=witness(effect, site) if site is not None else "",
        undo=f"tercio undo {effect.lease}" if effect.live else "",
    )


def _entries(reader: Reader, incident: Incident, effects: tuple[Effect, ...]) -> list[Entry]:
    """The records of a story in their order: the incident's own, its decisions', leases', orders', and every word of
    people, of which only some may concern it."""
    found: dict[int, Entry] = {}

    def take(subject: str | None, kind: str | None = None) -> Iterator[Entry]:
        page = reader.records(subject=subject, kind=kind, limit=CHUNK)
        while page:
            for entry in page:
                found[entry.seq] = entry
                yield entry
            page = reader.records(subject=subject, kind=kind, after_seq=page[-1].seq, limit=CHUNK)

    for entry in take(incident.id):
        if entry.kind == "decision" and entry.body is not None:
            list(take(_read(entry, entry.body, _Decided).decision.id))
    commands = {cancelling(effect, 0).id for effect in effects}
    for effect in effects:
        for entry in take(effect.lease):
            if entry.kind == "effect" and entry.body is not None:
                commands.add(_read(entry, entry.body, Effect).command)
    for command in sorted(commands):
        list(take(command))
    list(take(None, "word"))
    return [entry for _, entry in sorted(found.items())]


def _known(entry: Entry) -> bool:
    return entry.body is not None and entry.kind in SHAPES


def _read(entry: Entry, body: bytes | None, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body or b"", type=kind)
    except msgspec.DecodeError as error:
        raise StateUnusable(f"record {entry.seq} can't be read: {error}. Run `tercio audit verify`.") from None


def _all(reader: Reader, kind: str) -> Iterator[tuple[Entry, bytes]]:
    page = reader.records(kind=kind, limit=CHUNK)
    while page:
        for entry in page:
            if entry.body is not None:
                yield entry, entry.body
        page = reader.records(kind=kind, after_seq=page[-1].seq, limit=CHUNK)


def _begins(name: str, text: str) -> bool:
    """With or without its kind: ``lse-0a1b`` and ``0a1b`` begin the same name."""
    return name.startswith(text) or name.partition("-")[2].startswith(text)
