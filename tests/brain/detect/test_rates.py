from tercio.brain.detect.rates import FLOOD, MINUTE, Rate, Rates, flooding
from tercio.model.events import Provenance
from tercio.model.findings import Level
from tests.brain.given import NOON, again, finding


def counted(known: dict[str, Rate], of: int, clock: int = NOON, **changes: object) -> tuple[dict[str, Rate], int]:
    rates, floods = Rates(known), 0
    each = finding(**changes)
    for _ in range(of):
        floods += rates.count(each, clock) is not None
    return rates.state(), floods


def test_a_flood_is_so_many_of_one_rule_and_one_source_in_one_minute():
    state, none = counted({}, FLOOD - 1)
    assert none == 0
    assert counted(state, 1)[1] == 1
    assert counted(state, 1, rule="other")[1] == 0
    assert counted(state, 1, source="other")[1] == 0
    assert counted(state, FLOOD - 1, clock=NOON + MINUTE)[1] == 0
    assert counted(state, 3 * FLOOD)[1] == 1, "it is told once in its minute"


def test_what_was_counted_before_is_left_as_it_was():
    state, _ = counted({}, 5)
    before = {name: dict(rate.findings) for name, rate in state.items()}
    after, _ = counted(state, 5)
    assert {name: rate.findings for name, rate in state.items()} == before
    assert next(iter(after.values())).findings == {"sweep": 10}


def test_a_flood_describes_and_proves_nothing():
    last = finding()
    flood = flooding(last)
    assert (flood.level, flood.provenance) == (Level.INFORMATIONAL, Provenance.DERIVED)
    assert (flood.src, flood.dst, flood.time, flood.events) == (last.src, last.dst, last.time, last.events)
    assert flood.id != last.id
    assert flooding(again(last)).id != flood.id
