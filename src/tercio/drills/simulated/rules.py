"""The rules that deeds match: those of the content, and stand-ins for what it has none for yet."""

from functools import cache

import msgspec

from tercio.brain.detect.rules import Rule, RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.content import rule_texts
from tercio.model.ids import mint

STAND_INS: tuple[Rule, ...] = ()
"""Rules about single records that only the simulated site has, each with its product, level and tactics."""


@cache
def ruleset() -> RuleSet:
    """All rules that may be matched, with the correlations over them."""
    compiled = compile_rules(rule_texts())
    return msgspec.structs.replace(compiled, rules={**compiled.rules, **{rule.id: rule for rule in STAND_INS}})


@cache
def rule(name: str) -> str:
    """The id of a rule by its folder in the content (``modbus-write``), or of a stand-in by its own name. Raises
    KeyError."""
    stand_in = mint("sim", name)
    if any(each.id == stand_in for each in STAND_INS):
        return stand_in
    lines = rule_texts()[f"{name}/rule.yml"].splitlines()
    return next(line.removeprefix("id: ").strip() for line in lines if line.startswith("id: "))
