"""One turn of the loop, in the order in which things happen. Pure: now, chance and names enter with the input.

people's words -> hands' answers -> sense -> detect -> correlate -> watch effects -> decide -> authorise -> order ->
leases -> inventory -> upkeep
"""

import msgspec

from tercio.agents.commander import orders
from tercio.agents.situation import against
from tercio.agents.watch import triage
from tercio.brain.correlate.incidents import Note, Setting, correlate, proved_now
from tercio.brain.correlate.processes import observe
from tercio.brain.learn.precision import learned
from tercio.loop import inventory, leases, upkeep
from tercio.loop.authorise import Deliberation, deliberate
from tercio.loop.blame import acquit, blame
from tercio.loop.conduct import present, turned
from tercio.loop.effects import ordered, stands_in, views_lost, watched, zones_of
from tercio.loop.ledger import Ledger
from tercio.loop.people import hear
from tercio.loop.sense import Sensed, sense
from tercio.loop.standing import care, care_of, docket_of, enter, remember, send, settle
from tercio.loop.state import Content, Inputs, LoopState, Turn
from tercio.loop.verdicts import counted, kept
from tercio.model.commands import Effect, EffectState, Status, target_name
from tercio.model.decisions import Permission, Verb
from tercio.model.incidents import Incident
from tercio.model.journal import Authorisation, Spoken
from tercio.model.units import HOUR, SECOND

FLUSH = 5 * SECOND
FLUSH_DIRTY = 30 * SECOND
"""Where nothing is journaled, offsets and counts are still written this often (microseconds); less often while a known
attack only repeats itself, because then the incident is journaled with them."""

CLEARLY = 0.1
"""A source that is held with so much more probability than when it was decided about is decided about anew."""

LONGEST_LOOK = 3600 * SECOND
"""While nothing but time passes, an incident is decided again after twice as long each time, up to this."""


DOUBT_AGAIN = 5 * SECOND
"""For what another machine may have done in the denied one's name, a hand is asked again after this (microseconds)."""

MOST_SEEN = 4096
"""Matched lines are kept at hand up to this number, for findings of later turns that rest on them."""

MOST_TOLD = 1000
"""Different findings that opened nothing are journaled up to this number an hour."""


def turn(content: Content, state: LoopState, inputs: Inputs) -> Turn:
    """Take what arrived into the state; return the new state, what must be written, and what to order after that."""
    ledger, setbacks = Ledger(inputs.now), state.memory.setbacks
    state = _found(content, state, inputs, ledger)
    state = _people(content, state, inputs, ledger)
    state = _answers(state, inputs, ledger)
    if not inputs.spare:
        state, sensed = _sense(content, state, inputs, ledger)
        state, changed = _correlate(content, state, sensed, ledger)
        state = _watch(content, state, sensed, ledger)
        state = _decide(content, state, changed, ledger)
    state = leases.tend(content, state, inputs, ledger)
    state = inventory.ask(content, state, ledger)
    if not inputs.spare:
        state = upkeep.tidy(content, state, ledger)
    for aside in turned(content.rules, setbacks, state.memory.setbacks):
        ledger.note(aside.rule, aside)
    return _close(state, inputs, ledger)


def _close(state: LoopState, inputs: Inputs, ledger: Ledger) -> Turn:
    """What is written is written with everything that it rests on: incidents, memory and offsets of one moment."""
    flush = not inputs.spare and not 0 <= ledger.now - state.flushed < (FLUSH_DIRTY if state.dirty else FLUSH)
    if flush or ledger.records or ledger.unparsed:
        for key in state.dirty:
            if key not in ledger.incidents and key in state.incidents:
                ledger.incident(state.incidents[key])
        state = msgspec.structs.replace(state, flushed=ledger.now, dirty=())
    return Turn(state, ledger.transaction(state, flush), tuple(ledger.orders), tuple(ledger.answers))


def _found(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    """What decisions rest on is journaled before the first that rests on it; so is what nobody can look at any more."""
    for loss in inputs.losses:
        ledger.note(loss.source, loss)
    if state.memory.setbacks:
        state = remember(state, setbacks=present(content.rules, state.memory.setbacks))
    digest = content.basis.digest
    if state.memory.basis == digest:
        return state
    ledger.note(digest, content.basis)
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, basis=digest))


