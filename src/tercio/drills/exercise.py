"""One drill on the range: a healthy line, look-alikes, an intruder, Tercio between them; then the scoreboard."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from tercio.drills import lookalikes
from tercio.drills.platform import Changes, Platform
from tercio.drills.range.cast import BYSTANDERS
from tercio.drills.range.counts import polled
from tercio.drills.range.harm import account
from tercio.drills.range.range import Range, site_file
from tercio.drills.range.traces import Connect, Line, Record, Write, read_trace
from tercio.drills.scoreboard import Course, Scoreboard, Truth, blocks, concerns, leaked, score, walls
from tercio.loop.authorise import Deliberation
from tercio.model.commands import Effect
from tercio.model.decisions import Decision
from tercio.model.journal import Told
from tercio.model.siteparse import parse_site
from tercio.store.audit import Verdict, verify
from tercio.store.reader import Entry

INTRUDER = "ws1"
"""The asset from which the range's intruder works."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the drill does. Spans in seconds: ``control`` before any defence begins (what happens to bystanders then is
    no defence's doing), ``healthy`` before the intruder, ``intrusion`` how long he goes on writing, ``release`` how
    long to wait for the end of what was ordered, ``after`` how long to look on behind it, ``pulse`` between two words
    about the line. ``acts`` are of ``sweep`` and ``write``; ``lookalikes`` are names in the
    table of that module."""

    control: float = 3.0
    healthy: float = 4.0
    acts: tuple[str, ...] = ("sweep", "write")
    intrusion: float = 6.0
    release: float = 40.0
    after: float = 2.0
    pulse: float = 5.0
    lookalikes: tuple[str, ...] = lookalikes.EVERYDAY


LASTING: Changes = {
    "tercio.toml": {
        'lease = "6s"': 'lease = "15m"',
        'quiet_least = "7s"': 'quiet_least = "1h"',
        'quiet_most = "10s"': 'quiet_most = "2h"',
        'longest = "2m"': 'longest = "4h"',
    }
}
"""What a drill that is kept changes in Tercio's settings: what stands at its end stays, for people to look at."""


