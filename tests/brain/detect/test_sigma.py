import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tercio.brain.detect import ir
from tercio.brain.detect.rules import Every, Never, Origin, Seen, Some
from tercio.brain.detect.sigma import RuleError, compile_rules
from tercio.model.findings import Level
from tercio.model.units import SECOND

BASE = """\
title: Base
id: 11111111-1111-4111-8111-111111111111
name: base
logsource: {product: p, category: c, service: s}
detection:
  sel:
    f: x
  condition: sel
"""
OTHER = (
    BASE.replace("-111111111111", "-222222222222")
    .replace("name: base", "name: other")
    .replace("title: Base", "title: Other")
)
CORRELATION = """\
title: Both
id: 33333333-3333-4333-8333-333333333333
correlation:
  type: temporal
  rules: [base, 11111111-1111-4111-8111-222222222222]
  group-by: [who]
  timespan: 5m
  aliases:
    who:
      base: src_ip
      other: source.ip
tags: [attack.discovery, attack.t0846, attack.t1059.001, attack.impair-process-control, attack.ta0001, cve.2024-1]
level: high
"""
TEXTS = {"a.yml": BASE, "b.yml": OTHER, "c.yml": CORRELATION}
BASE_ID = "11111111-1111-4111-8111-111111111111"
OTHER_ID = "11111111-1111-4111-8111-222222222222"


def correlation(body: str) -> str:
    return f"title: C\nname: c\ncorrelation:\n  timespan: 1m\n{body}"


def test_a_rule_in_full() -> None:
    ruleset = compile_rules({"a.yml": BASE + "level: low\ntags: [attack.discovery, attack.t0846]\n"})
    (rule,) = ruleset.rules.values()
    assert (rule.id, rule.title, rule.level) == (BASE_ID, "Base", Level.LOW)
    assert rule.origin == Origin("p", "c", "s")
    assert (rule.tactics, rule.techniques) == (("discovery",), ("T0846",))
    assert rule.carries == ()


def test_a_correlation_in_full() -> None:
    ruleset = compile_rules(TEXTS)
    (both,) = ruleset.correlations.values()
    assert (both.kind, both.rules, both.count) == ("temporal", (BASE_ID, OTHER_ID), 2)
    assert (both.span, both.group_by, both.generate) == (300 * SECOND, ("who",), False)
    assert both.aliases == {"who": {BASE_ID: "src_ip", OTHER_ID: "source.ip"}}
    assert both.techniques == ("T0846", "T1059.001")
    assert both.tactics == ("discovery", "impair-process-control")
    assert ruleset.rules[BASE_ID].carries == ("src_ip",)
    assert ruleset.rules[OTHER_ID].carries == ("source.ip",)


def test_a_counted_alias_is_a_field_of_the_rules_it_names() -> None:
    body = "  type: value_count\n  rules: [base, other]\n  aliases: {v: {base: port}}\n"
    text = correlation(body + "  group-by: [who]\n  condition: {gte: 4, field: v}\n")
    ruleset = compile_rules({"a.yml": BASE, "b.yml": OTHER, "c.yml": text})
    counting = ruleset.correlations["c"]
    assert (counting.fields, counting.counted_of(BASE_ID), counting.counted_of(OTHER_ID)) == (("v",), ("port",), ())
    assert ruleset.rules[BASE_ID].carries == ("who", "port")
    assert ruleset.rules[OTHER_ID].carries == ("who",)


def test_the_order_of_files_and_documents_does_not_matter() -> None:
    whole = compile_rules({"a.yml": f"{CORRELATION}---\n{OTHER}---\n\n---\n{BASE}"})
    parts = compile_rules(TEXTS)
    assert set(whole.rules) == set(parts.rules)
    assert whole.correlations == parts.correlations
    assert compile_rules(dict(reversed(TEXTS.items()))) == parts


def test_versions_follow_the_text() -> None:
    first, changed = compile_rules(TEXTS), compile_rules({**TEXTS, "b.yml": OTHER.replace("f: x", "f: y")})
    assert first.rules[BASE_ID].version == changed.rules[BASE_ID].version
    assert first.rules[OTHER_ID].version != changed.rules[OTHER_ID].version
    versions = [next(iter(ruleset.correlations.values())).version for ruleset in (first, changed)]
    assert versions[0] != versions[1], "a correlation means something else when its rules do"
    commented = compile_rules({**TEXTS, "b.yml": f"# a comment\n{OTHER}"})
    assert commented == first


