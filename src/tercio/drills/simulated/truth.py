"""What is true of an episode, for those who are told: a person who looks into it, a clairvoyant."""

from collections.abc import Sequence

from tercio.drills.simulated.deeds import Announced, Answer, Deed, Goal, Play
from tercio.drills.simulated.estate import Estate
from tercio.drills.simulated.intruders.moves import Cast
from tercio.drills.simulated.parameters import Parameters


class Truth:
    """Follows the plays of one episode and knows what came of each deed, at the instant at which it happens.

    ``held`` says since when the intruder holds which machine: an asset's name, or an address outside.
    """

    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    def follow(self, cast: Cast) -> Cast:
        """The same cast, followed. It does nothing else, and nothing otherwise."""

        def followed(estate: Estate, parameters: Parameters, seed: int, start: int) -> Sequence[Play]:
            return tuple(self._followed(play) for play in cast(estate, parameters, seed, start))

        return followed

    def _followed(self, play: Play) -> Play:
        thing: Deed | Announced | None = next(play, None)
        while thing is not None:
            answer = yield thing
            if isinstance(thing, Deed) and thing.hostile:
                self._note(thing, answer)
            try:
                thing = play.send(answer)
            except StopIteration:
                return

    def _note(self, deed: Deed, answer: Answer) -> None:
        self.held.setdefault(deed.actor, deed.at)
        if deed.goal == Goal.ENTER and answer.worked:
            self.held.setdefault(deed.dst or deed.actor, deed.at)
