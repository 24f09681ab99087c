"""Intruders by kind, one file each: whom each copies, and what would stop him."""

import msgspec

from tercio.drills.simulated.blueprint import Kind
from tercio.drills.simulated.intruders import (
    adaptive,
    cover,
    framer,
    insider,
    quiet,
    ransom,
    returner,
    silencer,
    smash,
    swarm,
    vendor,
    waiter,
    window,
)
from tercio.drills.simulated.intruders.moves import Cast
from tercio.model.units import HOUR

EVERYWHERE: tuple[Kind, ...] = ("plant", "service")
PLANTS: tuple[Kind, ...] = ("plant",)


class Intruders(msgspec.Struct, frozen=True):
    """A kind of intruder: in words, his plays, where he is met, and how long an episode of his must last for him to
    reach his goal (microseconds)."""

    words: str
    plays: Cast
    estates: tuple[Kind, ...] = EVERYWHERE
    length: int = 12 * HOUR


INTRUDERS: dict[str, Intruders] = {
    "smash": Intruders("smash and grab from the office", smash.plays),
    "quiet": Intruders("slow and quiet, with stolen accounts", quiet.plays, length=72 * HOUR),
    "ransom": Intruders("ransomware", ransom.plays, length=24 * HOUR),
    "insider": Intruders("an engineering station from within", insider.plays, PLANTS),
    "vendor": Intruders("a vendor's remote access", vendor.plays),
    "swarm": Intruders("a swarm of cheap parallel trials", swarm.plays),
    "cover": Intruders("a flood as cover", cover.plays),
    "adaptive": Intruders("adapts to containment", adaptive.plays),
    "waiter": Intruders("waits out the lease", waiter.plays, length=24 * HOUR),
    "returner": Intruders("acts in the minute after release", returner.plays),
    "window": Intruders("inside a valid maintenance window", window.plays, PLANTS),
    "silencer": Intruders("silences a sensor first", silencer.plays),
    "framer": Intruders("frames another host", framer.plays, PLANTS),
}
"""Every kind by its name."""
