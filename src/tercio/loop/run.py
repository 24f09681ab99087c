"""The shell of the loop: the only clock, the only chance, and every file and socket. All thought is in ``engine``."""

import asyncio
import contextlib
import gc
import random
import signal
import time
from collections.abc import Coroutine
from typing import Any

import msgspec

from tercio.loop.engine import turn
from tercio.loop.parting import Pile
from tercio.loop.restart import recalled, restored, wanted
from tercio.loop.sources import Began, Setup, Sources
from tercio.loop.state import Inputs, LoopState, Turn
from tercio.model.commands import Command, Response, Status
from tercio.model.events import Batch
from tercio.model.incidents import Incident
from tercio.model.journal import Lost
from tercio.model.records import Cited
from tercio.model.words import Word, WordKind
from tercio.products.transports.log import log
from tercio.products.transports.orders import Line
from tercio.products.transports.past import past
from tercio.products.transports.words import Said, listen, word
from tercio.store.state import State, StateFull, StateUnwritable

TICK = 0.2
"""Seconds after which a turn is taken though nothing arrived: leases and silences are due by the clock."""

FULL = (
    "its disk is full: nothing new is looked at or ordered, what stands runs out by its own time; people are heard and "
    "what they end is ended, as long as the reserve lasts"
)

SETTLE = 60.0  # seconds between two moves of what was written ahead into the database, while nothing waits

RETRY = 1.0
"""Seconds between two tries to write while the state can't be written. Nothing is ordered meanwhile."""


async def run(setup: Setup) -> None:
    """Run the loop until SIGTERM or SIGINT. Raises StateLocked, StateUnusable and StateUnwritable at its start."""
    with State.open(setup.folder, origin=_origin(setup.content.site.name)) as store:
        store.refill()
        shell = Shell(setup, store)
        gc.collect()
        gc.freeze()  # What is loaded by now stays: to search it for garbage again and again stops a turn for 40 ms.
        await shell.live()


