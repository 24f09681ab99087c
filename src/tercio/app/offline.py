"""Undo without a loop: takes the writer's lock, orders the hands itself, journals what it asked for and what came."""

import asyncio
import contextlib
import os
import pwd
from collections.abc import AsyncIterator, Sequence

import msgspec

from tercio.app.settings import HandSettings, Settings
from tercio.app.supervisor import hand_words, order_key, tied
from tercio.brain.detect.windows import Windows
from tercio.loop.effects import answered
from tercio.loop.leases import cancelling
from tercio.loop.ledger import Ledger
from tercio.loop.standing import hold_off, remember
from tercio.loop.state import LoopState, Memory
from tercio.model.commands import Command, Effect, Response, Status, target_name
from tercio.model.journal import Spoken
from tercio.model.records import Transaction
from tercio.model.words import ALL, Word, WordKind
from tercio.products.transports.orders import Line
from tercio.products.transports.words import Heard
from tercio.store.keys import signing_key
from tercio.store.state import Restored, State

TRIES, BETWEEN = 250, 0.02
"""How often, and after how many seconds each, a hand started here is asked whether it listens."""


async def undo_offline(settings: Settings, target: str, now: int) -> Heard:
    """Cancel a lease, everything of an incident, or (``all``) everything. A hand that does not run is started for it.

    ``target`` is an id or the beginning of one. Raises StateLocked while a loop runs, StateUnwritable where nothing
    can be journaled, KeyUnusable.
    """
    with State.open(settings.state, origin="tercio/offline") as store:
        left = store.restore()
        hit = matching(left.effects, target)
        if isinstance(hit, str):
            return Heard(target == ALL, hit)  # Where all was meant, nothing standing is what was wanted.
        word = Word(kind=WordKind.UNDO, who=f"{_user()} (offline)", time=now, target=target)
        commands = {effect.lease: cancelling(effect, now) for effect in hit}
        store.commit(_asked(left, hit, word, commands), spare=True)
        responses = await _order(settings, list(commands.values()))
        store.commit(_answers(left, hit, word, commands, responses), spare=True)
    told = [_told(effect, responses[commands[effect.lease].id]) for effect in hit]
    return Heard(all(response.held for response in responses.values()), "; ".join(told))


def matching(effects: Sequence[Effect], target: str) -> tuple[Effect, ...] | str:
    """The live effects that a name means, or why it means none. A name that means several things means none."""
    if target == ALL:
        return tuple(effects) or "nothing stands; there is nothing to undo"
    names = {name for effect in effects for name in (effect.lease, effect.incident) if target and _begins(name, target)}
    if not names:
        return f"nothing that stands has the name {target!r}; `tercio effects` shows what stands"
    if len(names) > 1 and target not in names:
        return f"{target!r} is not one lease or incident: {', '.join(sorted(names)[:5])}; write more of it, or {ALL}"
    name = target if target in names else names.pop()
    return tuple(effect for effect in effects if name in (effect.lease, effect.incident))


def _begins(name: str, target: str) -> bool:
    return name.startswith(target) or name.partition("-")[2].startswith(target)


def _asked(left: Restored, hit: Sequence[Effect], word: Word, commands: dict[str, Command]) -> Transaction:
    """What is written before anything is ordered: the word, its commands, and that none of it is to come again."""
    ledger = Ledger(word.time)
    ledger.note(word.target, Spoken(word, f"undoing {', '.join(e.lease for e in hit)}"))
    for row in left.commands:
        if row.command.lease in commands:  # Sent again later, it would bring back what is ended now.
            ledger.command(row.command, "lapsed")
    for command in commands.values():
        ledger.command(command, "ordered")
    return _transaction(ledger, left, hit, word.target)


def _answers(
    left: Restored, hit: Sequence[Effect], word: Word, commands: dict[str, Command], responses: dict[str, Response]
) -> Transaction:
    """What the hands said. A command that no hand heard stays ordered: the loop sends it once it runs again."""
    ledger = Ledger(max([word.time, *(response.at for response in responses.values())]))
    for effect in hit:
        command = commands[effect.lease]
        response = responses[command.id]
        ledger.note(command.id, response)
        if response.status != Status.UNREACHABLE:
            ledger.command(command, "done" if response.held else str(response.status))
        after = answered(effect, command, response)
        if response.held:
            after = msgspec.structs.replace(after, why=f"{word.who} said undo")
        ledger.effect(after)
    return _transaction(ledger, left, hit, word.target)


def _transaction(ledger: Ledger, left: Restored, hit: Sequence[Effect], target: str) -> Transaction:
    """A turn of the loop's own shape; its memory only learns what must not be done again by itself."""
    state = _remembered(left, hit, target)
    transaction = ledger.transaction(state or LoopState(memory=Memory(windows=Windows()), offsets=left.offsets), True)
    if transaction is None:
        raise ValueError("a flush always gives a transaction")
    # A snapshot that can't be read is not ours to lose: the loop says what is wrong with it.
    return transaction if state is not None else msgspec.structs.replace(transaction, snapshot=b"")


def _remembered(left: Restored, hit: Sequence[Effect], target: str) -> LoopState | None:
    """The loop's state as it was left, with what people undid: a lease is held off, an incident is stood down on."""
    try:
        memory = msgspec.json.decode(left.snapshot, type=Memory) if left.snapshot else Memory(windows=Windows())
    except msgspec.DecodeError:
        return None
    state = LoopState(memory=memory, offsets=left.offsets)
    if len(hit) == 1 and _begins(hit[0].lease, target):
        return hold_off(state, hit[0])
    told = tuple(dict.fromkeys((*memory.stood_down, *(effect.incident for effect in hit))))
    return remember(state, stood_down=told)


async def _order(settings: Settings, commands: Sequence[Command]) -> dict[str, Response]:
    """Every command to its hand, one after the other; by command."""
    known = {hand.name: hand for hand in settings.hands}
    sign = signing_key(order_key(settings)).sign
    responses: dict[str, Response] = {}
    for name in sorted({command.hand for command in commands}):
        mine = [command for command in commands if command.hand == name]
        if name not in known:
            responses |= {c.id: _unknown(c) for c in mine}
            continue
        async with _listening(known[name], Line(name, str(known[name].socket), sign)) as line:
            for command in mine:
                responses[command.id] = await line.order(command)
    return responses


def _unknown(command: Command) -> Response:
    return Response(
        command=command.id,
        hand=command.hand,
        status=Status.UNREACHABLE,
        held=False,
        at=command.issued,
        detail=f"the settings have no hand {command.hand!r}; its own time ends it",
    )


@contextlib.asynccontextmanager
async def _listening(hand: HandSettings, line: Line) -> AsyncIterator[Line]:
    """A line to a hand that listens: the one that runs, else one that is started for as long as this takes."""
    process = None
    try:
        if await line.connect() and hand.file is not None:
            process = await _started(hand, line)
        yield line
    finally:
        await line.close()
        if process is not None and process.returncode is None:
            process.terminate()
            await process.wait()


async def _started(hand: HandSettings, line: Line) -> asyncio.subprocess.Process | None:
    quiet = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*tied(hand_words(hand)), stdin=quiet, stdout=quiet, stderr=quiet)
    except OSError:
        return None
    for _ in range(TRIES):
        if process.returncode is not None or not await line.connect():
            break
        await asyncio.sleep(BETWEEN)
    return process


def _told(effect: Effect, response: Response) -> str:
    name = f"{target_name(effect.target)} ({effect.lease})"
    return f"{name}: undone" if response.held else f"{name}: not undone: {response.detail}"


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
