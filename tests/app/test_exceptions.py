from datetime import date

import yaml

from tercio.app.exceptions import exceptions_in, in_force, proposal
from tercio.brain.detect.sigma import compile_rules

TODAY, LAST = date(2026, 11, 24), date(2027, 6, 30)
RULE = """\
title: A shell starts, somewhere
id: 11111111-2222-4333-8444-555555555555
level: low
logsource: {product: windows, category: process_creation}
detection:
  it: {Image|endswith: '\\sh.exe'}
  condition: it
"""
KNOWN = compile_rules({"a.yml": RULE}).rules["11111111-2222-4333-8444-555555555555"]


def proposed(*where: tuple[str, str]) -> tuple[str, str]:
    return proposal(KNOWN, where, owner="ann", reason="the backup, at night", since=TODAY, until=LAST)


def test_a_proposal_is_a_filter_that_says_whose_it_is() -> None:
    name, text = proposed(("User", "svc"), ("Image", "a.exe"), ("User", "svc2"))
    (found,) = exceptions_in({f"{name}.yml": text})
    assert (found.owner, found.reason, found.until) == ("ann", "the backup, at night", "2027-06-30")
    assert found.rules == (KNOWN.id,)
    assert found.where == ("User: svc or svc2; Image: a.exe",)
    assert name.startswith("a-shell-starts-somewhere-")
    assert yaml.safe_load(text)["logsource"] == {"product": "windows", "category": "process_creation"}
    before, after = compile_rules({"a.yml": RULE}), compile_rules({"a.yml": RULE, "f.yml": text})
    assert after.rejected == ()
    assert after.rules[KNOWN.id].version != before.rules[KNOWN.id].version


def test_the_same_exception_has_the_same_name() -> None:
    assert proposed(("User", "svc")) == proposed(("User", "svc"))
    assert proposed(("User", "svc"))[0] != proposed(("User", "svd"))[0]


def test_an_exception_ends_after_its_last_day() -> None:
    _, text = proposed(("User", "svc"))
    kept, over = in_force({"a.yml": RULE, "f.yml": text}, LAST)
    assert (kept, over) == ({"a.yml": RULE, "f.yml": text}, ())
    kept, over = in_force({"a.yml": RULE, "f.yml": text}, date(2027, 7, 1))
    assert exceptions_in(kept) == ()
    assert [(each.file, each.reason) for each in over] == [("f.yml", "this exception ended on 2027-06-30")]


def test_what_stands_beside_an_exception_that_ended_stays_where_it_is() -> None:
    _, text = proposed(("User", "svc"))
    both = f"{text}---\n{RULE}"
    kept, _ = in_force({"a.yml": both}, date(2027, 7, 1))
    assert kept["a.yml"].endswith(RULE)
    assert len(kept["a.yml"].splitlines()) == len(both.splitlines())
    assert list(compile_rules(kept).rules) == [KNOWN.id]


def test_one_without_an_end_does_not_end() -> None:
    text = "title: F\nlogsource: {product: windows}\nfilter: {rules: any, s: {User: svc}, condition: not s}\n"
    (found,) = exceptions_in({"f.yml": text, "broken.yml": "a: [\n"})
    assert (found.rules, found.until, found.ended(date(2100, 1, 1))) == ((), "", False)
