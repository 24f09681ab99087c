import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.correlate.evidence import MOST_ALIKE
from tercio.brain.correlate.incidents import (
    FIRST,
    JOINS,
    LAST,
    MOST_FORGED,
    MOST_STRANGERS,
    OPENS,
    Note,
    Setting,
    correlate,
    held_now,
)
from tercio.brain.correlate.likelihood import FORGEABLE_CEILING
from tercio.model.findings import Finding, Level
from tercio.model.incidents import Incident, Stage, Status
from tercio.model.precision import Learned
from tercio.model.units import SECOND
from tercio.model.words import Window
from tests.brain.given import (
    FORGED,
    HALF_LIFE,
    MOVE,
    NOON,
    PLANT,
    PROVEN,
    STRANGER,
    WRITE,
    again,
    finding,
    findings,
    fold,
    incident,
    one,
    replace,
)

GRAIN = 5e-6
ROUNDED = 1e-3
"""Beliefs that came to the same by different ways: a grain of the prior, a thousandth of it, carried to odds of one."""
BY_HAND = Window(id="", asset="ews1", target="plc1", activity="write", since=0, until=2 * NOON, by="R. Anger")
SETTING = Setting(PLANT, (), HALF_LIFE)
several = st.lists(findings(), min_size=1, max_size=8)


def changes(*told: Finding, incidents: dict[str, Incident] | None = None) -> list[str]:
    """What becomes of findings that come in one turn."""
    return [note.change for note in correlate(SETTING, incidents or {}, told, NOON)[1]]


def held(incidents: dict[str, Incident], name: str) -> float:
    """The greatest belief in any incident, as of noon."""
    return max((held_now(i, NOON, HALF_LIFE).get(name, 0.0) for i in incidents.values()), default=0.0)


def test_a_finding_opens_an_incident_that_says_who_reached_what_and_how():
    first = finding()
    opened = incident(first)
    assert opened.sources == {"ws1": ("10.1.0.1",)}
    assert opened.proven == ("ws1",)
    assert opened.reached == (("ws1", "plc1", "modbus"),)
    assert opened.steps == (NOON,)
    assert opened.status == Status.OPEN
    assert (opened.findings, opened.events, opened.techniques) == ((first.id,), first.events, ("T0846",))
    assert opened.through == {"eve": ("g1", first.offset)}
    assert opened.beliefs["ws1"].held == pytest.approx(0.8, abs=1e-5)
    assert opened.beliefs["plc1"].held < 0.05


def test_a_hosts_own_log_is_held_against_the_host_and_proves_no_address():
    known = incident(replace(finding(provenance=FORGED), src="WS1.plant.example", dst=()))
    assert (known.sources, known.proven, known.reached) == ({"ws1": ()}, (), ())
    strange = replace(finding("ws1", provenance=FORGED), src="ws9.plant.example")
    joined = one(fold(replace(strange, dst=("ws1",)), finding("ws1", "plc1")))
    assert joined.sources == {"ws9.plant.example": (), "ws1": ("10.1.0.1",)}
    assert joined.proven == ("ws1",)


def test_a_weak_finding_opens_nothing_and_is_told_all_the_same():
    weak = finding(level=Level.INFORMATIONAL)
    incidents, (note,) = correlate(SETTING, {}, [weak], NOON)
    assert incidents == {}
    assert (note.change, note.incident) == ("below", "")
    assert note.evidence[0].asset == "ws1"


def test_the_process_at_work_is_no_evidence_even_against_a_suspect():
    suspect = fold(finding("hmi1", provenance=FORGED))
    after, (note,) = correlate(SETTING, suspect, [finding("hmi1", "plc1", tactics=WRITE, rule="write")], NOON)
    assert note.change == "below"
    assert after == suspect


def test_a_suspect_that_may_write_is_weighed_for_it_as_for_what_was_announced():
    known = fold(finding("hmi1", "hist1"))
    write = finding("hmi1", "plc1", tactics=WRITE, rule="write")
    after, (note,) = correlate(SETTING, known, [write], NOON)
    assert note.change == "joined"
    assert one(known).beliefs["hmi1"].held < one(after).beliefs["hmi1"].held < 0.95
    assert {piece.excuse for piece in note.evidence} == {"hmi1 writes to plc1 by a declared flow of the process"}
    faded = NOON + 12 * HALF_LIFE
    later = replace(write, time=faded, received=faded)
    assert (
        correlate(SETTING, {k: replace(i, last_evidence=faded) for k, i in known.items()}, [later], faded)[1][0].change
        == "below"
    )


