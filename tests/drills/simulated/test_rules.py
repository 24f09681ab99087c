import pytest

from tercio.drills.simulated.rules import rule, ruleset


def test_a_rule_of_the_content_is_known_by_its_folder():
    assert ruleset().rules[rule("modbus-write")].title == "Modbus write"


def test_an_unknown_rule_is_an_error():
    with pytest.raises(KeyError):
        rule("no-such-rule")


def test_correlations_over_the_rules_are_there():
    assert ruleset().correlations_of[rule("syn-probe")]
