"""The account of one incident on one page: what a shift leader reads, and what an auditor checks.

Needs no colour, fits into 80 columns, and shows what others wrote as one visible line.
"""

from collections.abc import Callable, Iterator
from datetime import tzinfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import but_for, counted, line, plain, quoted
from tercio.app.aftermath import BROKEN, after_block
from tercio.app.clock import Clock
from tercio.app.grounds import advised, believed, considered, evidence, who
from tercio.app.layout import command, grid, indented, lines, section
from tercio.app.moments import WHY_WITNESS
from tercio.app.story import Deed, Lone, Story
from tercio.app.weighed import IDLE
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target, target_name
from tercio.model.decisions import Decision, Verb
from tercio.model.precision import Verdict
from tercio.model.units import money, span

WIDEST = 100
"""Columns of the page on a terminal that has more."""

MOST = 3
"""So many steps of the intruder, and decisions, are told in short."""

KEPT = "checkpoint.txt"
"""The file that commands for the auditor name."""

Ways = Callable[[str], str]
"""How a command is written so that it works where it is read: ``undo lse-1`` becomes ``tercio undo lse-1``."""


def tercio(words: str) -> str:
    """A command as it is where ``tercio`` is on the path and settings lie at hand."""
    return f"tercio {words}"


def account(story: Story, now: int, zone: tzinfo | None, ways: Ways = tercio) -> RenderableType:
    """The whole page. ``now`` is an instant, ``zone`` that of the reader (None: this machine's)."""
    incident, clock = story.incident, Clock(zone, story.incident.opened)
    where = f"{plain(story.site.name)}, " if story.site is not None else ""
    opened = f"opened {clock.at(incident.opened, day=True)[:19]} (all times here are {clock.offset(incident.opened)})"
    seen = counted(incident.found, "finding")
    seen += f", repeated {_times(incident.repeats)}" if incident.repeats else ""
    parts: list[RenderableType] = [
        Text(f"Incident {incident.id}: {incident.status}", style="bold"),
        Text(f"{where}{opened}. {seen}."),
    ]
    if incident.verdict is not None:
        parts.append(Text(_verdict(incident.verdict, clock)))
    if story.asked != incident.id:
        parts.append(Text(f"You asked for {story.asked}, which belongs to it."))
    undo = command(ways(f"undo {incident.id}"))
    undone = [Text("To undo all of it:"), undo] if any(deed.undo for deed in story.deeds) else []
    parts += section("In short", Group(lines(_short(story, clock, now)), *undone))
    parts += advised(story)
    parts += section("What happened", _happened(story, clock))
    parts += section("What was believed: how surely each is in the intruder's hands", believed(story))
    parts += considered(story, clock)
    parts += section("What was done", Group(*_done(story, clock, now, ways)))
    parts += section("What people said", lines(_said(story, clock)))
    raw = [Text("The raw records:"), command(ways(f"show {story.asked} --raw"))]
    parts += section("Evidence", Group(*evidence(story), *raw))
    return Group(*parts, *section("For the auditor", Group(*_audit(story, ways))))


def lone_page(known: Lone) -> RenderableType:
    """A finding that belongs to no incident. Its raw records come below it."""
    told = known.finding
    kept = "What it cites:" if known.cited else "The records that it cites are not kept."
    return Group(
        Text(f"Finding {told.finding.id}: it belongs to no incident", style="bold"),
        Text(line("finding", told.finding)),
        Text(kept),
    )


def _verdict(verdict: Verdict, clock: Clock) -> str:
    """What a person said of it in the end, and of which of its rules something else."""
    others = [each for each in verdict.rules if each.judgement != verdict.judgement]
    apart = "; ".join(f"{each.judgement} of the rule {quoted(each.rule, 60)}" for each in others)
    note = f" ({quoted(verdict.note, 300)})" if verdict.note else ""
    said = f"Verdict: {verdict.judgement}, by {quoted(verdict.who, 60)} at {clock.at(verdict.at)}{note}"
    return f"{said}; {apart}." if apart else f"{said}."


def _short(story: Story, clock: Clock, now: int) -> Iterator[str]:
    incident, site = story.incident, story.site
    reached = sorted(incident.reached, key=lambda step: site is not None and step[1] not in site.assets)
    for src, dst, service in reached[:MOST]:
        over = f" over {quoted(service, 20)}" if service else ""
        yield f"{who(story, src)} acted against {who(story, dst)}{over}; it could not be forged."
    if not incident.reached:
        yield "Nobody's act is proven: what was seen could have been forged, or was announced."
    told = [each.decision for each in story.decisions if each.decision.id in story.shown]
    acted = [decision for decision in told if decision.chosen.title not in IDLE]
    for decision in (acted or told[-1:])[:MOST]:
        yield _chosen(story, decision, clock)
    if not story.deeds:
        yield "Nothing was done to anybody."
    for deed in story.deeds:
        yield f"{plain(target_name(deed.effect.target)).capitalize()}: {_stands(deed, clock, now)}."
        yield from _got_through(story, deed)


