"""Values that the tests of correlation and decision start from, and random ones for what must always hold."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from tercio.brain.correlate.incidents import Setting, correlate
from tercio.brain.decide.question import Outlook, Question
from tercio.model.commands import Effect, EffectState, Target
from tercio.model.decisions import Permission, Reach, Ruling
from tercio.model.events import Provenance
from tercio.model.findings import Finding, Level
from tercio.model.incidents import Incident
from tercio.model.processes import STOPPED_READINGS, STOPPED_SPAN, ProcessState
from tercio.model.site import Asset, Flow, Process, Site, Tag, Zone
from tercio.model.units import SECOND
from tercio.model.words import Window

replace = msgspec.structs.replace

NOON = 1_800_014_400 * SECOND
"""An instant at twelve o'clock UTC."""
HALF_LIFE = 4 * 3600 * SECOND
PROVEN, FORGED = Provenance.ESTABLISHED, Provenance.FORGEABLE
STRANGER = "10.1.0.99"


def asset(name: str, zone: str, role: str, **more: Any) -> Asset:
    """Addresses follow from the zone and the digits of the name: ``ws1`` is 10.1.0.1 and fd00:1::1."""
    number = {"office": 1, "dmz": 2, "ot": 3}[zone]
    host = {"ws": 0, "hist": 10, "hmi": 20, "plc": 30, "ews": 40, "sis": 50, "web": 60}[name.rstrip("0123456789")]
    host += int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))
    return Asset(name, (f"10.{number}.0.{host}", f"fd00:{number}::{host:x}"), zone, role, **more)


def zone(name: str, number: int, level: float, **more: Any) -> Zone:
    return Zone(name, (f"10.{number}.0.0/24", f"fd00:{number}::/64"), level, **more)


FILLING = Process(
    name="filling", outage_per_hour=4_200_000, restart_span=3 * 3600 * SECOND, restart_cost=6_000_000, scrap=1_800_000,
    needs=("plc1", "hmi1", "hist1"), views=("hmi1",), tolerates={"hist1": 8 * 3600 * SECOND},
    flows=(Flow("hmi1", "plc1", "modbus"), Flow("hist1", "plc1", "modbus", "read")),
    state=Tag("modbus", "plc1", "coil", 0), phases=Tag("modbus", "plc1", "register", 7),
)  # fmt: skip
ASSETS = (
    asset("ws1", "office", "workstation", outage_per_hour=6_000), asset("ws2", "office", "workstation"),
    asset("hist1", "dmz", "historian", outage_per_hour=8_000), asset("hmi1", "ot", "hmi"), asset("plc1", "ot", "plc"),
    asset("ews1", "ot", "ews", outage_per_hour=15_000),
)  # fmt: skip
ZONES = (zone("office", 1, 4.0, outage_per_hour=120_000), zone("dmz", 2, 3.5), zone("ot", 3, 2.0))


def site(*processes: Process, assets: Sequence[Asset] = (), **more: Any) -> Site:
    """Office, DMZ and OT with one line that fills bottles, or other processes; further assets."""
    return Site(
        name="Plant 7", currency="EUR", zones={z.name: z for z in ZONES},
        assets={a.name: a for a in (*ASSETS, *assets)},
        processes={p.name: p for p in processes or (FILLING,)}, **more,
    )  # fmt: skip


PLANT = site()
REACH = Reach("gateway", "nftables", ("office", "dmz", "ot"))
SCAN, WRITE, MOVE = ("discovery",), ("impair-process-control",), ("lateral-movement",)
_numbers = itertools.count()
_drawn = st.shared(st.builds(itertools.count, st.just(10**12)), key="numbers")
"""Random findings are numbered anew in every example, behind those that a test makes itself."""


def finding(src: str = "ws1", *dst: str, plant: Site = PLANT, number: int | None = None, **changes: Any) -> Finding:
    """By asset names or bare addresses; each is about a line, an event and a flow of its own."""
    number = next(_numbers) if number is None else number
    whole: dict[str, Any] = {
        "id": f"fnd-{number}", "rule": "sweep", "version": "1", "title": "", "level": Level.HIGH, "tactics": SCAN,
        "techniques": ("T0846",), "events": (f"evt-{number}",), "time": NOON, "received": NOON, "provenance": PROVEN,
        "src": address(plant, src), "dst": tuple(address(plant, d) for d in dst or ("plc1",)), "service": "modbus",
        "port": 502, "flow": f"1:{number}", "source": "eve", "generation": "g1", "offset": number,
    }  # fmt: skip
    return Finding(**{**whole, **changes})


def again(finding: Finding, **changes: Any) -> Finding:
    """The same thing seen once more: another line, event and flow."""
    number = next(_numbers)
    fresh: dict[str, Any] = {"id": f"fnd-{number}", "events": (f"evt-{number}",), "flow": f"1:{number}"}
    fresh["offset"] = finding.offset + 1 + number
    return replace(finding, **{**fresh, **changes})


def address(plant: Site, name: str) -> str:
    return plant.assets[name].addresses[0] if name in plant.assets else name


def fold(
    *findings: Finding,
    plant: Site = PLANT,
    windows: tuple[Window, ...] = (),
    incidents: dict[str, Incident] | None = None,
    now: int = 0,
) -> dict[str, Incident]:
    """Take findings one turn at a time; return the incidents."""
    known = incidents or {}
    for each in findings:
        known, _ = correlate(Setting(plant, windows, HALF_LIFE), known, (each,), now or each.received)
    return known


def one(incidents: dict[str, Incident]) -> Incident:
    (only,) = incidents.values()
    return only


def incident(*findings: Finding, **more: Any) -> Incident:
    return one(fold(*findings, **more))


