"""``tercio doctor``: what is missing on this machine or in the settings, before it hurts; and how to do without Tercio.

It only looks: it makes no file, starts nothing and orders nothing.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.assemble import content_of, site_of
from tercio.app.checkup import Finding, Weight, ended_range, hands, loop, sources, workers
from tercio.app.kept import kept
from tercio.app.machine import machine
from tercio.app.outset import live, unrouted, waiting
from tercio.app.recall import failed_policies, recall
from tercio.app.settings import Settings, SettingsError, load
from tercio.app.sight import sight
from tercio.app.supervisor import order_key
from tercio.drills.range.sandbox import missing_tools, refusal
from tercio.loop.state import Content
from tercio.model.site import Autonomy, Site
from tercio.model.sitecheck import Severity, check_site
from tercio.products.effectors import EFFECTORS
from tercio.store.errors import StateError
from tercio.store.keys import KeyUnusable, signing_key
from tercio.store.reader import Reader
from tercio.store.state import State

LEAST_SPACE = 256 * 1024 * 1024
"""Bytes that must be free where the state lies: no journal, no act."""

SHOWN = 20
"""Rules that are not live are listed up to this number, and the rest is counted."""

STYLES = {Weight.OK: "", Weight.WARN: "yellow", Weight.FAIL: "red"}


def examine(settings: Path) -> tuple[Finding, ...]:
    """Look at the machine, then at everything that the settings name."""
    found = list(_standing_orders())
    try:
        loaded = load(settings)
    except SettingsError as error:
        return (*found, *(Finding("settings", Weight.FAIL, line) for line in str(error).splitlines()))
    found.append(Finding("settings", Weight.OK, f"{loaded.file} is read"))
    last, left = _kept(loaded)
    found += [*_content(loaded), *_state(loaded), *left, *machine(loaded, last)]
    if words := ended_range(loaded):
        return (*found, Finding("demo", Weight.WARN, words))
    found += [*sources(loaded), *sight(loaded, _site(loaded)), *hands(loaded), *loop(loaded), *workers(loaded)]
    found += kept(loaded, time.time_ns() // 1000)
    return tuple(found)


def _site(settings: Settings) -> Site | None:
    try:
        return site_of(settings)
    except SettingsError:  # Told with the rest of the content.
        return None


def for_range() -> tuple[str, ...]:
    """What a drill on the range lacks on this machine, one sentence each."""
    lacks = list(missing_tools())
    if shutil.which("suricata") is None:
        lacks.append("suricata is missing: install the package suricata (on Debian 12 from bookworm-backports)")
    if find_spec("pymodbus") is None:
        lacks.append("the Python package pymodbus is missing: install tercio with its extra, tercio[range]")
    if not lacks and (reason := refusal()):
        lacks.append(reason)
    return tuple(lacks)


def page(findings: tuple[Finding, ...]) -> RenderableType:
    """The findings in their order, marked by weight, and what they come to."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for found in findings:
        cells = (str(found.weight), plain(found.what), plain(found.words, 600))
        table.add_row(*(Text(cell) for cell in cells), style=STYLES[found.weight])
    wrong = sum(finding.weight == Weight.FAIL for finding in findings)
    known = sum(finding.weight == Weight.WARN for finding in findings)
    last = f"{wrong} must be mended (fail) before Tercio can be relied on." if wrong else "Nothing stands in the way."
    last += f" {known} should be known (warn)." if known else ""
    return Group(table, Text(""), Text(last, style="bold"))


def _standing_orders() -> Iterator[Finding]:
    for text in for_range():
        yield Finding("demo and drills", Weight.WARN, text)
    for effector in EFFECTORS.values():
        words = f"everything of {effector.mechanism} ends with: {effector.break_glass}"
        yield Finding("without Tercio", Weight.OK, words)


def _content(settings: Settings) -> Iterator[Finding]:
    what = "site"
    try:
        site, what = site_of(settings), "rules and mandate"
        content = content_of(settings)
    except SettingsError as error:
        yield from (Finding(what, Weight.FAIL, line) for line in str(error).splitlines())
        return
    rules = len(content.rules.rules) + len(content.rules.correlations)
    yield Finding("rules", Weight.OK if rules else Weight.FAIL, live(content))
    yield from _rules(content)
    for remark in check_site(site):
        weight = Weight.FAIL if remark.severity == Severity.ERROR else Weight.WARN
        yield Finding(f"site {remark.place}", weight, remark.words)
    if content.site != site:
        words = "everything stays in shadow until these errors of the site are corrected"
        yield Finding("autonomy", Weight.FAIL, words)
    yield from _autonomy(settings, content.site)