def test_a_finding_without_a_source_is_told_and_held_against_nobody():
    incidents, (note,) = correlate(SETTING, {}, [finding("")], NOON)
    assert (incidents, note.change) == ({}, "below")


def test_findings_join_by_source_and_then_by_any_asset_they_share():
    known = fold(finding("ws1", "plc1"), finding("ws2", "hmi1"))
    assert len(known) == 2
    by_source = fold(finding("ws2", "plc1", rule="other"), incidents=known)
    assert [set(i.sources) for i in by_source.values()] == [{"ws1"}, {"ws2"}]
    assert ["plc1" in i.beliefs for i in by_source.values()] == [True, True]
    by_target = fold(finding("ews1", "hmi1"), incidents=known)
    assert [set(i.sources) for i in by_target.values()] == [{"ws1"}, {"ws2", "ews1"}]
    assert len(fold(finding("ews1", "plc1", tactics=MOVE), finding("ws1", "ews1"))) == 1


def test_one_incident_from_the_office_to_the_controller():
    chain = incident(
        finding("ws1", "hist1"), finding("ws1", "hist1", rule="logon", tactics=MOVE),
        finding("hist1", "ews1", rule="logon", tactics=MOVE), finding("ews1", "plc1", rule="write", tactics=WRITE),
    )  # fmt: skip
    assert set(chain.sources) == {"ws1", "hist1", "ews1"}
    assert [(s, d) for s, d, _ in chain.reached] == [("ws1", "hist1"), ("hist1", "ews1"), ("ews1", "plc1")]
    assert chain.beliefs["plc1"].p[3] + chain.beliefs["plc1"].p[4] > 0.5


def test_what_lies_far_apart_does_not_join():
    later = finding(rule="other", time=NOON + JOINS + 1, received=NOON + JOINS + 1)
    assert len(fold(finding(), later)) == 2
    assert len(fold(finding(), replace(later, time=NOON + JOINS))) == 1


@given(findings(level=Level.HIGH), st.integers(1, 1000))
def test_a_thousand_copies_are_one_piece_of_evidence(first: Finding, copies: int):
    before = fold(first, now=NOON)
    after, notes = correlate(SETTING, before, [again(first) for _ in range(copies)], NOON)
    assert {note.change for note in notes} <= {"repeat", "below"}
    assert after.keys() == before.keys()
    for key, incident_ in after.items():
        assert incident_.beliefs == before[key].beliefs
        assert incident_.evidence == before[key].evidence
        assert incident_.steps == before[key].steps
        assert incident_.repeats == copies


def test_repetition_keeps_belief_from_fading_and_raises_it_never():
    first = finding()
    hour = 3600 * SECOND
    quiet = incident(first)
    busy = one(fold(again(first, time=NOON + hour, received=NOON + hour), incidents=fold(first)))
    assert held_now(busy, NOON + hour, HALF_LIFE)["ws1"] == quiet.beliefs["ws1"].held
    assert held_now(quiet, NOON + hour, HALF_LIFE)["ws1"] < quiet.beliefs["ws1"].held
    assert busy.last_evidence == NOON + hour


def test_who_does_the_same_to_somebody_else_has_not_gone_quiet_either():
    """New of the other target, a repetition of the source."""
    hour = 3600 * SECOND
    known = fold(finding("ws1", "plc1"))
    later = finding("ws1", "hmi1", time=NOON + hour, received=NOON + hour)
    both = one(fold(later, incidents=known))
    assert "hmi1" in both.beliefs
    assert held_now(both, NOON + hour, HALF_LIFE)["ws1"] >= one(known).beliefs["ws1"].held


@pytest.mark.parametrize("mark", ["hmi1", "plc1"])
def test_evidence_burnt_where_nothing_can_be_done_counts_again_where_something_can(mark: str):
    """He writes, waits until belief has faded, does something faint, by which it is written down as faded, and goes
    on."""
    alone = one(fold(finding("ws1", "plc1", tactics=WRITE))).beliefs["ws1"].held
    late = {"time": NOON + 12 * HALF_LIFE, "received": NOON + 12 * HALF_LIFE}
    burnt = fold(finding("ws1", "plc1", tactics=WRITE))
    burnt = {key: replace(each, last_evidence=late["time"]) for key, each in burnt.items()}
    faint = fold(finding("ws1", "hist1", rule="faint", level=Level.LOW, **late), incidents=burnt)
    assert one(faint).beliefs["ws1"].held < alone / 2
    after = one(fold(finding("ws1", mark, tactics=WRITE, **late), incidents=faint))
    assert after.beliefs["ws1"].held >= alone
    more = one(fold(*(finding("ws1", mark, tactics=WRITE, **late) for _ in range(9)), incidents={after.id: after}))
    assert more.beliefs == after.beliefs, "repetition strengthens nothing"


