"""The field of ``bench kill``: a range with Tercio on it that is struck and killed, again and again."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import msgspec

from bench.crash import POINTS, Armed, arm, disarm, waiting
from bench.elements import standing
from bench.loop import Striker
from bench.loop import source as address
from tercio.drills.exercise import Follower
from tercio.drills.platform import Platform
from tercio.drills.range.range import Range
from tercio.model.commands import Effect, EffectState, FlowTarget, HostTarget, Target
from tercio.model.records import CommandRow
from tercio.store.audit import Anchor, verify
from tercio.store.reader import Entry

NAMED_SHARE = 0.6
"""So many of the kills fall at named points, in whole rounds of them; the rest at random."""

VICTIMS = (("loop",), ("hand",), ("loop", "hand"), ("suricata",), ("up", "loop", "hand", "suricata"))
"""Who dies together at random, one after the other from a shuffled pack."""

COMPANY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ()),
    (", all at once", ("up", "loop", "hand")),
    (", with the sensor", ("suricata",)),
)
"""Who dies with the one that passes a named point, and how that is told. Each round of points has its own: three rounds
cross every point with each."""

LATEST = 0.6
"""A random kill falls within so many seconds after the strike began."""

STRIKE_AGAIN = 3.0
"""The intruder goes on: so many seconds after his last strike he tries again, until he is contained."""

PATIENCE = 60.0
"""Seconds until a point must have been passed, or an intruder contained, before the bench calls it lost."""

SETTINGS = {
    "tercio.toml": {
        'silent_after = "10s"': 'silent_after = "30s"',
        'state = "state"': 'state = "state"\nmandate = ["kill.cedar"]',
        'wait = "60s"': 'wait = "2s"',
        'quiet_least = "7s"': 'quiet_least = "3s"',
        'quiet_most = "10s"': 'quiet_most = "4s"',
        "[release]": "[limits]\nacts_per_hour = 10000\n\n[release]",
    },
    "gateway.toml": {"targets_per_hour = 20": "targets_per_hour = 10000"},
}
"""What differs from the drill's settings: leases of six seconds that see one renewal and then end."""


MANDATE = """@id("hosts_only")
@words("this bench blocks hosts only")
forbid (principal, action == Action::"close conduit", resource);
"""
"""Only hosts are blocked: ``nft monitor`` 1.0.6 dies of SIGSEGV at an element of concatenated networks."""


