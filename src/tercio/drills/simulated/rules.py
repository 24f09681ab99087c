"""The rules that deeds match: those of the content, and stand-ins for what it has none for yet."""

from functools import cache

import msgspec

from tercio.brain.detect.rules import Origin, Rule, RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.content import rule_texts
from tercio.drills.simulated.estate import Estate
from tercio.model.findings import Level
from tercio.model.ids import mint

CONTROL_LEVEL = 2.0
"""Purdue: up to here a zone counts as OT for the rules about traffic into it."""

_STAND_INS = (
    ("program-download", "suricata", Level.MEDIUM, ("impair-process-control",), ("t0843",)),
    ("bulk-upload", "suricata", Level.MEDIUM, ("exfiltration",), ("t1048",)),
    ("service-flooded", "suricata", Level.LOW, ("impact",), ("t1499",)),
    ("new-machine", "suricata", Level.LOW, ("initial-access",), ("t0864",)),
    ("files-encrypted", "windows", Level.HIGH, ("impact",), ("t1486",)),
    ("data-encrypted", "linux", Level.HIGH, ("impact",), ("t1486",)),
    ("sign-in-from-afar", "linux", Level.LOW, ("initial-access",), ("t1078", "t1133")),
)
"""Rules about single records that only the simulated site has: name, product, level, tactics, techniques. Levels are
those that rules of the content have which say as much: a download by the vendor's protocol that of modbus-programming.
"""


def _stand_in(name: str, product: str, level: Level, tactics: tuple[str, ...], techniques: tuple[str, ...]) -> Rule:
    return Rule(
        id=mint("sim", name),
        version="simulated",
        title=name.replace("-", " ").capitalize(),
        level=level,
        tactics=tactics,
        techniques=techniques,
        origin=Origin(product, "", ""),
        condition=0,
    )


STAND_INS: tuple[Rule, ...] = tuple(_stand_in(*row) for row in _STAND_INS)
"""They are matched by no record: deeds name them."""


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


def tactics(name: str) -> tuple[str, ...]:
    """The tactics of a rule by name; none of the empty name."""
    return ruleset().rules[rule(name)].tactics if name else ()


_INTO_CONTROL = {
    **dict.fromkeys(("rdp", "ssh", "smb"), "administration-into-ot"),
    **dict.fromkeys(("http", "https"), "web-into-ot"),
}


def crossing(estate: Estate, src: str, dst: str, service: str) -> str:
    """The name of the rule that a session from ``src`` to ``dst`` matches, whoever opens it and whatever for: what goes
    into OT from outside is reported by its port. Empty where nothing is."""
    here, there = (estate.site.zones.get(estate.site.zone_of(end)) for end in (src, dst))
    if there is None or there.level > CONTROL_LEVEL or (here is not None and here.level <= CONTROL_LEVEL):
        return ""
    return _INTO_CONTROL.get(service, "")
