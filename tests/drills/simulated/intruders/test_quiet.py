from tercio.drills.simulated.intruders.quiet import QUIET
from tercio.model.units import HOUR
from tests.drills.simulated.intruders.given import undefended


def test_he_takes_many_hours_and_most_of_his_steps_within_it_match_nothing():
    for seed in (1, 2, 3):
        episode, _ = undefended("quiet", seed, "service")
        assert min(impact.at for impact in episode.impacts) - episode.began > 3 * HOUR
    said = (*QUIET.attempt, *QUIET.windows, *QUIET.linux)
    assert said.count("") >= len(said) / 2
