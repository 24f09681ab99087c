import pytest

from tercio.app.recordings import looked_into
from tercio.app.replay import UNKNOWN, Outcome, content, replay
from tercio.app.replayed import left_out, named, page, shown, whole
from tercio.brain.detect.rules import Rejected
from tercio.drills.range.range import site_file
from tercio.loop.state import Content
from tercio.model.siteparse import parse_site
from tercio.products.transports.recorded import Recording, Skipped
from tests.app.given import drawn, visible
from tests.house import tree

HOSTILE = "log\x1b[2J\u202e\n[bold]"


@pytest.fixture(scope="module")
def made() -> Content:
    return content(parse_site(site_file().read_text()), [], ["suricata"])


def outcome(made: Content, name: str, rule: str) -> Outcome:
    path = tree.SRC / "content" / "rules" / rule / "positive.ndjson"
    return replay(made, name, [looked_into(Recording(name, path))])


def test_the_page_tells_who_by_what_and_what_would_have_been_done(made: Content):
    text = drawn(page(made, [(outcome(made, "eve.json", "modbus-write"), 1.25)]), 120)
    assert "nothing was touched" in text
    assert "eve.json" in text
    assert "1.2 s" in text
    assert "believed held" in text
    assert "with full authority" in text
    assert "techniques" in text
    assert "T08" in text


def test_of_several_there_is_a_table(made: Content):
    told = [(outcome(made, name, "port-sweep"), 0.5) for name in ("one", "two")]
    text = drawn(page(made, told), 140)
    assert "incidents" in text.splitlines()[-3]
    assert [line.split()[0] for line in text.splitlines()[-2:]] == ["one", "two"]


def test_names_of_files_and_titles_are_text(made: Content):
    told = outcome(made, HOSTILE, "modbus-write")
    text = drawn(page(made, [(told, 1.0)]))
    assert "\u202e" not in text
    assert "\x1b[2J" not in text
    assert "[bold]" in text
    assert visible(named(HOSTILE))
    assert visible(shown(Skipped(HOSTILE, HOSTILE)))
    assert visible(left_out(Rejected(HOSTILE, 3, "t", HOSTILE)))
    assert named("/x" * 100).startswith("...")
    assert len(named("/x" * 1000)) <= 120


def test_one_object_has_all_of_it(made: Content):
    told = outcome(made, "eve.json", "port-sweep")
    found = whole(made, [(told, 1.23456)], [Skipped("x", "empty")])
    assert found["site"] == made.site.name
    assert found["rules"]["read"] > 5
    (one,) = found["replays"]
    assert one["seconds"] == 1.235
    assert [each["id"] for each in one["incidents"]] == [each.id for each in told.incidents]
    assert whole(content(UNKNOWN, [], ["suricata"]), [], [])["replays"] == []


def test_nothing_found_is_told(made: Content):
    quiet = tree.SRC / "content" / "rules" / "modbus-write" / "negative.ndjson"
    told = replay(made, "quiet", [looked_into(Recording("quiet", quiet))])
    assert told.incidents == ()
    assert "0 incidents" in drawn(page(made, [(told, 0.0)]))
