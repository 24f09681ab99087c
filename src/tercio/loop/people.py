"""What people say, and what follows from it: undo, stand down, announced windows. Pure."""

import msgspec

from tercio.loop.authorise import LIVE
from tercio.loop.state import Content, LoopState, Memory
from tercio.model.commands import Effect, target_name
from tercio.model.ids import mint
from tercio.model.units import timestamp
from tercio.model.words import Window, Word, WordKind


class Heard(msgspec.Struct, frozen=True):
    """What a word came to: the memory after it, leases to cancel, and one sentence for whoever said it."""

    memory: Memory
    cancel: tuple[str, ...]
    answer: str


def hear(content: Content, state: LoopState, word: Word) -> Heard:
    """Carry out one word. A word that cannot be carried out changes nothing and says why."""
    match word.kind:
        case WordKind.UNDO:
            return _undo(state, word)
        case WordKind.STAND_DOWN:
            return _stand_down(content, state, word)
        case WordKind.STAND_TO:
            told = tuple(name for name in state.memory.stood_down if name != (word.target or "all"))
            gone = len(told) < len(state.memory.stood_down)
            memory = msgspec.structs.replace(state.memory, stood_down=told)
            return Heard(
                memory, (), f"standing to on {word.target or 'all'}" if gone else "nothing was stood down there"
            )
        case WordKind.WINDOW_OPEN:
            return _window_open(content, state, word)
        case WordKind.WINDOW_CLOSE:
            kept = tuple(w for w in state.memory.announced if w.id != word.target)
            if len(kept) == len(state.memory.announced):
                return _refused(state, f"no window {word.target!r}; `tercio window list` shows those that are open")
            return Heard(msgspec.structs.replace(state.memory, announced=kept), (), f"window {word.target} is closed")


def _refused(state: LoopState, why: str) -> Heard:
    return Heard(state.memory, (), f"not done: {why}")


def _live(state: LoopState) -> list[Effect]:
    return [effect for _, effect in sorted(state.effects.items()) if effect.state in LIVE]


def _undo(state: LoopState, word: Word) -> Heard:
    live = _live(state)
    if not word.target:
        return _refused(state, "name a lease or an incident; `tercio effects` shows what stands")
    hit = [e for e in live if e.lease.startswith(word.target) or e.incident.startswith(word.target)]
    if not hit:
        return _refused(state, f"nothing that stands has the name {word.target!r}; `tercio effects` shows what stands")
    held_off = dict(state.memory.held_off)
    for effect in hit:
        names = (*held_off.get(effect.incident, ()), target_name(effect.target))
        held_off[effect.incident] = tuple(dict.fromkeys(names))
    memory = msgspec.structs.replace(state.memory, held_off=held_off)
    said = ", ".join(f"{target_name(e.target)} ({e.lease})" for e in hit)
    return Heard(
        memory, tuple(e.lease for e in hit), f"undoing {said}; it will not be done again in this incident by itself"
    )


def _stand_down(content: Content, state: LoopState, word: Word) -> Heard:
    name = word.target or "all"
    process = content.site.processes.get(name)
    if name != "all" and process is None:
        known = ", ".join(sorted(content.site.processes))
        return _refused(state, f"no process {name!r}; say one of {known}, or all")
    told = tuple(dict.fromkeys((*state.memory.stood_down, name)))
    memory = msgspec.structs.replace(state.memory, stood_down=told)
    members = {*process.needs, *process.views} if process is not None else set()
    hit = [e for e in _live(state) if process is None or _concerns(content, state, e, members)]
    text = "everything" if name == "all" else f"process {name}"
    return Heard(
        memory,
        tuple(e.lease for e in hit),
        f"standing down on {text}: {len(hit)} effects are being undone, and nothing acts there until `tercio stand-to {name}`",
    )


def _concerns(content: Content, state: LoopState, effect: Effect, members: set[str]) -> bool:
    """Whether an effect was made to protect, or touches, one of these assets."""
    incident = state.incidents.get(effect.incident)
    if incident is None:
        return True
    return any(name in members for step in incident.reached for name in step[:2])


def _window_open(content: Content, state: LoopState, word: Word) -> Heard:
    window = word.window
    if window is None:
        return _refused(state, "a window needs a station, a target, an activity and a time")
    if window.asset not in content.site.assets:
        return _refused(state, f"the site lists no asset {window.asset!r}")
    if window.target not in content.site.assets and window.target not in content.site.zones:
        return _refused(state, f"the site lists no asset or zone {window.target!r}")
    if window.activity not in ("write", "scan"):
        return _refused(state, "an activity is write or scan")
    if window.until <= word.time:
        return _refused(state, f"it would have ended at {timestamp(window.until)}")
    made = msgspec.structs.replace(
        window,
        id=mint("win", window.asset, window.target, window.activity, word.time, word.who),
        since=max(window.since, word.time),
        by=word.who,
    )
    announced: tuple[Window, ...] = (*state.memory.announced, made)
    memory = msgspec.structs.replace(state.memory, announced=announced)
    said = f"{made.id}: {made.asset} may {made.activity} {made.target} until {timestamp(made.until)}"
    return Heard(memory, (), said)