def test_what_was_announced_keeps_nothing_alive():
    known = fold(finding("ews1", rule="sweep"))
    later = {"time": NOON + 9 * SECOND, "received": NOON + 9 * SECOND}
    write = finding("ews1", "plc1", tactics=WRITE, rule="write", **later)
    excused = fold(write, again(write), incidents=known, windows=(BY_HAND,))
    assert one(excused).repeats == 1
    assert one(excused).last_evidence == NOON
    assert one(excused).steps == one(known).steps
    assert one(excused).reached == one(known).reached


@given(several, findings(provenance=PROVEN))
def test_more_evidence_never_lowers_a_belief(known: list[Finding], more: Finding):
    more = replace(more, time=NOON, received=NOON)
    before = fold(*known, now=NOON)
    after = fold(more, incidents=before, now=NOON)
    for name in {name for i in before.values() for name in i.beliefs}:
        assert held(after, name) >= held(before, name) - GRAIN


@given(several)
def test_what_can_be_forged_lifts_nobody_above_the_ceiling_or_above_what_is_proven(told: list[Finding]):
    # The first is about everybody, and says of none of them that he is held: all others join it, forged ones or not.
    about_all = finding("10.1.0.97", *PLANT.assets, STRANGER, "10.1.0.98", rule="r0")
    told = [about_all, *(replace(f, time=NOON) for f in told)]
    with_forged = one(fold(*told, now=NOON))
    without = one(fold(*(f for f in told if f.provenance != FORGED), now=NOON))
    for name, belief in with_forged.beliefs.items():
        proven = without.beliefs[name].held if name in without.beliefs else 0.0
        assert belief.held <= max(FORGEABLE_CEILING, proven) + ROUNDED


@given(st.lists(findings(provenance=FORGED), min_size=1, max_size=30))
def test_forged_evidence_alone_proves_and_reaches_nothing(told: list[Finding]):
    for found in fold(*(replace(f, rule=f"rule {n}") for n, f in enumerate(told)), now=NOON).values():
        assert max(b.held for b in found.beliefs.values()) <= FORGEABLE_CEILING + GRAIN
        assert (found.proven, found.reached, found.steps) == ((), (), ())


def test_an_innocent_asset_is_not_framed():
    """Everything an intruder with a real foothold can do in a station's name and to it, and the station's own work."""
    forged = [finding("hmi1", d, rule=f"r{n}", provenance=FORGED) for n in range(20) for d in ("plc1", "hist1")]
    swept = [finding("ws1", "hmi1", rule=f"r{n}", level=Level.CRITICAL) for n in range(5)]
    own = [finding("hmi1", "plc1", rule="write", tactics=WRITE), finding("hmi1", "plc1", rule="odd", level=Level.LOW)]
    found = one(fold(*forged, *swept, *own, now=NOON))
    assert found.beliefs["ws1"].held > 0.99
    assert found.beliefs["hmi1"].held <= FORGEABLE_CEILING + GRAIN


def test_forged_copies_do_not_hold_up_what_was_proven():
    strong, forged = finding("ws1"), finding("ws1", provenance=FORGED)
    later = NOON + HALF_LIFE
    known = fold(strong, forged)
    propped = fold(*(again(forged, time=later, received=later) for _ in range(9)), incidents=known)
    assert held_now(one(propped), later, HALF_LIFE)["ws1"] == held_now(one(known), later, HALF_LIFE)["ws1"] < 0.41


def test_a_correlation_over_a_base_rule_is_the_same_evidence():
    base = finding(level=Level.HIGH)
    over = finding(rule="correlation", level=Level.HIGH, events=(*base.events, "evt-other"))
    assert incident(base, over).beliefs["ws1"].held == incident(base).beliefs["ws1"].held
    independent = replace(over, events=("evt-x",))
    assert incident(base, independent).beliefs["ws1"].held > 0.99


def test_what_depends_on_a_forged_base_rule_is_proven_in_full():
    base = finding(level=Level.LOW, provenance=FORGED)
    over = finding(rule="correlation", events=base.events)
    assert incident(base, over).beliefs["ws1"].held == pytest.approx(0.8, abs=1e-4)


def test_dependent_evidence_is_no_further_step():
    base = finding()
    assert incident(base, finding(rule="other", events=base.events)).steps == (NOON,)
    assert incident(base, finding(rule="other")).steps == (NOON, NOON)


