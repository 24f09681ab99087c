"""Undo without a loop: takes the writer's lock, orders the hands itself, journals what it did."""

import msgspec

from tercio.app.settings import Settings
from tercio.app.supervisor import order_key
from tercio.brain.detect.windows import Windows
from tercio.loop.effects import answered
from tercio.loop.ledger import Ledger
from tercio.loop.state import LoopState, Memory
from tercio.model.commands import Action, Command, Effect, EffectState, target_name
from tercio.model.ids import mint
from tercio.products.transports.orders import Line
from tercio.products.transports.words import Heard
from tercio.store.keys import signing_key
from tercio.store.state import State

LIVE = (EffectState.ORDERED, EffectState.STANDING)


async def undo_offline(settings: Settings, target: str, now: int) -> Heard:
    """Cancel a lease, everything of an incident, or (``all``) everything. Raises StateLocked while a loop runs."""
    with State.open(settings.state, origin="tercio/offline") as store:
        left = store.restore()
        hit = [
            e for e in left.effects if target == "all" or e.lease.startswith(target) or e.incident.startswith(target)
        ]
        if not target or not hit:
            return Heard(False, f"nothing that stands has the name {target!r}; `tercio effects` shows what stands")
        lines = {
            hand.name: Line(hand.name, str(hand.socket), signing_key(order_key(settings)).sign)
            for hand in settings.hands
        }
        ledger = Ledger(now)
        ledger.note(
            "word", target, {"word": {"kind": "undo", "who": "offline", "time": now, "target": target}, "answer": ""}
        )
        said: list[str] = []
        for effect in hit:
            said.append(await _cancel(lines, effect, ledger))
        for line in lines.values():
            await line.close()
        state = LoopState(memory=Memory(windows=Windows()), offsets=left.offsets)
        transaction = ledger.transaction(state, flush=False)
        if transaction is not None:
            store.commit(msgspec.structs.replace(transaction, snapshot=b""))
    return Heard(all(": undone" in text for text in said), "; ".join(said))


async def _cancel(lines: dict[str, Line], effect: Effect, ledger: Ledger) -> str:
    name = f"{target_name(effect.target)} ({effect.lease})"
    line = lines.get(effect.hand)
    if line is None:
        return f"{name}: the settings have no hand {effect.hand!r}; its own time ends it"
    command = Command(
        id=mint("cmd", effect.lease, "cancel"),
        lease=effect.lease,
        incident=effect.incident,
        decision=effect.decision,
        hand=effect.hand,
        action=Action.CANCEL,
        target=effect.target,
        issued=ledger.now,
        until=effect.until,
    )
    response = await line.order(command)
    ledger.command(command, "done" if response.held else str(response.status))
    ledger.note("response", command.id, response)
    ledger.effect(msgspec.structs.replace(answered(effect, command, response), why="undone by hand, without the loop"))
    return f"{name}: undone" if response.held else f"{name}: {response.detail}"
