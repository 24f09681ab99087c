import math
from math import ceil

import pytest
from hypothesis import given

from tercio.brain.decide.candidates import candidates
from tercio.brain.decide.forecast import reaches_within
from tercio.brain.decide.loss import RISK, Prices, tolerated
from tercio.brain.decide.question import Outlook, Question
from tercio.brain.decide.survey import survey
from tercio.model.commands import target_name
from tercio.model.decisions import Candidate, Money
from tercio.model.processes import ProcessState
from tercio.model.site import Flow
from tercio.model.units import SECOND
from tests.brain.given import (
    FILLING,
    NOON,
    asset,
    effect,
    finding,
    incident,
    question,
    questions,
    replace,
    site,
)

HOUR = 3600 * SECOND
SWEPT = question(incident(finding("ws1", "plc1")))
HORIZON = SWEPT.outlook.horizon


def prices(asked: Question) -> Prices:
    return Prices(asked, survey(asked))


def named(asked: Question, *names: str) -> tuple[Candidate, ...]:
    found = {target_name(c.target): c for c in candidates(asked) if c.target is not None}
    return tuple(found[name] for name in names)


def cost(asked: Question, *names: str) -> int:
    return prices(asked).production(named(asked, *names))


def test_doing_nothing_worked_by_hand():
    # 0.8 held, two steps of 27 s (median) within half an hour, 204,000.00 at stake.
    reach = reaches_within(2, HORIZON, 27.0 * SECOND)
    assert 0.999 < reach < 1
    assert prices(SWEPT).priced(()) == Money(round(20_400_000 * 0.8 * reach), 0, 0)


def test_blocking_worked_by_hand():
    # Two detours more, each unseen with one half. ws1 costs 60.00 an hour: half an hour if it is held, five minutes if
    # not. The action stops the line itself once in ten thousand times.
    after = 20_400_000 * 0.8 * reaches_within(4, HORIZON, 27.0 * SECOND) / 4
    money = prices(SWEPT).priced(named(SWEPT, "host ws1"))
    assert money.attack == pytest.approx(after, abs=2)
    assert money.production == ceil(0.8 * 3000 + 0.2 * 500) == 2500
    assert money.risk == ceil(RISK * 20_400_000) == 2040
    assert money.total == money.attack + money.production + money.risk


def test_there_is_one_intruder_and_he_takes_the_best_way_he_holds():
    both = question(incident(finding("ws1", "plc1"), finding("ws2", "plc1", rule="r")))
    # Two pieces of evidence came at once, and that is his pace.
    median = survey(both).median
    straight, around = (reaches_within(2 + n, HORIZON, median) * 0.5**n for n in (0, 2))
    one, other = (threat.held for threat in survey(both).threats)
    none, first, all_ = (
        prices(both).priced(named(both, *names)).attack / 20_400_000
        for names in ((), ("host ws1",), ("host ws1", "host ws2"))
    )  # fmt: skip
    either = one + other - one * other
    assert none == pytest.approx(either * straight, abs=1e-5)
    assert first == pytest.approx(other * straight + (1 - other) * one * around, abs=1e-5)
    assert all_ == pytest.approx(either * around, abs=1e-5)
    assert prices(both).priced(named(both, "conduit office -> ot")).attack / 20_400_000 == pytest.approx(all_)


def test_waiting_worked_by_hand():
    # Half of the time he shows himself and is then blocked; else nothing is done. In both, a minute is his.
    block = named(SWEPT, "host ws1")
    idle, acted = prices(SWEPT).priced(()), prices(SWEPT).priced(block)
    early = reaches_within(2, 60 * SECOND, 27.0 * SECOND) / reaches_within(2, HORIZON, 27.0 * SECOND)
    waited = prices(SWEPT).waited(block)
    assert waited.attack == pytest.approx(
        idle.attack * early + (1 - early) * (acted.attack + idle.attack) / 2, abs=20
    )  # fmt: skip
    assert (waited.production, waited.risk) == (ceil(2500 * 0.4), ceil(2040 * 0.4))


