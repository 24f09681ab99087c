"""The parts of an account that say why: what was believed, what was considered, and the evidence for it."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tercio.agents.advice import advice
from tercio.agents.scribe import PROOF, WORTH_NAMING, counted, plain, quoted, whereabouts
from tercio.app.clock import Clock
from tercio.app.layout import grid, indented, lines, section
from tercio.app.pages import alternatives
from tercio.app.story import Held, Story
from tercio.app.weighed import Weighed
from tercio.model.commands import target_name
from tercio.model.decisions import Decision, Plan
from tercio.model.incidents import Evidence, Stage
from tercio.model.records import Cited

RAW = 65_536
"""Characters of a raw line that are shown."""

LIKELY = 0.5
"""Who is held with this probability is one that people should do something about."""

STAGES = {
    Stage.CLEAN: "is untouched",
    Stage.TOUCHED: "was approached by the intruder",
    Stage.FOOTHOLD: "is in the intruder's hands",
    Stage.CONTROL: "is under the intruder's control",
    Stage.IMPACT: "does harm for the intruder",
}

STRENGTHS = ((1000, "very strong"), (100, "strong"), (10, "fair"), (3, "slight"), (0, "hardly any"))
"""A likelihood ratio from here on is evidence of this strength."""

FREE = ("change_nothing",)
"""The policy by which whatever changes nothing is permitted."""

TRUST = (
    "Could not be forged: both ends answered each other while a sensor watched, so the address is real. Could have "
    "been forged: any machine on that network could have sent it in another's name; nobody is refused for it alone."
)
"""What is meant where it is said how far evidence can be trusted."""


def believed(story: Story) -> RenderableType:
    """How surely each machine is held, but for those about which hardly anything is believed."""
    worth = [held for held in story.beliefs if max(held.now, held.decided or 0.0) >= WORTH_NAMING]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("who", "before", "when it\ndecided", "by the\nlast word", "of that\nproven", "most likely it"):
        words = column in ("who", "most likely it")
        table.add_column(Text(column), overflow="fold", justify="left" if words else "right")
    for held in worth:
        decided = f"{held.decided:.1%}" if held.decided is not None else "-"
        numbers = (f"{held.before:.1%}", decided, f"{held.now:.1%}", f"{held.proven:.1%}")
        table.add_row(*map(Text, (who(story, held.asset), *numbers, STAGES[Stage[held.stage.upper()]])))
    others = len(story.beliefs) - len(worth)
    rest = [Text(f"{counted(others, 'other')}, each below {WORTH_NAMING:.0%}")] if others else []
    return Group(*([table] if worth else []), *rest) if worth or rest else Text("Nothing, of anybody.")


def advised(story: Story) -> list[RenderableType]:
    """What people should do about each machine that probably is or was held: a section, or nothing."""
    rows = [(who(story, held.asset), advice(_role(story, held))) for held in story.beliefs if _likely(held)]
    return section("What people should do (in general, by what each machine is)", grid(rows)) if rows else []


def _likely(held: Held) -> bool:
    return max(held.now, held.decided or 0.0) >= LIKELY


def _role(story: Story, held: Held) -> str:
    listed = story.site.assets.get(held.asset) if story.site is not None else None
    return listed.role if listed is not None else ""


def considered(story: Story, clock: Clock) -> Iterator[RenderableType]:
    """Each decision that is shown: what was new, what stood already, the alternatives and their money, the mandate's
    word on them, and what safety removed."""
    for weighed in story.decisions:
        decision = weighed.decision
        if decision.id not in story.shown:
            continue
        mark = "-> " if story.asked == decision.id else ""
        title = f"{mark}What was considered at {clock.at(decision.time)} ({decision.id})"
        table = alternatives(decision, story.currency, numbered=True)
        parts = [grid(_occasion(weighed)), table, Text(""), grid(_permissions(decision))]
        yield from section(title, Group(*parts))
        yield from _removed(decision)


def _occasion(weighed: Weighed) -> list[tuple[str, ...]]:
    news = "; ".join(weighed.news) or "nothing, it was time to look again"
    rows: list[tuple[str, ...]] = [("new", news)]
    if weighed.standing:
        rows.append(("stands", f"{', '.join(weighed.standing)}: the plans below come on top of it"))
    return rows


def _permissions(decision: Decision) -> list[tuple[str, ...]]:
    """The mandate's word on the plans of the table, and by which policies."""
    said: dict[str, list[str]] = {}
    for number, plan in enumerate(decision.alternatives, 1):
        said.setdefault(_permission(decision, plan), []).append(str(number))
    rows: list[tuple[str, ...]] = [(", ".join(numbers), words) for words, numbers in said.items()]
    if decision.advice.candidates != decision.chosen.candidates:
        rows.append(("*", f"With full authority it would {plain(decision.advice.title, 160)}."))
    return rows


