from tercio.drills.baselines.nothing import Nothing
from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.defenders import Tercio
from tercio.drills.simulated.episode import play
from tercio.drills.simulated.truth import Truth
from tests.drills.baselines.given import at, played, write
from tests.drills.simulated.given import scenario


def test_who_was_followed_does_the_same():
    given = scenario(2)
    followed = Truth().follow(given.cast)
    again = type(given)(**{name: getattr(given, name) for name in given.__struct_fields__} | {"cast": followed})
    assert play(again, Tercio, "tercio") == play(given, Tercio, "tercio")


def test_it_knows_who_is_held_since_when_and_who_is_not():
    known: list[Truth] = []

    def nobody(_, truth):
        known.append(truth)
        return Nothing()

    door = Deed(at=at(9), actor="ws1", dst="jump1", service="tcp/9", hostile=True, goal=Goal.ENTER)
    land = Deed(at=at(3), actor="ws1", hostile=True, goal=Goal.ENTER)
    played(nobody, write(1, "ws2", hostile=False), land, write(5, "ws1"), door)
    assert known[0].held == {"ws1": at(3)}
