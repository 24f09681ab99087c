"""Do nothing: what the intruder costs where nobody is there."""

from tercio.drills.simulated.defenders import NEVER, Sensed, Tally
from tercio.model.commands import Command


class Nothing:
    """Looks on."""

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:  # noqa: ARG002  (the protocol's own arguments)
        """No orders, ever."""
        return ()

    def due(self) -> int:
        """Never."""
        return NEVER

    def tally(self) -> Tally:
        """Nothing."""
        return Tally()