class Follower:
    """Follows the journal: ``news`` gives the records since the last call, each is passed on to ``show``; ``beat`` is
    called each time it looks."""

    def __init__(
        self,
        news: Callable[[], Iterable[Entry]],
        show: Callable[[Entry], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._news = news
        self._show = show
        self._beat = beat
        self.findings: list[Told] = []
        self.decisions: list[Decision] = []
        self.effects: dict[str, Effect] = {}

    def follow(self) -> None:
        """Take in what is new."""
        for entry in self._news():
            if entry.body is None:
                continue
            if entry.kind == "finding":
                self.findings.append(msgspec.json.decode(entry.body, type=Told))
            elif entry.kind == "decision":
                self.decisions.append(msgspec.json.decode(entry.body, type=Deliberation).decision)
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
            self._beat()
            time.sleep(0.05)
        return True

    def wait(self, seconds: float) -> None:
        """Follow for some seconds."""
        self.until(lambda: False, seconds)


class Pulse:
    """Says now and then how the line stands, as its controller and its operator's screen see it."""

    def __init__(self, plant: Range, say: Callable[[str, str], None], every: float) -> None:
        self._plant, self._say, self._every = plant, say, every
        self._next = time.monotonic() + every

    def __call__(self) -> None:
        """Say it if it is time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        if words := pulse(read_trace(self._plant.trace("plc")).records, read_trace(self._plant.trace("hmi")).records):
            self._say("line", words)


def pulse(plc: Sequence[Record], hmi: Sequence[Record]) -> str:
    """How the line stands, in one sentence; empty before it was first seen."""
    line = next((each for each in reversed(plc) if isinstance(each, Line)), None)
    polls, missed = polled(hmi)
    if line is None or not polls:
        return ""
    state = "runs" if line.running else "STANDS STILL"
    words = f"{missed} MISSED" if missed else "none missed"
    return (
        f"the line {state}: {line.bottles} bottles, tank at {line.level:.0f} %, {line.temperature:.0f} °C; "
        f"the operator's screen asked {polls} times, {words}"
    )


def conduct(
    folder: Path,
    plan: Plan,
    say: Callable[[str, str], None],
    show: Callable[[Entry], None],
    keep: Callable[[Scoreboard], None] | None = None,
    changes: Changes | None = None,
) -> Scoreboard:
    """Run one drill in this sandbox and score it. ``say`` gets who speaks (``drill`` or ``line``) and a sentence,
    ``show`` every record of the journal. ``keep`` is called with the score so far, while everything runs and what
    Tercio ordered last still stands; after it that is undone. ``changes`` are this drill's own to Tercio's settings,
    else, where it is kept, ``LASTING``.

    Raises RangeError where range or platform do not come up.
    """
    plant = Range.up(folder / "range")
    try:
        say("drill", f"the range is up after {plant.took / 1e6:.1f} s: office, DMZ, OT, and a line that fills bottles")
        for remark in plant.remarks:
            say("drill", remark)
        began = time.time_ns() // 1000
        time.sleep(plan.control)
        defended = time.time_ns() // 1000
        platform = Platform(folder, plant, LASTING if changes is None and keep is not None else changes)
        try:
            platform.ready()
            say(
                "drill", "Tercio is up: it follows Suricata; its hand in the gateway has CAP_NET_ADMIN and nothing else"
            )
            follower = Follower(platform.news, show, Pulse(plant, say, plan.pulse))
            _play(plant, platform, follower, plan, say, kept=keep is not None)
            if keep is not None:
                keep(_scored(plant, follower, verify(platform.state), (began, defended, time.time_ns() // 1000)))
                _take_back(platform, follower, plan, say)
            follower.follow()
        finally:
            platform.stop()
        ended = time.time_ns() // 1000
        follower.follow()
        verdict = verify(platform.state)
    finally:
        plant.down()
    for name, status in plant.died.items():
        say("drill", f"{name} ended before its time, with status {status}; see {plant.folder / f'{name}.log'}")
    return _scored(plant, follower, verdict, (began, defended, ended))


def _scored(plant: Range, follower: Follower, verdict: Verdict, spans: tuple[int, int, int]) -> Scoreboard:
    """The score by what the journal and the traces say. ``spans``: when it began, when the defence did, when that
    ended."""
    effects = tuple(effect for _, effect in sorted(follower.effects.items()))
    course = Course(
        findings=tuple((t.finding, t.incident, t.change) for t in follower.findings),
        decisions=tuple(follower.decisions),
        effects=effects,
        root=verdict.root,
        verified=verdict.ok,
    )
    site = parse_site(site_file().read_text(encoding="utf-8"))
    return score(site, course, _truth(plant, effects, spans), INTRUDER)


def _truth(plant: Range, effects: tuple[Effect, ...], spans: tuple[int, int, int]) -> Truth:
    """What the traces say. ``spans`` as in ``_scored``."""
    right = tuple(effect for effect in effects if concerns(effect, INTRUDER))
    now = time.time_ns() // 1000
    traces = {name: read_trace(plant.trace(name)) for name in BYSTANDERS}
    intruder, plc = (read_trace(plant.trace(name)).records for name in ("intruder", "plc"))
    return Truth(
        counts=plant.counts(blocks(right, now)),
        bystanders=account(traces, *spans, plant.died.keys() & BYSTANDERS.keys()),
        leaked=leaked(intruder, plc, walls(right, now)),
        first_packet=_first_packet(plant),
    )


def _play(
    plant: Range,
    platform: Platform,
    follower: Follower,
    plan: Plan,
    say: Callable[[str, str], None],
    *,
    kept: bool = False,
) -> None:
    """Look-alikes while the line is healthy and again beside the intruder; then, unless what stands is ``kept``, wait
    for everything to end."""
    if "window" in plan.lookalikes:
        _announce(platform, say)
        follower.follow()
    lookalikes.begin(plant, plan.lookalikes, say)
    follower.wait(plan.healthy)
    lookalikes.finish(plant)
    # Beside an effect no screen is restarted: that a view falls silent then is rightly taken for the effect's doing.
    lookalikes.begin(plant, [name for name in plan.lookalikes if name != "restart"], say)
    say("drill", f"the intruder on {INTRUDER} begins: {' and '.join(plan.acts)}")
    plant.visit("intruder", *(f"--{act}" for act in plan.acts), "--seconds", str(plan.intrusion))

    def standing() -> bool:
        return any(effect.held for effect in follower.effects.values())

    follower.until(standing, plan.intrusion + 4)
    follower.until(lambda: plant.running["intruder"].poll() is not None, plan.intrusion + 10)
    plant.finish("intruder")
    goes_on = "what stands against him stays, for you to look at" if kept else "now every lease has to end by itself"
    say("drill", f"the intruder on {INTRUDER} gives up; {goes_on}")
    if standing() and not kept:
        follower.until(lambda: all(effect.ended for effect in follower.effects.values()), plan.release)
    follower.wait(plan.after)
    lookalikes.finish(plant)


def _take_back(platform: Platform, follower: Follower, plan: Plan, say: Callable[[str, str], None]) -> None:
    done = platform.tercio("undo", "all")
    say("drill", (done.stdout if done.returncode == 0 else done.stderr).strip())
    follower.until(lambda: all(effect.ended for effect in follower.effects.values()), plan.release)


def _announce(platform: Platform, say: Callable[[str, str], None]) -> None:
    words = ("window", "open", "ews1", "plc1", "--activity", "write", "--for", "10m", "--why", "new recipe")
    done = platform.tercio(*words)
    if done.returncode:
        say("drill", f"maintenance could not announce itself: {(done.stderr or done.stdout).strip()}")


def _first_packet(plant: Range) -> int | None:
    """When the intruder first touched the OT zone, by his own trace."""
    records = read_trace(plant.trace("intruder")).records
    return min((r.at for r in records if isinstance(r, Connect | Write) and r.at), default=None)