def test_asking_worked_by_hand():
    slow = replace(SWEPT, outlook=Outlook(answer=30 * SECOND))
    block = named(slow, "host ws1")
    idle, acted = prices(slow).priced(()), prices(slow).priced(block)
    early = reaches_within(2, 30 * SECOND, 27.0 * SECOND) / reaches_within(2, HORIZON, 27.0 * SECOND)
    asked = prices(slow).asked(block)
    assert asked.attack == pytest.approx(idle.attack * early + (1 - early) * acted.attack, abs=20)
    assert (asked.production, asked.risk) == (acted.production, acted.risk)


def test_who_answers_after_the_horizon_answers_too_late():
    never = replace(SWEPT, outlook=Outlook(answer=10 * HORIZON))
    assert prices(never).asked(named(never, "host ws1")).attack == prices(never).priced(()).attack


def test_a_conduit_costs_what_the_zone_or_all_in_it_are_worth():
    # The office costs 1,200.00 an hour, ws1 and ws2 in it 60.00 and nothing: 0.8 of half an hour, 0.2 of five minutes.
    assert cost(SWEPT, "conduit office -> ot") == 0.8 * 60_000 + 0.2 * 10_000
    rich = site(assets=[asset("ws2", "office", "workstation", outage_per_hour=240_000)])
    assert cost(replace(SWEPT, site=rich), "conduit office -> ot") == 0.8 * 123_000 + 0.2 * 20_500


def historian(*, hours: int, span: int = 300 * SECOND) -> int:
    """What it costs to lose the historian for a lease, were the suspicion certainly wrong."""
    line = replace(FILLING, tolerates={"hist1": hours * HOUR})
    asked = question(incident(finding("hist1", "plc1")), site(line), outlook=Outlook(span=span, horizon=span))
    return cost(asked, "host hist1") - ceil(8_000 * span / HOUR)


def test_an_outage_costs_nothing_while_it_is_tolerated_then_a_step_then_the_hours():
    assert historian(hours=8) == 0
    assert historian(hours=1, span=HOUR) == 0
    assert historian(hours=1, span=HOUR + SECOND) == pytest.approx(1_800_000 + 6_000_000 + 4_200_000 / 3600, abs=2)
    assert historian(hours=1, span=3 * HOUR) == pytest.approx(1_800_000 + 6_000_000 + 2 * 4_200_000, abs=2)
    assert historian(hours=0) == pytest.approx(1_800_000 + 6_000_000 + 4_200_000 / 12, abs=2)


def test_a_long_outage_is_paid_at_the_later_rates():
    line = replace(FILLING, tolerates={}, rates=((2 * HOUR, 100_000),))
    asked = question(incident(finding("hist1", "plc1")), site(line), outlook=Outlook(span=3 * HOUR, horizon=3 * HOUR))
    paid = cost(asked, "host hist1") - 3 * 8_000
    assert paid == pytest.approx(1_800_000 + 6_000_000 + 2 * 4_200_000 + 100_000, abs=2)


@pytest.mark.parametrize(("phase", "tolerated", "batch"), [
    ("rinse", 0, 0), ("fill", 0, 1_800_000), ("", 0, 1_800_000), ("rinse", 1, 1_800_000),
])  # fmt: skip
def test_the_batch_is_that_of_the_phase_where_the_stop_comes_at_once(phase: str, tolerated: int, batch: int):
    by_phase = {"rinse": 0, "fill": 1_800_000}
    line = replace(FILLING, tolerates={"hist1": tolerated * SECOND}, scrap_by_phase=by_phase, outage_per_hour=0)
    asked = question(
        incident(finding("hist1", "plc1")), site(line),
        processes={"filling": ProcessState(running=True, seen=NOON, phase=phase, phase_seen=NOON)},
    )  # fmt: skip
    own = cost(question(asked.incident, site(replace(line, needs=(), flows=line.flows[:1]))), "host hist1")
    assert cost(asked, "host hist1") - own == batch + 6_000_000