def test_a_rule_without_level_is_medium_and_may_be_known_by_name() -> None:
    text = "\n".join(line for line in BASE.splitlines() if not line.startswith("id:"))
    (rule,) = compile_rules({"a.yml": text}).rules.values()
    assert (rule.id, rule.level) == ("base", Level.MEDIUM)


def test_equal_conditions_are_asked_once() -> None:
    ruleset = compile_rules({"a.yml": BASE, "b.yml": OTHER})
    assert len(ruleset.nodes) == 1
    assert {rule.condition for rule in ruleset.rules.values()} == {0}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("title: [", 2, "not YAML"),
        ("title: a\ntitle: b\n", 1, "Duplicate key"),
        ("- a\n- b\n", 1, "must be a mapping"),
        (BASE.replace("f: x", "f: x\n  bad"), 9, "not YAML"),
        (BASE.replace("logsource: {product: p, category: c, service: s}\n", ""), 1, "log source"),
        (BASE.replace("{product: p, category: c, service: s}", "[x]"), 4, "map"),
        (BASE + "level: grave\n", 9, "grave"),
        (BASE.replace("condition: sel", "condition: sel and"), 5, "end of text"),
        (BASE.replace("condition: sel", "condition: 5"), 5, ""),
        (BASE.replace("condition: sel", "condition: missing"), 5, "missing"),
        (BASE.replace("f: x", "f|shout: x"), 5, "shout"),
        (BASE.replace("f: x", "f|cidr: 10.0.0.0/99"), 5, ""),
        (BASE.replace("f: x", "f|gt: y"), 5, ""),
        (BASE.replace("id: 1", "id: z"), 2, ""),
        ("title: T\nlogsource: {product: p}\ndetection: {s: {f: x}, condition: s}\n", 1, "needs an id"),
        (BASE + "---\n" + BASE, 11, "names another rule"),
        (BASE + "---\n" + OTHER.replace("name: other", "name: base"), 11, "names another rule"),
        (correlation("  type: event_count\n  rules: [nobody]\n  condition: {gte: 2}\n"), 3, "no rule 'nobody'"),
        (correlation("  type: sorcery\n  rules: [base]\n"), 3, "sorcery"),
        (correlation("  type: event_count\n  rules: [base]\n  condition: {gte: many}\n"), 3, "many"),
        ("title: C\nname: c\ncorrelation: 5\n", 3, ""),
        (
            f"{BASE}---\n{OTHER}---\n"
            + correlation("  type: value_count\n  rules: [base]\n  aliases: {v: {other: f}}\n")
            + "  condition: {gte: 2, field: v}\n",
            BASE.count("\n") + OTHER.count("\n") + 5,
            "the alias v names none of its rules",
        ),
        (
            "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
            + "".join(f"{y}: &{y} [{', '.join(['*' + x] * 9)}]\n" for x, y in zip("bcdef", "cdefg", strict=True)),
            1,
            "laughs",
        ),
        ("a: &a [*a]\n", 1, "Recursive"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "not YAML"),
    ],
)
def test_what_is_no_sigma_says_where(text: str, line: int, reason: str) -> None:
    with pytest.raises(RuleError) as raised:
        compile_rules({"x/bad.yml": text})
    assert (raised.value.rejected.file, raised.value.rejected.line) == ("x/bad.yml", line), str(raised.value)
    assert reason in str(raised.value)
    assert str(raised.value).startswith(f"x/bad.yml:{line}: ")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("  type: value_avg\n  rules: [base]\n  condition: {gte: 2, field: [f, g]}\n", "names several"),
        ("  type: value_percentile\n  rules: [base]\n  condition: {gte: 2, field: f}\n", "which percentile"),
        ("  type: value_sum\n  rules: [base]\n  condition: {gte: 99999999999999999999, field: f}\n", "too large"),
        ("  type: event_count\n  rules: [base]\n  condition: {gte: 1000000}\n", "1000000"),
        ("  type: event_count\n  rules: [base]\n  condition: {gte: 0}\n", "0"),
        ("  type: event_count\n  rules: [base]\n  condition: {lt: 1}\n", "counts to 0"),
        ("  type: event_count\n  rules: [base]\n  condition: {gte: 2.5}\n", "2.5"),
        ("  type: value_count\n  rules: [base]\n  condition: {gte: 2, field: [f, [g]]}\n", "no names"),
        ("  type: temporal_ordered\n  condition: base and not other\n", "joined by"),
        ("  type: temporal\n  rules: [base, other]\n  condition: {gte: 3}\n", "3 of 2"),
        ("  type: temporal\n  rules: [base, other]\n  condition: {eq: 1}\n", "by eq"),
        ("  type: temporal_ordered\n  rules: [base, other]\n  condition: {gte: 1}\n", "all its rules"),
        ("  type: event_count\n  rules: [first]\n  group-by: [who]\n  condition: {gte: 2}\n", "no such group"),
        ("  type: event_count\n  rules: [left-out]\n  condition: {gte: 2}\n", "left out itself"),
    ],
)
def test_correlations_that_are_not_supported_are_listed(body: str, reason: str) -> None:
    first = correlation("  type: event_count\n  rules: [base]\n  condition: {gte: 2}\n").replace(
        "name: c", "name: first"
    )
    left_out = (
        BASE.replace("11111111-", "44444444-")
        .replace("name: base", "name: left-out")
        .replace("{f: x}", "{f|expand: '%x%'}")
    )
    left_out = left_out.replace("    f: x", "    f|expand: '%x%'")
    ruleset = compile_rules(
        {"a.yml": BASE, "b.yml": OTHER, "c.yml": first, "d.yml": left_out, "e.yml": correlation(body)}
    )
    assert [(r.file, r.line, r.title) for r in ruleset.rejected] == [("d.yml", 5, "Base"), ("e.yml", 3, "C")]
    assert reason in ruleset.rejected[1].reason
    assert set(ruleset.correlations) == {"first"}
    assert len(ruleset.rules) == 2


