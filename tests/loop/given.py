"""A loop without its shell, and what its sensors and hands would say."""

import json
from functools import cache
from typing import Any

import msgspec

from tercio.agents.mandate import Limits, load
from tercio.brain.decide.question import Outlook
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import Windows
from tercio.content import mandate_schema, mandate_texts, rule_texts
from tercio.drills.range.range import site_file
from tercio.loop.conduct import Setback
from tercio.loop.engine import turn
from tercio.loop.sift import sift
from tercio.loop.state import Content, Inputs, LoopState, Memory, Release, Turn
from tercio.model.commands import Action, Command, HostTarget, Response, Standing, Status
from tercio.model.decisions import Reach
from tercio.model.events import Batch
from tercio.model.journal import Basis
from tercio.model.precision import Judgement
from tercio.model.sifted import Sifted
from tercio.model.site import Autonomy
from tercio.model.siteparse import parse_site
from tercio.model.units import SECOND, timestamp
from tercio.model.words import Window, Word, WordKind
from tercio.products.sensors import SENSORS
from tercio.testing.story import Story

START = 1_800_000_000 * SECOND
SOURCE = "ot"
HOUR = 3600 * SECOND
OUTLOOK = Outlook(span=60 * SECOND, half_life=120 * SECOND, wait=60 * SECOND)
RELEASE = Release(threshold=0.2, quiet_least=60 * SECOND, quiet_most=120 * SECOND, longest=HOUR)
WS1, EWS1, PLC1, HMI1, HIST1 = "10.77.10.10", "10.77.30.30", "10.77.30.21", "10.77.30.10", "10.77.20.10"
BASIS = Basis(
    version="0",
    code="c",
    site="s",
    rules="r",
    numbers="n",
    policies=tuple(sorted(mandate_texts().items())),
    schema=mandate_schema(),
)
WRITE, HANDSHAKE = 9200003, 9200001

replace = msgspec.structs.replace


def content(**changes: Any) -> Content:
    """The range's own site, with the rules and the mandate that ship; leases of a minute."""
    return replace(_content(), **changes)


def advising() -> Content:
    """The same, where people granted nothing but advice."""
    zones = {name: replace(zone, autonomy=Autonomy.ADVISE) for name, zone in content().site.zones.items()}
    return content(site=replace(content().site, zones=zones))


def two_sensors() -> Content:
    """The same with a second sensor, of whose silence nobody takes notice."""
    sensors = {SOURCE: SENSORS["suricata"], "office": SENSORS["suricata"]}
    detector = Detector(content().rules, {name: sensor.log_source for name, sensor in sensors.items()})
    return content(sensors=sensors, detector=detector)


@cache
def _content() -> Content:
    rules = compile_rules(rule_texts())
    return Content(
        site=parse_site(site_file().read_text()),
        sensors={SOURCE: SENSORS["suricata"]},
        silent_after={SOURCE: 10 * SECOND},
        rules=rules,
        detector=Detector(rules, {SOURCE: SENSORS["suricata"].log_source}),
        mandate=load(mandate_texts(), mandate_schema()),
        limits=Limits(),
        outlook=OUTLOOK,
        release=RELEASE,
        reaches=(Reach("gateway", "nftables", ("office", "dmz", "ot")),),
        basis=BASIS,
    )


def fresh(**changes: Any) -> LoopState:
    memory = Memory(windows=Windows(), heard={SOURCE: START}, basis=BASIS.digest)
    return LoopState(**{"memory": memory, "flushed": START, **changes})


def eve(kind: str, at: int, src: str, dst: str, *, sport: int = 40000, dport: int = 502, **more: Any) -> bytes:
    """One line as Suricata writes it."""
    head = {
        "timestamp": timestamp(at).replace("Z", "+0000"),
        "event_type": kind,
        "src_ip": src,
        "src_port": sport,
        "dest_ip": dst,
        "dest_port": dport,
        "proto": "TCP",
        "community_id": f"1:{src}:{sport}>{dst}:{dport}",
    }
    return json.dumps({**head, **more}, separators=(",", ":")).encode() + b"\n"


def alert(at: int, src: str, dst: str, sid: int = WRITE, provenance: str = "established", **ends: int) -> bytes:
    said = {"action": "allowed", "signature_id": sid, "metadata": {"provenance": [provenance]}}
    return eve("alert", at, src, dst, alert=said, **ends)


def poll(at: int, running: bool = True, hmi: str = HMI1) -> bytes:
    """The operator's view reads the state coil, and the controller answers."""
    return eve("modbus", at, hmi, PLC1, modbus={
        "request": {"function_raw": 1, "unit_id": 1, "read": {"address": 0, "quantity": 1}},
        "response": {"function_raw": 1, "unit_id": 1, "read": {"data": chr(int(running))}},
    })  # fmt: skip


def flow(began: int, end: int, src: str, dst: str, state: str = "established") -> bytes:
    span = {"start": timestamp(began).replace("Z", "+0000"), "end": timestamp(end).replace("Z", "+0000")}
    return eve("flow", end, src, dst, flow={**span, "state": state}, tcp={"state": state})


def sifted(of: Content, *batches: Batch) -> tuple[Sifted, ...]:
    """What the loop's shell, or a worker, makes of batches."""
    return tuple(lot for batch in batches for lot in sift(of, batch))


