"""What is known of a process from the wire: is it running, in which phase, who still watches it."""

import msgspec

FRESH = 30_000_000
"""A reading further away than this (microseconds) says nothing: it is stale, or the sensor's clock is wrong."""

STOPPED_READINGS = 3
STOPPED_SPAN = 2_000_000
"""A process counts as stopped after so many readings in a row that say so, over such a time (microseconds): one reading
may be an accident, or a lie."""

LOADING = 15 * 60_000_000
"""A program is believed to be loaded so long after its session was last seen (microseconds), unless its end was."""


MISSED = 3
LEAST_SILENCE = 3_000_000
"""A flow is silent once so many of its own polls are missing, and never before this (microseconds)."""


class ProcessState(msgspec.Struct, frozen=True):
    """The last readings of a process's tags: ``running`` as read at ``seen``, ``phase`` as read at ``phase_seen``;
    ``halted`` is since when every reading says that it does not run, and ``halts`` how many did (both 0 while it runs);
    ``polls`` holds, per needed flow ``from>to``, when an answered poll was last seen, and ``every`` how long it takes
    from one to the next at most (not there until two were seen); ``loads`` is, as ``from>to flow``, when sessions were
    seen over which the site says that programs are loaded. Instants by the sensor's clock."""

    running: bool | None = None
    phase: str = ""
    seen: int = 0
    polls: dict[str, int] = {}
    phase_seen: int = 0
    loads: dict[str, int] = {}
    halted: int = 0
    halts: int = 0
    every: dict[str, int] = {}

    def patience(self, key: str) -> int:
        """How long a flow that is polled at its own pace may go unseen before it is silent (microseconds); 0 where its
        pace is not known."""
        pace = self.every.get(key, 0)
        return max(LEAST_SILENCE, MISSED * pace) if pace else 0

    def stopped(self, now: int) -> bool:
        """True only where fresh readings said so again and again: an unknown process counts as running."""
        firm = self.halts >= STOPPED_READINGS and self.seen - self.halted >= STOPPED_SPAN
        return self.running is False and firm and abs(now - self.seen) <= FRESH

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
