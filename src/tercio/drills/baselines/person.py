"""Always ask a person: every alarm is a question, and nothing is done before it is answered."""

from tercio.drills.baselines.alarms import Alarms, culprit, severe
from tercio.drills.baselines.blocking import Blocking
from tercio.drills.simulated.defenders import NEVER, Brief, Sensed, Tally
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.truth import Truth
from tercio.model.commands import Command
from tercio.model.findings import Level
from tercio.model.site import CONTROLLERS, Site
from tercio.model.units import HOUR, SECOND

ANSWER = 480 * SECOND
"""How long he takes: eight minutes, at every hour, however many questions wait. Nobody is that quick at night: assumed
in his favour."""

RIGHT = 0.9
"""How often he tells rightly whether the intruder holds a machine. Assumed."""

STANDS = 8 * HOUR
"""A block that he orders stands until his shift is over."""

SETTLED = HOUR
"""About a source of which he said that it is nothing he is not asked again for so long."""


class AskPerson:
    """Asks about the source of each finding of at least medium level; blocks it where the person says so.

    He is right with a probability of ``right``, drawn by what is asked and how often, and in any case spares
    controllers, safety functions and the stations that people look at. A second question about one machine waits until
    the first is answered.
    """

    def __init__(self, brief: Brief, truth: Truth, right: float = RIGHT, answer: int = ANSWER) -> None:
        self._site, self._truth, self._seed = brief.site, truth, brief.seed
        self._right, self._answer = right, answer
        self._alarms, self._blocking = Alarms(brief), Blocking(brief)
        self._open: dict[tuple[str, str], int] = {}
        self._settled: dict[tuple[str, str], int] = {}
        self._asked: dict[str, int] = {}
        self._acted = 0

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """Take his answers, then ask about what is new."""
        orders: list[Command] = []
        for (name, address), at in sorted(self._open.items()):
            if at <= now:
                del self._open[name, address]
                says = self._says(name)
                self._settled[name, address] = now + (STANDS if says else SETTLED)
                orders += self._blocking.block(name, address, now, now + STANDS) if says else ()
        for finding in self._alarms.of(sensed):
            who = culprit(self._site, finding)
            known = who in self._open or self._settled.get(who, 0) > now
            if who[1] and severe(finding, Level.MEDIUM) and not known:
                self._open[who] = now + self._answer
                self._asked[who[0]] = self._asked.get(who[0], 0) + 1
        self._acted += len(orders)
        return tuple(orders)

    def due(self) -> int:
        """When he answers next."""
        return min(self._open.values(), default=NEVER)

    def tally(self) -> Tally:
        """Questions asked, and blocks that came of them."""
        return Tally(questions=sum(self._asked.values()), decisions=self._acted, cited=self._acted)

    def _says(self, name: str) -> bool:
        right = dice(self._seed, "person", name, self._asked[name]).random() < self._right
        return (name in self._truth.held) == right and not _kept(self._site, name)


def _kept(site: Site, name: str) -> bool:
    """What nobody in his senses takes off a line that runs."""
    asset = site.assets.get(name)
    views = {view for process in site.processes.values() for view in process.views}
    return asset is not None and (asset.role in CONTROLLERS or asset.role == "safety" or name in views)