@pytest.mark.parametrize("status", [Status.OPEN, Status.CONTAINED, Status.RELEASED])
def test_after_a_release_the_same_thing_is_new_evidence(status: Status):
    first = finding()
    known = {i.id: replace(i, round=1, status=status) for i in fold(first).values()}
    after, (note,) = correlate(SETTING, known, [again(first, flow=first.flow)], NOON)
    assert note.change == "joined"
    assert one(after).beliefs["ws1"].held > one(known).beliefs["ws1"].held
    assert one(after).status == (Status.OPEN if status == Status.RELEASED else status)
    assert changes(again(first), again(first), incidents=known) == ["joined", "repeat"]


def test_what_was_announced_reopens_nothing():
    known = {i.id: replace(i, round=1, status=Status.RELEASED) for i in fold(finding("ews1", "hist1")).values()}
    write = finding("ews1", "plc1", tactics=WRITE, rule="write")
    assert one(fold(write, incidents=known, windows=(BY_HAND,))).status == Status.RELEASED
    assert one(fold(write, incidents=known)).status == Status.OPEN


def test_a_closed_incident_is_not_joined():
    known = {i.id: replace(i, status=Status.CLOSED) for i in fold(finding()).values()}
    assert changes(finding(), incidents=known) == ["opened"]


def test_lines_read_again_after_a_crash_change_nothing():
    told = [finding(rule=f"r{n}", offset=n) for n in range(4)]
    known = fold(*told)
    after, notes = correlate(SETTING, known, told, NOON)
    assert after == known
    assert {note.change for note in notes} == {"seen"}


def test_what_lies_behind_or_in_another_file_is_not_taken_for_read():
    known = fold(finding(offset=7))
    assert changes(finding(offset=7), incidents=known) == ["seen"]
    assert changes(finding(offset=8, rule="r"), incidents=known) == ["joined"]
    assert changes(finding(offset=7, rule="r", source="other"), incidents=known) == ["joined"]
    assert changes(finding(offset=7, rule="r", generation="g2"), incidents=known) == ["joined"]


def test_a_finding_used_before_a_rotation_is_known_after_it():
    first, second = finding(offset=900), finding(rule="r", offset=3, generation="g2")
    assert changes(first, incidents=fold(first, second)) == ["seen"]


def test_two_findings_of_one_line_in_one_turn_both_count():
    assert changes(finding(offset=5), finding(rule="other", offset=5)) == ["opened", "joined"]


def test_a_flood_of_invented_names_stays_small():
    flood = [
        finding(f"10.1.{n // 250}.{100 + n % 250 // 2}", f"10.9.{n % 200}.7", provenance=FORGED) for n in range(3000)
    ]
    known = fold(*flood, now=NOON)
    assert len(known) <= MOST_FORGED
    assert all(len(i.beliefs) <= MOST_FORGED for i in known.values())
    real = fold(finding("ws1", "plc1", rule="real"), incidents=known)
    assert held(real, "ws1") == pytest.approx(0.8, abs=1e-5)


def test_an_incident_names_so_many_strangers_and_no_more_and_always_its_own_assets():
    strangers = [finding(f"10.1.{1 + n // 200}.{n % 200}", "plc1", rule="r") for n in range(MOST_STRANGERS + 50)]
    full = one(fold(*strangers, now=NOON))
    assert sum(name not in PLANT.assets for name in full.beliefs) == MOST_STRANGERS
    assert full.repeats == 50
    assert "ws2" in one(fold(finding("ws2", "plc1", rule="r"), incidents={full.id: full})).sources


def test_a_sweep_over_many_strangers_keeps_its_source():
    wide = incident(finding("ws1", *(f"10.9.{n // 200}.{n % 200}" for n in range(400))))
    assert "ws1" in wide.beliefs
    assert len(wide.beliefs) == MOST_STRANGERS + 1
    assert {dst for _, dst, _ in wide.reached} == wide.beliefs.keys() - {"ws1"}


@given(several)
def test_every_finding_gets_one_note_and_every_incident_holds_together(told: list[Finding]):
    incidents, notes = correlate(SETTING, {}, told, NOON)
    assert [note.finding for note in notes] == told
    for found in incidents.values():
        assert found.sources.keys() <= found.beliefs.keys()
        assert {end for src, dst, _ in found.reached for end in (src, dst)} <= found.beliefs.keys()
        assert {e.asset for e in found.evidence} == found.beliefs.keys()
        assert set(found.proven) <= found.sources.keys()
        assert found.sure.keys() <= found.beliefs.keys()
        assert max(b.held for b in found.beliefs.values()) >= OPENS


