"""The scribe: one plain sentence for each thing that happened, for people who know the plant and not the jargon."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tercio.agents.plain import plain, quoted
from tercio.model.commands import (
    Action,
    Command,
    ConduitTarget,
    Effect,
    EffectState,
    FlowTarget,
    HostTarget,
    Response,
    Target,
)
from tercio.model.decisions import Decision, Permission, Ruling, Verb
from tercio.model.events import Provenance
from tercio.model.findings import Finding
from tercio.model.incidents import Incident
from tercio.model.records import CommandRow
from tercio.model.site import Site
from tercio.model.units import money, span, timestamp
from tercio.model.words import Word, WordKind

__all__ = ["KINDS", "PROOF", "but_for", "counted", "decided", "line", "plain", "quoted", "seen", "whereabouts"]

LISTED = 3
"""So many names are written out; the others are counted."""

WORTH_NAMING = 0.01
"""A probability below this is told of nobody by name."""

PROOF = {
    Provenance.AUTHENTICATED: "its sender proved who he is",
    Provenance.ESTABLISHED: "it could not be forged",
    Provenance.FORGEABLE: "it could have been forged",
    Provenance.DERIVED: "it follows from other records",
}
"""How far the origin of what was seen can be trusted, in words."""


def line(kind: str, value: object, currency: str = "EUR") -> str:
    """One sentence for the value behind a journal record of this kind.

    Everything that may come from outside is reduced to visible characters, capped and put in quotes where it could
    pass for our own words. Raises ValueError for a kind without a sentence, TypeError for a value of another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no sentence for {kind!r}; known are {', '.join(KINDS)}")
    wanted, say = KINDS[kind]
    if not isinstance(value, wanted):
        raise TypeError(f"a {kind} is not told from a {type(value).__name__}")
    return say(value, currency)


def seen(finding: Finding, site: Site) -> str:
    """One sentence for a finding in which machines have the site's names, with address and zone."""
    return _seen(finding, lambda address: whereabouts(site, address))


def whereabouts(site: Site, name: str) -> str:
    """Who has an address, or where a listed asset stands: ``ws1 (10.77.10.10, office)``; what the site does not list is
    said to be unknown."""
    listed = site.assets.get(name)
    if listed is not None:
        return f"{quoted(name, 60)} ({quoted(listed.zone, 60)})"
    asset, zone = site.asset_at(name), site.zone_at(name)
    where = quoted(zone.name, 60) if zone is not None else "outside every zone"
    if asset is None:
        return f"{quoted(name, 60)} (unknown, {where})"
    return f"{quoted(asset.name, 60)} ({quoted(name, 60)}, {where})"


def _finding(finding: Finding, _: str) -> str:
    return _seen(finding, lambda address: quoted(address, 60))


def _seen(finding: Finding, named: Callable[[str], str]) -> str:
    what = quoted(finding.title, 120)
    over = f" over {quoted(finding.service, 20)}" if finding.service else ""
    to = f" against {_listed(list(map(named, finding.dst[:LISTED])), len(finding.dst))}" if finding.dst else ""
    who = named(finding.src)
    return f"{finding.level.capitalize()}: {what} by {who}{to}{over}; {PROOF[finding.provenance]}."


def _incident(incident: Incident, _: str) -> str:
    worst = sorted(incident.beliefs.items(), key=lambda item: (-item[1].held, item[0]))[:LISTED]
    worth = [(name, belief.held) for name, belief in worst if belief.held >= WORTH_NAMING]
    held = ", ".join(f"{quoted(name, 60)} {held:.0%}" for name, held in worth) or "nobody"
    again = f" and {counted(incident.repeats, 'repeat')}" if incident.repeats else ""
    return (
        f"Incident {quoted(incident.id)} is {incident.status}: {counted(incident.found, 'finding')}{again} "
        f"from {_names(sorted(incident.sources))}; probably held: {held}."
    )


