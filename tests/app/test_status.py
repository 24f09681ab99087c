import os
import time
from pathlib import Path

import msgspec
import pytest

from tercio.app.settings import Settings, load
from tercio.app.status import Status, look, page
from tercio.loop.conduct import Setback
from tercio.model.canon import canonical
from tercio.model.records import Transaction
from tercio.model.units import SECOND
from tercio.store.state import State
from tests.app.given import TOML, attacked, changed, drawn, home
from tests.loop.given import START


def words(status: Status) -> dict[str, tuple[bool, str]]:
    parts = (status.loop, *status.sensors, *status.hands, *status.zones)
    return {part.name: (part.ok, part.words) for part in parts}


def remembering(settings: Settings, **changes: object) -> None:
    """The loop writes something of itself, and stops."""
    with State.open(settings.state, origin="tercio/test") as store:
        memory = {**msgspec.json.decode(store.restore().snapshot or b"{}"), **changes}
        store.commit(Transaction(time=1, snapshot=canonical(memory)))


def test_before_the_first_start(tmp_path: Path):
    status = look(load(home(tmp_path)), START)
    told = words(status)
    assert not status.ok
    assert told["loop"] == (False, "it does not run now; start it with `tercio up`")
    assert told["ot"][1] == "act is granted, but no loop runs"
    assert (status.standing, status.incidents_open, status.left_out) == ((), 0, {})
    assert "nothing stands." in drawn(page(status))


def test_what_a_dead_loop_left_standing(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    status = look(settings, desk.now)
    assert [effect.lease for effect in status.standing] == [desk.effect.lease]
    assert status.incidents_open == 1
    shown = " ".join(drawn(page(status)).split())
    assert f"1 incident not closed; what stands: host ws1 ({desk.effect.lease}) until" in shown
    assert "`tercio doctor` says what to do." in shown


def test_a_loop_that_lives_and_a_hand_that_does_not(running: Settings):
    status = look(running, START)
    told = words(status)
    assert told["loop"][0]
    assert told["gateway"] == (False, told["gateway"][1])
    assert "does not answer" in told["gateway"][1]
    assert told["dmz"] == (True, "act")
    assert not status.ok


def test_a_worker_that_nobody_hears_is_shown(tmp_path: Path):
    hosts = '[sources.h1]\nsensor = "windows"\npath = "h1.json"\n[workers]\ncount = 1\n'
    status = look(load(home(tmp_path, TOML + hosts)), START)
    assert [(part.name, part.ok) for part in status.workers] == [("bulk-1", False)]
    assert "worker bulk-1" in drawn(page(status))
    assert look(load(home(tmp_path / "none")), START).workers == ()


def test_a_silent_sensor_and_what_people_said_hold_zones_back(running: Settings, tmp_path: Path):
    settings = load(home(tmp_path))
    (tmp_path / "eve.json").write_text("{}\n")
    os.utime(tmp_path / "eve.json", ns=((START - 90 * SECOND) * 1000,) * 2)
    remembering(settings, heard={"ot": START - 90 * SECOND}, silent=["ot"], unparsed={"ot": 3}, windows={"dropped": 2})
    # The settings of this home, with the socket of a loop that lives.
    (tmp_path / "state" / "loop.sock").symlink_to(running.state / "loop.sock")
    status = look(settings, START)
    told = words(status)
    assert told["dmz"] == (False, "advise, though act is granted: ot is silent")
    assert status.sensors[0].words == "silent; last heard 1.5 min ago"
    assert status.left_out == {"not understood": 3, "no room": 2}
    assert "Left out: 3 not understood, 2 no room." in drawn(page(status))
    remembering(settings, silent=[], stood_down=["all"], windows={})
    status = look(settings, START)
    assert status.sensors[0] == msgspec.structs.replace(status.sensors[0], ok=True, words="last heard 1.5 min ago")
    assert words(status)["dmz"] == (False, "act is granted, but people stood down on everything")
    assert "Stood down: all; `tercio stand-to` ends it." in drawn(page(status))
    remembering(settings, silent=[], stood_down=["filling", "inc-1"], windows={})
    told = words(look(settings, START))
    assert told["ot"] == (False, "act, but people stood down on filling: nothing acts there")
    assert told["office"] == (True, "act"), "the line does not stand there"


def test_a_sensor_that_never_spoke_is_not_called_heard(running: Settings, tmp_path: Path):
    settings = load(home(tmp_path))
    eve, now = tmp_path / "eve.json", time.time_ns() // 1000
    remembering(settings, heard={"ot": now})
    (tmp_path / "state" / "loop.sock").symlink_to(running.state / "loop.sock")
    assert words(look(settings, now + 5 * SECOND))["ot"] == (True, "act")
    (sensor,) = look(settings, now + 5 * SECOND).sensors
    assert (sensor.ok, sensor.words) == (False, f"has said nothing yet: {eve} is empty")
    eve.write_text("{}\n")
    os.utime(eve, ns=((now - 9 * SECOND) * 1000,) * 2)
    (sensor,) = look(settings, now + 5 * SECOND).sensors
    assert (sensor.ok, sensor.words) == (True, "has said nothing since Tercio began to listen 5 s ago")
    os.utime(eve, ns=(now * 1000,) * 2)
    assert look(settings, now + 5 * SECOND).sensors[0].words == "last heard 5 s ago"
    eve.unlink()
    assert look(settings, now).sensors[0].words == f"has said nothing yet: {eve} is not there"


@pytest.mark.parametrize(("file", "old", "new", "zone", "says"), [
    ("site.toml", 'safety = ["sis1"]', "", "dmz", "shadow, not act: the site has errors (`tercio site check`)"),
    ("site.toml", 'autonomy = "act"', 'autonomy = "shadow"', "office", "shadow: it says what it would do, and"),
    ("tercio.toml", '"office", "dmz", "ot"]', '"ot"]', "dmz", "act is granted, but no hand reaches it"),
])  # fmt: skip
def test_where_nothing_will_be_done_is_said(tmp_path: Path, file: str, old: str, new: str, zone: str, says: str):
    settings = home(tmp_path)
    text = (tmp_path / file).read_text()
    if old.startswith("safety"):
        old = next(line for line in text.splitlines() if line.startswith("safety = "))
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    ok, said = words(look(load(settings), START))[zone]
    assert not ok
    assert said.startswith(says)


def test_what_a_stranger_wrote_moves_no_terminal(tmp_path: Path):
    settings = load(home(tmp_path, changed("[sources.ot]", "[sources.ot]")))
    aside = {"\x1b[31mbad": Setback("1", 1, 64, "\x1b[31mwhy", aside=True)}
    remembering(settings, stood_down=["fill\x1b[31ming"], setbacks=aside)
    text = drawn(page(look(settings, START)))
    assert "\x1b[31m" not in text
    assert "is set aside, because it failed on 64 records" in text