@pytest.mark.parametrize("pattern", [r"(a)\1", "a(?=b)", "(?<!a)b", "("])
def test_a_rule_whose_expression_needs_backtracking_is_listed(pattern: str) -> None:
    ruleset = compile_rules({"a.yml": BASE.replace("f: x", f"f|re: '{pattern}'"), "b.yml": OTHER})
    assert [(r.file, r.line) for r in ruleset.rejected] == [("a.yml", 5)]
    assert "linear time" in ruleset.rejected[0].reason
    assert set(ruleset.rules) == {OTHER_ID}


def test_shared_parts_are_listed() -> None:
    ruleset = compile_rules({"a.yml": "action: global\ntitle: G\n"})
    assert [(r.line, r.title) for r in ruleset.rejected] == [(1, "G")]
    assert ruleset.rules == {}


def filtering(rules: str, source: str = "{product: p}", condition: str = "not admin") -> str:
    return (
        f"title: F\nid: 77777777-7777-4777-8777-777777777777\nlogsource: {source}\n"
        f"filter:\n  rules: {rules}\n  admin: {{user: root}}\n  condition: {condition}\n"
    )


@pytest.mark.parametrize(
    ("text", "narrowed"),
    [
        (filtering("[base]"), {BASE_ID}),
        (filtering("base"), {BASE_ID}),
        (filtering(f"[{OTHER_ID}, base]"), {BASE_ID, OTHER_ID}),
        (filtering("any"), {BASE_ID, OTHER_ID}),
        (filtering("any", "{product: p, service: s}"), {BASE_ID, OTHER_ID}),
        (filtering("any", "{product: p, service: t}"), set()),
    ],
)
def test_a_filter_narrows_the_rules_it_names(text: str, narrowed: set[str]) -> None:
    plain, ruleset = compile_rules({"a.yml": BASE, "b.yml": OTHER}), compile_rules({"0.yml": text, **TEXTS})
    assert not ruleset.rejected
    for name, rule in plain.rules.items():
        known = ruleset.rules[name]
        assert (known.version != rule.version) == (name in narrowed)
        node = ruleset.nodes[known.condition]
        assert isinstance(node, ir.And) == (name in narrowed)
        if isinstance(node, ir.And):
            assert [type(ruleset.nodes[place]) for place in node.of] == [ir.Text, ir.Not]