@given(several)
def test_one_turn_or_many_come_to_the_same(told: list[Finding]):
    ordered = [replace(f, offset=n) for n, f in enumerate(told)]
    assert correlate(SETTING, {}, ordered, NOON)[0] == fold(*ordered, now=NOON)


def test_a_note_says_what_was_new():
    _, (note, other) = correlate(SETTING, {}, [finding("ws1", "plc1"), finding("ws1", "hmi1")], NOON)
    assert isinstance(note, Note)
    assert [e.asset for e in note.evidence] == ["ws1", "plc1"]
    assert [e.asset for e in other.evidence] == ["hmi1"]


def test_held_now_fades_and_is_sorted():
    known = incident(finding("ws1", STRANGER, "plc1"))
    assert list(held_now(known, NOON, HALF_LIFE)) == [STRANGER, "plc1", "ws1"]
    assert held_now(known, NOON + HALF_LIFE, HALF_LIFE)["ws1"] == pytest.approx(0.4, abs=0.001)


def test_an_incident_names_the_first_and_the_last_and_counts_the_rest():
    """It is journaled with each of its changes: else the journal would grow with the square of what was seen."""
    many = FIRST + LAST + 24
    told = [finding(f"10.1.{n // 200}.{n % 200 + 1}", "plc1", tactics=WRITE, number=n) for n in range(MOST_STRANGERS)]
    told += [finding("ws1", "plc1", rule=f"rule {n}", number=n) for n in range(MOST_STRANGERS, many)]
    grown = incident(*told)
    assert (grown.found, len(grown.findings), grown.left_out) == (many, FIRST + LAST, 24)
    assert (grown.findings[0], grown.findings[-1]) == ("fnd-0", f"fnd-{many - 1}")
    assert len(grown.events) == len(grown.steps) == FIRST + LAST
    of_plc1 = [piece for piece in grown.evidence if piece.asset == "plc1" and piece.stage == Stage.CONTROL]
    assert len(of_plc1) == MOST_ALIKE
    assert len(grown.reached) == MOST_STRANGERS, "whoever reached what is known all the same"
    assert len(grown.proven) == MOST_STRANGERS


def test_a_weight_holds_for_the_version_of_a_rule_that_was_judged():
    first = finding()
    unproven = Learned(first.version, 1 / 9, right=0, judged=12)
    weak = replace(SETTING, learned={first.rule: unproven})
    (weaker,) = correlate(weak, {}, (first,), NOON)[0].values()
    (other,) = correlate(weak, {}, (replace(first, version="edited"),), NOON)[0].values()
    assert weaker.evidence[0].judged == (0, 12)
    assert weaker.beliefs["ws1"].held == pytest.approx(0.1, abs=ROUNDED)
    assert other.evidence[0].judged == (0, 0)
    assert other.beliefs == incident(first).beliefs


def test_what_can_be_forged_stays_below_its_ceiling_whatever_was_learned_of_its_rule():
    forged = finding(provenance=FORGED)
    sure = replace(SETTING, learned={forged.rule: Learned(forged.version, 10.0**6, right=999, judged=999)})
    (opened,) = correlate(sure, {}, (forged,), NOON)[0].values()
    assert opened.beliefs["ws1"].held == pytest.approx(FORGEABLE_CEILING, abs=ROUNDED)
    assert not opened.proven


def test_an_incident_names_each_version_of_each_rule_once_in_their_order():
    first, second = finding(), replace(again(finding("ws1", "hist1")), rule="other")
    edited = replace(again(first), version="2")
    known, _ = correlate(SETTING, {}, (first, second, again(first), edited), NOON)
    (opened,) = known.values()
    assert opened.repeats, "also what repeats names its rule"
    assert opened.rules == ((first.rule, "1"), ("other", "1"), (first.rule, "2"))


def test_a_flood_of_evidence_hides_nothing_that_weighs_more_or_says_something_else():
    flood = [finding("ws1", "hist1", rule=f"r{n}", level=Level.LOW) for n in range(2 * MOST_ALIKE)]
    full = fold(*flood)
    assert sum(piece.asset == "ws1" for piece in one(full).evidence) == MOST_ALIKE
    heavier = one(fold(finding("ws1", "hist1", rule="heavier", level=Level.CRITICAL), incidents=full))
    assert heavier.evidence[-2].ratio > max(piece.ratio for piece in one(full).evidence if piece.asset == "ws1")
    entered = one(fold(finding("ws1", "hist1", rule="entered", level=Level.LOW, tactics=MOVE), incidents=full))
    assert Stage.FOOTHOLD in {piece.stage for piece in entered.evidence if piece.asset == "hist1"}
    last = flood[-1]
    assert one(fold(again(last), incidents=full)).repeats == one(full).repeats + 1