def _people(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    """Words are journaled as said, whether they could be carried out or not."""
    recalled = {incident.id: incident for incident in inputs.recalled}
    for word in inputs.words:
        heard = hear(content, state, word, recalled)
        ledger.note(word.target or "all", Spoken(word, heard.answer))
        ledger.answers.append(heard.answer)
        state = msgspec.structs.replace(state, memory=heard.memory)
        for precision in heard.learned:
            ledger.note(precision.rule, precision)
        if heard.incident is not None:
            ledger.incident(heard.incident)
            state, recalled = kept(state, recalled, heard.incident)
        for lease in heard.cancel:
            state = leases.cancel(state, lease, f"{word.who} said {word.kind}", ledger)
    return state


def _answers(state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    """Hands' answers: an unreachable hand is asked again, everything else settles its question or its command."""
    for response in inputs.responses:
        if response.status == Status.UNREACHABLE:
            state = inventory.unheard(state, response.hand)
        elif response.command in state.queries:
            state = inventory.listed(state, response, ledger)
        elif response.command in state.commands:
            state = leases.answer(state, response, ledger)
    return state


def _sense(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> tuple[LoopState, Sensed]:
    sensed = sense(content, state.memory, inputs.lots, state.offsets, inputs.now if inputs.over else 0)
    ledger.unparsed = sensed.unparsed
    processes = observe(content.site, sensed.memory.processes, sensed.events)
    memory = msgspec.structs.replace(sensed.memory, processes=processes)
    return msgspec.structs.replace(state, memory=memory, offsets=sensed.offsets), sensed


def _correlate(content: Content, state: LoopState, sensed: Sensed, ledger: Ledger) -> tuple[LoopState, set[str]]:
    """Findings become evidence; returns the incidents that need a decision."""
    seen = {**state.seen, **sensed.cited}
    state = msgspec.structs.replace(state, seen=dict(list(seen.items())[-MOST_SEEN:])) if sensed.cited else state
    if not sensed.findings:
        return state, set()
    left_alone = frozenset(state.memory.stood_down)
    memory = state.memory
    setting = Setting(
        *(content.site, memory.announced, content.outlook.half_life, left_alone, memory.at), learned(memory.precisions)
    )
    incidents, notes = correlate(setting, state.incidents, sensed.findings, ledger.now)
    state = counted(state, incidents, notes)
    state, fresh = _untold(state, notes, ledger.now)
    for note in notes:
        if note.change in ("opened", "joined") or note in fresh:
            ledger.tell(note, seen)
    changed = {key for key, incident in incidents.items() if state.incidents.get(key) is not incident}
    due = {key for key in changed if triage(incidents[key], state.incidents.get(key)).due}
    repeated = {(note.incident, note.finding.src) for note in notes if note.change == "repeat"}
    for key, address in sorted(repeated):
        if key in changed - due and _unanswered(content, state, incidents[key], address, ledger.now):
            state = enter(state, key, due=ledger.now)
    dirty = tuple(sorted({*state.dirty, *changed} - due))
    return msgspec.structs.replace(state, incidents=incidents, dirty=dirty), due


def _unanswered(content: Content, state: LoopState, incident: Incident, address: str, now: int) -> bool:
    """Repeats are no news. But what somebody goes on with while nothing stands against him may have been decided when
    it looked weaker, as old evidence does: after a restart, or a silence of the sensor. It is decided again: at once
    where it is clearly more probable now, else ever more rarely."""
    names = {name for name in incident.proven if address in incident.sources.get(name, ())}
    effects = [effect for effect in state.effects.values() if effect.incident == incident.id]
    if names <= {name for effect in effects for name in against(content.site, effect.target, names)}:
        return False
    docket = docket_of(state, incident.id)
    if _likeliest(content, incident, now) > docket.held + CLEARLY:
        return True
    return not 0 <= now - docket.decided < _patience(content, docket.looked - 1)


def _likeliest(content: Content, incident: Incident, now: int) -> float:
    """How probable it is that the likeliest proven source is held."""
    half_life = content.outlook.half_life
    return max((proved_now(incident, name, now, half_life) for name in incident.proven), default=0.0)


def _untold(state: LoopState, notes: tuple[Note, ...], now: int) -> tuple[LoopState, list[Note]]:
    """Of the findings that opened nothing, those that say something not journaled within the hour."""
    told = {key: at for key, at in state.memory.told.items() if now - at < HOUR}
    fresh = []
    for note in notes:
        key = "|".join(piece.key for piece in note.evidence) if note.change == "below" else ""
        if key and key not in told and len(told) < MOST_TOLD:
            told[key] = now
            fresh.append(note)
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, told=told)), fresh


def _watch(content: Content, state: LoopState, sensed: Sensed, ledger: Ledger) -> LoopState:
    """Standing effects against what was seen: confirmed, in doubt, or to be rolled back because a view went.

    What contradicts an effect first has its hand asked: it may have been taken away, and then it is lost, not wrong. If
    it was not, it is wrong only where the denied machine itself was seen: nobody talks free whose address he uses.
    """
    heard = max((state.memory.heard.get(source, 0) for source in state.memory.views), default=0)
    for lease, effect in sorted(state.effects.items()):
        if effect.state != EffectState.STANDING or care_of(state, lease).ending:
            continue
        seen = watched(content.site, effect, sensed.events, state.memory.at.showing)
        if seen.effect is not effect:
            state = settle(state, effect, seen.effect, ledger)
        state, taken = _silenced(content, state, seen.effect, heard, ledger)
        if taken:
            continue
        if seen.sure and not care_of(state, lease).doubt:
            state = care(state, lease, doubt=seen.contradiction, doubted=ledger.now)
        elif seen.contradiction and ledger.now - care_of(state, lease).doubted >= DOUBT_AGAIN:
            state = care(state, lease, doubted=ledger.now)
            after = msgspec.structs.replace(seen.effect, why=seen.contradiction)
            state = settle(state, seen.effect, after, ledger) if after != seen.effect else state
    return acquit(state, heard, ledger.now)


def _silenced(content: Content, state: LoopState, effect: Effect, heard: int, ledger: Ledger) -> tuple[LoopState, bool]:
    """An effect that refuses something of a view which fell silent after it is taken back. Of any other it is only
    noted: views fall silent for many reasons, and whoever can silence one must not be let go for it."""
    silent = views_lost(content.site, state.memory.processes, effect, heard, ledger.now)
    view = next((view for view in silent if stands_in(content.site, effect.target, view)), "")
    if view:
        state = leases.roll_back(state, effect.lease, f"the view {view} fell silent after it", ledger)
        return blame(state, effect, view), True
    if silent and not effect.why:
        why = f"the view {silent[0]} fell silent after it; nothing of that view is refused by it"
        state = settle(state, effect, msgspec.structs.replace(effect, why=why), ledger)
    return state, False


def _decide(content: Content, state: LoopState, changed: set[str], ledger: Ledger) -> LoopState:
    """Incidents about which something is new, and those whose time has come."""
    timed = {key for key, docket in state.memory.dockets.items() if docket.due and docket.due <= ledger.now}
    for key in sorted(changed | timed):
        incident = state.incidents.get(key)
        if incident is None:
            continue
        result = deliberate(content, state, incident, ledger.now)
        ledger.note(key, result)
        incident = msgspec.structs.replace(incident, version=result.decision.version)
        ledger.incident(incident)
        state = msgspec.structs.replace(state, incidents={**state.incidents, key: incident})
        state = _look_again(content, state, result, fresh=key in changed)
        state = _order(content, state, result, ledger)
    return state


def _look_again(content: Content, state: LoopState, result: Deliberation, *, fresh: bool) -> LoopState:
    """Waiting and asking end by themselves: the incident is looked at again when the wait is over."""
    decision = result.decision
    incident = state.incidents[decision.incident]
    held = round(_likeliest(content, incident, decision.time), 6)
    verbs = {c.verb for c in decision.candidates if c.id in decision.chosen.candidates}
    if verbs - {Verb.NOTHING, Verb.WAIT, Verb.ASK}:
        return enter(state, decision.incident, due=0, looked=0, decided=decision.time, held=held)
    looked = 0 if fresh else docket_of(state, decision.incident).looked
    due = decision.time + _patience(content, looked) if verbs - {Verb.NOTHING} else 0
    return enter(state, decision.incident, due=due, looked=looked + 1, decided=decision.time, held=held)


def _patience(content: Content, looked: int) -> int:
    """How long to wait after so many looks at which nothing was done (microseconds)."""
    return max(content.outlook.wait, min(content.outlook.wait << min(max(looked, 0), 20), LONGEST_LOOK))


def _order(content: Content, state: LoopState, result: Deliberation, ledger: Ledger) -> LoopState:
    """Orders for what the chosen plan wants and what does not stand yet."""
    commands = orders(result.decision, state.effects, ledger.now)
    if not commands:
        return state
    ruled = {r.candidate: r for r in result.decision.rulings}
    chosen = tuple(ruled[c] for c in result.decision.chosen.candidates)
    if any(ruling.permission != Permission.PERMITTED for ruling in chosen):
        raise ValueError(f"{result.decision.id}: an order without the mandate's permission")
    ledger.note(result.decision.id, Authorisation(chosen))
    acts, acted = dict(state.memory.acts), dict(state.memory.acted)
    for command in commands:
        state = send(state, command, ledger)
        effect = ordered(command)
        state = settle(state, None, effect, ledger)
        name = target_name(effect.target)
        known, acted[name] = acted.get(name, -HOUR), ledger.now
        for zone in zones_of(content.site, effect.target) if ledger.now - known >= HOUR else ():
            recent = [at for at in acts.get(zone, ()) if ledger.now - at < HOUR]
            acts[zone] = (*recent, ledger.now)
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, acts=acts, acted=acted))
