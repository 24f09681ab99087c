import msgspec
import pytest

from tercio.drills.scoreboard import Scoreboard
from tercio.drills.simulated.board import Board, board, loss
from tercio.drills.simulated.bounds import binomial_upper
from tercio.drills.simulated.episode import Episode
from tercio.drills.simulated.harm import Act
from tercio.drills.simulated.world import Impact
from tercio.model.commands import HostTarget
from tercio.model.units import HOUR, SECOND


def act(since: int, ended: int, *, right: bool, cost: int = 0) -> Act:
    return Act(target=HostTarget("ws1", ("10.0.0.1",)), since=since, ended=ended, right=right, cost=cost)


QUIET = Episode(seed=2, family="f", defender="d", intruder="", kind="plant", size=9, length=8 * HOUR)
STOPPED = msgspec.structs.replace(
    QUIET,
    seed=1,
    intruder="smash",
    sensed=10 * SECOND,
    contained=12 * SECOND,
    acts=(act(12 * SECOND, 60 * SECOND, right=True, cost=300),),
    restored=40 * SECOND,
    missed={"unseen": 2},
    questions=2,
    decisions=2,
    cited=6,
)
LOST = msgspec.structs.replace(
    STOPPED, seed=3, impacts=(Impact("line1", 20 * SECOND, 5000),), missed={"unseen": 1, "no rule": 4}, returned=True
)
WRONG = msgspec.structs.replace(
    QUIET,
    seed=4,
    acts=(act(0, 120 * SECOND, right=False, cost=200), act(0, 60 * SECOND, right=False)),
    trips=(Impact("line1", 50, 700),),
)


@pytest.fixture(scope="module")
def told() -> Board:
    return board([STOPPED, QUIET, LOST, WRONG], frozenset({1, 3}))


def test_what_was_wrong_is_counted_by_episode_with_its_bound(told: Board):
    assert (told.episodes, told.intrusions, told.benign) == (4, 2, 2)
    assert (told.wrong_episodes, told.wrong_rate, told.wrong_benign_rate) == (1, 0.25, 0.5)
    assert told.wrong_rate_upper95 == round(binomial_upper(1, 4), 6)
    assert told.wrong_benign_rate_upper95 == round(binomial_upper(1, 2), 6)
    assert (told.wrong_containments, told.wrong_minutes, told.trips) == (2, 3.0, 1)


def test_only_he_who_reached_nothing_was_contained(told: Board):
    assert (told.reached, told.stoppable, told.contained_before_impact) == (1, 2, 0.5)
    assert board([LOST], frozenset()).contained_before_impact is None


def test_times_counts_and_money(told: Board):
    assert (told.time_to_contain_p50_ms, told.time_to_contain_p95_ms) == (2000.0, 2000.0)
    assert (told.time_to_restore_p50_s, told.returned) == (40.0, 1)
    assert told.missed == {"no rule": 4, "unseen": 3}
    assert (told.questions_a_shift, told.evidence) == (1.0, 3.0)
    assert (told.attack_lost, told.production_lost, told.cost_of_response) == (12.5, 1.75, 2.0)
    assert told.loss == 16.25
    assert loss(WRONG) == 900


def test_nothing_played_is_nothing_said():
    none = board([], frozenset())
    assert (none.episodes, none.wrong_rate, none.wrong_rate_upper95, none.loss) == (0, 0.0, 1.0, 0.0)
    assert none.time_to_contain_p50_ms is None
    assert none.evidence is None


def test_what_the_range_counts_too_has_the_same_name():
    shared = {"wrong_containments", "trips", "production_lost", "cost_of_response", "incidents", "evidence"}
    assert shared == set(Board.__struct_fields__) & set(Scoreboard.__struct_fields__)