def _chosen(story: Story, decision: Decision, clock: Clock) -> str:
    cost = money(decision.chosen.money.total, story.currency)
    idle = next((p for p in decision.alternatives if p.title == Verb.NOTHING), decision.chosen)
    instead = f", instead of {money(idle.money.total, story.currency)} by doing nothing"
    instead = instead if idle.candidates != decision.chosen.candidates else ""
    title = plain(decision.chosen.title, 160)
    return f"Tercio decided at {clock.at(decision.time)[:-4]} to {title}: expected loss {cost}{instead}."


def _got_through(story: Story, deed: Deed) -> Iterator[str]:
    """Whether anything of what is refused was seen while it was, and what came of it."""
    effect = deed.effect
    later = sum(bool(after_block(told.finding, (effect,))) for told in story.findings)
    if effect.held and effect.state in BROKEN:
        yield f"That block did not last: {plain(effect.why, 200)}."
    elif later:
        seen = f"{counted(later, 'further attempt')} of his {'was' if later == 1 else 'were'} seen"
        yield f"While it held, {seen}; none got through, as far as sensors saw."


def _stands(deed: Deed, clock: Clock, now: int) -> str:
    effect = deed.effect
    held = f"held since {clock.at(effect.held)}" if effect.held else "not known to hold"
    seen = "seen to work" if effect.confirmed else "not seen to work"
    if effect.live:
        left = span(max(0, effect.until - now))
        return f"{held}, {seen}; stands until {clock.at(effect.until)[:-4]} ({left} left) unless renewed or undone"
    ended = clock.at(effect.ended) if effect.ended else "at a time that nobody noted"
    return f"{held.replace('since', 'from')}, {seen}; ended {ended} ({effect.state})"


def _happened(story: Story, clock: Clock) -> Table:
    rows = []
    for moment in story.moments:
        again = f" ({moment.times} times, last {clock.at(moment.last)})" if moment.times > 1 else ""
        rows.append((clock.at(moment.at), moment.step, clock.localised(moment.text) + again))
    return grid(rows)


def _done(story: Story, clock: Clock, now: int, ways: Ways) -> Iterator[RenderableType]:
    if not story.deeds:
        yield lines(["Nothing."])
    for deed in story.deeds:
        effect, order = deed.effect, deed.ordered
        mark = "-> " if story.asked == effect.lease else ""
        yield lines([f"{mark}{effect.lease}: refuse {target_words(effect.target)}"])
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
        witness = f": {deed.witness} ({effect.witness}). {WHY_WITNESS}" if deed.witness else ""
        works = f"{clock.at(effect.confirmed)}{witness}" if effect.confirmed else "nobody saw it work"
        rows.append(("seen to work", works))
        if deed.renewals:
            rows.append(("renewed", f"{_times(len(deed.renewals))}, last {clock.at(deed.renewals[-1])[:-4]}"))
        rows.append(("now", _stands(deed, clock, now).rpartition("; ")[2]))
        if effect.why:
            rows.append(("why", plain(effect.why, 200)))
        yield indented(grid(rows), 4)
        if deed.undo:
            yield indented(Group(Text("to undo it:"), command(ways(f"undo {effect.lease}"))), 4)


def target_words(target: Target) -> str:
    """A target with everything that is refused: all addresses, or the networks and what stays open between them."""
    match target:
        case HostTarget():
            named = ", ".join((*target.addresses, *target.macs))
        case FlowTarget():
            named = f"{', '.join(target.src_addresses)} to {', '.join(target.dst_addresses)}"
        case ConduitTarget():
            between = f"{', '.join(target.src_networks)} and {', '.join(target.dst_networks)}"
            named = f"{between}{but_for(target)}"
    return f"{plain(target_name(target), 160)} ({plain(named, 600)})"


def _said(story: Story, clock: Clock) -> Iterator[str]:
    if not story.words:
        yield "Nothing about this incident, so far."
    for spoken in story.words:
        word = spoken.word
        about = f" {quoted(word.target, 60)}" if word.target else ""
        answer = clock.localised(plain(spoken.answer, 300))
        said = f"{word.kind.replace('-', ' ')}{about}"
        said += f", {word.verdict}" if word.verdict is not None else ""
        said += f" ({quoted(word.note, 300)})" if word.note else ""
        yield f"{clock.at(word.time)}  {quoted(word.who, 60)}: {said}: {answer}"


def _audit(story: Story, ways: Ways) -> Iterator[Text]:
    known = story.journal
    if known.records:
        first, last = known.records[0], known.records[-1]
        yield Text(f"This page rests on {len(known.records)} records of the journal, {first} to {last}.")
    yield Text(f"The journal had {known.size} records at its last checkpoint, root {known.root}")
    yield Text("Take its checkpoint, and keep it on another machine:")
    yield command(ways(f"audit verify --keep {KEPT}"))
    yield Text("Later: was anything before it changed since?")
    yield command(ways(f"audit verify --since {KEPT}"))
    yield Text("Does each decision follow from its record?")
    yield command(ways("audit replay"))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
