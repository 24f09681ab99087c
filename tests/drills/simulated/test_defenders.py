import msgspec
import pytest

from tercio.drills.simulated.defenders import NEVER, SILENT, Brief, Sensed, Tercio
from tercio.drills.simulated.episode import START, play
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.parameters import FITTED
from tercio.model.commands import Action
from tercio.model.sifted import Sifted
from tercio.model.units import HOUR, SECOND
from tests.drills.simulated.given import Idle, hasty, scenario

QUIET = msgspec.structs.replace(FITTED, fails=0.0, recall_else=1.0, length=12 * HOUR)


def brief():
    estate = make(1, "plant", 20)
    return Brief(estate.site, estate.reaches, {"wire-inner": "suricata"}, START, 1)


def heard(at):
    return Sensed((Sifted("wire-inner", "simulated", 0, 0, at),))


def test_where_nothing_happens_it_orders_nothing_and_waits_for_nothing():
    tercio = Tercio(brief())
    assert tercio.see(START + SECOND, heard(START + SECOND)) == ()
    assert tercio.due() == NEVER
    assert tercio.tally().decisions == 0


def test_a_source_that_says_nothing_becomes_silent():
    tercio = Tercio(brief())
    tercio.see(START + SECOND, heard(START + SECOND))
    tercio.see(START + 2 * SILENT, Sensed())
    assert tercio._state.memory.silent == ("wire-inner",)


@pytest.fixture(scope="module")
def course():
    """What Tercio was given, and did, in one whole episode."""
    orders = []

    class Watched(Tercio):
        def see(self, now, sensed):
            given = super().see(now, sensed)
            orders.extend((now, order, self.due()) for order in given)
            return given

    flat = next(s for s in range(40) if make(s % 32, "plant", 40).passable("ws1", "plc11"))
    told = play(scenario(flat, parameters=QUIET, players=lambda *a: (hasty(*a),)), Watched, "tercio")
    return told, orders


def test_the_loop_s_leases_are_renewed_before_they_end(course):
    told, orders = course
    assert told.acts
    assert max(act.ended - act.since for act in told.acts) > HOUR  # One lease is five minutes.
    denials = [(now, order.until) for now, order, _ in orders if order.action == Action.DENY]
    assert all(now < until for now, until in denials)


def test_it_counts_what_its_journal_says(course):
    told, _ = course
    assert told.decisions >= len(told.acts) > 0
    assert told.incidents >= 1
    assert told.cited >= 1


def test_hands_are_not_asked_what_nobody_doubts(course):
    _, orders = course
    assert orders
    assert all(order.action != Action.QUERY for _, order, _ in orders)


def test_no_turn_that_changes_anything_is_left_out():
    """Played with a turn every ten seconds beside those that are due, the same things happen."""

    class Restless(Tercio):
        def due(self):
            return min(super().due(), self._now + 10 * SECOND)

    short = msgspec.structs.replace(QUIET, length=10 * HOUR)
    for seed in (3,):
        given = scenario(seed, 20, short, lambda *a: (hasty(*a),))
        one, other = play(given, Tercio, "t"), play(given, Restless, "t")
        assert other.turns > 2 * one.turns
        assert [(a.target, a.right) for a in one.acts] == [(a.target, a.right) for a in other.acts]
        assert one.impacts == other.impacts
        assert all(abs(a.since - b.since) < SECOND for a, b in zip(one.acts, other.acts, strict=True))
    assert Idle(brief()).due() == NEVER
