import msgspec
import pytest

from tercio.brain.detect.engine import Detector
from tercio.content import rules_folder
from tercio.drills.simulated.deeds import Deed
from tercio.drills.simulated.estate import Post, make
from tercio.drills.simulated.parameters import FITTED
from tercio.drills.simulated.records import SESSION, Writer
from tercio.drills.simulated.rules import rule, ruleset
from tercio.drills.simulated.world import Done, World
from tercio.model.events import Batch, Provenance
from tercio.model.processes import ProcessState
from tercio.model.units import SECOND
from tercio.products.sensors import SENSORS

SURICATA = SENSORS["suricata"]
WIRE = Post("wire-inner", "suricata", ("ot1", "ot2"))


@pytest.fixture
def world():
    return World(make(1, "plant", 40), FITTED, 1)


def recorded(name):
    """(rule, event, fields) of every match in a rule's own recorded case, by the real sensor and detector."""
    lines = tuple((rules_folder() / name / "positive.ndjson").read_bytes().splitlines(keepends=True))
    batch = Batch("wire-inner", "g", 0, lines, 0)
    found = Detector(ruleset(), {"wire-inner": SURICATA.log_source}).match(batch)
    return [(m.rule, SURICATA.parse("wire-inner", "g", 0, lines[m.index], 0), m.fields) for m in found]


def shape(rule_id, event, fields):
    """All of a match that correlation reads, but for who, where and when."""
    return {
        "rule": rule_id,
        "fields": sorted(fields),
        "provenance": event.provenance,
        "product": event.product,
        "kind": event.kind,
        "class": event.class_uid,
        "service": event.service,
        "transport": event.transport,
        "port": event.dst.port,
        "action": event.action,
        "spans": (event.began <= event.time, event.time == event.until),
        "named": (bool(event.src.address), bool(event.dst.address), bool(event.flow)),
        "else": (event.readings, event.assigned, event.machine, event.host),
    }


@pytest.mark.parametrize(
    ("case", "matched"),
    [("modbus-write", "modbus-write"), ("host-sweep", "syn-probe"), ("port-sweep", "syn-probe")],
)
def test_a_record_has_the_shape_of_a_recorded_one(world, case, matched):
    deed = Deed(at=SECOND, actor="hist1", dst="plc11", service="modbus", rule=rule(matched))
    reports = Writer(world).wire(WIRE, deed, ruleset().rules[deed.rule], Done(worked=True), 2 * SECOND)
    ours = {report.rule: shape(report.rule, report.event, report.fields) for report in reports if report.rule}
    real = {known: shape(known, event, fields) for known, event, fields in recorded(case) if event.dst.port == 502}
    wanted = {rule(matched), rule("syn-probe"), rule("tcp-handshake")}
    assert set(ours) == wanted <= set(real)
    for each in wanted:
        assert ours[each] == real[each]


def wire(world, *deeds, done=None):
    writer = Writer(world)
    return [
        [
            (report.rule, report.event)
            for report in writer.wire(WIRE, deed, ruleset().rules.get(deed.rule), done or Done(worked=True), deed.at)
        ]
        for deed in deeds
    ]


def test_a_session_is_begun_once_while_it_goes_on(world):
    talk = Deed(at=SECOND, actor="hist1", dst="plc11", service="modbus")
    soon, late = (msgspec.structs.replace(talk, at=SECOND + span) for span in (SESSION, 3 * SESSION))
    probes = [sum(rule_id == rule("syn-probe") for rule_id, _ in each) for each in wire(world, talk, soon, late)]
    assert probes == [1, 0, 1]
    flows = [event.flow for each in wire(world, talk, soon, late) for _, event in each if event.kind == "flow"]
    assert flows[0] == flows[1] != flows[2]


def test_the_end_of_a_session_is_told_once_and_later(world):
    """As long as it is not, a download counts as under way."""
    load = Deed(at=SECOND, actor="ews1", dst="plc11", service="s7", rule=rule("modbus-write"))
    writer, matched = Writer(world), ruleset().rules[load.rule]
    first, second = (
        [
            (report.received, report.event.action)
            for report in writer.wire(WIRE, deed, matched, Done(worked=True), deed.at)
            if report.event.kind == "flow"
        ]
        for deed in (load, msgspec.structs.replace(load, at=2 * SECOND))
    )
    assert first == [(SECOND + SESSION, "closed")]
    assert second == []


def test_what_is_forged_completes_no_handshake(world):
    deed = Deed(at=0, actor="ws1", src="hmi11", dst="plc11", service="modbus", rule=rule("modbus-write"))
    ((only,),) = wire(world, deed, done=Done(worked=False))
    assert only[0] == rule("syn-probe")
    assert only[1].provenance == Provenance.FORGEABLE
    assert only[1].src.address == world.address("hmi11")


def test_what_a_wall_refused_is_seen_as_an_attempt_alone(world):
    deed = Deed(at=0, actor="hist1", dst="plc11", service="modbus", rule=rule("modbus-write"))
    ((only,),) = wire(world, deed, done=Done(worked=False, refused=True))
    assert only[0] == rule("syn-probe")


def test_link_addresses_are_those_of_the_segment_that_the_sensor_watches(world):
    ((_, near),) = wire(world, Deed(at=0, actor="hmi11", dst="plc11", service="s7"))[0][-1:]
    assert (near.src.mac, near.dst.mac) == (world.link("hmi11"), world.link("plc11"))
    ((_, far),) = wire(world, Deed(at=0, actor="hist1", dst="plc11", service="s7"))[0][-1:]
    assert (far.src.mac, far.dst.mac) == (world.link("gate-ot1"), world.link("plc11"))


def test_a_host_s_log_names_who_came_only_where_such_a_record_does(world):
    post = Post("windows-outer", "windows", ("office", "dmz"))
    writer, rules = Writer(world), ruleset().rules
    deed = Deed(at=0, actor="ws1", dst="dir1", service="kerberos", about="u-ws2")
    spray = writer.log(post, deed, rules[rule("kerberos-refused")], 0)
    assert (spray.event.src.address, spray.event.host) == (world.address("ws1"), "dir1")
    assert spray.fields == {"IpAddress": world.address("ws1"), "TargetUserName": "u-ws2"}
    tool = writer.log(post, deed, rules[rule("psexec-service")], 0)
    assert (tool.event.src, tool.event.host) == (None, "dir1")


def test_a_poll_shows_whether_the_line_runs_and_in_which_phase(world):
    process = world.estate.site.processes["line1"]
    process = msgspec.structs.replace(process, phases=msgspec.structs.replace(process.state, table="register", index=7))
    writer = Writer(world)
    before = writer.poll(WIRE, process, "hmi11", 10 * SECOND, 10 * SECOND)
    world.stopped["line1"] = 20 * SECOND
    after = writer.poll(WIRE, process, "hmi11", 30 * SECOND, 30 * SECOND)
    assert [reading.value for reading in before.event.readings] == [1, 1]
    assert after.event.readings[0].value == 0
    assert ProcessState().running is None
