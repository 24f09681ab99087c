import pytest

from tercio.drills.baselines.nothing import Nothing
from tercio.drills.simulated import lookalikes
from tercio.drills.simulated.benign import LOOKALIKES
from tercio.drills.simulated.deeds import Announced, Deed, Goal
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.episode import START, Scenario, play
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.parameters import FITTED
from tercio.drills.simulated.rules import rule, ruleset
from tercio.model.units import HOUR, SECOND


class Watching(Nothing):
    """Does nothing, and keeps what was sensed."""

    def __init__(self):
        self.sensed = []

    def see(self, now, sensed):
        self.sensed.append((now, sensed))
        return ()

    def matches(self, name):
        seen = [each for _, sensed in self.sensed for lot in sensed.lots for each in lot.seen]
        return [each.event for each in seen if any(match.rule == rule(name) for match in each.matches)]


def does(name, who="", kind="plant", seed=1):
    estate = make(seed, kind, 60)
    who = who or LOOKALIKES[name].whose(estate)[0]
    return estate, list(LOOKALIKES[name].act(estate, dice("look", seed), who, START + HOUR))


def sensed(estate, deeds):
    watching = Watching()
    scenario = Scenario(seed=1, estate=estate, parameters=FITTED, intruder="", cast=lambda *_: (acting(deeds),))
    play(scenario, lambda _: watching, "watching")
    return watching


def acting(deeds):
    for deed in deeds:  # noqa: UP028 (an answer is sent for each, which a list cannot take)
        yield deed


@pytest.mark.parametrize("name", LOOKALIKES)
def test_it_names_hosts_and_rules_that_there_are(name):
    for kind in ("plant", "service"):
        estate = make(2, kind, 60)
        for who in LOOKALIKES[name].whose(estate)[:3]:
            for thing in LOOKALIKES[name].act(estate, dice("look", name), who, START):
                if isinstance(thing, Deed):
                    assert thing.actor in estate.site.assets or thing.actor.count(".") == 3
                    assert not thing.rule or thing.rule in ruleset().rules


def test_a_scanner_off_schedule_is_a_proven_sweep():
    watching = sensed(*does("scanner off schedule"))
    ports = {event.dst.port for event in watching.matches("syn-probe")}
    assert len(ports) >= 4
    assert watching.matches("tcp-handshake")


def test_a_sweep_in_a_screens_name_is_not_proven():
    estate, deeds = does("sweep in a screen's name")
    assert all(deed.forged for deed in deeds)
    watching = sensed(estate, deeds)
    named = estate.site.assets[deeds[0].src].addresses[0]
    assert {event.src.address for event in watching.matches("syn-probe")} == {named}
    assert named not in {event.src.address for event in watching.matches("tcp-handshake")}


def test_addresses_move_and_nobody_shares_one():
    estate, deeds = does("address moves")
    left = estate.site.assets[deeds[0].actor].addresses[0]
    assert [deed.goal for deed in deeds] == [Goal.MOVE, Goal.MOVE]
    assert deeds[1].dst == left != deeds[0].dst
    assert deeds[0].at < deeds[1].at


@pytest.mark.parametrize("announced", [True, False])
def test_maintenance_stays_with_one_controller_and_in_its_window(announced):
    estate = make(1, "plant", 60)
    station = estate.named("ews")[0]
    things = list(lookalikes.loads(estate, dice("loads"), station, START, announced=announced))
    said = [thing for thing in things if isinstance(thing, Announced)]
    deeds = [thing for thing in things if isinstance(thing, Deed)]
    assert len(said) == announced
    assert len({deed.dst for deed in deeds}) == 1
    assert {deed.dst for deed in deeds} <= set(lookalikes.controllers_of(estate, station))
    assert max(deed.at for deed in deeds) < START + 2 * HOUR


def test_a_mistyped_password_is_never_one_of_many_accounts():
    _, deeds = does("password mistyped")
    assert len({deed.about for deed in deeds if deed.rule == rule("kerberos-refused")}) == 1


def test_a_crowd_behind_one_address_looks_like_a_spray():
    estate, deeds = does("crowd behind one address", kind="service")
    refused = [deed for deed in deeds if deed.rule == rule("kerberos-refused")]
    assert len({deed.about for deed in refused}) >= 5
    assert refused[-1].at - refused[0].at < 300 * SECOND
    assert estate.site.assets[deeds[0].actor].role == "vpn"
