"""What is known of a process from the wire: is it running, in which phase, who still watches it."""

import msgspec

FRESH = 30_000_000
"""A reading further away than this (microseconds) says nothing: it is stale, or the sensor's clock is wrong."""

LOADING = 15 * 60_000_000
"""A program is believed to be loaded so long after its session was last seen (microseconds), unless its end was."""


class ProcessState(msgspec.Struct, frozen=True):
    """The last readings of a process's tags: ``running`` as read at ``seen``, ``phase`` as read at ``phase_seen``;
    ``polls`` holds, per needed flow ``from>to``, when an answered poll was last seen; ``loads`` the same for sessions
    over which the site says that programs are loaded, ``from>to flow``. Instants by the sensor's clock."""

    running: bool | None = None
    phase: str = ""
    seen: int = 0
    polls: dict[str, int] = {}
    phase_seen: int = 0
    loads: dict[str, int] = {}

    def stopped(self, now: int) -> bool:
        """True only where a fresh reading says so: an unknown process counts as running."""
        return self.running is False and abs(now - self.seen) <= FRESH

    def holds(self, hold: tuple[str, ...], now: int) -> bool:
        """True in a phase that must not be interrupted. Where the site names such phases, an unknown phase is one."""
        if not hold:
            return False
        phase = self.phase_at(now)
        return not phase or phase in hold

    def loading(self, now: int) -> tuple[tuple[str, str], ...]:
        """Who may be loading a program into which controller, sorted."""
        keys = (key.partition(" ")[0].partition(">") for key, at in self.loads.items() if abs(now - at) <= LOADING)
        return tuple(sorted({(src, dst) for src, _, dst in keys}))

    def phase_at(self, now: int) -> str:
        """The phase, where a fresh reading says it; else empty: nobody knows."""
        return self.phase if abs(now - self.phase_seen) <= FRESH else ""
