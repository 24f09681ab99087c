"""The client against the real store."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tercio.model.archive import EVERYTHING, Count, Routed, Says
from tercio.model.units import SECOND
from tercio.store.events import EARLIEST, LATEST, WEEK, Events, EventsSilent, Line, Lost
from tests.stored import KEEP, PASSWORD

NOW = 1_900_000_000_000_000
ALL = EARLIEST, LATEST + 1


def line(
    offset: int,
    raw: bytes = b"x\n",
    *,
    time: int = NOW,
    received: int = NOW,
    source: str = "ot",
    generation: str = "g1",
) -> Line:
    return Line(source, generation, offset, "suricata", "10.0.0.1", time, received, raw, {"event_type": "flow"})


def connect(url: str, site: str, password: str = PASSWORD) -> Events:
    return Events.connect(url, "tercio", password, site, patience=60)


@pytest.fixture
def events(store_url: str, request: pytest.FixtureRequest) -> Iterator[Events]:
    with closing(connect(store_url, request.node.name)) as events:
        events.prepare(["event_type"], KEEP)
        yield events


def raws(events: Events) -> list[bytes]:
    return [kept.line for block in events.scan(EVERYTHING, *ALL) for kept in block]


def test_bytes_come_back_as_they_were_written(events: Events):
    written = [b"\xff\xfe\x00 not UTF-8\n", b"", bytes(range(256)), "Größe €".encode(), b"x" * (1 << 20)]
    events.write([line(at, raw, time=NOW + at) for at, raw in enumerate(written)])
    assert raws(events) == written


def test_what_a_record_says_of_itself_need_not_be_text(events: Events):
    odd = line(0)._replace(host="h\ud800\x00'", routes={"event_type": "\udcff`"})
    events.write([odd])
    assert [kept.offset for block in events.scan(Routed("event_type", ("\udcff`",)), *ALL) for kept in block] == [0]


def test_rows_come_by_time_source_generation_and_offset_each_once(events: Events):
    lines = [line(at, time=NOW + at % 3, source=f"s{at % 2}", generation=f"g{at % 5}") for at in range(60)]
    events.write(lines)
    events.write(lines[20:])
    kept = [row for block in events.scan(EVERYTHING, *ALL) for row in block]
    assert [(k.time, k.source, k.generation, k.offset) for k in kept] == sorted(
        (x.time, x.source, x.generation, x.offset) for x in lines
    )
    assert {k.received for k in kept} == {NOW}


def test_since_is_included_and_until_is_not(events: Events):
    events.write([line(at, time=NOW + at) for at in range(5)])
    assert [k.offset for block in events.scan(EVERYTHING, NOW + 1, NOW + 3) for k in block] == [1, 2]


def test_times_beyond_what_the_store_can_tell_are_kept_at_its_ends(events: Events):
    events.write([line(0, time=-(10**18)), line(1, time=10**18)])
    assert [k.time for block in events.scan(EVERYTHING, *ALL) for k in block] == [EARLIEST, LATEST]


def test_a_long_answer_comes_in_blocks(events: Events):
    events.write([line(at) for at in range(20_000)])
    blocks = events.scan(EVERYTHING, *ALL)
    assert 0 < len(next(blocks)) < 20_000
    blocks.close()
    assert events.held().rows == 20_000


def test_sites_do_not_see_each_other(store_url: str, events: Events):
    events.write([line(0)])
    with closing(connect(store_url, "another")) as other:
        assert other.held().rows == 0
        assert list(other.scan(EVERYTHING, *ALL)) in ([], [[]])


def test_an_insert_is_one_part_and_a_new_week_another(events: Events):
    monday = NOW // WEEK * WEEK + 4 * 24 * 3600 * SECOND
    events.write(
        [line(at, received=monday - 1) for at in range(9)] + [line(at, received=monday) for at in range(9, 12)]
    )
    asked = "SELECT count(), min(offset), max(offset) FROM tercio.events WHERE site = {site:String} GROUP BY _part"
    assert events._rows(f"{asked} ORDER BY 2") == [(9, 0, 8), (3, 9, 11)]


def test_how_far_it_got_is_the_stores_word(events: Events):
    assert events.reached(["ot", "it"]) == {"ot": {}, "it": {}}
    events.begin("it", "g9", 4711, NOW)
    events.write([line(0, b"abc\n"), line(4, b"de\n"), line(0, b"z\n", generation="g0", received=NOW - 1)])
    assert events.reached(["ot", "it"]) == {"ot": {"g0": (2, NOW - 1), "g1": (7, NOW)}, "it": {"g9": (4711, NOW)}}
    assert list(events.reached(["ot"])["ot"]) == ["g0", "g1"]
    events.write([line(0, source="late", received=NOW + 40 * 24 * 3600 * SECOND)])
    assert events.reached(["ot"])["ot"]["g1"] == (7, NOW)


def test_counts_are_by_source_and_piece(events: Events):
    hour = 3600 * SECOND
    events.write([line(0), line(1, time=NOW + 1), line(2, time=NOW + hour), line(0, source="it")])
    begins = NOW // hour * hour
    counted = events.counts(NOW, NOW + 2 * hour, hour)
    assert counted == (Count("it", begins, 1), Count("ot", begins, 2), Count("ot", begins + hour, 1))
    assert sum(count.rows for count in events.counts(NOW + 1, NOW + hour, hour)) == 1


def test_losses_are_kept_latest_first(events: Events):
    events.report([])
    events.report([Lost("ot", NOW, 2, 99, "gone"), Lost("ot", NOW + 5, 1, 0, "cut")])
    assert [lost.words for lost in events.losses(NOW)] == ["cut", "gone"]
    assert events.losses(NOW + 6) == ()


def test_held_says_what_is_there(events: Events):
    assert (events.held().rows, events.held().oldest, events.held().newest) == (0, 0, 0)
    events.write([line(0, received=NOW - 7), line(1)])
    held = events.held()
    assert (held.rows, held.oldest, held.newest) == (2, NOW - 7, NOW)
    assert held.size > 0


def test_new_fields_are_taken_up_and_old_rows_do_not_have_them(store_url: str, events: Events):
    events.write([line(0)])
    events.prepare(["event_type", "made-up"], KEEP)
    events.write([line(1)._replace(routes={"made-up": "7"})])
    with closing(connect(store_url, events._site)) as reader:
        found = {v: [k.offset for b in reader.scan(Routed("made-up", (v,)), *ALL) for k in b] for v in ("7", "")}
    assert found == {"7": [1], "": [0]}


def test_a_table_of_another_version_is_left_alone(store_url: str):
    with closing(connect(f"{store_url}/older", "s")) as events:
        events._client.command("CREATE DATABASE older")
        events._client.command("CREATE TABLE older.events (a UInt8) ENGINE = MergeTree ORDER BY a COMMENT 'tercio 0'")
        with pytest.raises(EventsSilent, match=r"'tercio 0'.*'tercio 1'"):
            events.prepare([], KEEP)


def test_rows_are_let_go_when_their_time_is_over(store_url: str):
    day = 24 * 3600 * SECOND
    with closing(connect(f"{store_url}/brief", "s")) as events:
        events.prepare([], day)
        events.write([line(0, received=1_000_000_000 * SECOND)])
        events._client.command("OPTIMIZE TABLE brief.events FINAL")
        assert events.held().rows == 0


def test_a_search_that_fails_is_told(events: Events):
    events._table = "`tercio`.`nowhere`"
    with pytest.raises(EventsSilent, match="nowhere"):
        list(events.scan(Says("x"), *ALL))
