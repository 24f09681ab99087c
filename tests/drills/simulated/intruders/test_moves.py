import pytest

from tercio.drills.simulated.deeds import Announced, Deed, Goal
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.intruders import INTRUDERS
from tercio.drills.simulated.intruders.moves import next_zone
from tests.drills.simulated.intruders.given import driven, local, undefended

EVERY = [(name, kind) for name, each in INTRUDERS.items() for kind in each.estates]
HARM = (Goal.STOP, Goal.ENCRYPT)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_where_nobody_defends_he_reaches_what_he_came_for(name, kind):
    for seed in (1, 2, 3):
        episode, _ = undefended(name, seed, kind)
        assert episode.impacts, seed
        assert episode.hostile >= 3


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_only_machines_that_he_holds_do_hostile_things(name, kind):
    for seed in (1, 2, 3):
        _, done = undefended(name, seed, kind)
        held = set()
        for deed, worked in done:
            if isinstance(deed, Announced):
                continue
            assert deed.hostile
            if local(deed) and deed.goal == Goal.ENTER:
                held.add(deed.actor)
            assert deed.actor in held, (seed, deed)
            if worked and deed.goal == Goal.ENTER:
                held.add(deed.dst or deed.actor)


@pytest.mark.parametrize("name", INTRUDERS)
def test_the_same_seed_does_the_same_and_another_does_not(name):
    one, again = (driven(name, lambda _: True, seed=4) for _ in range(2))
    assert one == again
    assert one != driven(name, lambda _: True, seed=5)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_where_nothing_works_he_gives_up_and_has_harmed_nobody(name, kind):
    """A wall around every machine of his stops each of them, and no play goes on for ever."""
    deeds = [thing for thing in driven(name, local, kind=kind) if isinstance(thing, Deed)]
    assert len(deeds) < 500
    assert not [deed for deed in deeds if deed.goal in HARM and local(deed) and deed.actor != deeds[0].actor]


@pytest.mark.parametrize("name", sorted(set(INTRUDERS) - {"framer"}))
def test_nobody_but_who_frames_acts_in_anothers_name(name):
    assert not [deed for deed, _ in undefended(name, 1)[1] if isinstance(deed, Deed) and deed.forged]


def test_the_way_leads_through_the_zone_between():
    tiered = next(e for e in (make(seed, "plant", 40) for seed in range(20)) if ("office", "ot1") not in e.passes)
    assert next_zone(tiered, ["ws1"], "ot1") == "dmz"
    assert next_zone(tiered, ["203.0.113.7"], "ot1") == "dmz"
    assert next_zone(tiered, ["ews1"], "nowhere") == ""
