"""The decisions of an incident with what was new to each and what stood meanwhile; and which of them a page shows."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tercio.agents.scribe import counted, plain, quoted
from tercio.loop.authorise import Deliberation
from tercio.model.commands import Effect, target_name
from tercio.model.decisions import Decision, Verb
from tercio.model.journal import Spoken, Told
from tercio.model.site import Site

SHOWN = 6
"""So many decisions are shown with their alternatives."""

NAMED = 3
"""So many new things are written out; the others are counted."""

IDLE = (Verb.NOTHING, Verb.WAIT, Verb.ASK)


class Weighed(msgspec.Struct, frozen=True):
    """A decision, what was new since the one before it (in words), and what stood while it was taken."""

    decision: Decision
    news: tuple[str, ...]
    standing: tuple[str, ...]


def weighed_of(values: Iterable[Any], site: Site | None) -> tuple[Weighed, ...]:
    """The decisions among an incident's journaled values, which come in their order."""
    return tuple(_weighed(values, site))


def _weighed(values: Iterable[Any], site: Site | None) -> Iterator[Weighed]:
    news: list[str] = []
    ended: set[str] = set()
    for value in values:
        match value:
            case Told(finding=finding) if value.change != "below":
                news.append(f"{quoted(finding.title, 120)} by {_who(site, finding.src)}")
            case Effect() if not value.live and value.lease not in ended:
                ended.add(value.lease)
                news.append(f"{plain(target_name(value.target), 160)} is no longer refused ({value.state})")
            case Spoken(word=word):
                news.append(f"{quoted(word.who, 60)} said {word.kind}")
            case Deliberation(decision=decision, question=question):
                standing = [target_name(e.target) for e in question.effects if e.incident == decision.incident]
                yield Weighed(decision, _listed(news), tuple(plain(name, 160) for name in standing))
                news.clear()


def shown(weighed: Iterable[Weighed], effects: Iterable[Effect], asked: str) -> tuple[str, ...]:
    """Ids of the decisions to show: those that changed what stands, and the one asked for. Where none did, the last
    that would have with full authority, or the last at all."""
    ids = {each.decision.id: each.decision for each in weighed}
    acted = {effect.decision for effect in effects} | {asked}
    found = [name for name, decision in ids.items() if name in acted or _acts(decision)]
    would = [name for name, decision in ids.items() if decision.advice.title not in IDLE]
    found = found or would[-1:] or list(ids)[-1:]
    if len(found) <= SHOWN:
        return tuple(found)
    return tuple(name for name in found if name in (*found[: SHOWN - 1], asked) or name == found[-1])


def _acts(decision: Decision) -> bool:
    return decision.chosen.title not in IDLE


def _listed(news: list[str]) -> tuple[str, ...]:
    kept = tuple(dict.fromkeys(news))
    more = len(kept) - NAMED
    return (*kept[:NAMED], f"and {counted(more, 'other thing')}") if more > 0 else kept


def _who(site: Site | None, address: str) -> str:
    asset = site.asset_at(address) if site is not None else None
    return quoted(asset.name if asset is not None else address, 60)
