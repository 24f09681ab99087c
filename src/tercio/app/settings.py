"""``tercio.toml``: what runs where. Everything that is wrong with it is said at once, by line."""

import os
import shlex
import tomllib
from pathlib import Path

import msgspec

from tercio.agents.situation import Limits
from tercio.brain.decide.question import Outlook
from tercio.loop.state import Release
from tercio.model.tomltable import Faults, Table
from tercio.model.units import SECOND
from tercio.products.effectors import EFFECTORS
from tercio.products.sensors import SENSORS


class SettingsError(ValueError):
    """Settings that cannot be used; the text has one fault per line, ``file:line: what is wrong; what to do``."""


class SourceSettings(msgspec.Struct, frozen=True):
    """One sensor's file, and after which silence (microseconds) it counts as dead."""

    name: str
    sensor: str
    path: Path
    silent_after: int


class HandSettings(msgspec.Struct, frozen=True):
    """One hand: its mechanism, where its socket is, the zones whose traffic passes it, and how ``tercio up`` starts it.

    ``file`` is the hand's own file; ``start`` the words before ``python -m tercio hand NAME`` (``nsenter``,
    ``setpriv``). Without ``file`` the hand is started elsewhere, and only its socket is used.
    """

    name: str
    mechanism: str
    socket: Path
    zones: tuple[str, ...]
    file: Path | None
    start: tuple[str, ...]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of one site. Paths are absolute: those in the file are relative to its folder."""

    file: Path
    state: Path
    site: Path
    rules: tuple[Path, ...]
    mandate: tuple[Path, ...]
    sources: tuple[SourceSettings, ...]
    hands: tuple[HandSettings, ...]
    limits: Limits
    outlook: Outlook
    release: Release


def load(path: Path) -> Settings:
    """Read a settings file. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; name your settings with --settings FILE") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: this is not UTF-8 text; save it as UTF-8") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: this is not TOML: {error}") from None
    faults = Faults()
    settings = _settings(path.absolute(), Table(values, (), faults))
    if faults:
        raise SettingsError("\n".join(faults.lines(text, str(path))))
    return settings


def _settings(file: Path, root: Table) -> Settings:
    head = root.table("tercio")
    folder = file.parent
    state, site = head.text("state", "state"), head.text("site", "site.toml")
    rules, mandate = head.texts("rules"), head.texts("mandate")
    head.done()
    result = Settings(
        file=file,
        state=_path(folder, state),
        site=_path(folder, site),
        rules=tuple(_path(folder, text) for text in rules),
        mandate=tuple(_path(folder, text) for text in mandate),
        sources=tuple(_source(folder, name, table) for name, table in root.named("sources")),
        hands=tuple(_hand(folder, name, table) for name, table in root.named("hands")),
        limits=_limits(root.table("limits")),
        outlook=_outlook(root.table("outlook")),
        release=_release(root.table("release")),
    )
    root.done()
    return result


def _source(folder: Path, name: str, table: Table) -> SourceSettings:
    sensor = table.choice("sensor", SENSORS, next(iter(SENSORS)))
    table.required("path", 'path = "/var/log/suricata/eve.json"')
    path = _path(folder, table.text("path", "?"))
    silent = table.span("silent_after") or 60 * SECOND
    table.done()
    return SourceSettings(name, sensor, path, silent)


def _hand(folder: Path, name: str, table: Table) -> HandSettings:
    mechanism = table.choice("mechanism", EFFECTORS, next(iter(EFFECTORS)))
    table.required("zones", 'zones = ["office", "ot"], the zones whose traffic passes it')
    zones = table.texts("zones")
    file = table.text("file")
    socket = table.text("socket", f"run/{name}.sock")
    start = tuple(shlex.split(table.text("start")))
    table.done()
    return HandSettings(name, mechanism, _path(folder, socket), zones, _path(folder, file) if file else None, start)


def _limits(table: Table) -> Limits:
    default = Limits()
    belief = table.number("belief", 1.0)
    consent = table.number("consent_belief", 1.0)
    cost = table.cents("small_cost")
    longest = table.span("longest")
    acts = table.number("acts_per_hour", 10_000)
    table.done()
    try:
        return Limits(
            belief=round(belief * 1000) or default.belief,
            consent_belief=round(consent * 1000) or default.consent_belief,
            small_cost=cost or default.small_cost,
            longest=longest // SECOND or default.longest,
            acts_per_hour=int(acts) or default.acts_per_hour,
        )
    except ValueError as error:
        table.faults.add(table.path, f"limits do not fit together: {error}")
        return default


def _outlook(table: Table) -> Outlook:
    default = Outlook()
    result = Outlook(
        span=table.span("lease") or default.span,
        horizon=table.span("attended_within") or default.horizon,
        wait=table.span("wait") or default.wait,
        answer=table.span("answered_within") or default.answer,
        half_life=table.span("belief_half_life") or default.half_life,
        tempo=table.choice("tempo", ("industrialised", "average"), default.tempo),
    )
    table.done()
    return result


def _release(table: Table) -> Release:
    default = Release()
    threshold = table.number("threshold", 1.0) or default.threshold
    least, most = table.span("quiet_least") or default.quiet_least, table.span("quiet_most") or default.quiet_most
    longest = table.span("longest") or default.longest
    table.done()
    if least > most:
        table.fault("quiet_least", "is longer than quiet_most; swap them")
    return Release(threshold, least, most, longest)


def _path(folder: Path, text: str) -> Path:
    return Path(os.path.normpath(folder / text))
