import pytest

from tercio.agents.advice import advice
from tercio.model.site import CONTROLLERS
from tercio.model.sitecheck import ROLES


@pytest.mark.parametrize("role", [*sorted(ROLES), "", "something else"])
def test_everybody_gets_one_line_that_says_what_to_do(role: str):
    words = advice(role)
    assert 20 < len(words) < 130
    assert "\n" not in words
    assert not words.endswith(".")


def test_it_depends_on_what_the_machine_is():
    assert {advice(role) for role in CONTROLLERS} == {advice("plc")}
    assert "with the backup before anybody trusts it" in advice("plc")
    assert (
        len({advice(role) for role in ("plc", "hmi", "ews", "historian", "directory", "jump", "router", "safety")}) == 8
    )
    assert advice("printer") == advice("workstation") != advice("plc")
    assert "find the machine behind this address" in advice("")
