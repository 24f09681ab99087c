"""``tercio.toml``: what runs where. Everything that is wrong with it is said at once, by line."""

import os
import re
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tercio.agents.situation import Limits
from tercio.app.partition import BULK, LANES, lane_of, shares
from tercio.app.storesettings import StoreSettings, store_settings
from tercio.brain.decide.question import Outlook
from tercio.loop.state import Release
from tercio.model.tomlines import Path as Place
from tercio.model.tomltable import Faults, Table
from tercio.model.units import SECOND, cents
from tercio.products.effectors import EFFECTORS
from tercio.products.sensors import SENSORS
from tercio.products.transports.seqpacket import LONGEST_PATH

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Names of sources and hands: they become file names, and parts of ids."""

DAY = 24 * 3600 * SECOND

MOST_SMALL = 1e10
"""Whole units of currency that may still be called a small cost."""


class SettingsError(ValueError):
    """Settings that cannot be used; the text has one fault per line, ``file:line: what is wrong; what to do``."""


class SourceSettings(msgspec.Struct, frozen=True):
    """One sensor's file, and after which silence (microseconds) it counts as dead. ``from_start`` says that a first
    start reads all that is in the file already, instead of what is written from then on; ``lane`` whether it is looked
    at first, or in bulk."""

    name: str
    sensor: str
    path: Path
    silent_after: int
    from_start: bool
    lane: str


class HandSettings(msgspec.Struct, frozen=True):
    """One hand: its mechanism, where its socket is, the zones whose traffic passes it, and how ``tercio up`` starts it.

    ``file`` is the hand's own file; ``start`` the words before the hand's own command line (``nsenter``, ``setpriv``).
    Without ``file`` the hand is started elsewhere, and only its socket is used.
    """

    name: str
    mechanism: str
    socket: Path
    zones: tuple[str, ...]
    file: Path | None
    start: tuple[str, ...]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of one site. ``workers`` are the sources of each worker, by its name; ``placeholders`` what the
    placeholders of rules stand for (``%name%``, Sigma's ``expand``). Paths are absolute: those in the file are relative
    to its folder. ``text`` is the file as it was read, so that what is found wrong later can be told by its line."""

    file: Path
    text: str
    state: Path
    site: Path
    rules: tuple[Path, ...]
    placeholders: dict[str, tuple[str, ...]] = {}
    mandate: tuple[Path, ...]
    sources: tuple[SourceSettings, ...]
    workers: dict[str, tuple[str, ...]] = {}
    hands: tuple[HandSettings, ...]
    limits: Limits
    outlook: Outlook
    release: Release
    store: StoreSettings = StoreSettings()


