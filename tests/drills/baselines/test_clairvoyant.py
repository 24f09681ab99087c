import pytest

from tercio.drills.baselines.clairvoyant import Clairvoyant, safe
from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.defenders import Brief
from tercio.drills.simulated.episode import START
from tercio.model.commands import HostTarget
from tests.drills.baselines.given import CLEAR, PLANT, at, played, write


def test_he_knows_at_once_and_is_as_slow_as_his_hand():
    silent = Deed(at=at(5), actor="ws1", hostile=True, goal=Goal.ENTER)
    told = played(Clairvoyant, silent, write(6, "ws1", goal=Goal.STOP))
    (act,) = told.acts
    assert act.since == at(5) + CLEAR.latency
    assert act.right
    assert not told.impacts
    assert act.ended == START + CLEAR.length


def test_whoever_strikes_before_the_hand_moves_is_not_stoppable():
    silent = Deed(at=at(5), actor="ws1", hostile=True, goal=Goal.ENTER)
    told = played(Clairvoyant, silent, write(5 + CLEAR.latency / 2 / 60e6, "ws1", goal=Goal.STOP))
    assert len(told.impacts) == 1


def test_nobody_innocent_is_touched():
    told = played(Clairvoyant, *(write(5 + n, "ws1", hostile=False) for n in range(9)))
    assert (told.acts, told.turns > 0) == ((), True)


@pytest.mark.parametrize(("name", "may"), [("ws1", True), ("hist1", False), ("hmi11", False), ("plc11", False)])
def test_what_safety_forbids_he_leaves_alone(name: str, may: bool):
    brief = Brief(PLANT.site, PLANT.reaches, {}, START, 1)
    assert safe(brief, HostTarget(name, PLANT.site.assets[name].addresses), START) == may