def counted(number: int, one: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def decided(decision: Decision, currency: str, effects: Iterable[Effect]) -> str:
    """One sentence for a decision that was taken while these effects stood, or were ordered: it adds to them, or leaves
    it at that."""
    chosen, advice = decision.chosen, decision.advice
    said = f"Decided to {_plan(chosen.title)}{_beside(tuple(effects), chosen.title)}"
    said += f": expected loss {money(chosen.money.total, currency)}"
    if chosen.money.production:
        said += f", of that {money(chosen.money.production, currency)} to production"
    if advice.candidates != chosen.candidates:
        said += f"; with full authority it would {_plan(advice.title)} ({money(advice.money.total, currency)})"
    if decision.removed:
        said += f"; safety removed {counted(len(decision.removed), 'other choice')}"
    return f"{said}."


def _beside(effects: tuple[Effect, ...], title: str) -> str:
    if not effects:
        return ""
    blocks = _listed([_block(effect.target) for effect in effects[:LISTED]], len(effects))
    stand = all(effect.state == EffectState.STANDING for effect in effects)
    end = "" if len(effects) > 1 else "s"
    how = f"stand{end}" if stand else f"{'is' if end else 'are'} ordered"
    return f" {'beyond' if title == Verb.NOTHING else 'beside'} {blocks} that {how}"


def _decision(decision: Decision, currency: str) -> str:
    return decided(decision, currency, ())


def _plan(title: str) -> str:
    """Our own words around names that may not be ours."""
    return plain(title, 160)


def _authorisation(ruling: Ruling, _: str) -> str:
    words = plain(ruling.words, 200)
    match ruling.permission:
        case Permission.PERMITTED:
            return f"The mandate permits it: {words}."
        case Permission.CONSENT:
            return f"The mandate asks for consent of {' and '.join(plain(role, 40) for role in ruling.of)}: {words}."
        case Permission.FORBIDDEN:
            return f"The mandate forbids it: {words}."


def _command(value: Command | CommandRow, _: str) -> str:
    command = value.command if isinstance(value, CommandRow) else value
    state = f" ({plain(value.state, 20)})" if isinstance(value, CommandRow) else ""
    hand = quoted(command.hand, 40)
    match command.action:
        case Action.DENY:
            long = span(max(0, command.until - command.issued))
            return f"Ordered {hand} to {_deed(command.target)} for {long}, until {_when(command.until)}{state}."
        case Action.CANCEL:
            return f"Ordered {hand} to undo it: {_deed(command.target)}, lease {quoted(command.lease)}{state}."
        case Action.QUERY:
            return f"Asked {hand} what stands{state}."


def _response(response: Response, _: str) -> str:
    held = "and read back that it is so" if response.held else "and it is not so"
    detail = f": {quoted(response.detail, 160)}" if response.detail else ""
    return f"{quoted(response.hand, 40)} answered {response.status} {held}{detail}."


def _effect(effect: Effect, _: str) -> str:
    deed, why = _deed(effect.target), f": {plain(effect.why, 160)}" if effect.why else ""
    match effect.state:
        case EffectState.ORDERED:
            return f"It is ordered to {deed}, not yet verified{why}."
        case EffectState.STANDING:
            seen = "and seen to work" if effect.confirmed else "but not yet seen to work"
            return f"It stands: {deed}, read back {seen}, until {_when(effect.until)}{why}."
        case _:
            lasted = span(max(0, effect.ended - effect.since))
            return f"It ended ({effect.state}) after {lasted}: {deed}{why}."


def _word(word: Word, _: str) -> str:
    who = quoted(word.who, 60)
    if word.window is not None and word.kind == WordKind.WINDOW_OPEN:
        window = word.window
        return (
            f"{who} said: that is us, {quoted(window.asset, 60)} will {quoted(window.activity, 20)} on "
            f"{quoted(window.target, 60)} until {_when(window.until)}."
        )
    about = f" {quoted(word.target, 60)}" if word.target else ""
    if word.verdict is not None:
        rules = f" by {_names(word.rules)}" if word.rules else ""
        note = f": {quoted(word.note, 300)}" if word.note else ""
        return f"{who} said of{about}{rules}: {word.verdict}{note}."
    return f"{who} said: {word.kind}{about}."


def _when(moment: int) -> str:
    try:
        return timestamp(moment)
    except (ValueError, OverflowError, OSError):
        return "a time beyond the calendar"


def _deed(target: Target | None) -> str:
    match target:
        case HostTarget():
            return f"block {quoted(target.asset, 60)}"
        case FlowTarget():
            ends = f"{quoted(target.src, 60)} from reaching {quoted(target.dst, 60)}"
            return f"keep {ends} over {quoted(target.transport, 10)}/{target.port}"
        case ConduitTarget():
            between = f"{quoted(target.src_zone, 60)} and {quoted(target.dst_zone, 60)}"
            return f"close the way between {between}{but_for(target)}"
        case None:
            return "do nothing"


def but_for(target: ConduitTarget) -> str:
    """What stays open of a closed conduit, in words; empty where nothing does."""
    return f", but for {counted(len(target.needed), 'needed flow')}" if target.needed else ""


def _block(target: Target) -> str:
    match target:
        case HostTarget():
            return f"the block of {quoted(target.asset, 60)}"
        case FlowTarget():
            return f"the block from {quoted(target.src, 60)} to {quoted(target.dst, 60)}"
        case ConduitTarget():
            return f"the closed way between {quoted(target.src_zone, 60)} and {quoted(target.dst_zone, 60)}"


def _names(names: tuple[str, ...] | list[str]) -> str:
    return _listed([quoted(name, 60) for name in names[:LISTED]], len(names))


def _listed(shown: list[str], count: int) -> str:
    words = ", ".join(shown) or "nobody"
    return f"{words} and {count - LISTED} more" if count > LISTED else words


KINDS: Mapping[str, tuple[type | tuple[type, ...], Callable[[Any, str], str]]] = {
    "finding": (Finding, _finding),
    "incident": (Incident, _incident),
    "decision": (Decision, _decision),
    "authorisation": (Ruling, _authorisation),
    "command": ((Command, CommandRow), _command),
    "response": (Response, _response),
    "effect": (Effect, _effect),
    "word": (Word, _word),
}
"""For each kind of record: the type it is told from, and how."""