def question(about: Incident, plant: Site = PLANT, **changes: Any) -> Question:
    whole: dict[str, Any] = {
        "site": plant, "incident": about, "processes": {}, "effects": (), "reaches": (REACH,), "outlook": Outlook(),
        "now": NOON,
    }  # fmt: skip
    return Question(**{**whole, **changes})


def effect(target: Target, **changes: Any) -> Effect:
    whole: dict[str, Any] = {
        "lease": "lse-1", "command": "cmd-1", "incident": "inc-1", "decision": "dec-1", "hand": "gateway",
        "target": target, "state": EffectState.STANDING, "since": NOON, "until": NOON + 300 * SECOND,
    }  # fmt: skip
    return Effect(**{**whole, **changes})


def permitted(candidates: Sequence[Any], permission: Permission = Permission.PERMITTED) -> dict[str, Ruling]:
    return {c.id: Ruling(c.id, permission, (), (), "") for c in candidates}


STOPPED = ProcessState(
    running=False, seen=NOON, halted=NOON - STOPPED_SPAN, halts=STOPPED_READINGS, phase="idle", phase_seen=NOON
)
RUNNING = ProcessState(running=True, seen=NOON, phase="fill", phase_seen=NOON)

POOL = (
    asset("ws1", "office", "workstation", outage_per_hour=100), asset("ws2", "office", "jump", shared=True),
    asset("hist1", "dmz", "historian"), asset("web1", "dmz", "web"), asset("web2", "dmz", "web", fragile=True),
    asset("hmi1", "ot", "hmi"), asset("hmi2", "ot", "hmi"), asset("ews1", "ot", "ews"), asset("plc1", "ot", "plc"),
    asset("plc2", "ot", "plc"), asset("sis1", "ot", "safety"),
)  # fmt: skip
NAMES = tuple(a.name for a in POOL)
names = st.sampled_from(NAMES)
money = st.integers(0, 10**7)


def _few(choices: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(choices, max_size=most, unique=True).map(tuple)


@st.composite
def processes(draw: st.DrawFn, name: str) -> Process:
    needs = draw(_few(names, 3))
    ends = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
    flows = draw(st.lists(st.tuples(ends, st.sampled_from(("modbus", "https")), st.sampled_from(("read", "write")))))
    tolerated = draw(_few(st.sampled_from(needs), 2)) if needs else ()
    return Process(
        name=name, outage_per_hour=draw(money), restart_span=3600 * SECOND, restart_cost=draw(money), scrap=draw(money),
        needs=needs, views=draw(_few(names, 2)), flows=tuple(Flow(*pair, service, access, alarm=n == 3) for n, (pair,
        service, access) in enumerate(flows[:4])),
        tolerates=dict.fromkeys(tolerated, draw(st.sampled_from((60, 7200))) * SECOND),
        hold=draw(st.sampled_from(((), ("dose",)))),
        redundant=draw(st.sampled_from(((), (("web1", "web2"),), (("hmi1", "hmi2"), ("plc1", "plc2"))))),
        safety=draw(st.sampled_from(((), ("sis1",)))),
    )  # fmt: skip


@st.composite
def sites(draw: st.DrawFn) -> Site:
    lines = [draw(processes(name)) for name in ("filling", "packing")[: draw(st.integers(1, 2))]]
    # A safety function is not always there to forbid everything in its zone.
    pool = POOL if draw(st.integers(0, 3)) == 0 or any("sis1" in str(p) for p in lines) else POOL[:-1]
    return Site(
        name="Plant", currency="EUR", zones={z.name: z for z in ZONES}, assets={a.name: a for a in pool},
        processes={p.name: p for p in lines}, never_assets=draw(st.sampled_from(((), (), ("hist1",)))),
        never_networks=draw(st.sampled_from(((), (), ("10.3.0.40/29",)))),
    )  # fmt: skip


levels = st.sampled_from([Level.LOW, Level.MEDIUM, Level.HIGH, Level.CRITICAL])
tactics = st.sampled_from((SCAN, WRITE, MOVE, ("impact",), ("collection", "credential-access"), ()))


@st.composite
def findings(draw: st.DrawFn, plant: Site = PLANT, **changes: Any) -> Finding:
    """Anything by anybody on anybody, within ten minutes before noon."""
    who = st.sampled_from((*sorted(plant.assets), STRANGER, "10.1.0.98"))
    at = NOON - draw(st.integers(0, 600)) * SECOND
    whole = {
        "number": next(draw(_drawn)),
        "rule": draw(st.sampled_from(("r1", "r2", "r3"))), "level": draw(levels), "tactics": draw(tactics),
        "provenance": draw(st.sampled_from((PROVEN, PROVEN, FORGED))), "time": at, "received": at,
        "service": draw(st.sampled_from(("modbus", "https", ""))), **changes,
    }  # fmt: skip
    return finding(draw(who), *draw(st.lists(who, min_size=1, max_size=3, unique=True)), plant=plant, **whole)


@st.composite
def questions(draw: st.DrawFn, plant: Site | None = None) -> Question:
    """A decision about an incident of a few findings, the first of them proven, on a random site in a random state."""
    where = plant or draw(sites())
    first = draw(findings(where, provenance=PROVEN, level=Level.HIGH, rule="r0", tactics=SCAN))
    more = draw(st.lists(findings(where), max_size=5))
    (about, *_) = fold(first, *more, plant=where, now=NOON).values()
    holding, stale = replace(RUNNING, phase="dose"), replace(STOPPED, seen=0, phase_seen=0)
    loading = replace(STOPPED, loads={"ews1>plc1 1:x": NOON - draw(st.integers(0, 1000)) * SECOND})
    states = st.sampled_from((RUNNING, STOPPED, ProcessState(), holding, stale, loading))
    return question(about, where, processes={name: draw(states) for name in where.processes})
