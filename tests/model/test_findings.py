import msgspec
import pytest
from hypothesis import given

from tercio.model.canon import canonical
from tercio.model.findings import Finding, Level
from tests.model.values import any_of, survives


@given(any_of(Finding))
def test_a_finding_survives_being_journaled(finding: Finding):
    survives(finding)


@given(any_of(Finding))
def test_a_finding_of_a_level_that_sigma_does_not_know_is_not_decoded(finding: Finding):
    body = {**msgspec.to_builtins(finding), "level": "catastrophic"}
    with pytest.raises(msgspec.ValidationError, match="level"):
        msgspec.json.decode(canonical(body), type=Finding)


def test_levels_rise_in_sigmas_order():
    assert [level.value for level in Level] == ["informational", "low", "medium", "high", "critical"]
