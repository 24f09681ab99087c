from tercio.brain.correlate.belief import unknown
from tercio.brain.correlate.beliefs import believed, keep, renew
from tercio.brain.correlate.evidence import Account, account, pieces
from tercio.brain.correlate.likelihood import FORGEABLE_CEILING
from tercio.model.units import SECOND
from tests.brain.given import FORGED, HALF_LIFE, NOON, PLANT, PROVEN, WRITE, finding, incident


def told(**changes: object) -> Account:
    return account(PLANT, (), finding("ws1", "plc1", tactics=WRITE, **changes), NOON + SECOND)


def test_what_could_be_forged_is_kept_apart_from_what_could_not():
    forged = told(provenance=FORGED)
    beliefs, sure = believed(HALF_LIFE, None, forged, pieces(forged, 0))
    assert 0 < sure["ws1"].held < beliefs["ws1"].held <= FORGEABLE_CEILING
    beliefs, sure = believed(HALF_LIFE, None, told(), pieces(told(), 0))
    assert beliefs["ws1"].held > FORGEABLE_CEILING
    assert not sure, "where all of it is proven, it is said once"


def test_who_is_named_again_does_not_fade_unless_anybody_could_name_him():
    home = incident(finding("ws1", "plc1", tactics=WRITE, time=NOON - HALF_LIFE))
    for provenance, kept in ((PROVEN, True), (FORGED, False)):
        beliefs, sure = dict(home.beliefs), dict(home.sure)
        keep(told(provenance=provenance), beliefs, sure, set())
        assert (beliefs["ws1"].as_of > home.beliefs["ws1"].as_of) is kept


def test_what_is_proven_now_says_at_least_what_it_says_alone():
    faint = {"ws1": unknown(NOON)}
    beliefs = dict(faint)
    renew(told(), 0, beliefs, {})
    alone = believed(HALF_LIFE, None, told(), pieces(told(), 0))[0]["ws1"]
    assert beliefs["ws1"].held == alone.held > faint["ws1"].held
    beliefs = dict(faint)
    renew(told(provenance=FORGED), 0, beliefs, {})
    assert beliefs == faint
