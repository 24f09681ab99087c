"""Benign acts that look like an attack, by name: a drill plays them to tempt a hasty defender."""

from collections.abc import Callable, Iterable

import msgspec

from tercio.drills.range.range import Range


class Lookalike(msgspec.Struct, frozen=True):
    """What is said of it, who comes for it (actors of the range), and which standing actor it starts anew."""

    words: str
    visitors: tuple[str, ...] = ()
    restarts: str = ""


LOOKALIKES = {
    "scanner": Lookalike("the scanner sweeps on its schedule", ("scanner",)),
    "window": Lookalike("the engineering station writes in its window", ("ews",)),
    "backup": Lookalike("the engineering station copies its projects to the historian", ("vault", "backup")),
    "restart": Lookalike("the operator's screen starts anew", restarts="hmi"),
    "spoofed": Lookalike("two machines sweep in the screen's name", ("spoofer", "outsider")),
    "move": Lookalike("an office address passes to another machine", ("lease",)),
}
EVERYDAY = ("scanner", "window", "backup", "restart", "spoofed")
"""What a drill plays unless told otherwise. A lease that moves takes the intruder's own address away."""

SERVERS = ("vault",)
"""Visitors that stay until they are sent away."""
BURST = 20
"""Polls without a pause with which a screen that starts fills its pages."""


def begin(plant: Range, names: Iterable[str], say: Callable[[str, str], None]) -> None:
    """Start these look-alikes side by side. Raises KeyError for a name that is none."""
    chosen = [LOOKALIKES[name] for name in names]
    if chosen:
        say("drill", f"look-alikes: {', '.join(each.words for each in chosen)}")
    for each in chosen:
        for visitor in each.visitors:
            plant.visit(visitor)
        if each.restarts:
            plant.restart(each.restarts, "--burst", str(BURST))


def finish(plant: Range) -> None:
    """Wait until whoever came has gone, and send away whoever would stay."""
    for name in (visitor for each in LOOKALIKES.values() for visitor in each.visitors):
        if name in plant.running and name not in SERVERS:
            plant.finish(name)
    plant.stop(SERVERS)
