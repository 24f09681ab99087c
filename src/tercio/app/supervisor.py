"""``tercio up``: starts the hands and the loop, watches them, starts them again. It parses nothing from outside."""

import asyncio
import errno
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from tercio.app.eventstore import password_file
from tercio.app.pulse import Pulse, silent
from tercio.app.settings import HandSettings, Settings, SettingsError, wrong
from tercio.app.storesettings import USER, Kind
from tercio.model.site import Autonomy, Site
from tercio.products.handfile import HandFile
from tercio.products.handfile import load as load_handfile
from tercio.store.keys import signing_key
from tercio.store.secret import shared_secret

SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
"""Seconds between two starts of one process: doubled each time it ends within ``STEADY`` seconds, up to the longest."""

MANY = 3
"""After so many quick ends in a row people are told to look for the reason."""

STEADY = 30.0
PATIENCE = 5.0
"""Seconds that a process gets to end before it is killed."""

USAGE = 78
"""The exit status of a process whose settings are wrong (sysexits: EX_CONFIG): it is not started again."""

WRONG_WORDS = 2
"""The exit status of a command line that was not understood, and of a hand whose own file is wrong."""


class Part(msgspec.Struct, frozen=True):
    """One process of the platform, and the words that start it. Where one that is not ``vital`` can't run, the others
    go on. One with a ``pulse`` is killed when that is lost, and started again."""

    name: str
    argv: tuple[str, ...]
    vital: bool = True
    pulse: Pulse | None = None


class Ended(msgspec.Struct, frozen=True):
    """How supervising ended: the exit status, how often each part was started, and what went wrong (or nothing)."""

    status: int
    starts: dict[str, int]
    error: str = ""


def parts(settings: Settings, site: Site) -> tuple[Part, ...]:
    """What runs for these settings: each hand that is started here, then the loop and its workers, then who keeps the
    past. Where all that a hand reaches is in shadow it leaves the machine as it is; else it makes itself ready at once.
    ``site`` is as it may be taken."""
    shadow = {zone.name for zone in site.zones.values() if zone.autonomy == Autonomy.SHADOW}
    hands = tuple(
        Part(f"hand {hand.name}", tied(hand_words(hand, ready=not set(hand.zones) <= shadow)))
        for hand in settings.hands
        if hand.file is not None
    )
    loop = Part("loop", tied(own_words(settings, "loop")))
    return (*hands, loop, *_workers(settings), *_keepers(settings))


def _workers(settings: Settings) -> Iterator[Part]:
    """Who reads for the loop. They let sensors, hands and the loop go first; and while one can't run, the rest is
    defended."""
    for name in settings.workers:
        yield Part(f"worker {name}", tied(("nice", "-n", "5", *own_words(settings, "worker", name))), vital=False)


def _keepers(settings: Settings) -> Iterator[Part]:
    """Who keeps the past. What it costs comes after all else, and nobody waits for it."""
    if settings.store.kind == Kind.EMBEDDED:
        pulse = Pulse(settings.store.port, USER, password_file(settings))
        yield Part("store", tied(("nice", "-n", "10", *own_words(settings, "store"))), vital=False, pulse=pulse)
    if settings.store.kind != Kind.NONE:
        yield Part("archive", tied(("nice", "-n", "10", *own_words(settings, "archive"))), vital=False)


def own_words(settings: Settings, *command: str) -> tuple[str, ...]:
    """How a process is started that is a command of Tercio's own on these settings."""
    return (sys.executable, "-m", "tercio", *command, "--settings", str(settings.file))


def hand_words(hand: HandSettings, *, ready: bool = False) -> tuple[str, ...]:
    """How one hand is started: its prefix, then the module with its own file."""
    words = (*hand.start, sys.executable, "-m", "tercio.products.hand", hand.name, "--file", str(hand.file))
    return (*words, "--ready") if ready else words


def tied(argv: Sequence[str]) -> tuple[str, ...]:
    """The same command line, whose process gets SIGTERM when the one that started it dies, however it dies."""
    return ("setpriv", "--pdeathsig", "TERM", "--", *argv)


