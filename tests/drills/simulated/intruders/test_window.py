from tercio.drills.simulated.deeds import Announced
from tercio.drills.simulated.intruders.window import LENGTH
from tests.drills.simulated.intruders.given import undefended


def test_his_first_change_is_exactly_what_was_announced():
    for seed in (1, 2, 3):
        done = [thing for thing, _ in undefended("window", seed)[1]]
        place = next(n for n, thing in enumerate(done) if isinstance(thing, Announced))
        announced, change = done[place], done[place + 1]
        assert announced.activity == "write"
        assert (change.actor, change.dst) == (announced.asset, announced.target)
        assert announced.at <= change.at < announced.until == announced.at + LENGTH