def _rules(content: Content) -> Iterator[Finding]:
    """What is not live: each rule that is broken, and those without a source by the reason that they share."""
    rejected = content.rules.rejected
    for rule in rejected[:SHOWN]:
        title = f" ({rule.title!r})" if rule.title else ""
        words = f"{rule.file}:{rule.line}: is not used{title}: {rule.reason}; correct it, or take it away"
        yield Finding("rules", Weight.FAIL, words)
    if len(rejected) > SHOWN:
        yield Finding("rules", Weight.FAIL, f"{len(rejected) - SHOWN:,} more are not used")
    for why, names in _by_reason(unrouted(content)):
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        words = f"{', '.join(names[:3])}{more}: never run: {why}; add such a source, or take them away"
        yield Finding("rules", Weight.WARN, words)

    for why, names in _by_reason(waiting(content)):
        yield Finding("rules", Weight.OK, f"{len(names):,} more of Tercio's own would run, but there is {why}")


def _by_reason(found: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    reasons: dict[str, list[str]] = {}
    for name, why in sorted(found.items()):
        reasons.setdefault(why, []).append(name)
    return sorted(reasons.items())


def _autonomy(settings: Settings, site: Site) -> Iterator[Finding]:
    reached = {zone for hand in settings.hands for zone in hand.zones}
    for zone in site.zones.values():
        if zone.autonomy == Autonomy.SHADOW:
            words = f"{zone.name} is in shadow: Tercio says what it would do there, and does nothing"
            yield Finding("autonomy", Weight.WARN, words)
        elif zone.name not in reached:
            words = f"{zone.name} grants {zone.autonomy}, but no hand reaches it: nothing can be done there"
            yield Finding("autonomy", Weight.FAIL, words)
        else:
            yield Finding("autonomy", Weight.OK, f"{zone.name} grants {zone.autonomy}")


def _state(settings: Settings) -> Iterator[Finding]:
    place = settings.state
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        words = f"{place} can't be written by this user ({error.strerror}); correct its owner, or [tercio] state"
        yield Finding("state", Weight.FAIL, words)
        return
    if free < LEAST_SPACE:
        words = f"{place} has {free // 2**20} MB left; without a journal nothing acts: free space"
        yield Finding("state", Weight.FAIL, words)
    else:
        yield Finding("state", Weight.OK, f"{place} can be written and has {free // 2**30} GB left")
    if place == settings.state and place.stat().st_mode & 0o077:
        words = f"{place} may be read by others, and it holds what was seen on your wires: chmod 700 {place}"
        yield Finding("state", Weight.WARN, words)


def _kept(settings: Settings) -> tuple[int, list[Finding]]:
    """When the journal's last record was made (0: never), and what an earlier loop left."""
    if not (settings.state / "state.db").exists():
        return 0, []
    try:
        with State.read(settings.state) as reader:
            last, found = reader.last_time(), list(_remembered(reader))
        for key in (order_key(settings), settings.state / "journal.key"):
            if key.exists() and key.with_suffix(".pub").exists():
                signing_key(key)
    except (StateError, KeyUnusable) as error:
        return 0, [Finding("state", Weight.FAIL, str(error))]
    return last, found


def _remembered(reader: Reader) -> Iterator[Finding]:
    yield Finding(
        "state", Weight.OK, f"it holds a journal, and {len(reader.effects(standing_only=True))} effects that stand"
    )
    memory = recall(reader)
    for source, count in sorted(memory.unparsed.items()):
        words = f"{count:,} lines were not understood: do they come from another version, or another product?"
        yield Finding(f"source {source}", Weight.WARN, words)
    if memory.windows.late:
        words = f"{memory.windows.late:,} sightings came too late to be counted: is a sensor's clock behind?"
        yield Finding("detection", Weight.WARN, words)
    if memory.windows.dropped:
        words = (
            f"{memory.windows.dropped:,} sightings were forgotten before their time, for want of room: a flood of what "
            "one rule looks for, or a correlation of yours that groups too finely: it may miss something"
        )
        most = sorted(memory.windows.crowded.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN]
        words += "; room was made " + ", ".join(f"{times:,} times in {rule}" for rule, times in most) if most else ""
        yield Finding("detection", Weight.WARN, words)
    for rule, why in memory.aside.items():
        words = f"{rule}: {why}; correct it, or let it run again with `tercio rules resume {rule}`"
        yield Finding("rules", Weight.FAIL, words)
    if memory.stood_down:
        words = f"people stood down on {', '.join(memory.stood_down)}: nothing acts there until `tercio stand-to`"
        yield Finding("autonomy", Weight.WARN, words)
    for policy in failed_policies(reader):
        words = f"the policy {policy} failed while it was asked, and so forbade what it speaks of; correct it"
        yield Finding("mandate", Weight.FAIL, words)
