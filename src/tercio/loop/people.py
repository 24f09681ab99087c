"""What people say, and what follows from it: undo, stand down, announced windows. Pure."""

from collections.abc import Mapping

import msgspec

from tercio.loop.authorise import stood_down
from tercio.loop.heard import Heard, begins, refused
from tercio.loop.standing import call, hold_off
from tercio.loop.state import Content, LoopState
from tercio.loop.verdicts import close
from tercio.model.commands import Effect, target_name
from tercio.model.ids import mint
from tercio.model.incidents import Incident
from tercio.model.tomltable import nearest
from tercio.model.units import timestamp
from tercio.model.words import ALL, LONGEST_WINDOW, Window, Word, WordKind


def hear(content: Content, state: LoopState, word: Word, recalled: Mapping[str, Incident]) -> Heard:
    """Carry out one word. A word that cannot be carried out changes nothing and says why. ``recalled`` are closed
    incidents that words are about."""
    match word.kind:
        case WordKind.UNDO:
            return _undo(state, word)
        case WordKind.STAND_DOWN:
            return _stand_down(content, state, word)
        case WordKind.STAND_TO:
            return _stand_to(state, word)
        case WordKind.WINDOW_OPEN:
            return _window_open(content, state, word)
        case WordKind.WINDOW_CLOSE:
            kept = tuple(w for w in state.memory.announced if w.id != word.target)
            if len(kept) == len(state.memory.announced):
                return refused(state, f"no window {word.target!r}; `tercio window list` shows those that are open")
            return Heard(msgspec.structs.replace(state.memory, announced=kept), (), f"window {word.target} is closed")
        case WordKind.CLOSE:
            return close(content, state, recalled, word)
        case WordKind.RESUME:
            return _resume(state, word)


def _live(state: LoopState) -> list[Effect]:
    return [effect for _, effect in sorted(state.effects.items()) if effect.live]


def _undo(state: LoopState, word: Word) -> Heard:
    """A lease ends and its target is not chosen again; an incident ends as a whole, and Tercio stands down on it; of
    ``all`` that stands every incident does. The beginning of a name will do where it names one thing only."""
    if not word.target:
        return refused(state, "name a lease or an incident, or all; `tercio effects` shows what stands")
    live = _live(state)
    if word.target == ALL:
        return _end(state, live, sorted({effect.incident for effect in live}))
    leases = [effect for effect in live if begins(effect.lease, word.target)]
    incidents = sorted({effect.incident for effect in live if begins(effect.incident, word.target)})
    if len(leases) + len(incidents) > 1:
        named = ", ".join([*(effect.lease for effect in leases), *incidents])
        return refused(state, f"{word.target!r} begins more than one name; say which: {named}")
    if incidents:
        return _end(state, [effect for effect in live if effect.incident == incidents[0]], incidents)
    if leases:
        after = "it will not be done again in this incident by itself"
        return Heard(hold_off(state, leases[0]).memory, (leases[0].lease,), f"undoing {_said(leases)}; {after}")
    return refused(state, f"nothing that stands has the name {word.target!r}; `tercio effects` shows what stands")


def _end(state: LoopState, hit: list[Effect], incidents: list[str]) -> Heard:
    """End these effects and stand down on their incidents."""
    if not hit:
        return Heard(state.memory, (), "nothing stands; there is nothing to undo")
    memory = msgspec.structs.replace(
        state.memory, stood_down=tuple(dict.fromkeys((*state.memory.stood_down, *incidents)))
    )
    again = ", ".join(f"`tercio stand-to {incident}`" for incident in incidents)
    which = "this incident" if len(incidents) == 1 else "these incidents"
    answer = f"undoing {_said(hit)}; nothing acts in {which} until {again}"
    return Heard(memory, tuple(effect.lease for effect in hit), answer)


def _said(hit: list[Effect]) -> str:
    return ", ".join(f"{target_name(effect.target)} ({effect.lease})" for effect in hit)


