"""From settings to what a loop needs: the site, rules, mandate and sensors, read and checked once."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from tercio import __version__
from tercio.agents.mandate import Mandate, MandateError
from tercio.agents.mandate import load as load_mandate
from tercio.agents.situation import Limits
from tercio.app.build import code_digest
from tercio.app.exceptions import in_force
from tercio.app.rulebook import NAME as KEPT
from tercio.app.rulebook import detector_of
from tercio.app.settings import Settings, SettingsError, wrong
from tercio.brain.decide.question import Outlook
from tercio.brain.detect.rules import Rejected
from tercio.content import mandate_schema, mandate_texts, rule_texts
from tercio.loop.state import Content, Release
from tercio.model.canon import canonical
from tercio.model.decisions import Reach
from tercio.model.journal import Basis
from tercio.model.site import Autonomy, Site
from tercio.model.sitecheck import Severity, check_site
from tercio.model.siteparse import SiteError, parse_site
from tercio.model.tomlines import Path as Place
from tercio.model.tomltable import nearest
from tercio.products.sensors import SENSORS, Sensor

MOST_RULES = 20_000
"""Rule files of one folder at the most: some ten seconds of reading on a slow core."""


def site_of(settings: Settings) -> Site:
    """The site that the settings name. Raises SettingsError."""
    try:
        return parse_site(_text(settings, settings.site, ("tercio", "site")), str(settings.site))
    except SiteError as error:
        raise SettingsError(str(error)) from None


def content_of(settings: Settings, read: Callable[[int], None] = lambda _: None, *, day: date | None = None) -> Content:
    """Everything that does not change while the loop runs. A site with errors stays in shadow; a rule of the site's own
    that can't be used is listed in ``rules.rejected``, and the others stay. ``read`` is told now and then how many
    rules were read so far; exceptions are those of a ``day`` (None: today's, in UTC). Raises SettingsError."""
    site = bounded(site_of(settings))
    if faults := list(_strange_zones(settings, site)):
        raise wrong(settings, faults)
    rules, unreadable = _rule_texts(settings, day or datetime.now(UTC).date())
    parts = Parts(
        site=site,
        rules=rules,
        placeholders=settings.placeholders,
        unreadable=unreadable,
        mandates=_mandate_texts(settings),
        sensors={source.name: SENSORS[source.sensor] for source in settings.sources},
        silent_after={source.name: source.silent_after for source in settings.sources},
        reaches=tuple(Reach(hand.name, hand.mechanism, hand.zones) for hand in settings.hands),
        limits=settings.limits,
        outlook=settings.outlook,
        release=settings.release,
    )
    return made(parts, read, settings.state / KEPT)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a loop's content is made of: the site (as it may be taken), the site's own rules and policies as texts by
    file, what placeholders in rules stand for, files of rules that can't be read, sensors by source, who can act where,
    and the numbers."""

    site: Site
    rules: dict[str, str]
    placeholders: dict[str, tuple[str, ...]] = {}
    unreadable: tuple[Rejected, ...] = ()
    mandates: dict[str, str] = {}
    sensors: dict[str, Sensor]
    silent_after: dict[str, int] = {}
    reaches: tuple[Reach, ...] = ()
    limits: Limits = Limits()
    outlook: Outlook = Outlook()
    release: Release = Release()


def made(parts: Parts, read: Callable[[int], None] = lambda _: None, keep: Path | None = None) -> Content:
    """The content of these parts and of what Tercio brings along; what rules were compiled to is taken from the file
    ``keep``, and kept there. Raises SettingsError for policies that can't be used."""
    sources = {name: sensor.log_source for name, sensor in parts.sensors.items()}
    values = parts.placeholders
    compiled, detector = detector_of(rule_texts(), parts.rules, sources, placeholders=values, keep=keep, read=read)
    compiled = msgspec.structs.replace(compiled, rejected=(*parts.unreadable, *compiled.rejected))
    return Content(
        site=parts.site,
        sensors=parts.sensors,
        silent_after=parts.silent_after,
        rules=compiled,
        detector=detector,
        mandate=_mandate(parts.mandates),
        limits=parts.limits,
        outlook=parts.outlook,
        release=parts.release,
        reaches=parts.reaches,
        basis=Basis(
            version=__version__,
            code=code_digest(),
            site=_digest(parts.site),
            rules=_digest([*(sorted(texts.values()) for texts in (rule_texts(), parts.rules)), parts.placeholders]),
            numbers=_digest([parts.limits, parts.outlook, parts.release, parts.reaches]),
            policies=tuple(sorted(mandate_texts().items())),
            schema=mandate_schema(),
            own=tuple(sorted(parts.mandates.items())),
        ),
    )


def _digest(value: object) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def bounded(site: Site) -> Site:
    """The site as Tercio may take it: while it has errors (say, no word on a safety function), all of it in shadow."""
    if all(remark.severity != Severity.ERROR for remark in check_site(site)):
        return site
    zones = {name: msgspec.structs.replace(zone, autonomy=Autonomy.SHADOW) for name, zone in site.zones.items()}
    return msgspec.structs.replace(site, zones=zones)


def _strange_zones(settings: Settings, site: Site) -> Iterator[tuple[Place, str]]:
    for hand in settings.hands:
        for zone in hand.zones:
            if zone not in site.zones:
                words = f"hands.{hand.name}.zones has {zone!r}, which is no zone of {settings.site}"
                yield ("hands", hand.name, "zones"), words + (nearest(zone, site.zones) or "; list it there")


def _rule_texts(settings: Settings, day: date) -> tuple[dict[str, str], tuple[Rejected, ...]]:
    """The Sigma rules in the settings' own folders, by file, and what is left out: files that can't be read, exceptions
    that have ended by that day."""
    texts: dict[str, str] = {}
    unreadable: list[Rejected] = []
    for number, folder in enumerate(settings.rules):
        try:
            found, lost = rules_in(folder)
        except ValueError as error:
            raise wrong(settings, [(("tercio", "rules", number), str(error))]) from None
        texts |= found
        unreadable += lost
    kept, ended = in_force(texts, day)
    return kept, (*unreadable, *ended)


def rules_in(folder: Path) -> tuple[dict[str, str], list[Rejected]]:
    """The Sigma rules in one folder, by file, and the files that can't be read. Raises ValueError, in words, where
    there are none or too many."""
    texts: dict[str, str] = {}
    unreadable: list[Rejected] = []
    files = sorted(path for end in ("*.yml", "*.yaml") for path in folder.rglob(end)) if folder.is_dir() else []
    if not files:
        raise ValueError(f"{folder} has no Sigma rules (*.yml); correct the path, or take it off the list")
    if len(files) > MOST_RULES:
        words = f"{folder} has {len(files):,} rule files, and {MOST_RULES:,} are the most; name the folders you need"
        raise ValueError(words)
    for file in files:
        try:
            texts[str(file)] = file.read_text(encoding="utf-8")
        except OSError as error:
            unreadable.append(Rejected(str(file), 1, "", f"{error.strerror}; let this user read it"))
        except UnicodeDecodeError:
            unreadable.append(Rejected(str(file), 1, "", "this is not UTF-8 text; save it as UTF-8"))
    return texts, unreadable


def rules_at(paths: Iterable[Path]) -> tuple[dict[str, str], list[Rejected]]:
    """The Sigma rules in files and folders that were named one by one, by file, and the files in folders that can't be
    read. Raises ValueError, in words, for a named file that is no text, and as ``rules_in`` does; OSError where a named
    one can't be read."""
    texts: dict[str, str] = {}
    unreadable: list[Rejected] = []
    for path in paths:
        try:
            found, lost = ({str(path): path.read_text(encoding="utf-8")}, []) if path.is_file() else rules_in(path)
        except UnicodeDecodeError:
            raise ValueError(f"{path}: this is not UTF-8 text; save it as UTF-8") from None
        texts |= found
        unreadable += lost
    return texts, unreadable


def _mandate_texts(settings: Settings) -> dict[str, str]:
    """The site's own policies (Cedar), by file."""
    return {
        str(path): _text(settings, path, ("tercio", "mandate", number)) for number, path in enumerate(settings.mandate)
    }


def _mandate(own: Mapping[str, str]) -> Mandate:
    try:
        return load_mandate(mandate_texts(), mandate_schema(), own)
    except MandateError as error:
        raise SettingsError(str(error)) from None


def _text(settings: Settings, path: Path, place: Place) -> str:
    """A file that the settings name at ``place``."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise wrong(settings, [(place, f"{path}: {error.strerror}; correct the path")]) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: this is not UTF-8 text; save it as UTF-8") from None