def load(path: Path) -> Settings:
    """Read a settings file. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        make = ", or make some with `tercio init`" if isinstance(error, FileNotFoundError) else ""
        raise SettingsError(f"{path}: {error.strerror}; name your settings with --settings FILE{make}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: this is not UTF-8 text; save it as UTF-8") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_syntax(path, text, str(error))) from None
    except RecursionError:
        raise SettingsError(f"{path}:1: brackets are nested too deeply; no settings need that") from None
    faults = Faults()
    settings = _settings(Path(os.path.abspath(path)), text, Table(values, (), faults))  # noqa: PTH100 (.. goes too)
    if faults:
        raise SettingsError("\n".join(faults.lines(text, str(path))))
    return settings


def wrong(settings: Settings, found: Iterable[tuple[Place, str]]) -> SettingsError:
    """The error for what only showed when the settings were held against something else: each a path in the file, and
    what is wrong; what to do."""
    faults = Faults()
    for place, words in found:
        faults.add(place, words)
    return SettingsError("\n".join(faults.lines(settings.text, str(settings.file))))


def _syntax(path: Path, text: str, words: str) -> str:
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", words, re.DOTALL)
    what, line, column = found.groups() if found else (words, None, None)
    place = f" at column {column}" if column else ""
    line = line or str(len(text.splitlines()) or 1)
    return f"{path}:{line}: this is not TOML: {what[:1].lower()}{what[1:]}{place}; correct the line or the one above"


def _settings(file: Path, text: str, root: Table) -> Settings:
    head = root.table("tercio")
    folder = file.parent
    state, site = _path(folder, head.text("state", "state")), _path(folder, head.text("site", "site.toml"))
    rules, mandate = head.texts("rules"), head.texts("mandate")
    _fits_a_socket(head, "state", state / "loop.sock")
    head.done()
    sources = tuple(_source(folder, name, table) for name, table in root.named("sources"))
    result = Settings(
        file=file,
        text=text,
        state=state,
        site=site,
        rules=tuple(_path(folder, text) for text in rules),
        placeholders=_placeholders(root.table("placeholders")),
        mandate=tuple(_path(folder, text) for text in mandate),
        sources=sources,
        workers=shares(root.table("workers"), [source.name for source in sources if source.lane == BULK], cores()),
        hands=tuple(_hand(folder, name, table) for name, table in root.named("hands")),
        limits=_limits(root.table("limits")),
        outlook=_outlook(root.table("outlook")),
        release=_release(root.table("release")),
        store=store_settings(folder, root.table("store")),
    )
    _each_alone(root.table("sources"), "path", [(source.name, source.path) for source in result.sources])
    _each_alone(root.table("hands"), "socket", [(hand.name, hand.socket) for hand in result.hands])
    root.done()
    return result


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def _placeholders(table: Table) -> dict[str, tuple[str, ...]]:
    """By name, one text or several, in which ``*`` and ``?`` are wildcards as in any rule."""
    names = table.keys()
    for name in names:
        table.required(name, '["DC1*", "DC2"], or take it off')
    return {name: table.texts(name) for name in names}


def _source(folder: Path, name: str, table: Table) -> SourceSettings:
    _named(table, name)
    table.required("sensor", f'sensor = "NAME", one of {", ".join(SENSORS)}')
    sensor = table.choice("sensor", SENSORS, next(iter(SENSORS)))
    table.required("path", 'path = "/var/log/suricata/eve.json"')
    path = _path(folder, table.text("path", "."))
    silent = _span(table, "silent_after", 60 * SECOND)
    begin = table.choice("from", ("now", "start"), "now")
    lane = table.choice("lane", LANES, lane_of(sensor))
    table.done()
    return SourceSettings(name, sensor, path, silent, begin == "start", lane)


def _hand(folder: Path, name: str, table: Table) -> HandSettings:
    _named(table, name)
    table.required("mechanism", f'mechanism = "{next(iter(EFFECTORS))}"')
    mechanism = table.choice("mechanism", EFFECTORS, next(iter(EFFECTORS)))
    table.required("zones", 'zones = ["office", "ot"], the zones whose traffic passes it')
    zones = table.texts("zones")
    file = table.text("file")
    socket = _path(folder, table.text("socket", f"run/{name}.sock"))
    _fits_a_socket(table, "socket", socket)
    start = _words(table, "start")
    if start and not file:
        table.fault("start", 'says how to start the hand, but nothing names its own file; add file = "NAME.toml"')
    table.done()
    return HandSettings(name, mechanism, socket, zones, _path(folder, file) if file else None, start)


def _limits(table: Table) -> Limits:
    default = Limits()
    belief = _share(table, "belief", default.belief)
    consent = _share(table, "consent_belief", min(default.consent_belief, belief))
    if consent > belief:
        table.fault("consent_belief", "is above belief: consent would never be asked for; lower it, or raise belief")
        consent = belief
    small = cents(table.number("small_cost", MOST_SMALL, default=default.small_cost / 100))
    longest = table.span("longest", default=default.longest * SECOND, least=SECOND, most=31 * DAY)
    acts = table.number("acts_per_hour", 10_000, default=default.acts_per_hour)
    if acts != int(acts):
        table.fault("acts_per_hour", f"is {acts:g}; it must be a whole number")
    table.done()
    return Limits(
        belief=belief, consent_belief=consent, small_cost=small, longest=longest // SECOND, acts_per_hour=int(acts)
    )


def _outlook(table: Table) -> Outlook:
    default = Outlook()
    result = Outlook(
        span=_span(table, "lease", default.span),
        horizon=_span(table, "attended_within", default.horizon),
        wait=_span(table, "wait", default.wait),
        answer=_span(table, "answered_within", default.answer),
        half_life=_span(table, "belief_half_life", default.half_life, least=SECOND // 1000),
        tempo=table.choice("tempo", ("industrialised", "average"), default.tempo),
    )
    table.done()
    return result


def _release(table: Table) -> Release:
    default = Release()
    threshold = table.number("threshold", 1.0, default=default.threshold)
    least = _span(table, "quiet_least", default.quiet_least, least=0)
    most = _span(table, "quiet_most", default.quiet_most, least=0)
    longest = _span(table, "longest", default.longest)
    if least > most:
        key = "quiet_least" if "quiet_least" in table else "quiet_most"
        table.fault(key, "makes the shortest quiet period longer than the longest; write quiet_least <= quiet_most")
    table.done()
    return Release(threshold, least, most, longest)


def _span(table: Table, key: str, default: int, *, least: int = SECOND) -> int:
    """A duration of up to a year (microseconds)."""
    return table.span(key, default=default, least=least, most=366 * DAY)


def _share(table: Table, key: str, default: int) -> int:
    """A probability above 0, in thousandths: with none at all, mere suspicion would do."""
    return round(table.number(key, 1.0, least=0.001, default=default / 1000) * 1000)


def _words(table: Table, key: str) -> tuple[str, ...]:
    """A command line, as a shell would part it."""
    try:
        return tuple(shlex.split(table.text(key)))
    except ValueError as error:
        table.fault(key, f"is no command line ({error}); close what was quoted")
        return ()


def _named(table: Table, name: str) -> None:
    if not NAME.fullmatch(name) or name in (".", ".."):
        words = f"{name!r} can't be a name here; use 1 to 64 letters, digits, dots, dashes, underscores"
        table.faults.add(table.path, words)


def _fits_a_socket(table: Table, key: str, path: Path) -> None:
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        table.fault(key, f"leads to the socket {path}, of {length} bytes; {LONGEST_PATH} fit: shorten it")


def _each_alone(table: Table, key: str, found: list[tuple[str, Path]]) -> None:
    """Two parts on one file or socket would take each other's."""
    owners: dict[Path, str] = {}
    for name, path in found:
        owner = owners.setdefault(path, name)
        if owner != name:
            table.table(name).fault(key, f"is {path}, which {owner} has already; give each its own")


def _path(folder: Path, text: str) -> Path:
    return Path(os.path.normpath(folder / text))
