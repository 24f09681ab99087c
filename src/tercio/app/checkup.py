"""What the doctor looks at outside the settings: sources that should speak, hands that should obey, the loop itself."""

import asyncio
import re
import shutil
import socket
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from tercio.app.settings import HandSettings, Settings, SettingsError, SourceSettings
from tercio.app.supervisor import order_key, own_file
from tercio.loop.sources import SOCKET
from tercio.model.events import Unparsed
from tercio.model.units import SECOND, span
from tercio.products.effectors import EFFECTORS
from tercio.products.sensors import SENSORS
from tercio.products.transports.libnftables import Nft
from tercio.products.transports.orders import Line
from tercio.products.transports.reports import present
from tercio.store.keys import KeyUnusable, read_public

WHERE = "/usr/sbin:/sbin:/usr/bin:/bin"
"""Where system tools are looked for: not PATH, which may be another's for who needs them."""

NET_ADMIN = 1 << 12
"""CAP_NET_ADMIN in a mask of capabilities."""

TAIL = 256 * 1024
"""Bytes at the end of a source that are looked at."""


class Weight(StrEnum):
    """How much a finding matters: what fails must be mended, a warning should be known."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: ``what`` it is, and in ``words`` what was found, or what is missing and what to
    do."""

    what: str
    weight: Weight
    words: str


def sources(settings: Settings) -> Iterator[Finding]:
    """Every source: is it there, can it be read, does it speak, and the language we know?"""
    if not settings.sources:
        words = "the settings name no source, so that nothing is seen: add [sources.NAME] with sensor and path"
        yield Finding("sources", Weight.FAIL, words)
    for source in settings.sources:
        yield _source(source)


def _source(source: SourceSettings) -> Finding:
    name = f"source {source.name}"
    try:
        if not source.path.is_file():
            there = "is no file" if source.path.exists() else "does not exist"
            words = f"{source.path} {there}: does {source.sensor} run, and write there?"
            return Finding(name, Weight.FAIL, words)
        with source.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            lines = file.read(TAIL).split(b"\n")
        age = time.time_ns() // 1000 - source.path.stat().st_mtime_ns // 1000
    except OSError as error:
        words = f"{source.path} can't be read by this user ({error.strerror}); let its group read it"
        return Finding(name, Weight.FAIL, words)
    whole = [line for line in lines[:-1] if line]
    if len(lines) == 1 and size > TAIL:
        words = f"{source.path} has no line end in its last {TAIL // 1024} KB: that is no log of {source.sensor}"
        return Finding(name, Weight.FAIL, f"{words}; correct sensor or path")
    parsed = SENSORS[source.sensor].parse(source.name, "", 0, whole[-1] + b"\n", 0) if whole else None
    if isinstance(parsed, Unparsed):
        words = f"{source.path} does not read like {source.sensor}: {parsed.reason}; correct sensor or path"
        return Finding(name, Weight.FAIL, words)
    if age > source.silent_after:
        words = f"{source.path} is silent for {span(age)}; a silent sensor takes away the right to act by itself"
        return Finding(name, Weight.WARN, words)
    return Finding(name, Weight.OK, f"{source.path} is there, last written {span(max(0, age))} ago")


def owner(path: Path) -> str:
    """Who owns a file, by name where he has one."""
    try:
        return path.owner()
    except (KeyError, OSError):
        return "another user"


def ended_range(settings: Settings) -> str:
    """Says of the folder that a demo kept that its range is gone; empty for every other home."""
    kept = settings.file.parent / "range"
    gone = [hand for hand in settings.hands if any(not place.exists() for place in _namespaces(hand))]
    mine = any(source.path.is_relative_to(kept) for source in settings.sources)
    if not gone or not mine or any(not asyncio.run(_greet(hand))[0] for hand in gone):
        return ""
    return (
        f"{settings.file.parent} was kept from a demo whose range has ended, and nothing is left to defend; look at it "
        "with `tercio incidents`, `show`, `effects --all`, `audit verify`, and make a new range with `tercio demo`"
    )


def _namespaces(hand: HandSettings) -> list[Path]:
    """The network namespaces that a hand is started in."""
    return [Path(word.removeprefix("--net=")) for word in hand.start if word.startswith("--net=")]


def hands(settings: Settings) -> Iterator[Finding]:
    """Every hand: is its own file sound, does it trust this loop, can it be started, does it answer?"""
    if not settings.hands:
        yield Finding("hands", Weight.FAIL, "the settings name no hand: Tercio can only watch; add [hands.NAME]")
    for hand in settings.hands:
        why, limits = asyncio.run(_greet(hand))
        found = list(_own(settings, hand, hand.file, runs=not why)) if hand.file is not None else []
        yield from found
        if not any(finding.weight == Weight.FAIL for finding in found):
            yield _answers(hand, why, limits)