class Crashing(Platform):
    """Tercio started by ``bench.crash``."""

    def start(self) -> "subprocess.Popen[bytes]":
        """``tercio up`` with points to die at."""
        (self.folder / "kill.cedar").write_text(MANDATE, encoding="utf-8")
        words = ["-m", "bench.crash", str(self.folder), "tercio", "up", "--settings", str(self.settings)]
        with (self.folder / "tercio.log").open("ab") as log:
            return subprocess.Popen([sys.executable, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class Fall(msgspec.Struct, frozen=True, kw_only=True):
    """One kill to come: of whoever passes the last of ``points``, with ``victims``; or, without points, of ``victims``
    after ``delay`` seconds."""

    name: str
    kind: str
    points: tuple[str, ...] = ()
    victims: tuple[str, ...] = ()
    delay: float = 0.0


def falls(kills: int, seed: int) -> list[Fall]:
    """Which kills there will be: named points in rounds, then random ones. The same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  # A seeded order, no secret.
    rounds = max(1, round(kills * NAMED_SHARE / len(POINTS)))
    named = [(point.name, COMPANY[n % len(COMPANY)]) for n in range(rounds) for point in POINTS][:kills]
    pack: list[tuple[str, ...]] = []
    found = []
    for point, (how, company) in named:
        first = ("after commit A",) if point == POINTS[-1].name else ()
        kind = chance.choice(("sweep", "write"))
        found.append(Fall(name=f"{point}{how}", kind=kind, points=(*first, point), victims=company))
    for _ in range(kills - len(named)):
        if not pack:
            pack = chance.sample(VICTIMS, len(VICTIMS))
        victims = pack.pop()
        kind, delay = chance.choice(("sweep", "write")), chance.uniform(0, LATEST)
        found.append(Fall(name=f"random: {' and '.join(victims)}", kind=kind, victims=victims, delay=delay))
    return found


class Journal:
    """What the journal said so far, and what in it must not be so."""

    def __init__(self, platform: Platform) -> None:
        self.findings: Counter[str] = Counter()
        self.commands: dict[str, str] = {}
        self.leases: set[str] = set()
        self.follower = Follower(platform.news, self._take)

    def _take(self, entry: Entry) -> None:
        if entry.kind == "command" and entry.body is not None:
            row = msgspec.json.decode(entry.body, type=CommandRow)
            self.commands[row.command.id] = row.state
            self.leases.add(row.command.lease)

    def counts(self) -> Counter[str]:
        """How often each finding was journaled."""
        return Counter(told.finding.id for told in self.follower.findings)

    def open(self) -> int:
        """Commands that were never answered, nor lapsed."""
        return sum(state == "ordered" for state in self.commands.values())

    def against(self, source: str) -> list[Effect]:
        """Effects against one intruder."""
        return [effect for effect in self.follower.effects.values() if source in denied(effect.target)]


def denied(target: Target) -> tuple[str, ...]:
    """The addresses whose own traffic a target takes away."""
    match target:
        case HostTarget(addresses=addresses) | FlowTarget(src_addresses=addresses):
            return addresses
        case _:
            return ()


class Course:
    """The range with Tercio on it, one kill after another."""

    def __init__(self, plant: Range, platform: Platform, attacker: Striker) -> None:
        self.plant, self.platform, self.attacker = plant, platform, attacker
        self.journal = Journal(platform)
        self.anchor: Anchor | None = None
        self.lost: list[str] = []
        self.seconds: list[float] = []
        """From the beginning of each strike, the kill in between, until its intruder was contained."""
        self.done: Counter[str] = Counter()

    def play(self, number: int, fall: Fall) -> None:
        """Strike, kill, strike on until the intruder is contained; then look whether anything was lost."""
        source = address(number)
        also = self._alive(fall.victims)
        began, known = time.monotonic(), {effect.lease for effect in self.journal.against(source)}
        if fall.points:
            arm(self.platform.folder, Armed(fall.points, also))
        self.attacker.begin(fall.kind, source)
        if not fall.points:
            time.sleep(fall.delay)
            self._kill(fall.victims)
        contained = self._contained(source, known)
        self.seconds.append(time.monotonic() - began)
        if not contained:
            self.lost.append(f"{number} ({fall.name}): {source} was not contained within {PATIENCE:.0f} s")
        elif fall.points and not self._passed():
            self.lost.append(f"{number} ({fall.name}): nobody passed the point within {PATIENCE:.0f} s")
        disarm(self.platform.folder)
        self.done[fall.name] += 1
        self._look(number, fall)

    def _contained(self, source: str, known: set[str]) -> bool:
        """Whether a new effect against the intruder stands, in the journal and in the kernel."""
        deadline = time.monotonic() + PATIENCE
        self.attacker.finish()
        while time.monotonic() < deadline:
            if self.journal.follower.until(lambda: self._stands(source, known), STRIKE_AGAIN):
                return True
            self.attacker.begin("write", source)  # Of a sweep the sensor's own rules tell so much a minute only.
            self.attacker.finish()
        return False

    def _stands(self, source: str, known: set[str]) -> bool:
        self.revive()
        new = [effect for effect in self.journal.against(source) if effect.lease not in known and effect.held]
        if any(effect.state != EffectState.STANDING for effect in new):
            return True
        return bool(new) and any(key.split(" . ")[0] == source for _, key, _ in standing(self.plant))

    def _passed(self) -> bool:
        return self.journal.follower.until(lambda: not waiting(self.platform.folder), PATIENCE)

    def _kill(self, victims: tuple[str, ...]) -> None:
        """All at one blow, who would start the others again first."""
        running = self._running()
        for name in victims:
            if name in running:
                os.kill(running[name], signal.SIGKILL)

    def _running(self) -> dict[str, int]:
        return {**self.platform.parts(), "suricata": self.plant.running["suricata"].pid}

    def _alive(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """The processes of these names, once all run again."""

        def whole() -> bool:
            self.revive()
            return self._running().keys() >= set(names)

        self.journal.follower.until(whole, PATIENCE)
        running = self._running()
        return tuple(running[name] for name in names if name in running)

    def revive(self) -> None:
        """What the machine's own service manager would start again."""
        if self.plant.running["suricata"].poll() is not None:
            self.plant.restart_sensor()
        if self.platform.process.poll() is not None:
            self.platform.process = self.platform.start()

    def _look(self, number: int, fall: Fall) -> None:
        """The journal is whole and holds all that it held; the kernel holds nothing that the journal does not know."""
        verdict = verify(self.platform.state, anchor=self.anchor)
        if not verdict.ok:
            self.lost.append(f"{number} ({fall.name}): {verdict.wrong}")
        self.anchor = Anchor(verdict.size, bytes.fromhex(verdict.root))
        there = {comment.split(" ")[0] for _, _, comment in standing(self.plant)}
        self.journal.follower.follow()
        for lease in sorted(there - self.journal.leases):
            self.lost.append(f"{number} ({fall.name}): {lease} stands and is not in the journal")