class Shell:
    """One loop on one state."""

    def __init__(self, setup: Setup, store: State) -> None:
        self._setup = setup
        self._store = store
        self._wake = asyncio.Event()
        self._chance = random.SystemRandom()
        self._stopped = False
        self._spare = False
        self._responses: list[Response] = []
        self._words: list[tuple[Word, asyncio.Future[str]]] = []
        self._pile = Pile()
        now = _now()
        state, since, followed = restored(store.restore(), setup.content, now)
        state = msgspec.structs.replace(state, seen=self._kept(state))
        self._state = msgspec.structs.replace(state, seen=recalled(setup.content, state, self._past(state, now)))
        began = Began(self._state.offsets, since or now, setup.from_start | followed, now)
        self._sources = Sources(setup, began, wake=self._wake.set, report=self._report, say=log)
        self._hands = {
            name: Line(name, str(path), setup.key.sign, hung_up=self._responded)
            for name, path in sorted(setup.hands.items())
        }
        self._unreachable: dict[str, str] = {}
        self._losses: list[Lost] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def _kept(self, state: LoopState) -> dict[str, Cited]:
        """What windows rest on and an earlier finding cited: it stays as it was journaled."""
        names = wanted(state)
        if not names:
            return {}
        with State.read(self._setup.folder) as reader:
            return {cited.event.id: cited for cited in reader.cited(sorted(names))}

    def _past(self, state: LoopState, now: int) -> list[Batch]:
        """The latest lines that were read before, where something still rests on lines of late."""
        places = {name: state.offsets.get(name) for name in self._setup.sources} if wanted(state) else {}
        return [b for name, at in places.items() if at for b in past(name, self._setup.sources[name], at, now)]

    async def live(self) -> None:
        """Turn after turn, as fast as there is something to do."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop)
        self._sources.follow(on=True)
        self._take_turn()  # Where reading begins is on disk before anybody can see that this loop runs.
        await self._sources.listen()
        server = await listen(self._setup.folder / "loop.sock", self._hear)
        for hand in self._hands.values():
            self._begin(self._greet(hand))
        settle = loop.time() + SETTLE
        try:
            while not self._stopped:
                behind = not self._spare and (self._pile or self._sources.behind)
                await self._wait(0.0 if behind else TICK)
                if not self._take_turn():
                    await asyncio.sleep(RETRY)
                elif not self._wake.is_set() and loop.time() > settle:
                    settle = loop.time() + SETTLE
                    with contextlib.suppress(StateUnwritable):  # The next commit says what is wrong.
                        self._store.settle()
        finally:
            self._stopped = True  # Who still tries to reach a hand must not keep a loop that failed.
            server.close()
            for hand in self._hands.values():
                await hand.close()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._sources.close()
            (self._setup.folder / "loop.sock").unlink(missing_ok=True)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    def _take_turn(self) -> bool:
        """One turn over everything that arrived. False where it could not be written: it will be taken again, with
        nothing read beyond it. A word is dropped once whoever said it has been told that nobody answered."""
        now = _now()
        if self._spare and self._store.refill():
            self._turn_to(spare=False)
        if not self._pile and not self._spare:
            self._tell(self._pile.take(self._sources.read(now)))
        self._words = [(said, answer) for said, answer in self._words if not answer.done()]
        words = tuple(said for said, _ in self._words)
        inputs = Inputs(
            now=now,
            draw=self._chance.random(),
            spare=self._spare,
            lots=() if self._spare else self._pile.lots,
            responses=tuple(self._responses),
            words=words,
            losses=tuple(self._losses),
            recalled=self._closed(words),
        )
        try:
            result = turn(self._setup.content, self._state, inputs)
        except Exception as error:
            # Whatever a record did to it: else the same place is read and fails again after each restart, for ever.
            told = self._pile.part(error) if inputs.lots else None
            if told is None:
                raise
            self._tell(told)
            return True
        if not self._write(result):
            return False
        self._state = result.state
        if not self._spare:
            self._pile.written()
            if not self._pile:
                self._sources.written()
        self._responses, self._losses = [], []
        waiting, self._words = self._words, []
        for command in result.orders:
            self._send(command)
        for (_, answer), text in zip(waiting, result.answers, strict=True):
            answer.set_result(text)
        return True

    def _closed(self, words: tuple[Word, ...]) -> tuple[Incident, ...]:
        """The incidents that verdicts are about and that have left the state, as they were written last."""
        names = {word.target for word in words if word.kind == WordKind.CLOSE} - self._state.incidents.keys()
        if not names:
            return ()
        found = []
        with State.read(self._setup.folder) as reader:
            for name in sorted(names):
                with contextlib.suppress(ValueError):  # It begins several names: whoever said it is told so.
                    found.append(reader.incident(name))
        return tuple(each for each in found if each is not None and each.id not in self._state.incidents)

    def _tell(self, losses: tuple[Lost, ...]) -> None:
        for loss in losses:
            self._report(loss.source, loss.loss)

    def _report(self, part: str, words: str) -> None:
        """Say what nobody can look at, in the log and in the journal."""
        log(part, words)
        self._losses.append(Lost(part, words))

    def _write(self, result: Turn) -> bool:
        if result.transaction is None:
            return True
        try:
            self._store.commit(result.transaction, spare=self._spare)
        except StateUnwritable as error:
            log("state", f"nothing is ordered while nothing can be written: {error}")
            if isinstance(error, StateFull) and not self._spare and self._store.reserved:
                self._turn_to(spare=True)
            return False
        return True

    def _turn_to(self, *, spare: bool) -> None:
        """Begin, or end, to live on the reserve of a full disk: then nothing is read that could not be written."""
        self._spare = spare
        self._sources.follow(on=not spare)
        self._report("state", FULL if spare else "there is room on its disk again: what waited is looked at now")

    def _send(self, command: Command) -> None:
        hand = self._hands.get(command.hand)
        if hand is None:
            why = f"the settings have no hand {command.hand!r} any more"
            failed = Response(
                command=command.id, hand=command.hand, status=Status.FAILED, held=False, at=_now(), detail=why
            )
            self._responded(failed)
            return
        self._begin(self._order(hand, command))

    async def _order(self, hand: Line, command: Command) -> None:
        self._responded(await hand.order(command))

    def _responded(self, response: Response) -> None:
        why = response.detail if response.status == Status.UNREACHABLE else ""
        if why and why != self._unreachable.get(response.hand):
            log(response.hand, why)
        self._unreachable[response.hand] = why
        self._responses.append(response)
        self._wake.set()

    async def _greet(self, hand: Line) -> None:
        """Connect before the first order, so that it does not wait; say what the hand says of itself."""
        why = await hand.connect()
        while why and not self._stopped:
            await asyncio.sleep(RETRY)
            why = await hand.connect()
        if hand.hello is not None:
            said = hand.hello
            log(hand.hand, f"{said.mechanism}; {said.limits}; without Tercio: {said.break_glass}")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hear(self, said: Said, who: str) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._words.append((word(said, who, _now()), answer))
        self._wake.set()
        return await answer

    def _stop(self) -> None:
        self._stopped = True
        self._wake.set()


def _now() -> int:
    return time.time_ns() // 1000


def _origin(site: str) -> str:
    return "tercio/" + "".join(c if c.isalnum() else "-" for c in site.lower())
