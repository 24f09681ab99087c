from tercio.drills.simulated.intruders.cover import DEEDS, FLOODERS
from tests.drills.simulated.intruders.given import undefended


def test_the_flood_is_most_of_what_shows_and_harms_nobody():
    for kind in ("plant", "service"):
        done = undefended("cover", 1, kind)[1]
        flood = [deed for deed, _ in done if deed.actor.startswith("203.0.113.")]
        assert len(flood) == FLOODERS * (DEEDS + 1) > len(done) / 2
        assert {deed.goal for deed in flood if deed.dst} == {""}
        assert len({deed.actor for deed in flood}) == FLOODERS
