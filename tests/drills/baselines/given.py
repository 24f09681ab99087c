"""Short scripts of deeds for baselines, in a world where sensors see all and hands never fail."""

from collections.abc import Callable, Sequence

import msgspec

from tercio.drills.simulated.deeds import Deed, Goal, Play
from tercio.drills.simulated.defenders import Brief, Defender
from tercio.drills.simulated.episode import START, Episode, Scenario, play
from tercio.drills.simulated.estate import Estate, make
from tercio.drills.simulated.parameters import FITTED
from tercio.drills.simulated.rules import rule
from tercio.drills.simulated.truth import Truth
from tercio.model.units import HOUR, SECOND

CLEAR = msgspec.structs.replace(FITTED, recall={}, recall_else=1.0, duplicate=0.0, fails=0.0, length=10 * HOUR)

PLANT: Estate = make(1, "plant", 40)

MINUTE = 60 * SECOND

WRITE = "modbus-write"


def at(minute: float) -> int:
    return START + round(minute * MINUTE)


def write(
    minute: float, actor: str, *, hostile: bool = True, goal: Goal = Goal.NONE, name: str = "modbus-write"
) -> Deed:
    """A write to the first controller, seen on the wire: of high level, if its rule is not another."""
    return Deed(
        at=at(minute),
        actor=actor,
        dst=PLANT.named("plc")[0],
        service="modbus",
        rule=rule(name),
        tactics=("impair-process-control",),
        hostile=hostile,
        goal=goal,
    )


def script(*deeds: Deed) -> Callable[..., Sequence[Play]]:
    return lambda *_: ((deed for deed in deeds),)


def played(
    making: Callable[[Brief, Truth], Defender], *deeds: Deed, players: Callable[..., Sequence[Play]] | None = None
) -> Episode:
    truth = Truth()
    cast = truth.follow(players or script(*deeds))
    scenario = Scenario(seed=7, estate=PLANT, parameters=CLEAR, intruder="script", cast=cast)
    return play(scenario, lambda brief: making(brief, truth), "under test")
