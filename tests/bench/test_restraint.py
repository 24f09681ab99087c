import json

import msgspec
import pytest

from bench import restraint
from bench.__main__ import BENCHES
from tercio.drills.baselines import BASELINES, WITHOUT
from tercio.drills.simulated.benign import DAY
from tercio.drills.simulated.bounds import poisson_upper
from tercio.drills.simulated.drill import Drill, scenario
from tercio.drills.simulated.episode import Episode
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.harm import Act
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target

PLANT = make(1, "plant", 40).site


def act(target: Target, cuts: int = 0) -> Act:
    return Act(target=target, since=0, ended=1, right=False, cost=0, cuts=cuts)


def test_it_measures_what_it_says_and_misses_targets_aloud(capsys: pytest.CaptureFixture[str]):
    words = ["--seeds", "2", "--trials", "1", "--deep", "--days", "1", "--processes", "1", "--json"]
    status = BENCHES["restraint"](words)
    said = json.loads(capsys.readouterr().out)
    assert said.keys() >= {
        *("wrong_rate", "wrong_benign_rate", "wrong_rate_upper95", "contained_before_impact", "money_saved"),
        *("baselines", "attacker_cost_ratio", "benign_site_days", "wrong_ot_per_site_year_upper95"),
        *("wrong_it_per_site_year_upper95", "machine", "seed", "n"),
    }
    assert said["baselines"].keys() == {"clairvoyant", *BASELINES, *(f"without {arm}" for arm in WITHOUT)}
    assert (said["n"], said["benign_site_days"]) == (2, 1.0)
    assert "wrong_rate_upper95" in said["targets_missed"], "two episodes cannot show so little"
    assert status == 1


@pytest.mark.parametrize(
    ("target", "cuts", "touches"),
    [
        (HostTarget("ws1", ()), 0, False),
        (HostTarget("hmi11", ()), 0, True),
        (HostTarget("hist1", ()), 1, True),
        (FlowTarget("ws1", "plc11", (), (), "tcp", 502), 0, True),
        (FlowTarget("ws1", "file1", (), (), "tcp", 445), 0, False),
        (ConduitTarget("office", "ot1", (), (), ()), 0, True),
        (ConduitTarget("office", "dmz", (), (), ()), 0, False),
    ],
)
def test_what_touches_control_is_told_from_the_rest(target: Target, cuts: int, *, touches: bool):
    assert restraint.controls(PLANT, act(target, cuts)) == touches
    assert not restraint.controls(make(1, "service", 40).site, act(HostTarget("web1", ()), 1))


def test_wrong_acts_are_counted_by_site_year_with_their_bound():
    drill = Drill(seeds=73, intruders=(), defenders=())
    seed = next(s for s in range(1, 99) if scenario(drill, s).estate.kind == "plant")
    day = Episode(seed=seed, family="f", defender="tercio", intruder="", kind="plant", size=9, length=5 * DAY)
    wrong = msgspec.structs.replace(day, acts=(act(HostTarget("ws1", ())), act(HostTarget("plc11", ()))))
    told = restraint.days(drill, [wrong, *[day] * 72])
    assert (told["benign_site_days"], told["wrong_ot"], told["wrong_it"]) == (365, 1, 1)
    assert told["wrong_it_per_site_year"] == 1.0
    assert told["wrong_ot_per_site_year_upper95"] == round(poisson_upper(1), 4)
    assert told["deep_wrong_seeds"] == [seed]
    none = restraint.days(drill, [msgspec.structs.replace(day, length=DAY)] * 11_000)
    assert none["wrong_ot_per_site_year_upper95"] < 0.1


def test_targets_that_were_not_measured_are_not_missed():
    met = {
        "wrong_rate": 0.01,
        "wrong_benign_rate": 0.0,
        "wrong_rate_upper95": 0.02,
        "contained_before_impact": 0.95,
        "money_saved": {name: {"lower95": 1.0} for name in BASELINES},
    }
    assert restraint.missed(met) == []
    worse = {**met, "wrong_benign_rate": 0.02, "contained_before_impact": None, "wrong_ot_per_site_year_upper95": 0.2}
    worse["money_saved"] = {**met["money_saved"], "always ask": {"lower95": 0.0}}
    assert restraint.missed(worse) == [
        *("wrong_benign_rate", "wrong_ot_per_site_year_upper95", "contained_before_impact", "money_saved: always ask"),
    ]
