"""``tercio status``: one look. Does Tercio live, what does it see, whom does it reach, what stands, may it act?"""

from collections.abc import Iterable

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.assemble import bounded, site_of
from tercio.app.checkup import Weight, hands, loop, workers
from tercio.app.kept import LOSSES, kept
from tercio.app.recall import Recalled, recall
from tercio.app.settings import Settings, SourceSettings
from tercio.model.commands import Effect, target_name
from tercio.model.incidents import Status as Stage
from tercio.model.site import Autonomy, Process, Site
from tercio.model.units import SECOND, span, timestamp
from tercio.store.state import State

JUST_WRITTEN = 2 * SECOND
"""What is written is read at least so soon after (microseconds): a later instant is when the loop began to listen."""

MOST = 10_000
"""Open incidents are counted up to this number."""


class Part(msgspec.Struct, frozen=True):
    """One thing that must work: whether it does, and in words how."""

    name: str
    ok: bool
    words: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one look. ``ok`` says that the loop lives, every sensor speaks, every worker reads, every hand
    answers and the store keeps the past; ``zones`` are ok where Tercio may act by itself; ``left_out`` counts what was
    not looked at, by why; ``aside`` are rules that were set aside, and why."""

    ok: bool
    loop: Part
    sensors: tuple[Part, ...]
    workers: tuple[Part, ...] = ()
    hands: tuple[Part, ...]
    past: tuple[Part, ...] = ()
    zones: tuple[Part, ...]
    standing: tuple[Effect, ...]
    incidents_open: int
    stood_down: tuple[str, ...]
    left_out: dict[str, int]
    aside: dict[str, str] = {}


def look(settings: Settings, now: int) -> Status:
    """Look once. Raises SettingsError where the site can't be read, StateUnusable where a state is there and can't."""
    found = next(iter(loop(settings)))
    alive = Part("loop", found.weight == Weight.OK, found.words)
    memory, standing, unclosed = _kept(settings)
    sensors = tuple(_sensor(source, memory, alive.ok, now) for source in settings.sources)
    answering = _hands(settings)
    reading = tuple(
        Part(each.what.removeprefix("worker "), each.weight == Weight.OK, each.words) for each in workers(settings)
    )
    past = tuple(
        Part(each.what, each.weight == Weight.OK or each.what == LOSSES, each.words) for each in kept(settings, now)
    )
    zones = tuple(_zones(settings, site_of(settings), memory, alive.ok))
    counts = {"not understood": sum(memory.unparsed.values()), "too late": memory.windows.late}
    return Status(
        ok=alive.ok and all(part.ok for part in (*sensors, *reading, *answering, *past)),
        loop=alive,
        sensors=sensors,
        workers=reading,
        hands=answering,
        past=past,
        zones=zones,
        standing=standing,
        incidents_open=unclosed,
        stood_down=memory.stood_down,
        left_out={why: count for why, count in {**counts, "no room": memory.windows.dropped}.items() if count},
        aside=memory.aside,
    )


def _kept(settings: Settings) -> tuple[Recalled, tuple[Effect, ...], int]:
    """What the loop remembers, what stands, how many incidents are not closed."""
    if not (settings.state / "state.db").exists():
        return Recalled(), (), 0
    with State.read(settings.state) as reader:
        unclosed = sum(incident.status != Stage.CLOSED for incident in reader.incidents(MOST))
        return recall(reader), reader.effects(standing_only=True), unclosed


def _sensor(source: SourceSettings, memory: Recalled, alive: bool, now: int) -> Part:
    name, heard = source.name, memory.heard.get(source.name, 0)
    ago = f"{span(max(0, now - heard))} ago"
    try:
        there = source.path.stat()
    except OSError:
        there = None
    if there is None or not there.st_size:
        return Part(name, False, f"has said nothing yet: {source.path} is {'not there' if there is None else 'empty'}")
    since = f"last heard {ago}" if heard else "never heard yet"
    written = there.st_mtime_ns // 1000
    if alive and heard and heard < written <= now:  # What the loop has read since it last wrote of itself.
        since = f"last heard {span(now - written)} ago"
    if heard - written > JUST_WRITTEN:
        since = f"has said nothing since Tercio began to listen {ago}"
    if not alive:
        return Part(name, False, f"nobody listens to it; {since}")
    if name in memory.silent:
        return Part(name, False, f"silent; {since}")
    return Part(name, bool(heard), since)


def _hands(settings: Settings) -> tuple[Part, ...]:
    """For each hand the last that the doctor says of it: whether it answers."""
    last = {finding.what.removeprefix("hand "): finding for finding in hands(settings)}
    return tuple(
        Part(hand.name, last[hand.name].words.startswith("it answers"), last[hand.name].words)
        for hand in settings.hands
        if hand.name in last
    )


def _zones(settings: Settings, site: Site, memory: Recalled, alive: bool) -> Iterable[Part]:
    reached = {zone for hand in settings.hands for zone in hand.zones}
    taken = bounded(site)
    for zone in taken.zones.values():
        granted = site.zones[zone.name].autonomy
        if zone.autonomy != granted:
            yield Part(zone.name, False, f"shadow, not {granted}: the site has errors (`tercio site check`)")
        elif zone.autonomy == Autonomy.SHADOW:
            yield Part(zone.name, False, "shadow: it says what it would do, and does nothing")
        elif zone.name not in reached:
            yield Part(zone.name, False, f"{granted} is granted, but no hand reaches it")
        elif not alive:
            yield Part(zone.name, False, f"{granted} is granted, but no loop runs")
        elif memory.silent:
            yield Part(zone.name, False, f"advise, though {granted} is granted: {', '.join(memory.silent)} is silent")
        elif "all" in memory.stood_down:
            yield Part(zone.name, False, f"{granted} is granted, but people stood down on everything")
        elif lines := [
            name for name in memory.stood_down if name in site.processes and zone.name in _homes(site, name)
        ]:
            yield Part(zone.name, False, f"{granted}, but people stood down on {', '.join(lines)}: nothing acts there")
        else:
            yield Part(zone.name, zone.autonomy == Autonomy.ACT, str(granted))


def _homes(site: Site, process: str) -> set[str]:
    """The zones that a process stands in."""
    line: Process = site.processes[process]
    ends = [name for flow in line.flows for name in (flow.src, flow.dst)]
    return {site.assets[name].zone for name in (*line.needs, *line.views, *line.safety, *ends)}


def page(status: Status) -> RenderableType:
    """One screen, the worst first to be seen by its colour."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    parts = [("loop", [status.loop]), ("sensor", status.sensors), ("worker", status.workers)]
    parts += [("hand", status.hands), ("", status.past), ("zone", status.zones)]
    for kind, members in parts:
        for part in members:
            name = kind if part.name == kind else f"{kind} {part.name}".strip()
            style = "" if part.ok else "yellow" if kind == "zone" else "red"
            table.add_row(Text("ok" if part.ok else "no"), Text(plain(name)), Text(plain(part.words, 400)), style=style)
    lines = [f"{_counted(status.incidents_open, 'incident')} not closed; {_standing(status.standing)}"]
    if status.stood_down:
        lines.append(f"Stood down: {', '.join(map(plain, status.stood_down))}; `tercio stand-to` ends it.")
    lines += [f"The rule {plain(rule)} is {plain(why, 400)}." for rule, why in status.aside.items()]
    if status.left_out:
        lines.append("Left out: " + ", ".join(f"{n:,} {why}" for why, n in status.left_out.items()) + ".")
    if not status.ok:
        lines.append("`tercio doctor` says what to do.")
    return Group(table, Text(""), *(Text(line) for line in lines))


def _standing(effects: tuple[Effect, ...]) -> str:
    if not effects:
        return "nothing stands."
    shown = [f"{target_name(e.target)} ({e.lease}) until {timestamp(e.until)[11:19]}" for e in effects[:5]]
    more = f" and {len(effects) - len(shown)} more (`tercio effects`)" if len(effects) > len(shown) else ""
    return f"what stands: {plain('; '.join(shown), 1000)}{more}."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
