import math
from itertools import pairwise

import msgspec
import pytest

from tercio.drills.baselines.nothing import Nothing
from tercio.drills.simulated.benign import DAY, HABITS, LOOKALIKES, WORK, day, times
from tercio.drills.simulated.deeds import Announced, Answer, Deed, Goal
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.episode import START, Scenario, play
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.parameters import FAMILIES, FITTED
from tercio.drills.simulated.rules import rule
from tercio.model.units import HOUR

HARM = (Goal.ENTER, Goal.CONTROL, Goal.STOP, Goal.ENCRYPT, Goal.BLIND)


def things(kind, seed=1, size=60, family=FITTED, days=1):
    parameters = msgspec.structs.replace(family, length=days * DAY)
    found = []
    for each in day(make(seed, kind, size), parameters, seed, START):
        thing = next(each, None)
        while thing is not None:
            found.append(thing)
            try:
                thing = each.send(Answer(thing.at, worked=False))
            except StopIteration:
                break
    return found


@pytest.mark.parametrize("kind", ["plant", "service"])
def test_nothing_of_a_benign_day_is_hostile_or_changes_anything_but_an_address(kind):
    for seed in range(4):
        for thing in things(kind, seed, days=30):
            assert isinstance(thing, Announced) or (not thing.hostile and thing.goal not in HARM)


@pytest.mark.parametrize("kind", ["plant", "service"])
def test_whoever_attacks_from_outside_is_no_asset_and_only_he_is_stray(kind):
    estate = make(1, kind, 60)
    strays = {thing.actor for thing in things(kind, days=10) if isinstance(thing, Deed) and thing.stray}
    others = {thing.actor for thing in things(kind, days=10) if isinstance(thing, Deed) and not thing.stray}
    assert strays
    assert not strays & others
    assert not [name for name in strays if estate.site.zone_of(name)]


@pytest.mark.parametrize("kind", ["plant", "service"])
def test_each_play_goes_forward_in_time_and_ends_with_the_episode(kind):
    for seed in range(3):
        for each in day(make(seed, kind, 60), FITTED, seed, START):
            at = [START, *(thing.at for thing in each)]
            assert all(before <= after for before, after in pairwise(at))
            assert at[-1] < START + FITTED.length


def test_a_whole_benign_episode_has_no_intruder_no_impact_and_nobody_is_held():
    scenario = Scenario(seed=3, estate=make(3, "plant", 60), parameters=FITTED, intruder="", cast=day)
    episode = play(scenario, lambda _: Nothing(), "nothing")
    assert (episode.began, episode.hostile, episode.impacts, episode.acts) == (0, 0, (), ())


def test_the_same_seed_is_the_same_day_and_another_is_not():
    assert things("plant", 5) == things("plant", 5) != things("plant", 6)


@pytest.mark.parametrize("rate", [0.02, 0.4, 6.0])
def test_things_happen_as_often_as_said_and_within_their_hours(rate):
    days = round(400 / rate)
    found = list(times(dice("rate", rate), rate, WORK, START, days * DAY))
    assert abs(len(found) - 400) < 4 * math.sqrt(400)
    assert all(WORK[0] * HOUR <= at % DAY <= WORK[1] * HOUR for at in found)


def test_noise_multiplies_what_is_known_and_strange_brings_what_is_not():
    assert FITTED.strange == 0
    fitted, busy = (things("plant", size=60, family=FAMILIES[name], days=20) for name in ("fitted", "busy"))
    typos = [sum(getattr(t, "rule", "") == rule("kerberos-granted") for t in each) for each in (fitted, busy)]
    assert 2 < typos[1] / typos[0] < 4
    mesh = [t for t in things("plant", family=FAMILIES["strange"], days=20) if getattr(t, "service", "") == "tcp/7680"]
    assert mesh
    assert not [t for t in fitted if getattr(t, "service", "") == "tcp/7680"]


def test_habits_that_say_nothing_are_thinned_however_large_the_estate_is():
    quiet = [thing for thing in things("plant", size=500) if isinstance(thing, Deed) and not thing.rule]
    assert 0 < len(quiet) < 2 * HABITS


def test_most_maintenance_is_announced_to_the_very_station_and_controller():
    found = things("plant", size=120, days=200)
    loads = [t for t in found if isinstance(t, Deed) and t.rule == rule("program-download")]
    windows = {}
    for said in (t for t in found if isinstance(t, Announced)):
        windows.setdefault((said.asset, said.target), []).append(said)
    covered = [d for d in loads if any(s.at <= d.at < s.until for s in windows.get((d.actor, d.dst), ()))]
    assert 0.8 * len(loads) < len(covered) < len(loads)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_each_kind_has_a_rate_its_reason_and_somebody_who_does_it(name):
    kind = LOOKALIKES[name]
    assert kind.per_day > 0
    assert kind.rests_on
    assert any(kind.whose(make(1, where, 60)) for where in ("plant", "service"))
