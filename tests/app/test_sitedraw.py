from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tercio.app.sitedraw import ACROSS, BOX, HIGH, inwards, outline, picture
from tercio.model.site import Asset, Site
from tercio.model.sitecheck import check_site
from tercio.model.siteparse import parse_site
from tests.model.sites import GOOD

SITE = parse_site(GOOD)
DOCS = Path(__file__).parents[2] / "docs"


def elements(site: Site, kind: str) -> Iterator[ET.Element]:
    return ET.fromstring(picture(site)).iter(f"{{http://www.w3.org/2000/svg}}{kind}")  # noqa: S314 (our own)


def boxes(site: Site) -> list[tuple[int, int]]:
    found = [each.attrib for each in elements(site, "rect")]
    return [(int(a["x"]), int(a["y"])) for a in found if a.get("height") == str(HIGH)]


def test_zones_are_told_from_the_outside_in():
    assert [zone.name for zone in inwards(SITE)] == ["office", "dmz", "ot"]


def test_every_asset_has_its_box_and_none_lies_on_another():
    many = {f"ws{n}": Asset(f"ws{n}", (f"10.77.10.{n}",), "office", "workstation") for n in range(2 * ACROSS + 1)}
    site = msgspec.structs.replace(SITE, assets={**SITE.assets, **many})
    found = boxes(site)
    assert len(found) == len(site.assets)
    apart = [abs(x - a) >= BOX or abs(y - b) >= HIGH for i, (x, y) in enumerate(found) for a, b in found[:i]]
    assert all(apart)


def test_every_needed_flow_is_a_line_with_its_name():
    titles = [each.text for each in elements(SITE, "title")]
    assert titles == ["hmi1 to plc1: modbus, write", "hmi2 to plc1: modbus, read", "historian to plc1: tcp/1502, read"]


def test_in_text_zones_assets_and_flows_are_all_there():
    text = "\n".join(outline(SITE))
    assert "office, level 4, 10.77.10.0/24: shadow" in text
    assert "hmi1 -> plc1 modbus, inside ot" in text
    assert all(f"\n  {name}" in text for name in SITE.assets)


@given(st.text(max_size=30))
def test_whatever_a_site_is_called_the_drawing_is_well_formed(words: str):
    role = msgspec.structs.replace(SITE.assets["ws1"], role=words + "<script>'\"&")
    site = msgspec.structs.replace(SITE, name=words + "'><script>", assets={**SITE.assets, "ws1": role})
    assert not list(elements(site, "script"))
    assert len(boxes(site)) == len(site.assets)


def test_the_site_in_the_documents_is_sound_and_drawn_as_it_is():
    site = parse_site((DOCS / "site.toml").read_text())
    assert check_site(site) == ()
    assert (DOCS / "site.svg").read_text() == picture(site), "draw it anew: `tercio site show --svg > docs/site.svg`"
