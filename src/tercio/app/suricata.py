"""What the site's own Suricata needs so that Tercio sees something: settings to include, and the rules beside them."""

import re
from importlib.resources import files
from pathlib import Path

from tercio.content import suricata_rules
from tercio.model.site import CONTROLLERS, Site
from tercio.model.sitecheck import CONTROL_LEVEL

INCLUDED, RULES = "tercio-suricata.yaml", "tercio.rules"
"""Names of the two files."""


def texts(site: Site, folder: Path) -> dict[str, str]:
    """Both files by name, as they belong into ``folder`` (absolute)."""
    form = files("tercio.app.first").joinpath(INCLUDED).read_text(encoding="utf-8")
    filled = form.replace("@OT_NET@", f"[{','.join(ot_networks(site))}]").replace("@FOLDER@", quoted(str(folder)))
    return {INCLUDED: filled, RULES: suricata_rules().read_text(encoding="utf-8")}


def to_do(folder: Path) -> str:
    """What a person does with the two files, in one sentence."""
    return (
        f'Suricata: add the line  include: "{quoted(str(folder / INCLUDED))}"  at the end of its suricata.yaml, try it '
        "with `suricata -T`, and restart it; where only rules changed, `suricatasc -c reload-rules` is enough"
    )


def quoted(text: str) -> str:
    """A path as it stands between quotation marks in YAML."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def ot_networks(site: Site) -> tuple[str, ...]:
    """The networks in which control happens: of zones at control level, or with a controller. All, where none is."""
    homes = {asset.zone for asset in site.assets.values() if asset.role in CONTROLLERS}
    inner = [zone for zone in site.zones.values() if zone.level <= CONTROL_LEVEL or zone.name in homes]
    return tuple(network for zone in inner or site.zones.values() for network in zone.networks)


def signatures() -> frozenset[int]:
    """The numbers of Tercio's own rules for Suricata."""
    found = re.findall(r"^alert .*\bsid:(\d+);", suricata_rules().read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(map(int, found))


def stale(site: Site, folder: Path) -> tuple[str, ...]:
    """Of the two files those that lie in ``folder`` and are not what they would be now."""
    return tuple(name for name, text in texts(site, folder).items() if _differs(folder / name, text))


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8", errors="replace") != text
    except OSError:
        return False
