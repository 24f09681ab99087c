"""Pages for a terminal: what stands, what happened, and why. Values in, Rich renderables out."""

from collections.abc import Iterable, Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.lines import sentences
from tercio.loop.authorise import LIVE, Deliberation
from tercio.model.commands import Effect, target_name
from tercio.model.decisions import Decision, Permission
from tercio.model.incidents import Incident, Stage
from tercio.model.records import Cited
from tercio.model.site import Site
from tercio.model.sitecheck import Remark
from tercio.model.units import money, span, timestamp
from tercio.store.reader import Reader


def effects_page(effects: Sequence[Effect], now: int) -> RenderableType:
    """Every lease, what it does, whether it held and was confirmed, and until when it stands."""
    if not effects:
        return Text("Nothing stands: Tercio holds no change in the world.")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("lease", "what", "state", "held", "confirmed", "until"):
        table.add_column(column, overflow="fold")
    for effect in effects:
        table.add_row(
            effect.lease,
            plain(target_name(effect.target)),
            effect.state,
            clock(effect.held) if effect.held else "no",
            clock(effect.confirmed) if effect.confirmed else "not yet",
            f"{clock(effect.until)} ({span(effect.until - now)} left)" if effect.state in LIVE else ended(effect),
        )
    return table


def incidents_page(incidents: Sequence[Incident]) -> RenderableType:
    """Incidents, the latest first, one line each."""
    if not incidents:
        return Text("No incidents. A quiet state: nothing was seen that anybody should be suspected for.")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("incident", "status", "opened", "who", "most advanced", "techniques"):
        table.add_column(column, overflow="fold")
    for incident in incidents:
        table.add_row(
            incident.id,
            incident.status,
            clock(incident.opened),
            plain(", ".join(sorted(incident.sources))),
            _furthest(incident),
            ", ".join(incident.techniques),
        )
    return table


class Story(msgspec.Struct, frozen=True):
    """Everything that the state knows of one incident: ``lines`` are the journal in sentences, with their times."""

    incident: Incident
    lines: tuple[tuple[int, str], ...]
    decisions: tuple[Deliberation, ...]
    effects: tuple[Effect, ...]
    cited: tuple[Cited, ...]


def story_of(reader: Reader, incident: Incident) -> Story:
    """Gather an incident's story from the state."""
    effects = tuple(e for e in reader.effects() if e.incident == incident.id)
    subjects = {incident.id, *(e.lease for e in effects), *(e.decision for e in effects)}
    entries = sorted({e.seq: e for s in subjects for e in reader.records(subject=s, limit=10_000)}.items())
    decisions = tuple(
        msgspec.json.decode(e.body, type=Deliberation)
        for _, e in entries
        if e.kind == "decision" and e.body is not None
    )
    currency = decisions[-1].question.site.currency if decisions else ""
    told = ("finding", "decision", "authorisation", "effect", "word")
    lines = tuple((e.time, text) for _, e in entries if e.kind in told for text in sentences(e, currency))
    return Story(incident, lines, decisions, effects, reader.cited(incident.events))


def incident_page(story: Story, now: int) -> RenderableType:
    """One incident as a shift leader and an auditor both read it."""
    incident, decisions, effects = story.incident, story.decisions, story.effects
    lines = [f"{clock(at)}  {text}" for at, text in story.lines]
    parts: list[RenderableType] = [
        Text(f"Incident {incident.id}: {incident.status}", style="bold"),
        Text(f"opened {timestamp(incident.opened)}, {len(incident.findings)} findings, {incident.repeats} repeats"),
        Text(""),
        Text("What happened", style="bold"),
        *(Text(line) for line in lines),
        Text(""),
        Text("What was believed", style="bold"),
        beliefs(incident),
    ]
    if decisions:
        last = decisions[-1]
        parts += [Text(""), Text("What was considered, and what each choice would have cost", style="bold")]
        parts += [alternatives(last.decision, last.question.site.currency)]
        if last.decision.removed:
            parts += [Text(""), Text("Removed for safety, before any money was counted", style="bold")]
            parts += [removed(last.decision)]
    parts += [Text(""), Text("What was done", style="bold"), effects_page(effects, now)]
    live = [effect for effect in effects if effect.state in LIVE]
    if live:
        parts += [Text(f"\nTo undo all of it: tercio undo {incident.id}")]
    return Group(*parts)


def remarks_page(site: Site, remarks: Sequence[Remark]) -> RenderableType:
    """What a site file leaves open or gets wrong."""
    if not remarks:
        return Text(
            f"{plain(site.name)}: nothing to remark; {len(site.assets)} assets, {len(site.processes)} processes."
        )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "where", "what, and what to do"):
        table.add_column(column, overflow="fold")
    for remark in remarks:
        table.add_row(remark.severity, plain(remark.place), plain(remark.words, 400))
    return table


def beliefs(incident: Incident) -> RenderableType:
    """The belief in each asset that takes part."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("asset", *(stage.name.lower() for stage in Stage)):
        table.add_column(column)
    for name, belief in sorted(incident.beliefs.items()):
        table.add_row(plain(name), *(f"{p:.3f}" for p in belief.p))
    return table


def alternatives(decision: Decision, currency: str) -> RenderableType:
    """The plans that were weighed, the chosen one marked."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("plan", overflow="fold")
    for column in ("expected loss", "by the attack", "production", "risk"):
        table.add_column(column, justify="right")
    table.add_column("mandate", overflow="fold")
    for plan in decision.alternatives:
        cost = plan.money
        chosen = plan.title == decision.chosen.title
        words = plan.permission if plan.permission == Permission.PERMITTED else ruling_words(decision, plan.candidates)
        cells = (cost.total, cost.attack, cost.production, cost.risk)
        table.add_row(
            "->" if chosen else "",
            plain(plan.title),
            *(money(c, currency) for c in cells),
            words,
            style="bold" if chosen else "",
        )
    return table


def removed(decision: Decision) -> RenderableType:
    """What safety took away, and why."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for item in decision.removed:
        target = item.candidate.target
        name = target_name(target) if target is not None else str(item.candidate.verb)
        table.add_row(plain(f"{item.candidate.verb}: {name}"), plain(item.reason))
    return table


def ruling_words(decision: Decision, candidates: Iterable[str]) -> str:
    """The mandate's words on candidates that it does not simply permit."""
    wanted = set(candidates)
    words = [r.words for r in decision.rulings if r.candidate in wanted and r.permission != Permission.PERMITTED]
    return "; ".join(dict.fromkeys(words))


def clock(instant: int) -> str:
    """The time of day in UTC, to the millisecond."""
    return timestamp(instant)[11:23]


def ended(effect: Effect) -> str:
    """When and why an effect ended."""
    return f"ended {clock(effect.ended)}: {plain(effect.why)}" if effect.ended else plain(effect.why)


def _furthest(incident: Incident) -> str:
    """The asset with which the intruder has probably come furthest."""

    def rank(name: str) -> tuple[float, str]:
        p = incident.beliefs[name].p
        return sum(stage * p[stage] for stage in Stage), name

    name = max(incident.beliefs, key=rank)
    stage = max(Stage, key=lambda s: incident.beliefs[name].p[s])
    return plain(f"{name}: {stage.name.lower()}")