def _stand_down(content: Content, state: LoopState, word: Word) -> Heard:
    name = word.target or "all"
    if name != "all" and name not in content.site.processes:
        known = ", ".join(sorted(content.site.processes))
        return refused(state, f"no process {name!r}; say one of {known}, or all")
    told = tuple(dict.fromkeys((*state.memory.stood_down, name)))
    memory = msgspec.structs.replace(state.memory, stood_down=told)
    hit = [
        effect.lease
        for effect in _live(state)
        if stood_down(content.site, (name,), state.incidents.get(effect.incident), effect.target)
    ]
    text = "everything" if name == "all" else f"process {name}"
    undone = "1 effect is" if len(hit) == 1 else f"{len(hit)} effects are"
    answer = f"standing down on {text}: {undone} being undone, and nothing acts there until `tercio stand-to {name}`"
    return Heard(memory, tuple(hit), answer)


def _stand_to(state: LoopState, word: Word) -> Heard:
    """Act again; whatever is open is decided anew at once, since meanwhile nothing was."""
    name = word.target or "all"
    if name not in state.memory.stood_down:
        still = ", ".join(state.memory.stood_down) or "nothing"
        return refused(state, f"{name} is not stood down; {still} is")
    told = tuple(other for other in state.memory.stood_down if other != name)
    for incident in state.incidents:
        state = call(state, incident, word.time)
    memory = msgspec.structs.replace(state.memory, stood_down=told)
    if ALL in told:
        return Heard(memory, (), f"standing to on {name}; everything is still stood down")
    count = len(state.incidents)
    open_ = "1 incident is" if count == 1 else f"{count} incidents are"
    again = f"{open_} decided anew now" if count else "no incident is open"
    still = f"; still stood down: {', '.join(told)}" if told else ""
    return Heard(memory, (), f"standing to on {name}: {again}, and what is permitted is done by itself again{still}")


def _window_open(content: Content, state: LoopState, word: Word) -> Heard:
    window = word.window
    if window is None:
        return refused(state, "a window needs a station, a target, an activity and a time")
    if window.asset not in content.site.assets:
        return refused(state, f"the site lists no asset {window.asset!r}{nearest(window.asset, content.site.assets)}")
    if window.target not in content.site.assets and window.target not in content.site.zones:
        known = (*content.site.assets, *content.site.zones)
        return refused(state, f"the site lists no asset or zone {window.target!r}{nearest(window.target, known)}")
    if window.activity not in ("write", "scan"):
        return refused(state, "an activity is write or scan")
    since = max(window.since, word.time)
    if window.until <= since:
        return refused(state, "it would end before it begins, or has ended already")
    if window.until - word.time > LONGEST_WINDOW:
        return refused(state, "it would end more than a day from now; announce it again tomorrow")
    made = msgspec.structs.replace(
        window,
        id=mint("win", window.asset, window.target, window.activity, word.time, word.who),
        since=since,
        by=word.who,
    )
    announced: tuple[Window, ...] = (*state.memory.announced, made)
    memory = msgspec.structs.replace(state.memory, announced=announced)
    said = f"{made.id}: {made.asset} may {made.activity} {made.target} until {timestamp(made.until)}"
    return Heard(memory, (), said)


def _resume(state: LoopState, word: Word) -> Heard:
    """A rule that was set aside runs again, and has nothing held against it."""
    aside = sorted(name for name, setback in state.memory.setbacks.items() if setback.aside)
    named = [name for name in aside if name == word.target] or [
        name for name in aside if word.target and begins(name, word.target)
    ]
    if len(named) != 1:
        return refused(state, f"{word.target!r} is not one rule that is set aside; {', '.join(aside) or 'none'} is")
    rest = {name: setback for name, setback in state.memory.setbacks.items() if name != named[0]}
    memory = msgspec.structs.replace(state.memory, setbacks=rest)
    return Heard(memory, (), f"the rule {named[0]} runs again; it is set aside once more if it keeps failing")