class Desk:
    """A loop told by hand: it keeps the story, the offset and what was ordered, and answers as a hand would.

    The story takes each turn twice, so every test here also shows that a turn is pure.
    """

    def __init__(self, of: Content | None = None, state: LoopState | None = None) -> None:
        self.content = of or content()
        self.story: Story[LoopState, Inputs, Turn] = Story(self._step, state or fresh())
        self.now = START
        self.offset = 0
        self.turns: list[Turn] = []
        self.orders: list[Command] = []
        """Orders not answered yet, questions aside."""

    def _step(self, state: LoopState, given: Inputs) -> tuple[LoopState, tuple[Turn]]:
        result = turn(self.content, state, given)
        return result.state, (result,)

    @property
    def state(self) -> LoopState:
        return self.story.state

    def take(self, *lines: bytes, after: int = 0, **inputs: Any) -> Turn:
        """One turn ``after`` microseconds later, over these lines."""
        self.now += after
        batches = inputs.pop("batches", (Batch(SOURCE, "g1", self.offset, lines, self.now),) if lines else ())
        self.offset += sum(map(len, lines))
        given = Inputs(**{"now": self.now, "draw": 0.5, "lots": sifted(self.content, *batches), **inputs})
        (result,) = self.story.feed(given).outputs
        self.story.pass_over()
        self.turns.append(result)
        self.orders += [command for command in result.orders if command.action != Action.QUERY]
        return result

    def answer(self, status: Status = Status.DONE, after: int = SECOND // 100, **changes: Any) -> Turn:
        """The hand answers everything that was ordered."""
        told, self.orders = self.orders, []
        return self.take(responses=tuple(reply(c, self.now + after, status, **changes) for c in told), after=after)

    def pass_time(self, span: int, step: int = SECOND, lines: bool = True, status: Status = Status.DONE) -> None:
        """Time goes by, the sensor sees the operator's polls, the hand obeys."""
        for _ in range(span // step):
            self.take(*((poll(self.now + step),) if lines else ()), after=step)
            if self.orders:
                self.answer(status, after=0)

    def contained(self) -> "Desk":
        """An intruder wrote to the controller and is refused."""
        self.take(poll(self.now))
        self.take(alert(self.now, WS1, PLC1), after=SECOND)
        self.answer()
        return self

    def say(
        self, kind: WordKind, target: str = "", window: Window | None = None, who: str = "anna", **more: Any
    ) -> str:
        word = Word(kind=kind, who=who, time=self.now, target=target, window=window, **more)
        return self.take(words=(word,)).answers[0]

    def judge(self, verdict: Judgement, target: str = "", *rules: str, note: str = "", **inputs: Any) -> str:
        """A verdict, by default on the only incident."""
        word = Word(
            kind=WordKind.CLOSE, who="anna", time=self.now, target=target or self.incident.id, verdict=verdict,
            rules=rules, note=note,
        )  # fmt: skip
        return self.take(words=(word,), **inputs).answers[0]

    @property
    def effect(self) -> Any:
        """The only effect."""
        (only,) = self.state.effects.values()
        return only

    @property
    def incident(self) -> Any:
        """The only incident."""
        (only,) = self.state.incidents.values()
        return only

    def records(self, kind: str) -> list[Any]:
        """Everything of one kind that was journaled, as plain values."""
        written = [turn.transaction for turn in self.turns if turn.transaction]
        return [msgspec.json.decode(r.body) for transaction in written for r in transaction.records if r.kind == kind]

    def states(self) -> list[str]:
        """The states that effects were journaled with, in order."""
        return [effect["state"] for effect in self.records("effect")]


def set_aside() -> dict[str, Setback]:
    """A rule that was set aside, and one that is gone by now."""
    rule = next(iter(content().rules.rules.values()))
    setback = Setback(rule.version, START, 64, "why", aside=True)
    return {rule.id: setback, "gone": setback}


def command(name: str = "cmd-9", lease: str = "lse-1") -> Command:
    return Command(
        id=name, lease=lease, incident="inc-1", decision="dec-1", hand="gateway", action=Action.DENY,
        target=HostTarget("ws1", (WS1,)), issued=START, until=START + 60 * SECOND,
    )  # fmt: skip


def reply(command: Command, at: int, status: Status = Status.DONE, **changes: Any) -> Response:
    whole = {"held": status == Status.DONE, "retry": status in (Status.FAILED, Status.UNREACHABLE)}
    return Response(command=command.id, hand=command.hand, status=status, at=at, **{**whole, **changes})


def listing(of: Turn, at: int, *leases: tuple[str, int]) -> Response:
    """What a hand answers to the question among a turn's orders."""
    (question,) = [command for command in of.orders if command.action == Action.QUERY]
    standing = tuple(Standing(lease, until) for lease, until in leases)
    return reply(question, at, standing=standing)


def window(**changes: Any) -> Window:
    whole: dict[str, Any] = {
        "id": "",
        "asset": "ews1",
        "target": "plc1",
        "activity": "write",
        "since": START,
        "until": START + HOUR,
        "by": "",
    }
    return Window(**{**whole, **changes})
