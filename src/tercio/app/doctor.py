"""``tercio doctor``: what is missing on this machine or in the settings, before it hurts; and how to do without Tercio.

It only looks: it makes no file, starts nothing and orders nothing.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.assemble import content_of, site_of
from tercio.app.checkup import Finding, Weight, hands, loop, sources
from tercio.app.settings import Settings, SettingsError, load
from tercio.app.supervisor import order_key
from tercio.drills.range.sandbox import missing_tools, wrap
from tercio.model.site import Autonomy, Site
from tercio.model.sitecheck import Severity, check_site
from tercio.products.effectors import EFFECTORS
from tercio.store.errors import StateError
from tercio.store.keys import KeyUnusable, signing_key
from tercio.store.state import State

LEAST_SPACE = 256 * 1024 * 1024
"""Bytes that must be free where the state lies: no journal, no act."""

MARKS = {Weight.OK: "ok", Weight.NOTE: "--", Weight.WRONG: "!!"}
STYLES = {Weight.OK: "", Weight.NOTE: "yellow", Weight.WRONG: "red"}


def examine(settings: Path) -> tuple[Finding, ...]:
    """Look at the machine, then at everything that the settings name."""
    found = list(_machine())
    try:
        loaded = load(settings)
    except SettingsError as error:
        return (*found, *(Finding("settings", Weight.WRONG, line) for line in str(error).splitlines()))
    found.append(Finding("settings", Weight.OK, f"{loaded.file} is read"))
    found += [*_content(loaded), *_state(loaded), *sources(loaded), *hands(loaded), *loop(loaded)]
    return tuple(found)


def for_range() -> tuple[str, ...]:
    """What a drill on the range lacks on this machine, one sentence each."""
    lacks = list(missing_tools())
    if shutil.which("suricata") is None:
        lacks.append("suricata is missing: install the package suricata (on Debian 12 from bookworm-backports)")
    if find_spec("pymodbus") is None:
        lacks.append("the Python package pymodbus is missing: install tercio with its extra, tercio[range]")
    if not lacks and os.geteuid() != 0 and subprocess.run(wrap(["true"]), capture_output=True, check=False).returncode:
        lacks.append("this kernel gives users no namespaces of their own: run it with sudo")
    return tuple(lacks)


def page(findings: tuple[Finding, ...]) -> RenderableType:
    """The findings in their order, marked by weight, and what they come to."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for found in findings:
        cells = (MARKS[found.weight], plain(found.what), plain(found.words, 600))
        table.add_row(*(Text(cell) for cell in cells), style=STYLES[found.weight])
    wrong = sum(finding.weight == Weight.WRONG for finding in findings)
    last = f"{wrong} must be mended (!!) before Tercio can be relied on." if wrong else "Nothing stands in the way."
    return Group(table, Text(""), Text(last, style="bold"))


def _machine() -> Iterator[Finding]:
    for text in for_range():
        yield Finding("demo and drills", Weight.NOTE, text)
    for effector in EFFECTORS.values():
        words = f"everything of {effector.mechanism} ends with: {effector.break_glass}"
        yield Finding("without Tercio", Weight.OK, words)


def _content(settings: Settings) -> Iterator[Finding]:
    try:
        site, content = site_of(settings), content_of(settings)
    except SettingsError as error:
        yield from (Finding("content", Weight.WRONG, line) for line in str(error).splitlines())
        return
    rules = len(content.rules.rules) + len(content.rules.correlations)
    yield Finding("rules", Weight.OK if rules else Weight.WRONG, f"{rules} rules are compiled")
    for rejected in content.rules.rejected:
        words = f"{rejected.file}:{rejected.line}: is not used: {rejected.reason}"
        yield Finding("rules", Weight.WRONG, words)
    for rule, why in sorted(content.detector.unrouted.items()):
        yield Finding("rules", Weight.NOTE, f"{rule} never runs: {why}")
    for remark in check_site(site):
        weight = {Severity.ERROR: Weight.WRONG, Severity.WARNING: Weight.NOTE}.get(remark.severity, Weight.OK)
        yield Finding(f"site {remark.place}", weight, remark.words)
    if content.site != site:
        words = "everything stays in shadow until these errors of the site are corrected"
        yield Finding("autonomy", Weight.WRONG, words)
    yield from _autonomy(settings, content.site)


def _autonomy(settings: Settings, site: Site) -> Iterator[Finding]:
    reached = {zone for hand in settings.hands for zone in hand.zones}
    for zone in site.zones.values():
        if zone.autonomy == Autonomy.SHADOW:
            words = f"{zone.name} is in shadow: Tercio says what it would do there, and does nothing"
            yield Finding("autonomy", Weight.NOTE, words)
        elif zone.name not in reached:
            words = f"{zone.name} grants {zone.autonomy}, but no hand reaches it: nothing can be done there"
            yield Finding("autonomy", Weight.WRONG, words)
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
        yield Finding("state", Weight.WRONG, words)
        return
    if free < LEAST_SPACE:
        words = f"{place} has {free // 2**20} MB left; without a journal nothing acts: free space"
        yield Finding("state", Weight.WRONG, words)
    else:
        yield Finding("state", Weight.OK, f"{place} can be written and has {free // 2**30} GB left")
    yield from _kept(settings)


def _kept(settings: Settings) -> Iterator[Finding]:
    """What an earlier loop left."""
    if not (settings.state / "state.db").exists():
        return
    try:
        with State.read(settings.state) as reader:
            standing = len(reader.effects(standing_only=True))
        yield Finding("state", Weight.OK, f"it holds a journal, and {standing} effects that stand")
        if (key := order_key(settings)).exists() and key.with_suffix(".pub").exists():
            signing_key(key)
    except (StateError, KeyUnusable) as error:
        yield Finding("state", Weight.WRONG, str(error))
