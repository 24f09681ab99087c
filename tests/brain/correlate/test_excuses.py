from typing import Any

import pytest

from tercio.brain.correlate.excuses import excuse
from tercio.brain.correlate.likelihood import EXCUSED_WEIGHT
from tercio.model.site import Schedule
from tercio.model.units import SECOND
from tercio.model.words import Window
from tests.brain.given import NOON, PLANT, SCAN, WRITE, finding, replace, site

HOUR = 3600 * SECOND
BY_HAND = Window(
    id="win-1", asset="ews1", target="plc1", activity="write", since=NOON, until=NOON + HOUR, by="R. Anger"
)
NIGHTLY = site(schedules=(Schedule("ws2", "scan", "ot", 690, 750),))  # 11:30 to 12:30


def said(src: str, *dst: str, plant: Any = PLANT, windows: tuple[Window, ...] = (), **changes: Any) -> float | None:
    """The weight of the excuse, None where there is none."""
    found = excuse(plant, windows, finding(src, *dst, plant=plant, **changes), src, dst)
    return found.weight if found else None


def write(*windows: Window, src: str = "ews1", dst: tuple[str, ...] = ("plc1",), **changes: Any) -> float | None:
    return said(src, *dst, windows=windows, **{"tactics": WRITE, **changes})


def scan(src: str = "ws2", dst: tuple[str, ...] = ("plc1",), **changes: Any) -> float | None:
    return said(src, *dst, plant=NIGHTLY, **{"tactics": SCAN, **changes})


def test_what_was_announced_weighs_less_and_not_nothing():
    assert write(BY_HAND) == scan() == EXCUSED_WEIGHT
    assert 0 < EXCUSED_WEIGHT < 1


def test_an_excuse_says_whose_word_it_is():
    found = excuse(PLANT, (BY_HAND,), finding("ews1", tactics=WRITE), "ews1", ("plc1",))
    assert found is not None
    assert found.words == "R. Anger announced that ews1 would write plc1"


@pytest.mark.parametrize(
    ("window", "changes"),
    [
        (replace(BY_HAND, asset="ws1"), {}),
        (replace(BY_HAND, target="hmi1"), {}),
        (replace(BY_HAND, target="office"), {}),
        (replace(BY_HAND, activity="scan"), {}),
        (BY_HAND, {"time": NOON - 1}),
        (BY_HAND, {"time": NOON + HOUR}),
        (BY_HAND, {"dst": ("plc1", "hmi1")}),
        (BY_HAND, {"dst": ()}),
        (BY_HAND, {"src": "ws1"}),
        (BY_HAND, {"tactics": SCAN}),
        (BY_HAND, {"tactics": (*WRITE, "impact")}),
        (BY_HAND, {"tactics": (*WRITE, *SCAN)}),
        (BY_HAND, {"tactics": ("impact",)}),
        (BY_HAND, {"tactics": ()}),
    ],
    ids=[
        "another station", "another target", "another zone", "another activity", "before", "after", "a further target",
        "no target", "by another", "another tactic", "and something worse", "and something else", "something worse",
        "no tactic",
    ],
)  # fmt: skip
def test_only_exactly_what_was_announced(window: Window, changes: dict[str, Any]):
    assert write(window, **changes) is None
    assert write(BY_HAND) is not None


def test_a_zone_covers_what_stands_in_it_and_bare_addresses_in_its_networks():
    whole_zone = replace(BY_HAND, target="ot")
    assert write(whole_zone, dst=("plc1", "hmi1")) == EXCUSED_WEIGHT
    assert write(whole_zone, dst=("10.3.0.200",)) == EXCUSED_WEIGHT
    assert write(whole_zone, dst=("hist1",)) is None
    assert write(whole_zone, dst=("no address",)) is None


@pytest.mark.parametrize(
    ("at", "weight"),
    [("11:29", None), ("11:30", EXCUSED_WEIGHT), ("12:29", EXCUSED_WEIGHT), ("12:30", None)],
)
def test_a_schedule_recurs_at_its_hours(at: str, weight: float | None):
    hours, minutes = map(int, at.split(":"))
    for day in (0, 5):
        assert scan(time=NOON + (24 * day + hours - 12) * HOUR + minutes * 60 * SECOND) == weight


def test_a_scanner_is_excused_for_scanning_what_it_scans():
    assert scan(src="ws1") is None
    assert scan(dst=("plc1", "hist1")) is None
    assert scan(tactics=("reconnaissance", "discovery")) == EXCUSED_WEIGHT
    assert scan(tactics=("discovery", "credential-access")) is None


def test_a_declared_writer_is_the_process_at_work():
    assert write(src="hmi1") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"src": "hist1"},
        {"src": "ws1"},
        {"port": 102},
        {"dst": ("plc1", "ews1")},
        {"dst": ("hist1",)},
        {"tactics": SCAN},
    ],
    ids=["a reader", "a stranger to it", "another port", "a further target", "another target", "another activity"],
)
def test_only_the_declared_flow_is(changes: dict[str, Any]):
    assert write(**{"src": "hmi1", **changes}) is None
