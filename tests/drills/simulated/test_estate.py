import pytest

from tercio.drills.simulated.estate import make
from tercio.model.site import CONTROLLERS
from tercio.model.sitecheck import Severity, check_site
from tercio.model.siteparse import parse_site


@pytest.mark.parametrize("kind", ["plant", "service"])
@pytest.mark.parametrize("size", [10, 40, 160])
@pytest.mark.parametrize("seed", range(4))
def test_its_file_is_valid_and_leaves_nothing_to_remark(seed, kind, size):
    estate = make(seed, kind, size)
    assert parse_site(estate.text) == estate.site
    remarks = check_site(estate.site, estate.reaches)
    assert [remark for remark in remarks if remark.severity != Severity.NOTE] == []


def test_a_seed_gives_the_same_estate_and_another_another():
    first = make(5, "plant", 60)
    make.cache_clear()
    assert make(5, "plant", 60) == first
    assert make(6, "plant", 60).text != first.text


def test_there_is_a_way_in_for_an_intruder():
    for seed in range(8):
        estate = make(seed, "plant", 60)
        for role in ("historian", "jump", "ews"):
            assert any(estate.open[name] for name in estate.named(role))


def test_plants_differ_in_whether_the_office_reaches_the_cells():
    flat = {make(seed, "plant", 60).passable("ws1", "plc11") for seed in range(12)}
    assert flat == {True, False}
    assert all(make(seed, "plant", 60).passable("hist1", "plc11") for seed in range(12))
    assert not any(make(seed, "plant", 60).passable("plc11", "plc21") for seed in range(12))


def test_only_the_dmz_is_reached_from_outside():
    estate = make(1, "service", 40)
    assert estate.passable("203.0.113.9", "web1")
    assert not estate.passable("203.0.113.9", "db1")
    assert estate.passable("ws1", "203.0.113.9")


def test_talks_and_posts_name_what_is_there():
    for kind in ("plant", "service"):
        estate = make(2, kind, 100)
        assert {name for talk in estate.talks for name in (talk.src, talk.dst)} <= set(estate.site.assets)
        assert {zone for post in estate.posts for zone in post.zones} <= set(estate.site.zones)
        watched = {zone for post in estate.posts if post.product == "suricata" for zone in post.zones}
        assert {a.zone for a in estate.site.assets.values() if a.role in CONTROLLERS} <= watched
