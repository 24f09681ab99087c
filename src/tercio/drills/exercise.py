"""One drill on the range: a healthy line, look-alikes, an intruder, Tercio between them; then the scoreboard."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tercio.drills.platform import Platform
from tercio.drills.range.range import Range, site_file
from tercio.drills.range.traces import Connect, Write, read_trace
from tercio.drills.scoreboard import Course, Scoreboard, blocks, score
from tercio.model.commands import Effect
from tercio.model.decisions import Decision
from tercio.model.findings import Finding
from tercio.model.siteparse import parse_site
from tercio.store.audit import verify
from tercio.store.reader import Entry

INTRUDER = "ws1"
"""The asset from which the range's intruder works."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the drill does. Spans in seconds: ``healthy`` before the intruder, ``intrusion`` how long he goes on writing,
    ``release`` how long to wait for the end of what was ordered. ``acts`` are of ``sweep`` and ``write``."""

    healthy: float = 4.0
    acts: tuple[str, ...] = ("sweep", "write")
    intrusion: float = 6.0
    release: float = 40.0
    after: float = 2.0
    lookalikes: bool = True


class Told(msgspec.Struct, frozen=True):
    """A journaled finding, as far as a drill needs it."""

    finding: Finding
    incident: str
    change: str


class Decided(msgspec.Struct, frozen=True):
    """A journaled decision, without its input."""

    decision: Decision


class Follower:
    """Reads the journal as it grows, and passes each record on."""

    def __init__(self, platform: Platform, show: Callable[[Entry], None]) -> None:
        self._platform = platform
        self._show = show
        self.findings: list[Told] = []
        self.decisions: list[Decision] = []
        self.effects: dict[str, Effect] = {}

    def follow(self) -> None:
        """Take in what is new."""
        for entry in self._platform.news():
            if entry.body is None:
                continue
            if entry.kind == "finding":
                self.findings.append(msgspec.json.decode(entry.body, type=Told))
            elif entry.kind == "decision":
                self.decisions.append(msgspec.json.decode(entry.body, type=Decided).decision)
            elif entry.kind == "effect":
                effect = msgspec.json.decode(entry.body, type=Effect)
                self.effects[effect.lease] = effect
            self._show(entry)

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Follow until something is so, at most for some seconds."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            self.follow()
            time.sleep(0.05)
        return True


def conduct(
    folder: Path,
    plan: Plan,
    say: Callable[[str], None],
    show: Callable[[Entry], None],
    keep: Callable[[], None] = lambda: None,
) -> Scoreboard:
    """Run one drill in this sandbox and score it. ``say`` gets what the drill does, ``show`` every record of the journal.

    ``keep`` is called before everything is taken down. Raises RangeError where range or platform do not come up.
    """
    plant = Range.up(folder / "range")
    try:
        say(
            f"the range is up after {plant.took / 1e6:.1f} s: office, DMZ and OT behind one gateway, a line that fills bottles"
        )
        platform = Platform(folder, plant)
        try:
            platform.ready()
            say("Tercio is up: the loop follows Suricata, the hand stands in the gateway with CAP_NET_ADMIN alone")
            follower = Follower(platform, show)
            _play(plant, platform, follower, plan, say)
            keep()
            follower.follow()
        finally:
            platform.stop()
        verdict = verify(platform.state)
    finally:
        plant.down()
    effects = tuple(effect for _, effect in sorted(follower.effects.items()))
    course = Course(
        findings=tuple((t.finding, t.incident, t.change) for t in follower.findings),
        decisions=tuple(follower.decisions),
        effects=effects,
        root=verdict.root,
        verified=verdict.ok,
    )
    site = parse_site(site_file().read_text(encoding="utf-8"))
    counts = plant.counts(blocks(effects, time.time_ns() // 1000))
    return score(site, course, counts, INTRUDER, _first_packet(plant))


def _play(plant: Range, platform: Platform, follower: Follower, plan: Plan, say: Callable[[str], None]) -> None:
    """Look-alikes while the line is healthy and again beside the intruder; then wait for everything to end."""
    if plan.lookalikes:
        done = platform.tercio(
            "window", "open", "ews1", "plc1", "--activity", "write", "--for", "10m", "--why", "new recipe"
        )
        say(f"maintenance announces itself: {(done.stdout or done.stderr).strip()}")
        _lookalikes(plant, say)
    follower.until(lambda: False, plan.healthy)
    if plan.lookalikes:
        _finish(plant)
        _lookalikes(plant, say)
    say(f"the intruder on {INTRUDER} begins: {' and '.join(plan.acts)}")
    plant.visit("intruder", *(f"--{act}" for act in plan.acts), "--seconds", str(plan.intrusion))

    def standing() -> bool:
        return any(effect.held for effect in follower.effects.values())

    follower.until(standing, plan.intrusion + 4)
    follower.until(lambda: plant.running["intruder"].poll() is not None, plan.intrusion + 10)
    plant.finish("intruder")
    follower.until(
        lambda: standing() and all(e.ended for e in follower.effects.values()), plan.release if standing() else 0
    )
    follower.until(lambda: False, plan.after)
    _finish(plant)


def _lookalikes(plant: Range, say: Callable[[str], None]) -> None:
    say("look-alikes: the scanner sweeps on its schedule, the engineering station writes in its window")
    plant.visit("scanner")
    plant.visit("ews")


def _finish(plant: Range) -> None:
    for name in ("scanner", "ews"):
        if name in plant.running:
            plant.finish(name)


def _first_packet(plant: Range) -> int | None:
    """When the intruder first touched the OT zone, by his own trace."""
    records = read_trace(plant.trace("intruder")).records
    return min((r.at for r in records if isinstance(r, Connect | Write) and r.at), default=None)
