"""From settings to what a loop needs: the site, rules, mandate and sensors, read and checked once."""

import hashlib
from pathlib import Path

from tercio import __version__
from tercio.agents.mandate import Mandate, MandateError
from tercio.agents.mandate import load as load_mandate
from tercio.app.settings import Settings, SettingsError
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import RuleError, compile_rules
from tercio.content import mandate_schema, mandate_texts, rule_texts
from tercio.loop.state import Content
from tercio.model.canon import canonical
from tercio.model.decisions import Reach
from tercio.model.site import Site
from tercio.model.siteparse import SiteError, parse_site
from tercio.products.sensors import SENSORS


def site_of(settings: Settings) -> Site:
    """The site that the settings name. Raises SettingsError."""
    try:
        return parse_site(_text(settings.site), str(settings.site))
    except SiteError as error:
        raise SettingsError(str(error)) from None


def rules_of(settings: Settings) -> RuleSet:
    """Tercio's own rules and those in the settings' folders. Raises SettingsError."""
    texts = dict(rule_texts())
    for folder in settings.rules:
        files = sorted(folder.rglob("*.yml")) if folder.is_dir() else []
        if not files:
            raise SettingsError(
                f"{folder}: no Sigma rules (*.yml) are there; correct [tercio] rules in {settings.file}"
            )
        texts |= {str(file): _text(file) for file in files}
    try:
        return compile_rules(texts)
    except RuleError as error:
        raise SettingsError(str(error)) from None


def mandate_of(settings: Settings) -> Mandate:
    """The built-in mandate with the site's own policies. Raises SettingsError."""
    own = {str(path): _text(path) for path in settings.mandate}
    try:
        return load_mandate(mandate_texts(), mandate_schema(), own)
    except MandateError as error:
        raise SettingsError(str(error)) from None


def content_of(settings: Settings) -> Content:
    """Everything that does not change while the loop runs. Raises SettingsError."""
    site, rules = site_of(settings), rules_of(settings)
    for hand in settings.hands:
        for zone in hand.zones:
            if zone not in site.zones:
                raise SettingsError(
                    f"{settings.file}: hand {hand.name} names zone {zone!r}, which {settings.site} does not list"
                )
    sensors = {source.name: SENSORS[source.sensor] for source in settings.sources}
    texts = [*rule_texts().values(), *mandate_texts().values(), *(_text(path) for path in settings.mandate)]
    digest = hashlib.sha256(canonical([__version__, site, sorted(texts), settings.outlook, settings.limits]))
    return Content(
        site=site,
        sensors=sensors,
        silent_after={source.name: source.silent_after for source in settings.sources},
        rules=rules,
        detector=Detector(rules, {name: sensor.log_source for name, sensor in sensors.items()}),
        mandate=mandate_of(settings),
        limits=settings.limits,
        outlook=settings.outlook,
        release=settings.release,
        reaches=tuple(Reach(hand.name, hand.mechanism, hand.zones) for hand in settings.hands),
        digest=digest.hexdigest(),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; correct the path in your settings") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: this is not UTF-8 text; save it as UTF-8") from None
