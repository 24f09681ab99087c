"""From hits to findings: single rules, correlations by group, bounds, snapshots."""

from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.detect import windows
from tercio.brain.detect.rates import FLOOD
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import LATENESS, Heard, Hit, Windows, finish, hear, step
from tercio.model.canon import canonical
from tercio.model.events import Endpoint, Event, Match, Provenance
from tercio.model.findings import Finding, Level
from tercio.model.ids import finding_id
from tercio.model.units import SECOND
from tercio.testing.story import Story

MINUTE = 60 * SECOND
NOW = 1_800_000_000 * SECOND


def rule(name: str, level: str = "low") -> dict[str, Any]:
    return {
        "title": name.upper(),
        "name": name,
        "level": level,
        "tags": ["attack.discovery", "attack.t0846"],
        "logsource": {"product": "p", "service": "s"},
        "detection": {"s": {"f": name}, "condition": "s"},
    }


def correlation(name: str, **fields: Any) -> dict[str, Any]:
    return {"title": name.upper(), "name": name, "level": "high", "correlation": {"timespan": "5m", **fields}}


def compiled(*bodies: dict[str, Any]) -> RuleSet:
    ruleset = compile_rules({body["name"]: yaml.safe_dump(body) for body in bodies})
    assert not ruleset.rejected
    return ruleset


PROVEN = compiled(
    rule("shake", "informational"),
    rule("sweep"),
    rule("write", "high"),
    correlation("proven", type="temporal", rules=["shake", "sweep"], **{"group-by": ["src_ip"], "generate": True}),
)
COUNTED = compiled(
    rule("fail"),
    correlation("many", type="event_count", rules=["fail"], condition={"gte": 3}, **{"group-by": ["who"]}),
    correlation(
        "spray", type="value_count", rules=["fail"], condition={"gte": 3, "field": "user"}, **{"group-by": ["src_ip"]}
    ),
)


SWEPT = compiled(
    rule("shake", "informational"),
    rule("probe"),
    correlation(
        "swept",
        type="value_count",
        rules=["probe", "shake"],
        aliases={"port": {"probe": "dest_port"}},
        condition={"gte": 4, "field": "port"},
        timespan="1m",
        **{"group-by": ["src_ip"]},
    ),
)


def hit(name: str, at: float = 0, **changes: Any) -> Hit:
    """A hit at some seconds after NOW, from 10.0.0.66 unless told."""
    time = NOW + round(at * SECOND)
    fields: dict[str, Any] = {
        "source": "eve",
        "generation": "1",
        "offset": round(at * 1000) + 10**6,
        "product": "suricata",
        "kind": "alert",
        "class_uid": 2004,
        "time": time,
        "began": time,
        "until": time,
        "received": time + 5000,
        "provenance": Provenance.ESTABLISHED if name == "shake" else Provenance.FORGEABLE,
        "src": Endpoint("10.0.0.66", 40000),
        "dst": Endpoint("10.0.1.21", 502),
        "service": "modbus",
        "flow": f"1:{name}",
    }
    carried = changes.pop("fields", None)
    fields |= changes
    event = Event(id=f"evt-{name}-{fields['source']}-{fields['offset']}", **fields)
    carried = {"src_ip": event.src.address if event.src else ""} if carried is None else carried
    return Hit(Match(name, 0, carried), event)


