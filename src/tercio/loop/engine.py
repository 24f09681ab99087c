"""One turn of the loop, in the order in which things happen. Pure: now, chance and names enter with the input.

people's words -> hands' answers -> sense -> detect -> correlate -> watch effects -> decide -> authorise -> order ->
leases
"""

import msgspec

from tercio.agents.commander import orders
from tercio.agents.watch import triage
from tercio.brain.correlate.incidents import Note, Setting, correlate
from tercio.brain.correlate.processes import observe
from tercio.loop import leases
from tercio.loop.authorise import Deliberation, deliberate
from tercio.loop.effects import answered, ordered, views_lost, watched, zones_of
from tercio.loop.ledger import Ledger, Told
from tercio.loop.people import hear
from tercio.loop.sense import Sensed, sense
from tercio.loop.standing import hold_off, send, settle
from tercio.loop.state import Content, Inputs, LoopState, Turn
from tercio.model.commands import EffectState, Status
from tercio.model.decisions import Permission, Verb
from tercio.model.incidents import Status as Life
from tercio.model.units import SECOND

FLUSH = 5 * SECOND
"""Where nothing is journaled, offsets and counts are still written this often (microseconds)."""


HOUR = 3600 * SECOND

MOST_TOLD = 1000
"""Different findings that opened nothing are journaled up to this number an hour."""


def turn(content: Content, state: LoopState, inputs: Inputs) -> Turn:
    """Take what arrived into the state; return the new state, what must be written, and what to order after that."""
    ledger = Ledger(inputs.now)
    state = _people(content, state, inputs, ledger)
    state = _answers(state, inputs, ledger)
    state, sensed = _sense(content, state, inputs, ledger)
    state, due = _correlate(content, state, sensed, ledger)
    state, shaken = _watch(content, state, sensed, inputs, ledger)
    due |= shaken | {key for key, at in state.memory.due.items() if at <= inputs.now}
    state = _decide(content, state, due, ledger)
    state = leases.tend(content, state, inputs, ledger)
    flush = inputs.now - state.flushed >= FLUSH
    if flush or ledger.records:
        for key in state.dirty:
            if key not in ledger.incidents and key in state.incidents:
                ledger.incident(state.incidents[key])
        state = msgspec.structs.replace(state, flushed=inputs.now, dirty=())
    transaction = ledger.transaction(state, flush)
    return Turn(state, transaction, tuple(ledger.orders), tuple(ledger.answers))


