import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.agents.commander import orders
from tercio.model.commands import Action, Command, EffectState, HostTarget, target_name
from tercio.model.decisions import Permission, Ruling, Verb
from tercio.model.ids import command_id, lease_id
from tests.agents.given import FLOW, HOST, NOW, SPAN, candidate, decision, effect, replace

BLOCK = candidate()
CUT = candidate(Verb.BLOCK_FLOW, id="can-2", target=FLOW)


def test_one_command_for_each_acting_candidate():
    commands = orders(decision(BLOCK, CUT), {}, NOW)
    lease = lease_id("dec-1", "deny", "host ews1")
    assert {target_name(c.target) for c in commands} == {target_name(HOST), target_name(FLOW)}
    assert [c.id for c in commands] == sorted(c.id for c in commands)
    assert next(c for c in commands if c.target == HOST) == Command(
        id=command_id(lease, NOW + SPAN), lease=lease, incident="inc-1", decision="dec-1", hand="gateway",
        action=Action.DENY, target=HOST, issued=NOW, until=NOW + SPAN,
    )  # fmt: skip


def test_the_same_decision_at_the_same_instant_gives_the_same_ids():
    assert orders(decision(BLOCK, CUT), {}, NOW) == orders(decision(CUT, BLOCK), {}, NOW)


@pytest.mark.parametrize("verb", [Verb.NOTHING, Verb.WAIT, Verb.ASK])
def test_what_changes_nothing_orders_nothing(verb):
    assert orders(decision(candidate(verb)), {}, NOW) == ()


@pytest.mark.parametrize("permission", [Permission.CONSENT, Permission.FORBIDDEN])
def test_nothing_is_ordered_that_is_not_permitted(permission):
    with pytest.raises(ValueError, match="does not permit"):
        orders(decision(BLOCK, permission=permission), {}, NOW)


def test_nothing_is_ordered_without_a_ruling():
    with pytest.raises(ValueError, match="does not permit"):
        orders(decision(BLOCK, rulings=()), {}, NOW)


def test_of_two_rulings_the_stricter_counts():
    said = (Ruling("can-1", Permission.PERMITTED, (), (), ""), Ruling("can-1", Permission.FORBIDDEN, (), (), ""))
    for rulings in (said, said[::-1]):
        with pytest.raises(ValueError, match="does not permit"):
            orders(decision(BLOCK, rulings=rulings), {}, NOW)


def test_one_forbidden_among_others_stops_the_whole_plan():
    rulings = (Ruling("can-1", Permission.PERMITTED, (), (), ""), Ruling("can-2", Permission.CONSENT, (), ("x",), ""))
    with pytest.raises(ValueError, match="can-2"):
        orders(decision(BLOCK, CUT, rulings=rulings), {}, NOW)


@pytest.mark.parametrize("wrong", [replace(BLOCK, target=None), replace(BLOCK, span=0), replace(BLOCK, span=-1)])
def test_no_target_or_no_end(wrong):
    with pytest.raises(ValueError, match="no target or no end"):
        orders(decision(wrong), {}, NOW)


def test_a_choice_from_nowhere():
    with pytest.raises(ValueError, match="none of its candidates"):
        orders(decision(BLOCK, candidates=()), {}, NOW)


STANDING = effect()


@pytest.mark.parametrize(
    ("known", "count"),
    [
        (STANDING, 0),
        (replace(STANDING, state=EffectState.ORDERED), 0),
        (replace(STANDING, incident="inc-other", decision="dec-other"), 0),
        (replace(STANDING, target=HostTarget("ews1", ("10.99.9.9",))), 0),  # The same asset by its other address.
        (replace(STANDING, until=NOW + 1), 0),  # Renewing it is the engineer's.
        (replace(STANDING, target=HostTarget("ws1", ())), 1),
        *((replace(STANDING, state=state), 1) for state in EffectState if state not in ("ordered", "standing")),
    ],
)
def test_what_stands_is_not_ordered_again(known, count):
    assert len(orders(decision(BLOCK), {known.lease: known}, NOW)) == count


@given(st.lists(st.sampled_from(Permission), min_size=2, max_size=2), st.booleans())
def test_no_command_without_a_permission(permissions, stands):
    rulings = tuple(Ruling(c.id, p, (), (), "") for c, p in zip((BLOCK, CUT), permissions, strict=True))
    effects = {STANDING.lease: STANDING} if stands else {}
    try:
        commands = orders(decision(BLOCK, CUT, rulings=rulings), effects, NOW)
    except ValueError:
        assert set(permissions) != {Permission.PERMITTED}
    else:
        assert set(permissions) == {Permission.PERMITTED}
        assert len(commands) == 2 - stands
        assert all(NOW < c.until <= NOW + SPAN for c in commands)
