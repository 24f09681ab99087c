import msgspec

from tercio.model.canon import canonical
from tercio.model.findings import Level
from tercio.model.precision import PRIORS, Judged, Judgement, Precision, Verdict


def test_a_graver_level_claims_more_and_every_level_claims_something():
    means = [PRIORS[level][0] / sum(PRIORS[level]) for level in Level]
    assert means == sorted(means)
    assert all(right >= 1 and wrong >= 1 for right, wrong in PRIORS.values())


def test_what_is_known_of_rules_and_incidents_comes_back_from_what_is_written():
    verdict = Verdict(
        judgement=Judgement.WRONG, who="a", at=1, note="b", rules=(Judged("r", "1", Judgement.UNSURE, counted=False),)
    )
    known = Precision(rule="r", version="1", title="T", level=Level.LOW, since=1, wrong=2)
    for value in (verdict, known):
        assert msgspec.json.decode(canonical(value), type=type(value)) == value
