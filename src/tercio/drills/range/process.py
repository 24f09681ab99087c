"""The physics of the line and the controller's program: a buffer tank that feeds a filler. Pure."""

import msgspec

from tercio.model.units import SECOND

INFLOW = 20.0
"""Per cent of the tank a second with the inflow valve open."""
DRAW = 8.0
"""Per cent of the tank a second that the filler draws."""
BOTTLE = 0.8
"""Per cent of the tank in one bottle."""
OVERFLOW = 90.0
UNDERRUN = 10.0
"""Levels (per cent) at which the controller's local limit stops the line."""
STARVED = 3 * SECOND
"""So long may a running line's filler get nothing before the limit stops it."""
WARMING = 5.0
"""Seconds in which the product's temperature covers two thirds of the way to its setpoint."""


class Coils(msgspec.Struct, frozen=True):
    """Coils 0 to 2: the line runs; the inflow valve is open; the filler's pump draws."""

    running: bool = True
    valve: bool = False
    pump: bool = True


class Setpoints(msgspec.Struct, frozen=True):
    """Holding registers 0 to 2: levels at which the valve closes and opens (tenths of a per cent), and the recipe's
    temperature (tenths of a degree)."""

    high: int = 600
    low: int = 400
    recipe: int = 210


class Tank(msgspec.Struct, frozen=True):
    """The state of the line. ``tripped`` is why the limit stopped it, empty while it has not; ``ran`` whether it ran
    at the last step; ``idle`` how long its filler has had nothing (microseconds)."""

    level: float = 50.0
    temperature: float = 21.0
    filled: float = 0.0
    trips: int = 0
    tripped: str = ""
    ran: bool = True
    idle: int = 0

    @property
    def bottles(self) -> int:
        """Whole bottles so far."""
        return int(self.filled)

    def inputs(self) -> list[int]:
        """Input registers 0 to 4: level and temperature (tenths), bottles (low and high word), trips."""
        return [
            round(self.level * 10),
            max(0, round(self.temperature * 10)) & 0xFFFF,
            self.bottles & 0xFFFF,
            self.bottles >> 16 & 0xFFFF,
            self.trips & 0xFFFF,
        ]


def step(tank: Tank, coils: Coils, setpoints: Setpoints, span: int) -> tuple[Tank, Coils]:
    """One scan of the program over ``span`` microseconds: control, physics, then the limit.

    A trip stays until the controller is started anew: it is reset at the plant, not over the network.
    """
    seconds = span / SECOND
    temperature = tank.temperature + (setpoints.recipe / 10 - tank.temperature) * min(1.0, seconds / WARMING)
    coils = _control(tank, coils, setpoints)
    inflow = INFLOW * seconds if coils.valve else 0.0
    drawn = min(DRAW * seconds, tank.level) if coils.pump else 0.0
    tank = msgspec.structs.replace(
        tank,
        level=min(100.0, tank.level + inflow - drawn),
        temperature=temperature,
        filled=tank.filled + drawn / BOTTLE,
        ran=coils.running,
        idle=0 if drawn or not coils.running else tank.idle + span,
    )
    reason = _limit(tank)
    if not reason:
        return tank, coils
    tank = msgspec.structs.replace(tank, trips=tank.trips + 1, tripped=reason, ran=False)
    return tank, Coils(running=False, valve=False, pump=False)


def _control(tank: Tank, coils: Coils, setpoints: Setpoints) -> Coils:
    if tank.tripped or not coils.running:
        return Coils(running=False, valve=False, pump=False)
    valve = coils.valve
    if tank.level * 10 < setpoints.low:
        valve = True
    elif tank.level * 10 > setpoints.high:
        valve = False
    return Coils(running=True, valve=valve, pump=coils.pump or not tank.ran)


def _limit(tank: Tank) -> str:
    if not tank.ran:
        return ""
    if tank.level >= OVERFLOW:
        return "overflow"
    if tank.level <= UNDERRUN:
        return "underrun"
    return "filler starved" if tank.idle >= STARVED else ""
