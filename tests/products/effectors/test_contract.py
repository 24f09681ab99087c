from tercio.products.effectors import EFFECTORS
from tercio.products.effectors.contract import Config, Step, Via


def test_every_effector_states_what_an_operator_must_know() -> None:
    assert EFFECTORS
    for name, effector in EFFECTORS.items():
        assert effector.mechanism == name
        assert effector.supports
        for text in (effector.stops, effector.cannot, effector.permission, effector.expiry, effector.break_glass):
            assert len(text) > 10


def test_every_effector_reads_only_and_prepares_by_steps() -> None:
    for effector in EFFECTORS.values():
        reads = effector.facts(Config(), None)
        assert reads
        found = effector.read(Config(), None, (None,) * len(reads))
        assert effector.prepare(found)
        assert not effector.there(found)
        assert effector.leave(found) == (), "what is not there is not taken away"
        assert effector.standing(found, 0) == ()


def test_a_step_is_needed_unless_said_otherwise() -> None:
    assert Step(Via.NFT, "x").needed
    assert not Step(Via.NFT, "x").rules