def _people(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    """Words are journaled as said, whether they could be carried out or not."""
    for word in inputs.words:
        heard = hear(content, state, word)
        ledger.note("word", word.target or "all", {"word": word, "answer": heard.answer})
        ledger.answers.append(heard.answer)
        state = msgspec.structs.replace(state, memory=heard.memory)
        for lease in heard.cancel:
            state = leases.cancel(state, lease, f"{word.who} said {word.kind}", ledger)
    return state


def _answers(state: LoopState, inputs: Inputs, ledger: Ledger) -> LoopState:
    """Hands' answers: an unreachable hand is asked again, everything else settles its command."""
    for response in inputs.responses:
        if response.command in state.queries:
            state = leases.listed(state, response, ledger)
            continue
        if response.command not in state.commands or response.status == Status.UNREACHABLE:
            continue
        command, _ = state.commands[response.command]
        ledger.note("response", command.id, response)
        ledger.command(command, "done" if response.held else str(response.status))
        rest = {key: value for key, value in state.commands.items() if key != command.id}
        state = msgspec.structs.replace(state, commands=rest)
        if command.lease in state.effects:
            before = state.effects[command.lease]
            state = settle(state, before, answered(before, command, response), ledger)
            if response.status in (Status.REFUSED, Status.INVALID):
                state = hold_off(state, before)
    return state


def _sense(content: Content, state: LoopState, inputs: Inputs, ledger: Ledger) -> tuple[LoopState, Sensed]:
    sensed = sense(content, state.memory, inputs.batches, state.offsets)
    ledger.unparsed = sensed.unparsed
    processes = observe(content.site, sensed.memory.processes, sensed.events)
    memory = msgspec.structs.replace(sensed.memory, processes=processes)
    return msgspec.structs.replace(state, memory=memory, offsets=sensed.offsets), sensed


def _correlate(content: Content, state: LoopState, sensed: Sensed, ledger: Ledger) -> tuple[LoopState, set[str]]:
    """Findings become evidence; returns the incidents that need a decision."""
    if not sensed.findings:
        return state, set()
    setting = Setting(content.site, state.memory.announced, content.outlook.half_life)
    incidents, notes = correlate(setting, state.incidents, sensed.findings, ledger.now)
    state, fresh = _untold(state, notes, ledger.now)
    for note in notes:
        if note.change in ("opened", "joined") or note in fresh:
            told = Told(note.finding, note.incident, note.change, note.evidence)
            ledger.note("finding", note.incident or note.finding.id, told)
            ledger.cite(sensed.cited[e] for e in note.finding.events if e in sensed.cited)
    changed = {key for key, incident in incidents.items() if state.incidents.get(key) is not incident}
    due = {key for key in changed if triage(incidents[key], state.incidents.get(key)).due}
    dirty = tuple(sorted({*state.dirty, *changed} - due))
    return msgspec.structs.replace(state, incidents=incidents, dirty=dirty), due


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


def _watch(
    content: Content, state: LoopState, sensed: Sensed, inputs: Inputs, ledger: Ledger
) -> tuple[LoopState, set[str]]:
    """Standing effects against what was seen: confirmed, contradicted, or to be rolled back because a view went."""
    shaken: set[str] = set()
    heard = max(state.memory.heard.values(), default=0)
    for lease, effect in sorted(state.effects.items()):
        if effect.state != EffectState.STANDING:
            continue
        after = watched(content.site, effect, sensed.events)
        view = views_lost(content.site, state.memory.processes, after, heard, inputs.now)
        if view:
            shaken.add(effect.incident)
            state = leases.roll_back(state, lease, f"the view {view} fell silent after it", ledger)
        elif after is not effect:
            if after.state == EffectState.LOST:
                shaken.add(effect.incident)
                state = leases.roll_back(state, lease, after.why, ledger)
            else:
                state = settle(state, effect, after, ledger)
    return state, shaken


def _decide(content: Content, state: LoopState, due: set[str], ledger: Ledger) -> LoopState:
    for key in sorted(due):
        incident = state.incidents.get(key)
        if incident is None or incident.status == Life.CLOSED:
            continue
        result = deliberate(content, state, incident, ledger.now)
        ledger.note("decision", key, result)
        incident = msgspec.structs.replace(incident, version=result.decision.version)
        ledger.incident(incident)
        state = msgspec.structs.replace(state, incidents={**state.incidents, key: incident})
        state = _plan_again(content, state, result, ledger.now)
        state = _order(content, state, result, ledger)
    return state


def _plan_again(content: Content, state: LoopState, result: Deliberation, now: int) -> LoopState:
    """Waiting and asking end by themselves: the incident is looked at again when the wait is over."""
    due = {key: at for key, at in state.memory.due.items() if key != result.decision.incident}
    verbs = {c.verb for c in result.decision.candidates if c.id in result.decision.chosen.candidates}
    if verbs & {Verb.WAIT, Verb.ASK}:
        due[result.decision.incident] = now + content.outlook.wait
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, due=due))


def _order(content: Content, state: LoopState, result: Deliberation, ledger: Ledger) -> LoopState:
    """Orders for what the chosen plan wants and what does not stand yet."""
    commands = orders(result.decision, state.effects, ledger.now)
    if not commands:
        return state
    ruled = {r.candidate: r for r in result.decision.rulings}
    chosen = [ruled[c] for c in result.decision.chosen.candidates]
    if any(ruling.permission != Permission.PERMITTED for ruling in chosen):
        raise ValueError(f"{result.decision.id}: an order without the mandate's permission")
    ledger.note("authorisation", result.decision.id, chosen)
    acts = dict(state.memory.acts)
    for command in commands:
        state = send(state, command, ledger)
        effect = ordered(command)
        state = settle(state, None, effect, ledger)
        for zone in zones_of(content.site, effect.target):
            recent = [at for at in acts.get(zone, ()) if ledger.now - at < HOUR]
            acts[zone] = (*recent, ledger.now)
    return msgspec.structs.replace(state, memory=msgspec.structs.replace(state.memory, acts=acts))
