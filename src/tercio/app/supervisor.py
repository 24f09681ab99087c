"""``tercio up``: starts the hands and the loop, watches them, starts them again. It parses nothing that comes from outside."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from tercio.app.settings import HandSettings, Settings
from tercio.store.keys import signing_key

SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
"""Seconds between two starts of one process: doubled each time it ends within ``STEADY`` seconds, up to the longest."""

STEADY = 30.0
PATIENCE = 5.0
"""Seconds that a process gets to end before it is killed."""

USAGE = 78
"""The exit status of a process whose settings are wrong (sysexits: EX_CONFIG): it is not started again."""


class Part(msgspec.Struct, frozen=True):
    """One process of the platform, and the words that start it."""

    name: str
    argv: tuple[str, ...]


def parts(settings: Settings) -> tuple[Part, ...]:
    """What runs for these settings: each hand that is started here, then the loop.

    Every part gets SIGTERM when its supervisor dies, however it dies.
    """
    tied = ("setpriv", "--pdeathsig", "TERM", "--")
    hands = tuple(Part(f"hand {h.name}", (*tied, *hand_words(h))) for h in settings.hands if h.file is not None)
    loop = (sys.executable, "-m", "tercio", "loop", "--settings", str(settings.file))
    return (*hands, Part("loop", (*tied, *loop)))


def hand_words(hand: HandSettings) -> tuple[str, ...]:
    """How one hand is started: its prefix, then the module with its own file."""
    return (*hand.start, sys.executable, "-m", "tercio.products.hand", hand.name, "--file", str(hand.file))


async def supervise(settings: Settings, say: Callable[[str], None]) -> int:
    """Run all parts until SIGTERM or SIGINT, or until one of them says that its settings are wrong. Returns the exit status."""
    stop = asyncio.Event()
    status = [0]
    running = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(name, stop.set)

    def give_up(code: int) -> None:
        status[0] = code
        stop.set()

    tasks = [asyncio.create_task(_keep(part, stop, say, give_up)) for part in parts(settings)]
    await asyncio.gather(*tasks)
    return status[0]


async def _keep(part: Part, stop: asyncio.Event, say: Callable[[str], None], give_up: Callable[[int], None]) -> None:
    pause = SHORTEST_PAUSE
    clock = asyncio.get_running_loop()
    while not stop.is_set():
        began = clock.time()
        try:
            process = await asyncio.create_subprocess_exec(*part.argv, stdin=asyncio.subprocess.DEVNULL)
        except OSError as error:
            say(f"{part.name}: cannot start {part.argv[0]}: {error.strerror}; `tercio doctor` says what is missing")
            give_up(USAGE)
            return
        ended, stopped = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            stopped.cancel()
            await _end(process)
            await ended
            return
        stopped.cancel()
        if process.returncode == USAGE:
            say(f"{part.name}: its settings are wrong (see above); nothing runs until they are corrected")
            give_up(USAGE)
            return
        pause = SHORTEST_PAUSE if clock.time() - began > STEADY else min(LONGEST_PAUSE, pause * 2)
        say(f"{part.name} ended with status {process.returncode}; starting it again in {pause:.1f} s")
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and kill it if it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except TimeoutError:
        process.kill()


def order_key(settings: Settings) -> Path:
    """The key with which the loop signs its orders; its public half lies beside it, for the hands."""
    return settings.state / "keys" / "order.key"


def prepare(settings: Settings) -> None:
    """Make what the parts expect to find: folders (mode 0700) and the order key. Raises KeyUnusable."""
    for folder in (settings.state, order_key(settings).parent, *(hand.socket.parent for hand in settings.hands)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    signing_key(order_key(settings))
