import msgspec
import pytest

from tercio.drills.baselines import CLAIRVOYANT, TERCIO
from tercio.drills.simulated.drill import Drill
from tercio.drills.simulated.episode import Episode
from tercio.drills.simulated.restraint import UNDEFENDED, grouped, restraint, saved, stoppable
from tercio.drills.simulated.world import Impact
from tests.drills.simulated.test_board import WRONG

LOSS = (Impact("line1", 1, 100_000),)


def told(seed: int, defender: str, *, lost: bool = False, intruder: str = "smash", family: str = "quiet") -> Episode:
    return Episode(
        seed=seed,
        family=family,
        defender=defender,
        intruder=intruder,
        kind="plant",
        size=9,
        length=1,
        impacts=LOSS if lost else (),
    )


def played(outcomes: dict[str, str]) -> list[Episode]:
    """By defender, one letter a seed: ``x`` where the intruder reached something."""
    return [
        told(seed, name, lost=letter == "x", family="quiet" if seed % 2 else "busy")
        for name, letters in outcomes.items()
        for seed, letter in enumerate(letters, 1)
    ]


EPISODES = played({TERCIO: "-x-xx", CLAIRVOYANT: "--x--", UNDEFENDED: "xxxx-", "always ask": "xx-xx"})
DRILL = Drill(seeds=5, defenders=(TERCIO, CLAIRVOYANT, UNDEFENDED, "always ask"))


def test_stoppable_is_what_happens_undefended_and_not_to_a_clairvoyant():
    assert stoppable(EPISODES) == {1, 2, 4}
    assert stoppable([each for each in EPISODES if each.defender != CLAIRVOYANT]) == frozenset()


def test_the_keys_say_how_one_fared_beside_the_others():
    keys = restraint(EPISODES, DRILL)
    assert keys["contained_before_impact"] == pytest.approx(1 / 3, abs=1e-6)
    assert keys["baselines"]["always ask"].contained_before_impact == 0.0
    assert keys["baselines"].keys() == {CLAIRVOYANT, UNDEFENDED, "always ask"}
    assert keys["money_saved"].keys() == {UNDEFENDED, "always ask"}
    assert keys["lost_seeds"] == [2, 4]
    assert (keys["wrong_rate"], keys["wrong_seeds"], keys["worst_family"]) == (0.0, [], "busy")
    assert keys["families"]["busy"].contained_before_impact == 0.0
    assert keys["families"]["quiet"].contained_before_impact == 1.0
    assert msgspec.json.decode(msgspec.json.encode(keys))["n"] == 5


def test_whoever_is_wrong_is_named_by_his_seed():
    keys = restraint([*EPISODES, msgspec.structs.replace(WRONG, defender=TERCIO, seed=9, family="numb")], DRILL)
    assert (keys["wrong_seeds"], keys["worst_family"]) == ([9], "numb")
    assert keys["wrong_benign_rate"] == 1.0
    assert "" not in keys["intruders"]


def test_another_defender_of_the_drill_can_be_judged():
    keys = restraint(EPISODES, DRILL, "always ask")
    assert keys["contained_before_impact"] == 0.0
    assert keys["money_saved"].keys() == {TERCIO, UNDEFENDED}


def test_money_is_held_against_money_of_the_same_seeds():
    assert saved(EPISODES, TERCIO, UNDEFENDED, 1).mean == pytest.approx((4 - 3) * 1000 / 5)
    alone = [*EPISODES, told(77, TERCIO, lost=True)]
    assert saved(alone, TERCIO, UNDEFENDED, 1) == saved(EPISODES, TERCIO, UNDEFENDED, 1)
    assert saved(EPISODES, TERCIO, TERCIO, 1).interval95 == (0.0, 0.0)


def test_groups_are_by_value():
    assert list(grouped(EPISODES, "family", frozenset())) == ["busy", "quiet"]