def rules_of(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


def run(ruleset: RuleSet, *hits: Hit) -> tuple[Windows, list[str]]:
    state, findings = step(ruleset, Windows(), hits)
    return state, rules_of(findings)


def test_a_base_rule_in_full() -> None:
    write = hit("write", 2)
    _, (finding,) = step(PROVEN, Windows(), [write])
    version = PROVEN.rules["write"].version
    assert finding == Finding(
        id=finding_id("write", version, (write.event.id,)),
        rule="write",
        version=version,
        title="WRITE",
        level=Level.HIGH,
        tactics=("discovery",),
        techniques=("T0846",),
        events=(write.event.id,),
        time=write.event.time,
        received=write.event.received,
        provenance=Provenance.FORGEABLE,
        src="10.0.0.66",
        dst=("10.0.1.21",),
        service="modbus",
        port=502,
        flow="1:write",
        source="eve",
        generation="1",
        offset=write.event.offset,
    )


def test_an_event_without_ends() -> None:
    _, (finding,) = step(PROVEN, Windows(), [hit("write", src=None, dst=None)])
    assert (finding.src, finding.dst, finding.port) == ("", (), 0)


@pytest.mark.parametrize(
    ("src", "dst", "parties"),
    [
        (None, None, ("ews1", ())),
        (None, Endpoint("10.0.1.21", 502), ("ews1", ("10.0.1.21",))),
        (Endpoint("10.0.0.66", 1), Endpoint("10.0.1.21", 502), ("ews1", ("10.0.1.21",))),
        (Endpoint("10.0.0.66", 1), None, ("10.0.0.66", ("ews1",))),
    ],
)
def test_what_a_host_logs_is_its_own_doing_or_was_done_to_it(src: Any, dst: Any, parties: tuple[str, Any]) -> None:
    _, (finding,) = step(PROVEN, Windows(), [hit("write", host="ews1", src=src, dst=dst)])
    assert (finding.src, finding.dst) == parties


def test_a_correlation_of_a_hosts_log_names_the_host() -> None:
    logged = [hit("fail", at, host="ews1", src=None, dst=None, fields={"who": "x"}) for at in range(3)]
    _, findings = step(COUNTED, Windows(), logged)
    assert [(finding.rule, finding.src) for finding in findings] == [("many", "ews1")]


def test_a_correlation_in_full() -> None:
    shake = hit("shake", 0, dst=Endpoint("10.0.9.9", 7), service="", flow="1:other")
    sweep = hit("sweep", 3)
    _, (single, proven) = step(PROVEN, Windows(), [shake, sweep])
    assert (single.rule, single.provenance) == ("sweep", Provenance.FORGEABLE)
    assert proven.rule == "proven"
    assert proven.events == (shake.event.id, sweep.event.id)
    assert proven.provenance is Provenance.ESTABLISHED
    assert (proven.src, proven.dst, proven.service, proven.port) == ("10.0.0.66", ("10.0.1.21",), "modbus", 502)
    assert proven.flow == "1:sweep"
    assert proven.time == sweep.event.time
    assert (proven.source, proven.generation, proven.offset) == ("eve", "1", sweep.event.offset)
    assert proven.level is Level.HIGH


def test_the_act_may_come_before_its_proof() -> None:
    sweep, shake = hit("sweep", 0), hit("shake", 4, dst=Endpoint("10.0.9.9", 7))
    _, (_, proven) = step(PROVEN, Windows(), [sweep, shake])
    assert (proven.dst, proven.flow) == (("10.0.1.21",), "1:sweep"), "who was swept, not who was talked to"
    assert proven.offset == shake.event.offset, "the line that completed it"


def test_a_proof_is_of_one_address_only() -> None:
    other = Endpoint("10.0.0.7", 1)
    assert run(PROVEN, hit("shake", src=other), hit("sweep", 1))[1] == ["sweep"]
    grouped = compiled(
        rule("shake", "informational"),
        rule("sweep"),
        correlation("near", type="temporal", rules=["shake", "sweep"], **{"group-by": ["net"]}),
    )
    pair = [hit("shake", src=other, fields={"net": "x"}), hit("sweep", 1, fields={"net": "x"})]
    _, (near,) = step(grouped, Windows(), pair)
    assert near.provenance is Provenance.FORGEABLE, "another address of the group proves nothing for this one"


def test_a_night_at_the_plant() -> None:
    """The story of a sweep, its proof, its repetition and its end."""
    story: Story[Windows, Hit, Finding] = Story(lambda state, given: step(PROVEN, state, [given]), Windows())

    def says(name: str) -> Any:
        return lambda finding: finding.rule == name

    story.feed(hit("sweep", 0)).expect(says("sweep"))
    story.feed(hit("shake", 30)).expect(says("proven"))
    story.feed(hit("shake", 90)).expect_nothing()
    story.feed(hit("sweep", 120)).expect(says("sweep"), says("proven"))
    story.feed(hit("sweep", 90 + 300 + 1)).expect(says("sweep")).expect_nothing()


def test_counting() -> None:
    fails = [hit("fail", n, fields={"who": "a", "user": "root", "src_ip": "1"}) for n in range(7)]
    state, found = run(COUNTED, *fails)
    assert found == ["many", "many"], "the base rule is silent where its correlations do not generate"
    users = [hit("fail", n, fields={"who": str(n), "user": f"u{n}", "src_ip": "1"}) for n in range(4)]
    assert run(COUNTED, *users)[1] == ["spray"]
    assert state.ungrouped == 0


def test_hits_without_the_grouping_fields_are_counted() -> None:
    state, found = run(COUNTED, *(hit("fail", n, fields={"src_ip": "1"}) for n in range(5)))
    assert found == []
    assert state.ungrouped == 10, "for both correlations"


def probe(port: int, at: float, src: str = "10.0.0.66", dst: str = "10.0.1.21") -> Hit:
    ends = {"src": Endpoint(src, 40000), "dst": Endpoint(dst, port), "service": "", "flow": f"1:{port}"}
    return hit("probe", at, fields={"src_ip": src, "dest_port": str(port)}, **ends)


def shake(at: float) -> Hit:
    """Somewhere else, and at a port that no probe tries."""
    return hit("shake", at, dst=Endpoint("10.0.9.9", 7), fields={"src_ip": "10.0.0.66", "dest_port": "7"})


def test_a_sweep_is_many_different_ports() -> None:
    hits = [*(probe(502, n / 10) for n in range(30)), shake(4), probe(102, 5), probe(80, 6, dst="10.0.1.30")]
    state, findings = step(SWEPT, Windows(), hits)
    assert findings == (), "three ports however often, and a handshake at a fourth"
    assert state.ungrouped == 0
    last = probe(22, 7, dst="10.0.1.30")
    state, (swept,) = step(SWEPT, state, [last])
    assert swept.events == tuple(h.event.id for h in (*hits[29:], last)), "the latest probe of each port, and the proof"
    assert swept.provenance is Provenance.ESTABLISHED
    assert (swept.src, swept.dst, swept.port) == ("10.0.0.66", ("10.0.1.21", "10.0.1.30"), 22)
    assert swept.offset == last.event.offset, "told at the fourth port"
    again = [probe(port, 8) for port in (502, 102, 80, 502, 102, 80)]
    assert step(SWEPT, state, again)[1] == (), "what was told is used up"


def test_a_sweep_without_a_handshake_is_forgeable_until_proven_anew() -> None:
    state, (forged,) = step(SWEPT, Windows(), [probe(port, port) for port in range(1, 6)])
    assert (forged.provenance, len(forged.events)) == (Provenance.FORGEABLE, 4)
    state, none = step(SWEPT, state, [shake(10), probe(6, 11), probe(7, 12)])
    assert none == (), "a handshake alone says nothing new, nor do three ports"
    state, (proven,) = step(SWEPT, state, [probe(8, 13)])
    assert proven.provenance is Provenance.ESTABLISHED
    assert len(proven.events) == 5


def test_a_handshake_proves_a_minute_and_its_own_source() -> None:
    ports = [probe(port, 60 + port) for port in range(1, 5)]
    assert step(SWEPT, Windows(), [shake(4), *ports])[1][0].provenance is Provenance.ESTABLISHED
    assert step(SWEPT, Windows(), [shake(3), *ports])[1][0].provenance is Provenance.FORGEABLE
    others = [probe(port, 60 + port, src="10.0.0.7") for port in range(1, 5)]
    assert step(SWEPT, Windows(), [shake(59), *others])[1][0].provenance is Provenance.FORGEABLE


def test_a_probe_without_a_port_is_counted_as_lost() -> None:
    state, _ = step(SWEPT, Windows(), [hit("probe")])
    assert (state.ungrouped, state.tracks) == (1, {})


def test_groups_cannot_be_confused() -> None:
    ruleset = compiled(
        rule("fail"),
        correlation("c", type="event_count", rules=["fail"], condition={"gte": 2}, **{"group-by": ["x", "y"]}),
    )
    assert (
        run(ruleset, hit("fail", 0, fields={"x": 'a","b', "y": "c"}), hit("fail", 1, fields={"x": "a", "y": 'b","c'}))[
            1
        ]
        == []
    )
    assert run(ruleset, hit("fail", 0, fields={"x": "a", "y": "b"}), hit("fail", 1, fields={"x": "a", "y": "b"}))[
        1
    ] == ["c"]


def test_aliases_join_different_fields() -> None:
    ruleset = compiled(
        rule("in"),
        rule("out"),
        correlation(
            "through",
            type="temporal_ordered",
            rules=["in", "out"],
            aliases={"host": {"in": "dest_ip", "out": "src_ip"}},
            **{"group-by": ["host"]},
        ),
    )
    chain = [hit("in", 0, fields={"dest_ip": "h"}), hit("out", 1, fields={"src_ip": "h"})]
    assert run(ruleset, *chain)[1] == ["through"]
    assert run(ruleset, *chain[::-1])[1] == ["through"], "order is by time, not by arrival"
    assert run(ruleset, hit("in", 1, fields={"dest_ip": "h"}), hit("out", 0, fields={"src_ip": "h"}))[1] == []


def test_lines_may_come_late_but_not_too_late() -> None:
    edge = (5 * MINUTE + LATENESS) / SECOND
    ahead = hit("shake", 1000, src=Endpoint("10.0.0.9"))
    state, found = run(PROVEN, hit("shake", 1000 - edge), ahead, hit("sweep", 1001 - edge))
    assert found == ["sweep", "proven"]
    assert state.late == 0
    state, found = run(PROVEN, hit("shake", 1000 - edge - 2), ahead, hit("sweep", 1000 - edge - 1))
    assert found == ["sweep"], "a finding by itself is never lost"
    assert state.late == 1


def test_clocks_of_sources_are_apart() -> None:
    """A sensor whose clock is an hour behind still correlates with itself."""
    ahead = hit("shake", 3600, source="other", src=Endpoint("10.0.0.9"))
    state, found = run(PROVEN, ahead, hit("shake", 0), hit("sweep", 1))
    assert found == ["sweep", "proven"]
    assert state.clocks == {"other": NOW + 3600 * SECOND, "eve": NOW + SECOND}


def test_an_event_from_the_future_does_not_move_the_clock() -> None:
    future = hit("shake", 86_400, received=NOW, src=Endpoint("10.0.0.9"))
    state, found = run(PROVEN, future, hit("shake", 0), hit("sweep", 1))
    assert found == ["sweep", "proven"]
    assert max(state.clocks.values()) <= NOW + 2 * SECOND


def test_what_has_expired_is_forgotten() -> None:
    state, _ = run(PROVEN, *(hit("shake", n, src=Endpoint(f"10.0.2.{n}")) for n in range(100)))
    assert len(state.tracks["proven"]) == 100
    state, _ = step(PROVEN, state, [hit("shake", 1000)])
    assert list(state.tracks["proven"]) == ['["10.0.0.66"]']
    state, _ = step(COUNTED, state, [hit("fail", 2000, fields={})])
    assert state.tracks == {}, "also where the correlation is gone"


def test_a_flood_of_forged_groups_does_not_push_out_a_proven_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_GROUPS", 64)
    flood = [hit("sweep", 1 + n / 100, src=Endpoint(f"172.16.{n // 250}.{n % 250}")) for n in range(2000)]
    state, found = run(PROVEN, hit("shake", 0), *flood, hit("sweep", 30))
    assert found[-1] == "proven"
    assert found.count("sweep") == 2001
    assert len(state.tracks["proven"]) <= 64
    assert state.dropped + len(state.tracks["proven"]) == 2001, "what had to go is counted"


def test_nothing_in_nothing_out() -> None:
    state = run(PROVEN, hit("shake"))[0]
    assert step(PROVEN, state, []) == (state, ())


HITS = st.lists(
    st.tuples(
        st.sampled_from(["shake", "sweep", "write"]), st.integers(0, 900), st.sampled_from(["10.0.0.1", "10.0.0.2"])
    ),
    max_size=12,
).map(lambda rows: [hit(name, at, src=Endpoint(src)) for name, at, src in rows])


@given(HITS, st.data())
def test_state_is_a_value(hits: list[Hit], data: st.DataObject) -> None:
    """The same in one step or in many, from a snapshot or not; and a step leaves the old state as it was."""
    whole, findings = step(PROVEN, Windows(), hits)
    cut = data.draw(st.integers(0, len(hits)))
    state, first = step(PROVEN, Windows(), hits[:cut])
    before = canonical(state)
    restored = msgspec.json.decode(before, type=Windows)
    assert restored == state
    later, second = step(PROVEN, restored, hits[cut:])
    assert canonical(restored) == before
    assert first + second == findings
    again, repeated = step(PROVEN, state, hits[cut:])
    assert canonical(state) == before
    assert (canonical(again), repeated) == (canonical(later), second)
    assert later.clocks == whole.clocks


def test_findings_have_different_names() -> None:
    hits = [h for n in range(50) for h in (hit("shake", n * 70), hit("sweep", n * 70 + 1))]
    _, findings = step(PROVEN, Windows(), hits)
    assert len({finding.id for finding in findings}) == len(findings) == 100


FEW = compiled(
    rule("fail"),
    correlation(
        "few", type="event_count", rules=["fail"], condition={"lt": 3}, timespan="1m", **{"group-by": ["src_ip"]}
    ),
    correlation("fewer", type="event_count", rules=["few"], condition={"lte": 5}, timespan="1m", generate=True),
)


def heard(at: float, *, source: str = "eve", late: float = 0) -> Heard:
    """A record that no rule matched, read so many seconds after the time that it bears."""
    return Heard(source, "1", round(at * 1000) + 10**6, NOW + round((at + late) * SECOND), NOW + round(at * SECOND))


def test_a_window_is_over_once_its_source_was_heard_behind_it() -> None:
    state, none = step(FEW, Windows(), [hit("fail", 1), hit("fail", 2)])
    edge = (MINUTE + LATENESS) / SECOND
    state, early = hear(FEW, state, [heard(edge - 1), heard(edge + 999, source="other")])
    assert (none, early) == ((), ())
    state, (few,) = hear(FEW, state, [heard(edge)])
    assert (few.rule, few.time, len(few.events)) == ("few", NOW + MINUTE, 2)
    assert (few.source, few.generation, few.offset) == ("eve", "1", heard(edge).offset), "the record that ended it"
    assert few.received == heard(edge).received
    again, nothing = hear(FEW, state, [heard(edge - 1), heard(edge)])
    assert (again, nothing) == (state, ()), "a time that was reached before says nothing new"


def test_what_is_heard_makes_nothing_late_that_a_rule_without_windows_waits_for() -> None:
    state, _ = step(PROVEN, Windows(), [hit("shake", 0)])
    assert hear(PROVEN, state, [heard(9999)]) == (state, ()), "where nothing is judged at the end, nothing is noted"
    both = compiled(
        rule("fail"),
        correlation("few", type="event_count", rules=["fail"], condition={"lt": 3}, **{"group-by": ["src_ip"]}),
        correlation("many", type="event_count", rules=["fail"], condition={"gte": 2}, **{"group-by": ["src_ip"]}),
    )
    state, _ = step(both, Windows(), [hit("fail", 0)])
    state, _ = hear(both, state, [heard(9999)])
    state, found = step(both, state, [hit("fail", 60)])
    assert [finding.rule for finding in found] == ["many"]
    assert state.late == 1, "for the window that was judged"


def test_a_time_beyond_its_receipt_ends_nothing() -> None:
    state, _ = step(FEW, Windows(), [hit("fail", 1)])
    state, found = hear(FEW, state, [heard(9999, late=-9990)])
    assert (found, state.heard) == ((), {"eve": NOW + 9 * SECOND})


def test_where_nothing_more_comes_every_window_is_judged() -> None:
    hits = [hit("fail", at, src=Endpoint(src)) for at, src in ((1, "10.0.0.2"), (2, "10.0.0.1"), (61, "10.0.0.1"))]
    state, _ = step(FEW, Windows(), hits)
    last = heard(62)
    state, found = finish(FEW, state, {"eve": last})
    assert [(f.rule, (f.time - NOW) // MINUTE, len(f.events)) for f in found] == [
        ("few", 1, 1),
        ("few", 2, 1),
        ("few", 1, 1),
        ("fewer", 2, 2),
        ("fewer", 3, 1),
    ], "what builds on them is judged as well"
    assert {(f.source, f.offset, f.received) for f in found} == {("eve", last.offset, last.received)}
    assert state.tracks == {}
    assert finish(FEW, state, {"eve": last}) == (state, ())
    assert finish(PROVEN, Windows(), {}) == (Windows(), ())


@given(st.lists(st.tuples(st.integers(0, 600), st.sampled_from(["10.0.0.1", "10.0.0.2"])), max_size=10))
def test_what_ends_a_window_changes_nothing_of_what_is_found(rows: list[tuple[int, str]]) -> None:
    """A later match, a record that was merely heard, or the end of all."""
    ruleset = compiled(
        rule("fail"),
        rule("other"),
        correlation("few", type="event_count", rules=["fail"], condition={"lt": 3}, timespan="1m",
                    **{"group-by": ["src_ip"]}),
    )  # fmt: skip
    hits = [hit("fail", at, src=Endpoint(src), offset=n) for n, (at, src) in enumerate(sorted(rows))]
    state, found = step(ruleset, Windows(), hits)
    ways = [
        step(ruleset, state, [hit("other", 9999)])[1],
        hear(ruleset, state, [heard(9999)])[1],
        finish(ruleset, state, {"eve": heard(601)})[1],
    ]
    alike = [[(f.id, f.time, f.events) for f in (*found, *way) if f.rule == "few"] for way in ways]
    assert alike[0] == alike[1]
    assert sorted(alike[1]) == sorted(alike[2])


def test_a_correlation_with_too_many_groups_says_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_GROUPS", 64)
    state, _ = run(PROVEN, *(hit("sweep", n / 100, src=Endpoint(f"172.16.0.{n}")) for n in range(64)))
    assert state.crowded == {}
    flood = [hit("sweep", 1 + n / 100, src=Endpoint(f"172.17.{n // 250}.{n % 250}")) for n in range(100)]
    state, _ = step(PROVEN, state, flood)
    assert state.crowded == {"proven": -(-100 // 8) - 1}


def test_a_flood_is_told_and_takes_nothing_away() -> None:
    state, found = step(PROVEN, Windows(), [hit("write", n / 1000) for n in range(FLOOD)])
    assert rules_of(found) == ["write"] * FLOOD + ["flood of write"]
    state, more = step(PROVEN, state, [hit("write", 2 + n / 1000) for n in range(FLOOD)])
    assert rules_of(more) == ["write"] * FLOOD, "once in a minute"
