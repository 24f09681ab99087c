"""Block on alert: what active response does. No belief, no price, no question."""

from tercio.drills.baselines.alarms import Alarms, culprit, severe
from tercio.drills.baselines.blocking import Blocking, until
from tercio.drills.simulated.defenders import NEVER, Brief, Sensed, Tally
from tercio.model.commands import Command
from tercio.model.findings import Level
from tercio.model.units import SECOND

USUAL = 600 * SECOND
"""How long a block lasts that nobody set otherwise: ten minutes in fail2ban's ``jail.conf`` (``bantime``) and in the
examples of active response that come with OSSEC."""


class OnAlert:
    """Blocks the source of every finding of at least ``level`` for ``span`` (microseconds; 0: for good).

    OSSEC and Wazuh act by alert level on the address that the alert names, CrowdSec and fail2ban by scenario. Here a
    host that tells of itself is cut off by its own address, which those cannot do from afar.
    """

    def __init__(self, brief: Brief, level: Level = Level.MEDIUM, span: int = USUAL) -> None:
        self._site, self._level, self._span = brief.site, level, span
        self._alarms, self._blocking = Alarms(brief), Blocking(brief)
        self._cited = 0

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        """Block whoever was just found to do something."""
        orders: list[Command] = []
        for finding in self._alarms.of(sensed):
            if severe(finding, self._level):
                orders += self._blocking.block(*culprit(self._site, finding), now, until(now, self._span))
        self._cited += len(orders)
        return tuple(orders)

    def due(self) -> int:
        """It never acts by the clock."""
        return NEVER

    def tally(self) -> Tally:
        """One finding is enough for each act."""
        return Tally(decisions=self._cited, cited=self._cited)
