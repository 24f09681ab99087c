"""``tercio doctor``: what is missing on this machine or in the settings, before it hurts; and how to do without Tercio."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.assemble import content_of
from tercio.app.settings import Settings, SettingsError, load
from tercio.drills.range.sandbox import missing_tools
from tercio.model.sitecheck import Severity, check_site
from tercio.products.effectors import EFFECTORS
from tercio.products.handfile import load as load_handfile

LEAST_SPACE = 256 * 1024 * 1024
"""Bytes that must be free where the state lies: no journal, no act."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: ``what`` it is, whether it is ``bad``, and in ``words`` what was found or what to do."""

    what: str
    bad: bool
    words: str


def examine(settings: Path) -> tuple[Finding, ...]:
    """Look at the machine, then at everything that the settings name."""
    found = list(_machine())
    try:
        loaded = load(settings)
    except SettingsError as error:
        return (*found, Finding("settings", True, str(error)))
    found.append(Finding("settings", False, f"{loaded.file} is read"))
    found += [*_content(loaded), *_state(loaded), *_sources(loaded), *_hands(loaded)]
    return tuple(found)


def for_range() -> tuple[str, ...]:
    """What a drill on the range lacks on this machine, one sentence each."""
    lacks = list(missing_tools())
    if shutil.which("suricata") is None:
        lacks.append("suricata is missing: install the package suricata (on Debian 12 from bookworm-backports)")
    if os.geteuid() != 0:
        lacks.append("the range needs root: run it with sudo")
    return tuple(lacks)


def page(findings: tuple[Finding, ...]) -> RenderableType:
    """The findings, bad ones marked."""
    lines = [
        Text(f"{'!!' if f.bad else 'ok'}  {f.what}: {plain(f.words, 600)}", style="red" if f.bad else "")
        for f in findings
    ]
    return Group(*lines)


def _machine() -> Iterator[Finding]:
    for text in for_range():
        yield Finding("range", True, text)
    for effector in EFFECTORS.values():
        yield Finding("without Tercio", False, f"everything of {effector.mechanism} ends with: {effector.break_glass}")


def _content(settings: Settings) -> Iterator[Finding]:
    try:
        content = content_of(settings)
    except SettingsError as error:
        yield Finding("content", True, str(error))
        return
    rules = len(content.rules.rules) + len(content.rules.correlations)
    yield Finding("rules", False, f"{rules} rules are live")
    for rejected in content.rules.rejected:
        yield Finding("rules", True, f"{rejected.file}:{rejected.line}: {rejected.reason}")
    for rule, why in sorted(content.detector.unrouted.items()):
        yield Finding("rules", False, f"{rule} never runs: {why}")
    for remark in check_site(content.site):
        yield Finding(f"site {remark.place}", remark.severity == Severity.ERROR, remark.words)


def _state(settings: Settings) -> Iterator[Finding]:
    place = settings.state
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK):
        yield Finding("state", True, f"{place} cannot be written by this user; correct its owner, or [tercio] state")
    free = shutil.disk_usage(place).free
    if free < LEAST_SPACE:
        yield Finding("state", True, f"{place} has {free // 2**20} MB left; without a journal nothing acts: free space")
    else:
        yield Finding("state", False, f"{place} has {free // 2**30} GB left")


def _sources(settings: Settings) -> Iterator[Finding]:
    if not settings.sources:
        yield Finding("sources", True, "the settings name no source: add [sources.NAME] with sensor and path")
    for source in settings.sources:
        if not source.path.exists():
            yield Finding(
                source.name, True, f"{source.path} does not exist: is {source.sensor} running and writing there?"
            )
        elif not os.access(source.path, os.R_OK):
            yield Finding(source.name, True, f"{source.path} cannot be read by this user")
        else:
            yield Finding(source.name, False, f"{source.path} is there")


def _hands(settings: Settings) -> Iterator[Finding]:
    if not settings.hands:
        yield Finding("hands", True, "the settings name no hand: Tercio can only watch; add [hands.NAME]")
    for hand in settings.hands:
        if hand.file is None:
            yield Finding(hand.name, not hand.socket.exists(), f"it is started elsewhere; its socket is {hand.socket}")
            continue
        try:
            load_handfile(hand.file)
        except (OSError, ValueError) as error:
            yield Finding(hand.name, True, str(error))
            continue
        if hand.start and shutil.which(hand.start[0]) is None:
            yield Finding(hand.name, True, f"{hand.start[0]} is missing: install util-linux")
        else:
            yield Finding(hand.name, False, f"its file {hand.file} is sound")


def versions() -> dict[str, str]:
    """The versions of the products on this machine, as they say them."""
    found = {}
    for words in (("suricata", "-V"), ("nft", "--version")):
        if shutil.which(words[0]):
            result = subprocess.run(words, capture_output=True, text=True, check=False)
            found[words[0]] = plain(result.stdout.strip() or result.stderr.strip(), 80)
    return found
