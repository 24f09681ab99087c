from contextlib import closing
from itertools import islice

import pytest

from tercio.drills.simulated.drill import Drill, episodes
from tercio.drills.simulated.players import PlayerEnded, run


def test_how_many_processes_play_changes_nothing_and_none_is_left_where_nobody_listens_any_more():
    drill = Drill(seeds=40, first=5, defenders=("do nothing", "block on alert"))
    with closing(run(drill, 2)) as two:
        together = tuple(islice(two, 3))
    alone = tuple(islice(run(drill, 1), 3))
    assert alone == together == tuple(episodes(drill, seed) for seed in (5, 6, 7))
    assert [[each.seed for each in seed] for seed in alone] == [[5, 5], [6, 6], [7, 7]]


def test_a_process_that_ends_is_an_error_that_names_its_seed(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(PlayerEnded, match="seed 8 ended"):
        tuple(run(Drill(seeds=2, first=8, defenders=("nobody knows him",)), 2))
    assert "nobody knows him" in capfd.readouterr().err