def test_what_a_filter_cannot_reach_is_listed() -> None:
    found = compile_rules({**TEXTS, "f.yml": filtering("[gone, base]")})
    assert [(r.file, r.line) for r in found.rejected] == [("f.yml", 4)]
    assert "no rule 'gone'" in found.rejected[0].reason
    assert isinstance(found.nodes[found.rules[BASE_ID].condition], ir.And), "the others are filtered"
    other = compile_rules({**TEXTS, "f.yml": filtering("[base]", "{product: q}")}).rejected
    assert "another log source" in other[0].reason
    regex = filtering("[base]").replace("{user: root}", "{user|re: '(?=x)'}")
    assert "linear time" in compile_rules({**TEXTS, "f.yml": regex}).rejected[0].reason
    with pytest.raises(RuleError, match=r"f\.yml"):
        compile_rules({**TEXTS, "f.yml": filtering("any", condition="[a]")})


@pytest.mark.parametrize(
    ("item", "values", "texts"),
    [
        ("f|expand: '%who%'", {"who": ("ann", "b*")}, [("ann",), ("b", ir.MANY)]),
        ("f|contains|expand: 'x%who%'", {"who": ("ann",)}, [(ir.MANY, "xann", ir.MANY)]),
        ("f|expand: '%a%%b%'", {"a": ("1", "2"), "b": ("3",)}, [("13",), ("23",)]),
    ],
)
def test_placeholders_stand_for_a_sites_values(item: str, values: dict[str, tuple[str, ...]], texts: list[Any]) -> None:
    ruleset = compile_rules({"a.yml": BASE.replace("f: x", item)}, placeholders=values)
    assert not ruleset.rejected
    assert [node.parts for node in ruleset.nodes if isinstance(node, ir.Text)] == texts
    plain = compile_rules({"a.yml": BASE}, placeholders=values).rules[BASE_ID].version
    assert plain == compile_rules({"a.yml": BASE}).rules[BASE_ID].version, "what uses none does not depend on them"
    other = compile_rules({"a.yml": BASE.replace("f: x", item)}, placeholders=dict.fromkeys(values, ("z",)))
    assert other.rules[BASE_ID].version != ruleset.rules[BASE_ID].version


def test_a_placeholder_in_an_expression_means_itself() -> None:
    text = BASE.replace("f: x", "f|re|expand: '^%who%$'")
    (node,) = compile_rules({"a.yml": text}, placeholders={"who": ("a.b",)}).nodes
    assert node == ir.Regex("f", r"^a\.b$", "")


def test_a_placeholder_without_values_says_where_to_write_them() -> None:
    text = BASE.replace("f: x", "f|expand: '%who%'")
    (rejected,) = compile_rules({"a.yml": text}, placeholders={"whom": ("x",)}).rejected
    assert "[placeholders]" in rejected.reason
    assert "%who%" in rejected.reason


def test_correlations_may_stand_on_each_other_in_any_order_of_files() -> None:
    count = "  type: event_count\n  rules: [base]\n  group-by: [who]\n  condition: {gte: 2}\n"
    below = correlation(count).replace("name: c", "name: below")
    above = "  type: event_count\n  rules: [below]\n  aliases: {host: {below: who}}\n  group-by: [host]\n"
    texts = {"a.yml": correlation(above + "  condition: {gte: 3}\n"), "b.yml": below, "z.yml": BASE}
    ruleset = compile_rules(texts)
    assert list(ruleset.correlations) == ["below", "c"], "what is built on stands first"
    assert ruleset.correlations["c"].rules == ("below",)
    assert not ruleset.reports("below")
    assert ruleset.reports("c")
    changed = compile_rules({**texts, "z.yml": BASE.replace("f: x", "f: y")})
    assert changed.correlations["c"].version != ruleset.correlations["c"].version


