import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.correlate.evidence import STAGES, account, added, pieces
from tercio.brain.correlate.likelihood import EXCUSED_WEIGHT, claimed, ratio
from tercio.model.events import Provenance
from tercio.model.findings import Level
from tercio.model.incidents import Evidence, Stage
from tercio.model.precision import Learned
from tercio.model.units import SECOND
from tercio.model.words import Window
from tests.brain.given import FORGED, NOON, PLANT, STRANGER, WRITE, again, finding, fold, replace

BY_HAND = Window(id="", asset="ews1", target="ot", activity="write", since=0, until=2 * NOON, by="R. Anger")


def piece(ratio: float, *events: str, flow: str = "", asset: str = "ws1", turn: int = 0) -> Evidence:
    return Evidence("fnd", events, f"{ratio}{events}", asset, Stage.FOOTHOLD, ratio, flow=flow, round=turn)


def told(*args: str, windows: tuple[Window, ...] = (), now: int = NOON, **changes):
    return account(PLANT, windows, finding(*args, **changes), now)


def test_addresses_become_names_in_either_family_and_strangers_keep_theirs():
    assert told("FD00:3:0::1F", "10.3.0.31").src == "plc1"
    found = told("ws1", "10.3.0.31", "fd00:3::1f", STRANGER, "ws1")
    assert (found.src, found.targets) == ("ws1", ("plc1", STRANGER))


def test_nothing_happens_later_than_it_is_read():
    assert told(time=NOON + SECOND).at == NOON
    assert told(time=NOON - SECOND).at == NOON - SECOND


@pytest.mark.parametrize(
    ("changes", "forgeable", "sound"),
    [
        ({}, False, True),
        ({"provenance": Provenance.AUTHENTICATED}, False, True),
        ({"provenance": FORGED}, True, False),
        ({"windows": (BY_HAND,)}, False, False),
        ({"windows": (BY_HAND,), "provenance": FORGED}, True, False),
    ],
)
def test_sound_is_what_could_neither_be_forged_nor_was_announced(changes, forgeable: bool, sound: bool):
    found = told("ews1", tactics=WRITE, **changes)
    assert (found.forgeable, found.sound, found.empty) == (forgeable, sound, False)


def test_what_names_no_source_and_what_the_site_declares_says_nothing_of_anybody():
    assert told("").empty
    assert told("hmi1", "plc1", tactics=WRITE).empty
    assert [p.asset for p in pieces(told(""), 0)] == ["plc1"]


def test_source_first_then_each_target_at_the_stage_of_the_gravest_tactic():
    found = pieces(told("ws1", "plc1", "hmi1", tactics=("discovery", "impact", "unheard-of")), 3)
    assert [(p.asset, p.stage) for p in found] == [
        ("ws1", Stage.CONTROL), ("plc1", Stage.IMPACT), ("hmi1", Stage.IMPACT),
    ]  # fmt: skip
    assert {p.round for p in found} == {3}
    assert len({p.key for p in found}) == 3
    (source, target) = pieces(told("ws1", tactics=("unheard-of",)), 0)
    assert (source.stage, target.stage) == STAGES["discovery"]


def test_what_people_said_of_a_rule_enters_its_evidence_by_value():
    plain = told("ews1", tactics=WRITE)
    weaker = replace(plain, learned=Learned("1", 1.0, right=3, judged=9))
    for before, after in zip(pieces(plain, 0), pieces(weaker, 0), strict=True):
        assert after == replace(before, ratio=round(ratio(1.0, before.stage), 6), judged=(3, 9))
        assert after.ratio < before.ratio
    assert pieces(plain, 0)[0].judged == (0, 0)


def test_an_excuse_weakens_the_ratio_and_says_why():
    plain, excused = (pieces(told("ews1", tactics=WRITE, windows=w), 0)[0] for w in ((), (BY_HAND,)))
    assert excused.ratio == pytest.approx(plain.ratio**EXCUSED_WEIGHT, abs=1e-6)
    assert 1 < excused.ratio < plain.ratio == pytest.approx(ratio(claimed(Level.HIGH), Stage.CONTROL), abs=1e-6)
    assert "R. Anger" in excused.excuse
    assert not plain.excuse


