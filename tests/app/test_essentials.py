"""Of a line that a rule matched, what the rule asked about."""

import json

import pytest

from tercio.app.essentials import LONGEST_VALUE, MOST_FIELDS, Essentials, fields_of, shaped
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.model.archive import Kept
from tercio.products.sensors import SENSORS

RULE = """
title: T
name: r
logsource: {product: windows, service: security}
detection:
    words: [whoami]
    one: {CommandLine|contains: x, EventID: 4688}
    two: {Missing: null, User|startswith: a}
    condition: (words or one) and not two
"""


def rules(text: str = RULE) -> RuleSet:
    return compile_rules({"r.yml": text})


def kept(line: bytes, source: str = "windows") -> Kept:
    return Kept(source, "1", 0, 0, 0, line)


def of(**record: object) -> dict[str, str]:
    line = json.dumps({"Channel": "Security", "EventID": 4688, **record}).encode() + b"\n"
    return Essentials(rules(), SENSORS).of("r", kept(line))


def test_the_fields_are_those_of_the_condition():
    assert fields_of(rules(), "r") == ("CommandLine", "EventID", "Missing", "User")


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({}, {"EventID": "4688"}),
        ({"CommandLine": "a x"}, {"CommandLine": "a x", "EventID": "4688"}),
        ({"User": ["a", 1, None, True]}, {"EventID": "4688", "User": "a, 1, true"}),
        ({"User": {"name": "a"}, "CommandLine": None}, {"EventID": "4688"}),
        ({"User": "\x1b[31m"}, {"EventID": "4688", "User": "\x1b[31m"}),
    ],
)
def test_the_values_that_the_line_has(record: dict[str, object], fields: dict[str, str]):
    assert of(**record) == fields


def test_a_long_value_is_cut():
    found = of(CommandLine="x" * (LONGEST_VALUE + 1))["CommandLine"]
    assert len(found) == LONGEST_VALUE
    assert found.endswith("...")


def test_fields_are_bounded():
    many = "\n".join(f"        F{number}: x" for number in range(MOST_FIELDS + 1))
    ruleset = rules(
        f"title: T\nname: r\nlogsource: {{product: windows}}\ndetection:\n    s:\n{many}\n    condition: s\n"
    )
    line = json.dumps({f"F{number}": "x" for number in range(MOST_FIELDS + 1)}).encode()
    assert len(Essentials(ruleset, SENSORS).of("r", kept(line))) == MOST_FIELDS


def test_keywords_name_no_field():
    ruleset = rules("title: T\nname: r\nlogsource: {product: windows}\ndetection: {s: [whoami], condition: s}\n")
    assert Essentials(ruleset, SENSORS).of("r", kept(b'{"CommandLine":"whoami"}\n')) == {}


def test_a_record_of_several_lines_is_read_as_one():
    execve = (
        b'type=SYSCALL msg=audit(1700000000.000:1): arch=c000003e comm="id" exe="/usr/bin/id"\n'
        b'type=EXECVE msg=audit(1700000000.000:1): argc=2 a0="id" a1="-u"\n'
    )
    assert json.loads(shaped(SENSORS["auditd"], execve))["CommandLine"] == "id -u"


def test_what_is_no_record_has_no_shape():
    assert shaped(SENSORS["weblog"], b"noise\n") == b""
