from collections import Counter

import msgspec

from tercio.drills.baselines import BASELINES, CLAIRVOYANT
from tercio.drills.simulated.drill import Drill, episodes, scenario
from tercio.drills.simulated.intruders import INTRUDERS
from tercio.drills.simulated.parameters import FITTED, SHIFTED

CHEAP = (CLAIRVOYANT, *BASELINES)


def test_each_seed_plays_what_it_always_plays():
    drill = Drill(seeds=4, defenders=CHEAP)
    one, again = (msgspec.json.encode(episodes(drill, 3)) for _ in range(2))
    assert one == again
    assert one != msgspec.json.encode(episodes(drill, 5))


def test_half_are_benign_and_every_intruder_has_his_turn_everywhere_he_is_met():
    drill = Drill(seeds=26, defenders=())
    played = [scenario(drill, seed) for seed in range(1, 27)]
    assert Counter(each.intruder for each in played) == {"": 13, **dict.fromkeys(INTRUDERS, 1)}
    assert all(each.estate.kind in INTRUDERS[each.intruder].estates for each in played if each.intruder)
    assert all(each.parameters.length == INTRUDERS[each.intruder].length for each in played if each.intruder)


def test_it_is_judged_on_shifted_families_and_plays_what_it_is_told():
    families = {scenario(Drill(seeds=80, defenders=()), seed).parameters.name for seed in range(80)}
    assert families == {family.name for family in SHIFTED}
    assert FITTED.name not in families
    narrow = Drill(seeds=9, families=("fitted",), intruders=("framer",), defenders=(), benign=0)
    assert {(each.parameters.name, each.intruder) for each in (scenario(narrow, s) for s in range(9))} == {
        ("fitted", "framer")
    }
    benign = Drill(seeds=9, intruders=(), defenders=())
    assert {scenario(benign, seed).intruder for seed in range(9)} == {""}


def test_a_world_is_the_same_whoever_defends_until_somebody_acts():
    undefended = Drill(seeds=1, defenders=("do nothing",))
    seed = next(seed for seed in range(1, 100) if episodes(undefended, seed)[0].impacts)
    told = {each.defender: each for each in episodes(Drill(seeds=1, defenders=CHEAP), seed)}
    assert len({(each.began, each.intruder, each.size) for each in told.values()}) == 1
    assert told["do nothing"].impacts
    assert not told[CLAIRVOYANT].wrong