def _permission(decision: Decision, plan: Plan) -> str:
    rulings = [ruling for ruling in decision.rulings if ruling.candidate in plan.candidates]
    if rulings and all(ruling.policies == FREE for ruling in rulings):
        return "needs no permission: it changes nothing in the world"
    policies = dict.fromkeys(policy for ruling in rulings for policy in ruling.policies)
    words = dict.fromkeys(ruling.words for ruling in rulings if ruling.words)
    why = f": {plain('; '.join(words), 300)}" if words else ""
    return f"{plan.permission}{why}" + (f" (policy {', '.join(plain(p, 60) for p in policies)})" if policies else "")


def _removed(decision: Decision) -> list[RenderableType]:
    if not decision.removed:
        return []
    rows = []
    for item in decision.removed:
        target = item.candidate.target
        rows.append(f"{target_name(target) if target is not None else item.candidate.verb}: {item.reason}")
    return section("Removed for safety, before any money was counted", lines(plain(row, 400) for row in rows))


def evidence(story: Story) -> Iterator[RenderableType]:
    """Each finding: its rule, what it says of whom and how strongly, and the records that it cites."""
    yield lines([TRUST])
    for told in story.findings:
        finding = told.finding
        mark = "-> " if story.asked == finding.id else ""
        by = f" by {quoted(finding.author, 80)}" if finding.author else ""
        rule = f"rule {quoted(finding.title, 120)} ({quoted(finding.rule, 80)}{by}), {finding.level}"
        yield lines([f"{mark}{finding.id}: {rule}; {PROOF[finding.provenance]}"])
        rows = [("says", _says(story, piece)) for piece in told.evidence]
        yield indented(grid([*rows, ("cites", " ".join(finding.events))]), 4)


def raw_lines(cited: Iterable[Cited]) -> Iterator[str]:
    """The records that findings cite, each under its name, on a line of its own."""
    for each in cited:
        yield f"{each.event.id}:"
        yield plain(each.raw.decode("utf-8", "replace"), RAW)


def _says(story: Story, piece: Evidence) -> str:
    """What one piece of evidence says of whom, and how strongly (its likelihood ratio)."""
    strength = next(words for least, words in STRENGTHS if piece.ratio >= least)
    right, judged = piece.judged
    origin = f"; of {counted(judged, 'judged incident')} with this rule {right} were right" if judged else ""
    excuse = f"; weaker, because {plain(piece.excuse)}" if piece.excuse else ""
    excuse += "; it counts little, since it could have been forged" if piece.forgeable else ""
    often = f"seen {piece.ratio:,.0f} times as often where that is so as where it is not"
    return f"{strength} evidence that {who(story, piece.asset)} {STAGES[piece.stage]} ({often}{origin}){excuse}"


def who(story: Story, name: str) -> str:
    """A machine with its zone, and its address where that is its name."""
    return whereabouts(story.site, name) if story.site is not None else quoted(name, 60)
