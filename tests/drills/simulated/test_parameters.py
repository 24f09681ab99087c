import pytest

from tercio.drills.simulated.parameters import FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_sound(name):
    family = FAMILIES[name]
    assert family.name == name
    assert all(0 <= p <= 1 for p in (family.recall_else, family.missing, family.duplicate, family.fails))
    assert all(0 <= p <= 1 for p in family.recall.values())
    assert min(family.delay, family.latency, family.poll, family.length) > 0
    assert min(family.noise, family.tempo) > 0