async def supervise(wanted: Sequence[Part], say: Callable[[str], None]) -> Ended:
    """Run all parts until SIGTERM or SIGINT, or until one of them says that its settings are wrong."""
    watch = _Watch(say)
    running = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(name, watch.stop.set)
    await asyncio.gather(*(watch.keep(part) for part in wanted))
    return Ended(watch.status, watch.starts, watch.error)


class _Watch:
    """Over all parts together: one that cannot run ends the others too."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.stop = asyncio.Event()
        self.status, self.error = 0, ""
        self.starts: dict[str, int] = {}
        self._say = say

    async def keep(self, part: Part) -> None:
        """Start one part again and again, until told to stop."""
        clock, pause, quick = asyncio.get_running_loop(), SHORTEST_PAUSE, 0
        while not self.stop.is_set():
            began = clock.time()
            try:
                process = await asyncio.create_subprocess_exec(*part.argv, stdin=asyncio.subprocess.DEVNULL)
            except OSError as error:
                self._give_up(
                    part, f"cannot start {part.argv[0]}: {error.strerror}; `tercio doctor` says what is missing"
                )
                return
            self.starts[part.name] = self.starts.get(part.name, 0) + 1
            if not await self._ended(process, part):
                return
            if part.vital and process.returncode in (USAGE, WRONG_WORDS):
                self._give_up(part, "its settings are wrong (see above); nothing runs until they are corrected")
                return
            if clock.time() - began > STEADY:
                pause, quick = SHORTEST_PAUSE, 0
            quick += 1
            advice = "; `tercio doctor` says what may be wrong" if quick >= MANY else ""
            self._say(f"{part.name} ended ({_how(process.returncode)}); starting it again in {pause:.1f} s{advice}")
            await self._wait(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _ended(self, process: asyncio.subprocess.Process, part: Part) -> bool:
        """Wait until a process ends by itself, or is ended because it answers no more: True. Told to stop, end it:
        False."""
        ended, stopped = asyncio.create_task(process.wait()), asyncio.create_task(self.stop.wait())
        lost = [asyncio.create_task(silent(part.pulse))] if part.pulse is not None else []
        await asyncio.wait({ended, stopped, *lost}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, *lost):
            task.cancel()
        if not self.stop.is_set():
            if not ended.done():
                self._say(f"{part.name} does not answer any more, and is killed")
                process.kill()
            await ended
            return True
        if process.returncode is None:
            process.terminate()
            await asyncio.wait({ended}, timeout=PATIENCE)
        if process.returncode is None:
            process.kill()
        await ended
        return False

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return

    def _give_up(self, part: Part, why: str) -> None:
        if not part.vital:
            self._say(f"{part.name}: {why}")
            return
        self.error = f"{part.name}: {why}"
        self._say(self.error)
        self.status = USAGE
        self.stop.set()


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        return f"killed by signal {-status}"
    return f"status {status}"


def order_key(settings: Settings) -> Path:
    """The key with which the loop signs its orders; its public half lies beside it, for the hands."""
    return settings.state / "keys" / "order.key"


def unwritable(folder: Path, error: OSError) -> SettingsError:
    """What to do about a folder in which nothing can be made."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free space on its disk" if full else "make it a folder that this user may write"
    return SettingsError(f"{folder}: {error.strerror}; {advice}")


def prepare(settings: Settings) -> None:
    """Make what the parts expect to find: folders (mode 0700), the order key, the store's password; then look at the
    hands' own files.

    Raises SettingsError and KeyUnusable.
    """
    for folder in (settings.state, order_key(settings).parent, *(hand.socket.parent for hand in settings.hands)):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from None
    signing_key(order_key(settings))
    if settings.store.kind == Kind.EMBEDDED:
        shared_secret(password_file(settings))
    for hand in settings.hands:
        if hand.file is not None:
            own_file(settings, hand, hand.file)


def own_file(settings: Settings, hand: HandSettings, path: Path) -> HandFile:
    """The hand's own file, which must speak of the hand that the settings mean. Raises SettingsError."""
    try:
        file = load_handfile(path)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    for key, here, there in (
        ("name", hand.name, file.name),
        ("mechanism", hand.mechanism, file.mechanism),
        ("socket", str(hand.socket), file.socket),
    ):
        if here != there:
            place = ("hands", hand.name, key)
            words = f"hands.{hand.name} has the {key} {here}, but {path} says {there}; write the same in both"
            raise wrong(settings, [(place, words)])
    return file