def test_correlations_that_stand_on_themselves_are_wrong_and_no_others() -> None:
    ring = {
        f"{one}.yml": correlation(f"  type: event_count\n  rules: [{two}]\n  condition: {{gte: 2}}\n").replace(
            "name: c", f"name: {one}"
        )
        for one, two in (("r1", "r2"), ("r2", "r1"), ("r3", "r3"))
    }
    with pytest.raises(RuleError, match="builds on itself"):
        compile_rules(ring)
    ruleset = compile_rules({**ring, **TEXTS}, own=ring)
    assert set(ruleset.correlations) == {"33333333-3333-4333-8333-333333333333"}
    assert sorted(r.file for r in ruleset.rejected) == ["r1.yml", "r2.yml", "r3.yml"]


def test_a_tower_of_correlations_is_bounded() -> None:
    tower = {"0.yml": BASE.replace("name: base", "name: s0")}
    for n in range(1, 30):
        body = f"  type: event_count\n  rules: [s{n - 1}]\n  condition: {{gte: 2}}\n"
        tower[f"{30 - n:02}.yml"] = correlation(body).replace("name: c", f"name: s{n}")
    ruleset = compile_rules(tower)
    assert any("stands on more than" in r.reason for r in ruleset.rejected)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("type: event_count\n  rules: base\n  condition: {lt: 5}", ("lte", 4, (), True)),
        ("type: event_count\n  rules: base\n  condition: {eq: 5}", ("eq", 5, (), True)),
        ("type: value_count\n  rules: base\n  condition: {gte: 5, field: [f, g]}", ("gte", 5, ("f", "g"), False)),
        ("type: value_sum\n  rules: base\n  condition: {gt: 1.5, field: f}", ("gt", 1.5, ("f",), False)),
        ("type: value_sum\n  rules: base\n  condition: {neq: 1, field: f}", ("neq", 1, ("f",), True)),
        ("type: value_avg\n  rules: base\n  condition: {gte: 1, field: f}", ("gte", 1, ("f",), True)),
        ("type: value_median\n  rules: base\n  condition: {lte: 1, field: f}", ("lte", 1, ("f",), True)),
        ("type: temporal\n  condition: base or other", ("gte", 1, (), False)),
        ("type: temporal\n  condition: base and not other", ("gte", 1, (), True)),
    ],
)
def test_conditions_of_correlations(body: str, wanted: Any) -> None:
    ruleset = compile_rules({"a.yml": BASE, "b.yml": OTHER, "c.yml": correlation(f"  {body}\n")})
    assert not ruleset.rejected
    known = ruleset.correlations["c"]
    assert (known.op, known.count, known.fields, known.at_end) == wanted


def test_an_expression_over_rules() -> None:
    text = correlation("  type: temporal\n  condition: base and not (other or base)\n")
    known = compile_rules({"a.yml": BASE, "b.yml": OTHER, "c.yml": text}).correlations["c"]
    base, other = Seen(BASE_ID), Seen(OTHER_ID)
    assert known.expression == Every((base, Never(Some((other, base)))))
    assert known.rules == (BASE_ID, OTHER_ID)
    ordered = correlation("  type: temporal_ordered\n  condition: other and base\n")
    assert compile_rules({"a.yml": BASE, "b.yml": OTHER, "c.yml": ordered}).correlations["c"].rules == (
        OTHER_ID,
        BASE_ID,
    )
    deep = correlation("  type: temporal\n  condition: '" + "(" * 5000 + "base" + ")" * 5000 + "'\n")
    with pytest.raises(RuleError):
        compile_rules({"a.yml": BASE, "c.yml": deep})


def test_authors_stay_with_their_rules() -> None:
    ruleset = compile_rules({**TEXTS, "a.yml": BASE + "author: Ann Example (Plant),\n  Bob\n"})
    assert ruleset.rules[BASE_ID].author == "Ann Example (Plant), Bob"
    assert ruleset.rules[OTHER_ID].author == ""


def test_a_rejected_rule_leaves_no_half() -> None:
    ruleset = compile_rules(
        {"a.yml": BASE.replace("condition: sel", "key: {f|expand: '%x%'}\n  condition: sel or key")}
    )
    assert ruleset.rules == {}
    assert len(ruleset.rejected) == 1