def _own(settings: Settings, hand: HandSettings, file: Path, *, runs: bool) -> Iterator[Finding]:
    """A hand that ``runs`` was started where its namespace is: a demo's is not seen from outside."""
    name = f"hand {hand.name}"
    yield from (Finding(name, Weight.FAIL, words) for words in _lacking(hand))
    for place in _namespaces(hand):
        if not runs and not place.exists():
            yield Finding(name, Weight.FAIL, f"the network namespace {place} does not exist; correct start")
    public = order_key(settings).with_suffix(".pub")
    if not public.exists():
        yield Finding(name, Weight.WARN, f"{public} is made by the first `tercio up`; the hand's file must name it")
        return
    try:
        trusted = own_file(settings, hand, file).order_key
        if trusted != read_public(public):
            yield Finding(name, Weight.FAIL, f"{file} trusts another order key than {public}; name that one")
    except (SettingsError, KeyUnusable) as error:
        yield Finding(name, Weight.FAIL, str(error))
        return
    yield Finding(name, Weight.OK, f"its file {file} is sound")


def _lacking(hand: HandSettings) -> Iterator[str]:
    """What a hand can't do without on this machine, each with where it comes from."""
    for tool in ("setpriv", *hand.start[:1]):
        if shutil.which(tool) is None:
            yield f"{tool} is missing: install the package util-linux"
    if hand.mechanism != "nftables":
        return
    if shutil.which("nft", path=WHERE) is None:
        yield "nft is missing, with which people end every effect without Tercio: install the package nftables"
    try:
        Nft().close()
    except OSError as error:
        yield str(error)


def _privileged(hand: HandSettings) -> bool:
    """Whether a hand started here by this user can get the capability that its mechanism needs."""
    capable = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return hand.start[:1] in (("sudo",), ("doas",)) or (capable is not None and bool(int(capable[1], 16) & NET_ADMIN))


def _answers(hand: HandSettings, why: str, limits: str) -> Finding:
    name = f"hand {hand.name}"
    if not why:
        return Finding(name, Weight.OK, f"it answers: {limits}")
    if "Permission denied" in why:
        return Finding(name, Weight.FAIL, f"{why}; it belongs to {owner(hand.socket)}: ask as that user")
    if hand.file is None:
        return Finding(name, Weight.FAIL, f"{why}; it is started elsewhere: start it")
    needed = EFFECTORS[hand.mechanism].permission
    if not _privileged(hand):
        words = f"it does not run, and this user can't start it: it needs {needed}; run `tercio up` as root"
        return Finding(name, Weight.FAIL, words)
    return Finding(name, Weight.WARN, f"it does not run now; `tercio up` starts it; it needs {needed}")


async def _greet(hand: HandSettings) -> tuple[str, str]:
    line = Line(hand.name, str(hand.socket), lambda _: b"", patience=SECOND)
    try:
        why = await line.connect()
        return why, line.hello.limits if line.hello is not None else ""
    finally:
        await line.close()


def loop(settings: Settings) -> Iterator[Finding]:
    """Does the loop listen?"""
    place = settings.state / "loop.sock"
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(place))
        except PermissionError:
            words = f"{place} belongs to {owner(place)}: only that user can speak to the loop; use sudo -u"
            yield Finding("loop", Weight.FAIL, words)
            return
        except OSError:
            yield Finding("loop", Weight.WARN, "it does not run now; start it with `tercio up`")
            return
    yield Finding("loop", Weight.OK, f"it listens at {place}")


def workers(settings: Settings) -> Iterator[Finding]:
    """Every worker: does it read for the loop that runs?"""
    if not settings.workers:
        return
    try:
        seats = {seat.worker: seat for seat in present(settings.state / SOCKET).seats}
    except OSError:
        for name in settings.workers:
            yield Finding(f"worker {name}", Weight.WARN, "no loop hears it now; `tercio up` starts both")
        return
    for name, sources in settings.workers.items():
        seat, names = seats.get(name), ", ".join(sources)
        if seat is None or seat.sources != sources:
            words = f"the loop that runs does not know that it reads {names}: start `tercio up` anew"
            yield Finding(f"worker {name}", Weight.FAIL, words)
        elif not seat.connected:
            why = seat.why or "it does not run; `tercio up` starts it again, and its log says why it ended"
            yield Finding(f"worker {name}", Weight.FAIL, f"nobody reads {names}: {why}")
        else:
            yield Finding(f"worker {name}", Weight.OK, f"reads {names}")
