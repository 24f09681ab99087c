import json
from pathlib import Path

import pytest

from tercio.app.hiding import CASE, INCIDENT, Hidden, Library, Narrowing, Sample, cases, evidence
from tercio.content import rule_texts
from tercio.store.state import State
from tests.app.given import attacked

RULE = """\
title: Failed
id: 11111111-2222-4333-8444-555555555555
name: failed
tags: [attack.t1110]
logsource: {product: windows, service: security}
detection:
  it: {EventID: 4625}
  condition: it
"""
MANY = """\
title: Many
name: many
tags: [attack.t1110.003]
correlation: {type: value_count, rules: [failed], group-by: [Host], timespan: 5m, condition: {field: User, gte: 2}}
"""
OTHER = RULE.replace("11111111", "22222222").replace("failed", "other").replace("Failed", "Other")
EXCEPTION = """\
title: Exception
logsource: {{product: windows, service: security}}
filter: {{rules: [failed], excepted: {{{where}}}, condition: not excepted}}
"""
WRITE = "c4f6a0d8-2e17-4b3a-9d88-7a5b1e0f6e24"
ID = "11111111-2222-4333-8444-555555555555"
TEXTS = {"failed.yml": RULE, "many.yml": MANY, "other.yml": OTHER}


def record(user: str, second: int = 0) -> bytes:
    body = {"Channel": "Security", "EventID": 4625, "@timestamp": f"2026-11-24T08:00:{second:02}Z"}
    return json.dumps({**body, "User": user, "Host": "h"}).encode() + b"\n"


def narrowing(where: str) -> Narrowing:
    return Narrowing(ID, TEXTS, {"f.yml": EXCEPTION.format(where=where)})


def sample(*users: str) -> Sample:
    return Sample(CASE, "+".join(users), "windows", tuple(record(user, n) for n, user in enumerate(users)))


def test_what_would_no_longer_be_told() -> None:
    found = narrowing("User: svc").over([sample("svc"), sample("ann"), sample("svc", "ann"), sample("ann", "bob")])
    assert (found.samples, found.matched) == (4, 4)
    assert found.hidden == (
        Hidden(CASE, "svc", 1, 1, ("Failed",), ("T1110",)),
        Hidden(CASE, "svc+ann", 2, 1, ("Many",), ("T1110", "T1110.003")),
    )


def test_an_exception_that_fits_nothing_hides_nothing() -> None:
    assert narrowing("User: nobody").over([sample("svc", "ann")]).hidden == ()


def test_an_exception_that_can_not_be_used_is_said() -> None:
    with pytest.raises(ValueError, match="shout"):
        narrowing("User|shout: svc")


def test_only_what_a_rule_concerns_is_taken() -> None:
    library = Library({**TEXTS, "f.yml": EXCEPTION.format(where="User: svc"), "broken.yml": "name: failed\na: [\n"})
    ((file, body),) = library.called("Failed")
    assert (file, body["name"]) == ("failed.yml", "failed")
    assert list(library.concerned(body)) == ["f.yml", "failed.yml", "many.yml"]
    assert library.called("nothing") == []


def test_cases_beside_rules(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "positive.ndjson").write_bytes(record("ann"))
    (tmp_path / "positive-of-others.ndjson").write_text("nonsense\n")
    (tmp_path / "negative.ndjson").write_bytes(record("bob"))
    found = list(cases(narrowing("User: svc").before, ID, [str(tmp_path / "rule.yml")]))
    assert [(each.kind, each.name, each.lines) for each in found] == [
        (CASE, f"{tmp_path.name}/positive.ndjson", (record("ann"),))
    ]


def test_what_our_own_incidents_cite(tmp_path: Path) -> None:
    settings, _ = attacked(tmp_path)
    (source,) = settings.sources
    with State.read(settings.state) as reader:
        (found,) = evidence(reader, {WRITE}, {source.name: source.sensor})
        assert list(evidence(reader, {ID}, {source.name: source.sensor})) == []
        assert list(evidence(reader, {WRITE}, {})) == []
    assert (found.kind, found.sensor) == (INCIDENT, "suricata")
    library = Library(rule_texts())
    ((_, body),) = library.called("modbus-write")
    write = "title: E\nlogsource: {product: suricata, service: alert}\n"
    write += "filter: {rules: [modbus-write], e: {proto: TCP}, condition: not e}\n"
    (hidden,) = Narrowing(WRITE, library.concerned(body), {"f.yml": write}).over([found]).hidden
    assert (hidden.name, "Modbus write" in hidden.silenced) == (found.name, True)
