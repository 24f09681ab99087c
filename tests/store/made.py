"""Values for the tests of the store: one incident with its command and effect, cited lines, whole turns."""

from pathlib import Path

from tercio.model.canon import canonical
from tercio.model.commands import Action, Command, Effect, EffectState, HostTarget
from tercio.model.events import Endpoint, Event, Provenance
from tercio.model.findings import Finding, Level
from tercio.model.ids import event_id
from tercio.model.incidents import Belief, Incident, Status
from tercio.model.journal import Told, digest_of
from tercio.model.records import Cited, CommandRow, Record, Transaction

ORIGIN = "Plant 7"
DIGITS = 20


def name(kind: str, n: int) -> str:
    return f"{kind}-{n:0{DIGITS}x}"


def incident(n: int, status: Status = Status.OPEN, updated: int | None = None) -> Incident:
    return Incident(
        id=name("inc", n),
        opened=1000 + n,
        updated=2000 + n if updated is None else updated,
        status=status,
        beliefs={"ews2": Belief((0.1, 0.2, 0.3, 0.2, 0.2), 2000)},
        evidence=(),
        findings=(name("fnd", n),),
        events=(name("evt", n),),
        techniques=("T0846",),
        sources={"ews2": ("10.77.30.9",)},
        proven=("10.77.30.9",),
        reached=(("ews2", "plc1", "modbus"),),
        steps=(1500,),
        repeats=0,
        through={"eve": ("g1", n)},
        version=1,
        last_evidence=2000 + n,
    )


def effect(n: int, state: EffectState = EffectState.STANDING) -> Effect:
    return Effect(
        lease=name("lse", n),
        command=name("cmd", n),
        incident=name("inc", n),
        decision=name("dec", n),
        hand="gate",
        target=HostTarget("ews2", ("10.77.30.9",)),
        state=state,
        since=2000 + n,
        until=9000 + n,
    )


def command(n: int, state: str = "ordered") -> CommandRow:
    order = Command(
        id=name("cmd", n),
        lease=name("lse", n),
        incident=name("inc", n),
        decision=name("dec", n),
        hand="gate",
        action=Action.DENY,
        target=HostTarget("ews2", ("10.77.30.9",)),
        issued=2000 + n,
        until=9000 + n,
    )
    return CommandRow(order, state)


def cited(n: int, raw: bytes | None = None) -> Cited:
    line = f'{{"n":{n}}}\n'.encode() if raw is None else raw
    event = Event(
        id=event_id("eve", "g1", n, line),
        source="eve",
        generation="g1",
        offset=n,
        product="suricata",
        kind="alert",
        class_uid=2004,
        time=n,
        began=n,
        until=n,
        received=n,
        provenance=Provenance.ESTABLISHED,
        src=Endpoint("10.77.30.9", 40000),
        dst=Endpoint("10.77.30.21", 502),
    )
    return Cited(event, line)


def told(n: int, *lines: Cited, absent: tuple[str, ...] = ()) -> Told:
    """A finding's record that rests on these lines, and on others that were not at hand."""
    finding = Finding(
        id=name("fnd", n),
        rule="r",
        version="1",
        title=f"finding {n}",
        level=Level.HIGH,
        tactics=(),
        techniques=("T0846",),
        events=(*(line.event.id for line in lines), *absent),
        time=n,
        received=n,
        provenance=Provenance.ESTABLISHED,
        src="10.77.30.9",
        dst=("10.77.30.21",),
        service="modbus",
        port=502,
        flow="",
        source="eve",
        generation="g1",
        offset=n,
    )
    return Told(finding, name("inc", n), "opened", (), digest_of(canonical(line.event) for line in lines), absent)


def record(n: int, kind: str = "finding", body: bytes = b"") -> Record:
    return Record(kind, name("inc", n), 3000 + n, body or canonical(told(n)))


def turn(n: int) -> Transaction:
    """A turn that cites a line, opens an incident, orders a command, and journals all of it."""
    opened, order, change = incident(n), command(n), effect(n, EffectState.ORDERED)
    return Transaction(
        time=3000 + n,
        records=(
            record(n, body=canonical(told(n, cited(n)))),
            Record("incident", opened.id, 3000 + n, canonical(opened)),
            Record("command", order.command.id, 3000 + n, canonical(order)),
            Record("effect", change.lease, 3000 + n, canonical(change)),
        ),
        cited=(cited(n),),
        incidents=(opened,),
        commands=(order,),
        effects=(change,),
        offsets={"eve": ("g1", n + 1)},
        snapshot=canonical({"turn": n}),
    )


def root_of_checkout() -> Path:
    return Path(__file__).parents[2]