def keys(*findings, turn: int = 0) -> set[str]:
    return {p.key for each in findings for p in pieces(account(PLANT, (), each, NOON), turn)}


def test_what_makes_two_findings_one_piece_of_evidence():
    first = finding()
    assert keys(first) == keys(again(first)) == keys(again(first, service="", port=9, level=Level.LOW))
    assert keys(first).isdisjoint(keys(again(first, rule="another")))
    assert keys(first).isdisjoint(keys(again(first), turn=1))
    assert keys(first).isdisjoint(keys(again(first, provenance=FORGED)))
    assert len(keys(first, finding("ws2")) - keys(first)) == 2


def test_a_thousand_forged_names_upon_one_target_are_one_piece_about_it():
    forged = [finding(f"10.1.7.{n}", provenance=FORGED) for n in range(200)]
    about_plc1 = {p.key for f in forged for p in pieces(account(PLANT, (), f, NOON), 0) if p.asset == "plc1"}
    assert len(about_plc1) == 1


def test_dependent_evidence_weighs_as_much_as_the_weightiest():
    low, high = piece(10, "a"), piece(40, "a", "b")
    assert added((), low) == 10
    assert added((low,), high) == 4
    assert added((high,), low) == 1
    assert added((low,), piece(40, "b")) == 40


def test_a_correlation_over_two_independent_pieces_adds_what_both_together_lack():
    first, second = piece(10, "a"), piece(10, "b")
    assert added((first, second), piece(400, "a", "b")) == 4
    assert added((first, second), piece(50, "a", "b")) == 1
    # Two rules on one line told 40 together, not 400, so a third over it lacks 10 of 400.
    assert added((piece(10, "a"), piece(40, "a")), piece(400, "a", "c")) == 10


def test_one_flow_is_one_source_of_evidence_within_a_round_and_for_one_asset():
    first = piece(40, "a", flow="1:x")
    assert added((first,), piece(40, "b", flow="1:x")) == 1
    assert added((first,), piece(40, "b", flow="1:x", turn=1)) == 40
    assert added((first,), piece(40, "b", flow="1:x", asset="ws2")) == 40
    assert added((piece(40, "a"),), piece(40, "b")) == 40


@given(st.lists(st.tuples(st.floats(1, 1e4), st.sets(st.sampled_from("abc"), min_size=1)), min_size=1, max_size=6))
def test_what_is_added_lies_between_nothing_and_the_claim(claims: list[tuple[float, set[str]]]):
    *known, last = [piece(ratio, *sorted(events)) for ratio, events in claims]
    assert 1 <= added(known, last) <= last.ratio


def test_a_long_chain_of_dependent_pieces_is_followed_to_its_end():
    chain = [piece(2.0**n, f"e{n}", f"e{n + 1}") for n in range(3)]
    # 1, then 2 lacks 2 of it, then 4 lacks 2 of that.
    assert [added(chain[:n], chain[n]) for n in range(3)] == [1, 2, 2]
    chain = [piece(7, f"e{n}", f"e{n + 1}") for n in range(2000)]
    assert added(chain[:-1], chain[-1]) in (1, 7)


def test_what_is_done_to_an_asset_weighs_as_the_weightiest_however_many_do_it_and_how():
    attempts = [
        finding(f"203.0.113.{n}", "hist1", level=Level.LOW, rule=f"r{n % 3}", tactics=("initial-access",))
        for n in range(9)
    ]
    victim = fold(*attempts).popitem()[1].beliefs["hist1"]
    assert victim.held == pytest.approx(0.1, abs=0.001)
    weightier = finding("203.0.113.9", "hist1", level=Level.HIGH, rule="r9", tactics=("initial-access",))
    assert fold(*attempts, weightier).popitem()[1].beliefs["hist1"].held == pytest.approx(0.8, abs=0.001)


def test_what_an_asset_does_itself_is_evidence_beside_what_was_done_to_it():
    done_to = finding("203.0.113.9", "hist1", level=Level.LOW, tactics=("initial-access",))
    does = finding("hist1", "plc1", level=Level.LOW, rule="other")
    alone, both = fold(does).popitem()[1], fold(done_to, does).popitem()[1]
    assert both.proved("hist1") > 2 * alone.proved("hist1")
