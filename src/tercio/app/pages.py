"""Pages for a terminal: what stands, what happened, and why. Values in, Rich renderables out.

Every cell is a ``Text`` of visible characters: what an attacker wrote is never markup, a control or an emoji code.
"""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.model.commands import Effect, target_name
from tercio.model.decisions import Decision, Permission
from tercio.model.incidents import Incident, Stage
from tercio.model.site import Site
from tercio.model.sitecheck import Remark, Severity
from tercio.model.units import money, span, timestamp
from tercio.model.words import Window

WHOLE = ("incident", "lease", "window", "status")
"""Columns that are never broken, however narrow the terminal: people copy names."""


def incidents_page(incidents: Sequence[Incident]) -> RenderableType:
    """Incidents, the latest first, one line each."""
    if not incidents:
        return Text("No incidents. A quiet state: nothing was seen that anybody should be suspected for.")
    rows = [
        (
            incident.id,
            incident.status,
            timestamp(incident.opened)[:19].replace("T", " "),
            plain(", ".join(sorted(incident.sources))),
            _furthest(incident),
            plain(", ".join(incident.techniques)),
        )
        for incident in incidents
    ]
    return _rows(("incident", "status", "opened (UTC)", "who", "most advanced", "techniques"), rows)


def effects_page(effects: Sequence[Effect], now: int) -> RenderableType:
    """Every lease, what it does, whether it held and was confirmed, and until when it stands."""
    if not effects:
        return Text("Nothing stands: Tercio holds no change in the world.")
    rows = [(effect.lease, plain(target_name(effect.target)), _stands(effect, now)) for effect in effects]
    return _rows(("lease", "what", "how it stands (UTC)"), rows)


def windows_page(windows: Sequence[Window]) -> RenderableType:
    """Announced windows, the next to end first."""
    if not windows:
        return Text("No window is open: every change counts as evidence.")
    rows = [
        (
            window.id,
            plain(f"{window.asset} may {window.activity} {window.target}"),
            clock(window.until),
            plain(window.by),
            plain(window.why),
        )
        for window in windows
    ]
    return _rows(("window", "what", "until (UTC)", "by", "why"), rows)


def site_page(site: Site, meaning: Sequence[str], remarks: Sequence[Remark]) -> RenderableType:
    """What a site file means, and what it leaves open or gets wrong."""
    parts: list[RenderableType] = [Text("What the file means", style="bold")]
    parts += [Padding(Text(plain(sentence, 1000)), (0, 0, 0, 2), expand=False) for sentence in meaning]
    if not remarks:
        return Group(*parts, Text(""), Text(f"{plain(site.name)}: nothing to remark."))
    rows = [(str(r.severity), plain(r.place), plain(r.words, 400)) for r in remarks]
    parts += _section("What to look at", _rows(("", "where", "what, and what to do"), rows))
    if any(remark.severity == Severity.ERROR for remark in remarks):
        parts += [Text("\nWhile an error stands, the whole site stays in shadow: nothing is done, only said.")]
    return Group(*parts)


def alternatives(decision: Decision, currency: str, *, numbered: bool = False) -> RenderableType:
    """The plans that were weighed, the chosen one marked. The mandate's word stands where it does not simply permit,
    unless the plans are ``numbered`` for words on all of them below."""
    asked = not numbered and any(plan.permission != Permission.PERMITTED for plan in decision.alternatives)
    table = _table(("", "plan"))
    for column in (f"expected\nloss, {currency}", "by the\nattack", "by lost\nproduction", "by the act\nitself"):
        table.add_column(Text(column), justify="right")
    if asked:
        table.add_column(Text("mandate"), overflow="fold")
    for number, plan in enumerate(decision.alternatives, 1):
        cost = plan.money
        chosen = plan.candidates == decision.chosen.candidates
        cells = [("->" if chosen else "  " if numbered else "") + (str(number) if numbered else ""), plain(plan.title)]
        cells += [money(c, "").strip() for c in (cost.total, cost.attack, cost.production, cost.risk)]
        if asked:
            permitted = plan.permission == Permission.PERMITTED
            cells += [str(plan.permission) if permitted else ruling_words(decision, plan.candidates)]
        table.add_row(*map(Text, cells), style="bold" if chosen else "")
    return table


def removed(decision: Decision) -> RenderableType:
    """What safety took away, and why."""
    rows = []
    for item in decision.removed:
        target = item.candidate.target
        name = f": {target_name(target)}" if target is not None else ""
        rows.append((plain(f"{item.candidate.verb}{name}"), plain(item.reason)))
    return _rows((), rows)


def ruling_words(decision: Decision, candidates: Iterable[str]) -> str:
    """The mandate's words on candidates that it does not simply permit."""
    wanted = set(candidates)
    words = [r.words for r in decision.rulings if r.candidate in wanted and r.permission != Permission.PERMITTED]
    return plain("; ".join(dict.fromkeys(words)), 300)


def clock(instant: int) -> str:
    """The time of day in UTC, to the millisecond."""
    return timestamp(instant)[11:23]


def _stands(effect: Effect, now: int) -> str:
    """Verified when and how, until when or since when no more."""
    held = f"held {clock(effect.held)}" if effect.held else "never held"
    seen = f"seen to work {clock(effect.confirmed)}" if effect.confirmed else "not seen to work"
    if effect.live:
        end = f"until {clock(effect.until)} ({span(max(0, effect.until - now))} left)"
    else:
        end = f"ended {clock(effect.ended)}" if effect.ended else "ended"
    why = f": {plain(effect.why)}" if effect.why else ""
    return f"{effect.state}: {held}, {seen}, {end}{why}"


def _furthest(incident: Incident) -> str:
    """The asset with which the intruder has probably come furthest."""

    def rank(name: str) -> tuple[float, str]:
        p = incident.beliefs[name].p
        return sum(stage * p[stage] for stage in Stage), name

    if not incident.beliefs:
        return "nobody"
    name = max(incident.beliefs, key=rank)
    stage = max(Stage, key=lambda s: incident.beliefs[name].p[s])
    return plain(f"{name}: {stage.name.lower()}")


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _section(title: str, body: RenderableType) -> list[RenderableType]:
    return [Text(""), Text(title, style="bold"), body]


def _rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of texts; without columns it has no header."""
    table = _table(columns)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=bool(columns))
    for column in columns:
        table.add_column(Text(column), overflow="fold", no_wrap=column in WHOLE)
    return table
