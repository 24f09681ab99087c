import pytest

from tercio.drills.range.cyclic import CYCLE, WATCHDOG, mac


def test_its_watchdog_is_three_cycles():
    assert WATCHDOG == 3 * CYCLE


def test_a_mac_address_is_six_bytes():
    assert mac("02:00:0a:4d:1e:2a") == b"\x02\x00\x0a\x4d\x1e\x2a"
    with pytest.raises(ValueError, match="hex"):
        mac("nonsense")


def test_a_sender_that_stood_still_is_seen_and_forgiven(bystanding):
    assert bystanding["longest"]["cyclic-rio1"] >= 300_000, "its receiver heard nothing for so long"
    assert bystanding["harm"]["cyclic stood still"]["io_timeouts"] == 0


def test_a_receiver_that_stood_still_heard_everything(bystanding):
    assert bystanding["longest"]["cyclic-plc2"] < 250_000, "the kernel noted when each frame came"


def test_what_comes_late_is_harm_though_nothing_is_lost(bystanding):
    if bystanding["limit"]:
        pytest.skip(f"no rate can be limited here: {bystanding['limit']}")
    assert bystanding["harm"]["slowed"]["io_timeouts"] >= 1
    late = [each for each in bystanding["slowed"] if not each["lost"]]
    assert any(each["held_up"] > WATCHDOG for each in late)


def test_frames_dropped_by_the_bridge_are_harm(bystanding):
    assert bystanding["harm"]["cyclic data dropped"]["io_timeouts"] >= 2
    assert bystanding["harm"]["dropped to the end"]["io_timeouts"] == 2