def test_gt_is_one_more() -> None:
    text = correlation("  type: event_count\n  rules: [base]\n  condition: {gt: 4}\n")
    assert compile_rules({"a.yml": BASE, "b.yml": text}).correlations["c"].count == 5


def test_it_can_be_cached() -> None:
    ruleset = compile_rules(TEXTS)
    assert msgspec.json.decode(msgspec.json.encode(ruleset), type=type(ruleset)) == ruleset


@pytest.mark.corpus
def test_the_public_rules_compile() -> None:
    """Every eighth rule of SigmaHQ: valid, or listed for what we say we do not do."""
    archive = Path(__file__).parents[4] / "shared" / "data" / "sigma" / "sigma-rules.tar.xz"
    if not archive.exists():
        pytest.skip("no public rules beside the checkout (shared/data/sigma)")
    with tarfile.open(archive) as files:
        members = sorted((m for m in files if m.name.endswith(".yml")), key=lambda m: m.name)[::8]
        texts = {m.name: file.read().decode() for m in members if (file := files.extractfile(m))}
    ruleset = compile_rules(texts)
    assert len(ruleset.rules) + len(ruleset.rejected) == len(texts) > 400
    assert len(ruleset.rejected) < len(texts) / 20
    assert all("placeholder" in r.reason for r in ruleset.rejected)
    assert msgspec.json.decode(msgspec.json.encode(ruleset), type=type(ruleset)) == ruleset


BROKEN = {
    "not YAML": ("title: Half\nid: [1\n", 3, "column 1: not YAML: "),
    "no rule": ("title: Half\nid: 1\ndetection: 7\nlogsource: {product: p}\n", 1, ""),
    "a name that is taken": (BASE.replace("title: Base", "title: Half"), 2, "names another rule already"),
    "a condition of nothing": (
        BASE.replace("title: Base", "title: Half").replace("11111111-", "55555555-").replace("name: base", "name: half")
        .replace("condition: sel", "condition: x"),
        5,
        "",
    ),
    "a correlation over nothing": (
        correlation("  type: event_count\n  rules: [gone]\n  condition: {gte: 2}\n"), 3, "there is no rule 'gone'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_of_a_sites_own_is_listed_and_the_others_stay(text: str, line: int, reason: str) -> None:
    texts = {"b.yml": BASE, "a.yml": text, "c.yml": OTHER}
    with pytest.raises(RuleError):
        compile_rules(texts)
    ruleset = compile_rules(texts, own={"a.yml", "c.yml"})
    assert len(ruleset.rules) == 2
    ((file, at, title, why),) = [(r.file, r.line, r.title, r.reason) for r in ruleset.rejected]
    assert (file, at) == ("a.yml", line)
    assert title in ("Half", "C", "")
    assert reason in why


def test_ours_must_be_whole_whatever_a_site_brings() -> None:
    """A site's rule under one of our names is the one that goes, wherever its file sorts."""
    ruleset = compile_rules({"z.yml": BASE, "a.yml": BASE.replace("Base", "Taken")}, own={"a.yml"})
    assert [rule.title for rule in ruleset.rules.values()] == ["Base"]
    with pytest.raises(RuleError):
        compile_rules({"z.yml": BASE.replace("condition: sel", "condition: x")}, own={"a.yml"})


def test_the_rest_of_a_file_with_a_broken_document_stays() -> None:
    ruleset = compile_rules({"a.yml": f"{BASE}---\ntitle: [\n"}, own={"a.yml"})
    assert [rule.title for rule in ruleset.rules.values()] == ["Base"]
    assert len(ruleset.rejected) == 1


def test_who_reads_many_is_told_how_far_it_is() -> None:
    texts = {
        f"{n}.yml": BASE.replace("11111111-", f"{n:08d}-").replace("name: base", f"name: base{n}") for n in range(1200)
    }
    told: list[int] = []
    assert len(compile_rules(texts, read=told.append).rules) == 1200
    assert told == [500, 1000]


def test_no_texts_no_rules() -> None:
    assert compile_rules({}).rules == {}
