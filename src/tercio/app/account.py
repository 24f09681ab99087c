"""The account of one incident on one page: what a shift leader reads, and what an auditor checks.

Needs no colour, fits into 80 columns, and shows what others wrote as one visible line.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import line, plain, quoted, whereabouts
from tercio.app.clock import Clock
from tercio.app.story import Deed, Lone, Story
from tercio.loop.authorise import LIVE
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target, target_name
from tercio.model.decisions import Decision, Plan, Verb
from tercio.model.incidents import Evidence
from tercio.model.units import money, span

WIDEST = 100
"""Columns of the page on a terminal that has more."""

RAW = 4000
"""Characters of a raw line that are shown."""


def account(story: Story, now: int, zone: tzinfo | None, *, raw: bool = False) -> RenderableType:
    """The whole page. ``now`` is an instant, ``zone`` that of the reader (None: this machine's)."""
    incident, clock = story.incident, Clock(zone, story.incident.opened)
    where = f"{plain(story.site.name)}, " if story.site is not None else ""
    opened = f"opened {clock.at(incident.opened, day=True)[:19]} {clock.offset(incident.opened)}"
    repeats = _counted(incident.repeats, "repeat")
    parts: list[RenderableType] = [
        Text(f"Incident {incident.id}: {incident.status}", style="bold"),
        Text(f"{where}{opened}; all times are local. {_counted(len(incident.findings), 'finding')}, {repeats}."),
    ]
    if story.asked != incident.id:
        parts.append(Text(f"You asked for {story.asked}, which belongs to it."))
    decision = next((d for d in story.decisions if d.id == story.shown), None)
    parts += _section("In short", _lines(_short(story, decision, clock, now)))
    parts += _section("What happened", _happened(story, clock))
    parts += _section("What was believed: how surely each is in the intruder's hands", _believed(story))
    if decision is not None:
        parts += _section(f"What was considered at {clock.at(decision.time)}", _considered(decision, story.currency))
        parts += [Padding(_grid(_permissions(decision)), (1, 0, 0, 2), expand=False), *_removed(decision)]
    parts += _section("What was done", Group(*_done(story, clock, now)))
    parts += _section("What people said", _lines(_said(story, clock)))
    parts += _section("Evidence", Group(*_evidence(story, raw)))
    return Group(*parts, *_section("For the auditor", _lines(_audit(story))))


def lone_page(known: Lone) -> RenderableType:
    """A finding that belongs to no incident, with its raw records."""
    told = known.finding
    raw = [plain(each.raw.decode("utf-8", "replace"), RAW) for each in known.cited] or ["The records are not kept."]
    return Group(
        Text(f"Finding {told.finding.id}: it belongs to no incident", style="bold"),
        Text(line("finding", told.finding)),
        *_section("What it cites", _lines(raw)),
    )


def _short(story: Story, decision: Decision | None, clock: Clock, now: int) -> Iterator[str]:
    incident, site = story.incident, story.site
    reached = sorted(incident.reached, key=lambda step: site is not None and step[1] not in site.assets)
    for src, dst, service in reached[:3]:
        over = f" over {quoted(service, 20)}" if service else ""
        yield f"{_who(story, src)} acted against {_who(story, dst)}{over}; that could not be forged."
    if not incident.reached:
        yield "Nobody's act is proven: what was seen could have been forged, or was announced."
    if decision is not None:
        cost = money(decision.chosen.money.total, story.currency)
        idle = next((p for p in decision.alternatives if p.title == Verb.NOTHING), decision.chosen)
        instead = f", instead of {money(idle.money.total, story.currency)} by doing nothing"
        instead = instead if idle.candidates != decision.chosen.candidates else ""
        yield f"Tercio decided to {plain(decision.chosen.title, 160)}: expected loss {cost}{instead}."
    if not story.deeds:
        yield "Nothing was done to anybody."
    for deed in story.deeds:
        yield f"{plain(target_name(deed.effect.target)).capitalize()}: {_stands(deed, clock, now)}."
    if any(deed.undo for deed in story.deeds):
        yield f"To undo all of it: tercio undo {incident.id}"


def _stands(deed: Deed, clock: Clock, now: int) -> str:
    effect = deed.effect
    held = f"held since {clock.at(effect.held)}" if effect.held else "not known to hold"
    seen = "seen to work" if effect.confirmed else "not seen to work"
    if effect.state in LIVE:
        left = span(max(0, effect.until - now))
        return f"{held}, {seen}; stands until {clock.at(effect.until)[:-4]} ({left} left) unless renewed or undone"
    ended = clock.at(effect.ended) if effect.ended else "at a time that nobody noted"
    return f"{held.replace('since', 'from')}, {seen}; ended {ended} ({effect.state})"


def _happened(story: Story, clock: Clock) -> Table:
    rows = []
    for moment in story.moments:
        again = f" ({moment.times} times, last {clock.at(moment.last)})" if moment.times > 1 else ""
        rows.append((clock.at(moment.at), moment.step, clock.localised(moment.text) + again))
    return _grid(rows)


def _believed(story: Story) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("who", "before", "when it\ndecided", "by the\nlast word", "of that\nproven", "likeliest"):
        table.add_column(Text(column), overflow="fold", justify="left" if column in ("who", "likeliest") else "right")
    for held in story.beliefs:
        decided = f"{held.decided:.1%}" if held.decided is not None else "-"
        numbers = (f"{held.before:.1%}", decided, f"{held.now:.1%}", f"{held.proven:.1%}")
        table.add_row(*map(Text, (_who(story, held.asset), *numbers, held.stage)))
    return table


def _considered(decision: Decision, currency: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(Text(""))
    table.add_column(Text("plan"), overflow="fold")
    for column in (f"expected\nloss, {currency}", "by the\nattack", "by lost\nproduction", "by the act\nitself"):
        table.add_column(Text(column), justify="right")
    for number, plan in enumerate(decision.alternatives, 1):
        chosen = plan.candidates == decision.chosen.candidates
        cost = plan.money
        cells = [f"{'->' if chosen else '  '}{number}", plain(plan.title, 160)]
        cells += [money(c, "").strip() for c in (cost.total, cost.attack, cost.production, cost.risk)]
        table.add_row(*map(Text, cells), style="bold" if chosen else "")
    return table


def _permissions(decision: Decision) -> list[tuple[str, ...]]:
    """The mandate's word on the plans of the table, and by which policies."""
    said: dict[str, list[str]] = {}
    for number, plan in enumerate(decision.alternatives, 1):
        said.setdefault(f"{plan.permission}{_by(decision, plan)}", []).append(str(number))
    rows: list[tuple[str, ...]] = [(", ".join(numbers), words) for words, numbers in said.items()]
    if decision.advice.candidates != decision.chosen.candidates:
        rows.append(("*", f"With full authority it would {plain(decision.advice.title, 160)}."))
    return rows


def _by(decision: Decision, plan: Plan) -> str:
    rulings = [ruling for ruling in decision.rulings if ruling.candidate in plan.candidates]
    policies = dict.fromkeys(policy for ruling in rulings for policy in ruling.policies)
    words = dict.fromkeys(ruling.words for ruling in rulings if ruling.words)
    by = f" by {', '.join(plain(policy, 60) for policy in policies)}" if policies else ""
    return by + (f": {plain('; '.join(words), 300)}" if words else "")


def _removed(decision: Decision) -> list[RenderableType]:
    if not decision.removed:
        return []
    rows = []
    for item in decision.removed:
        target = item.candidate.target
        rows.append(f"{target_name(target) if target is not None else item.candidate.verb}: {item.reason}")
    return _section("Removed for safety, before any money was counted", _lines(plain(row, 400) for row in rows))


def _done(story: Story, clock: Clock, now: int) -> Iterator[RenderableType]:
    if not story.deeds:
        yield _lines(["Nothing."])
    for deed in story.deeds:
        effect, order = deed.effect, deed.ordered
        mark = "-> " if story.asked == effect.lease else ""
        yield _lines([f"{mark}{effect.lease}: refuse {target_words(effect.target)}"])
        rows: list[tuple[str, ...]] = []
        if order is not None:
            long = span(max(0, order.until - order.issued))
            hand = quoted(order.hand, 40)
            rows.append(("ordered", f"{clock.at(order.issued)} of hand {hand}, for {long} ({order.id})"))
        after = (
            f": {clock.localised(plain(deed.answered.after, 300))}"
            if deed.answered is not None and deed.answered.after
            else ""
        )
        rows.append(("held", f"{clock.at(effect.held)}, read back by the hand{after}" if effect.held else "no"))
        witness = f": {deed.witness}" if deed.witness else ""
        rows.append(
            ("confirmed", f"{clock.at(effect.confirmed)}{witness}" if effect.confirmed else "nobody saw it work")
        )
        if deed.renewals:
            rows.append(("renewed", f"{_times(len(deed.renewals))}, last {clock.at(deed.renewals[-1])[:-4]}"))
        rows.append(("now", _stands(deed, clock, now).rpartition("; ")[2]))
        if effect.why:
            rows.append(("why", plain(effect.why, 200)))
        if deed.undo:
            rows.append(("undo", deed.undo))
        yield Padding(_grid(rows), (0, 0, 0, 4), expand=False)


def target_words(target: Target) -> str:
    """A target with everything that is refused: all addresses, or the networks and what stays open between them."""
    match target:
        case HostTarget():
            named = ", ".join((*target.addresses, *target.macs))
        case FlowTarget():
            named = f"{', '.join(target.src_addresses)} to {', '.join(target.dst_addresses)}"
        case ConduitTarget():
            between = f"{', '.join(target.src_networks)} and {', '.join(target.dst_networks)}"
            named = f"{between}, but for {len(target.needed)} needed flows"
    return f"{plain(target_name(target), 160)} ({plain(named, 600)})"


def _said(story: Story, clock: Clock) -> Iterator[str]:
    if not story.words:
        yield "Nothing, so far."
    for spoken in story.words:
        word = spoken.word
        about = f" {quoted(word.target, 60)}" if word.target else ""
        yield f"{clock.at(word.time)}  {quoted(word.who, 60)}: {word.kind}{about}: {plain(spoken.answer, 300)}"


def _evidence(story: Story, raw: bool) -> Iterator[RenderableType]:
    lines = {each.event.id: each.raw for each in story.cited}
    for told in story.findings:
        finding = told.finding
        mark = "-> " if story.asked == finding.id else ""
        yield _lines([f"{mark}{finding.id}: rule {quoted(finding.rule, 80)}, {finding.level}"])
        rows = [("says", _says(story, piece)) for piece in told.evidence]
        rows += [("cites", event) for event in finding.events]
        if raw:
            for event in finding.events:
                text = lines[event].decode("utf-8", "replace") if event in lines else "not kept"
                rows.append(("raw", plain(text, RAW)))
        yield Padding(_grid(rows), (0, 0, 0, 4), expand=False)
    if not raw:
        yield _lines([f"The raw records: tercio show {story.asked} --raw"])


def _says(story: Story, piece: Evidence) -> str:
    """What one piece of evidence says of whom, and how strongly (its likelihood ratio)."""
    who, often = _who(story, piece.asset), f"{piece.ratio:,.0f}"
    excuse = f"; weaker, because {plain(piece.excuse)}" if piece.excuse else ""
    forged = "; anybody on the wire could have forged it" if piece.forgeable else ""
    return (
        f"{who} is at least at {piece.stage.name.lower()}: seen {often} times as often where it is so{excuse}{forged}"
    )


def _audit(story: Story) -> Iterator[str]:
    known = story.journal
    if known.records:
        first, last = known.records[0], known.records[-1]
        yield f"This page rests on {len(known.records)} records of the journal, {first} to {last}."
    yield f"The journal had {known.size} records at its last checkpoint, root {known.root}"
    yield f"That nothing was changed since: tercio audit verify --size {known.size} --root ROOT (keep both elsewhere)"
    yield "That each decision follows from its record: tercio audit replay"


def _who(story: Story, name: str) -> str:
    return whereabouts(story.site, name) if story.site is not None else quoted(name, 60)


def _counted(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _section(title: str, body: RenderableType) -> list[RenderableType]:
    return [Text(""), Text(title, style="bold"), Padding(body, (0, 0, 0, 2), expand=False)]


def _lines(texts: Iterable[str]) -> Group:
    return Group(*map(Text, texts))


def _grid(rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(max(map(len, rows), default=1)):
        table.add_column(overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
