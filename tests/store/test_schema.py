import pytest

from tercio.model.units import SECOND
from tercio.store.schema import EVENTS, VERSION, changes, quoted, route, tables

DAY = 24 * 3600 * SECOND


def test_tables_say_their_version_and_how_long_rows_stay():
    *_, events = tables("plant", ["EventID"], 90 * DAY)
    assert f"COMMENT '{VERSION}'" in events
    assert f"toIntervalSecond({90 * 86400})" in events
    assert all(f"`{name}`" in events for name in (*EVENTS, "route_EventID"))
    assert all("IF NOT EXISTS" in statement for statement in tables("plant", [], DAY))


def test_a_table_that_is_as_it_should_be_is_left_alone():
    *_, events = tables("plant", ["a"], 90 * DAY)
    assert changes("plant", events, [*EVENTS, route("a")], ["a"], 90 * DAY) == ()


def test_a_new_field_gets_a_column_and_another_time_to_keep_is_taken():
    *_, events = tables("plant", ["a"], 90 * DAY)
    added, *expiries = changes("plant", events, [*EVENTS, route("a")], ["a", "sc-status"], 30 * DAY)
    assert added.startswith("ALTER TABLE `plant`.events ADD COLUMN IF NOT EXISTS `route_sc-status` ")
    assert [("`plant`.events" in e, "`plant`.lost" in e) for e in expiries] == [(True, False), (False, True)]
    assert all("toIntervalSecond(2592000)" in expiry for expiry in expiries)


@pytest.mark.parametrize("name", ["a`b", "a\\b"])
def test_what_would_end_a_name_is_no_name(name: str):
    with pytest.raises(ValueError, match="can't be a name"):
        quoted(name)