def test_a_flow_is_worth_no_more_than_the_end_that_can_be_spared_longer():
    asked = question(incident(finding("hist1", "plc1")))
    assert cost(asked, "flow hist1 -> plc1 tcp/502") == 0
    asked = question(incident(finding("hmi1", "plc1")))
    assert cost(asked, "flow hmi1 -> plc1 tcp/502") > 7_800_000


def test_a_process_that_two_actions_stop_is_stopped_once():
    line = replace(FILLING, tolerates={}, flows=(Flow("hist1", "plc1", "modbus"), Flow("hmi1", "plc1", "modbus")))
    asked = question(incident(finding("hist1", "plc1"), finding("hmi1", "plc1")), site(line))
    alone = [cost(asked, "host hist1"), cost(asked, "host hmi1")]
    own = ceil(8_000 * (survey(asked).held * HORIZON + (1 - survey(asked).held) * asked.outlook.span) / HOUR)
    assert cost(asked, "host hist1", "host hmi1") == pytest.approx(max(alone), abs=own)
    assert min(alone) > 7_800_000


def test_what_stands_already_averts_nothing_twice():
    host = named(SWEPT, "host ws1")
    blocked = replace(SWEPT, effects=(effect(host[0].target),))
    (flow,) = named(SWEPT, "flow ws1 -> plc1 tcp/502")
    assert prices(blocked).priced(()).attack == prices(SWEPT).priced(host).attack
    assert prices(blocked).priced((flow,)).attack == prices(blocked).priced(()).attack
    assert prices(blocked).hinders(flow) == {}


def test_nothing_is_lost_where_nothing_is_worth_anything():
    worthless = replace(FILLING, outage_per_hour=0, restart_cost=0, scrap=0)
    asked = replace(SWEPT, site=site(worthless))
    money, block = prices(asked), named(asked, "host ws1")
    assert money.priced(()).total == money.waited(block).attack == money.asked(block).attack == 0
    assert money.priced(block).attack == money.priced(block).risk == 0


@given(questions())
def test_money_is_never_negative_and_acting_never_helps_the_attack(asked: Question):
    money, idle = prices(asked), prices(asked).priced(())
    acting = [c for c in candidates(asked) if c.target is not None]
    assert (idle.production, idle.risk) == (0, 0)
    for one in acting:
        for plan in (money.priced((one,)), money.waited((one,)), money.asked((one,))):
            assert min(plan.attack, plan.production, plan.risk) >= 0
            assert plan.attack <= idle.attack + 1
            assert plan.attack >= money.priced((one,)).attack - 1
        for other in acting:
            both = money.priced((one, other))
            assert both.attack <= min(money.priced((one,)).attack, money.priced((other,)).attack) + 1
            assert both.production <= money.priced((one,)).production + money.priced((other,)).production


@given(questions())
def test_a_price_does_not_depend_on_what_was_priced_before(asked: Question):
    acting = [c for c in candidates(asked) if c.target is not None]
    pairs = [(one, other) for one in acting for other in acting if one.id < other.id]
    used = prices(asked)
    told = [used.priced(plan) for plan in [*((a,) for a in acting), *pairs]]
    assert told == [prices(asked).priced(plan) for plan in [*((a,) for a in acting), *pairs]]


def test_how_long_a_process_goes_without_what_is_taken():
    assert tolerated(FILLING, ("hist1",), ()) == 8 * HOUR
    assert tolerated(FILLING, ("hist1", "plc1"), ()) == 0
    assert tolerated(FILLING, (), (("filling", "hist1", "plc1", "modbus"),)) == 8 * HOUR
    assert tolerated(FILLING, (), (("packing", "hist1", "plc1", "modbus"),)) == math.inf
    assert tolerated(FILLING, ("ws1",), ()) == math.inf
