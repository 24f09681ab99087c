"""Plain people for episodes: a hasty intruder, a day's work, and the stage for both."""

from collections.abc import Sequence

from tercio.drills.simulated.deeds import Announced, Answer, Deed, Goal, Play
from tercio.drills.simulated.defenders import Brief, Sensed, Tally
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.episode import Scenario
from tercio.drills.simulated.estate import Estate, make
from tercio.drills.simulated.parameters import FITTED, Parameters
from tercio.drills.simulated.rules import rule
from tercio.model.commands import Command
from tercio.model.units import SECOND

MINUTE = 60 * SECOND


class Idle:
    """A defender that does nothing."""

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.given: list[tuple[int, Sensed]] = []

    def see(self, now: int, sensed: Sensed) -> tuple[Command, ...]:
        self.given.append((now, sensed))
        return ()

    def due(self) -> int:
        return 1 << 62

    def tally(self) -> Tally:
        return Tally()


def hasty(estate: Estate, parameters: Parameters, seed: int, start: int) -> Play:
    """From a workstation through whatever is open, sweeping the cells, to a controller, as fast as he can."""
    luck = dice(seed, "hasty")
    first = luck.choice(estate.named("workstation"))
    answer = yield Deed(
        at=start + 8 * 60 * MINUTE,
        actor=first,
        rule=rule("encoded-powershell"),
        tactics=("execution",),
        hostile=True,
        goal=Goal.ENTER,
    )
    holds = [first]
    for name in (*estate.named("historian", "jump", "ews", "server"),):
        for service in estate.open.get(name, ()):
            for here in holds:
                answer = yield _step(luck, answer, here, name, service)
                if answer.worked:
                    break
            if answer.worked:
                holds.append(name)
                break
    controllers = estate.named("plc")
    for here in reversed(holds):
        for each in luck.sample(controllers, min(8, len(controllers))):
            answer = yield Deed(
                at=answer.at + SECOND,
                actor=here,
                dst=each,
                service="modbus",
                rule=rule("syn-probe"),
                tactics=("discovery",),
                hostile=True,
            )
        for each in controllers:
            answer = yield Deed(
                at=answer.at + round(20 * SECOND * parameters.tempo * luck.lognormvariate(0, 0.7)),
                actor=here,
                dst=each,
                service="modbus",
                rule=rule("modbus-write"),
                tactics=("impair-process-control",),
                hostile=True,
                goal=Goal.CONTROL,
            )
            if answer.worked:
                answer = yield Deed(
                    at=answer.at + round(60 * SECOND * parameters.tempo * luck.lognormvariate(0, 0.7)),
                    actor=here,
                    dst=each,
                    service="modbus",
                    rule=rule("modbus-write"),
                    tactics=("impair-process-control",),
                    hostile=True,
                    goal=Goal.STOP,
                )


def _step(luck, answer: Answer, here: str, name: str, service: str) -> Deed:
    return Deed(
        at=answer.at + round(90 * SECOND * luck.lognormvariate(0, 0.7)),
        actor=here,
        dst=name,
        service=service,
        rule=rule("ids-attempt"),
        tactics=("lateral-movement",),
        hostile=True,
        goal=Goal.ENTER,
    )


def day(estate: Estate, parameters: Parameters, seed: int, start: int) -> Play:
    """Everybody's habits, as often as they are, with an announced writer."""
    luck = dice(seed, "day")
    length = parameters.length
    due = sorted(
        (start + round(luck.random() * length), talk)
        for place, talk in enumerate(estate.talks)
        for _ in range(round(talk.per_day * parameters.noise * length / 86_400_000_000 + luck.random()))
        if place < 40
    )
    for at, talk in due:
        yield Deed(at=at, actor=talk.src, dst=talk.dst, service=talk.service)


def window(estate: Estate, start: int) -> Play:
    """A station writes in its announced window."""
    ews, plc = estate.named("ews")[0], estate.named("plc")[0]
    yield Announced(at=start + MINUTE, until=start + 60 * MINUTE, asset=ews, target=plc, activity="write")
    for number in range(5):
        yield Deed(
            at=start + (2 + number) * MINUTE,
            actor=ews,
            dst=plc,
            service="modbus",
            rule=rule("modbus-write"),
            tactics=("impair-process-control",),
        )


def cast(estate: Estate, parameters: Parameters, seed: int, start: int) -> Sequence[Play]:
    return hasty(estate, parameters, seed, start), day(estate, parameters, seed, start)


def scenario(seed: int, size: int = 40, parameters: Parameters = FITTED, players=cast) -> Scenario:
    return Scenario(
        seed=seed, estate=make(seed % 32, "plant", size), parameters=parameters, intruder="hasty", cast=players
    )
