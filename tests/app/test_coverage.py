from tercio.app.coverage import Silent, Technique, coverage, reasons
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.sigma import compile_rules
from tercio.model.events import LogSource

SOURCE = LogSource("p", ("kind",), {"s": ({"kind": ("a",)},)}, "what p logs")


def rule(name: str, source: str, technique: str) -> str:
    return (
        f"title: {name.upper()}\nname: {name}\ntags: [attack.{technique}]\nlogsource: {source}\n"
        "detection: {s: {f: x}, condition: s}\n"
    )


RULES = compile_rules(
    {
        "a": rule("a", "{product: p, service: s}", "t1001"),
        "b": rule("b", "{product: p, service: gone}", "t1001"),
        "c": rule("c", "{product: q}", "t1002"),
        "d": rule("d", "{product: q}", "t1003").replace("f: x", "f|re: '(?=x)'"),
        "e": "title: E\nname: e\ntags: [attack.t1002]\ncorrelation: {type: temporal, rules: [a, c], timespan: 1m}\n",
        "f": "title: F\nname: f\ncorrelation: {type: event_count, rules: a, timespan: 1m, condition: {gte: 2}}\n",
    }
)


def test_what_is_live_and_what_is_not() -> None:
    found = coverage(RULES, Detector(RULES, {"log": SOURCE}), {"log": SOURCE})
    assert (found.rules, found.live) == (5, 2)
    assert found.sources == {"log": ("what p logs", ("a",))}
    assert found.unrouted == (
        Silent("b", "B", "product p has no gone"),
        Silent("c", "C", "no source of product q"),
        Silent("e", "E", "it needs 'C': no source of product q"),
    )
    assert [rejected.title for rejected in found.rejected] == ["D"]
    assert found.techniques == {"T1001": Technique(1, 1), "T1002": Technique(0, 2)}
    assert reasons(found)[0][1] == 1


def test_what_was_set_aside_runs_no_more_and_neither_does_what_needs_it() -> None:
    found = coverage(RULES, Detector(RULES, {"log": SOURCE}), {"log": SOURCE}, {"a": "set aside", "gone": "set aside"})
    assert (found.rules, found.live) == (5, 0)
    assert found.sources == {"log": ("what p logs", ())}
    silent = {each.rule: each.reason for each in found.unrouted}
    assert (silent["a"], silent["f"]) == ("set aside", "it needs 'A': set aside")
    assert found.techniques["T1001"] == Technique(0, 2)


def test_reasons_come_by_how_often() -> None:
    other = LogSource("x", ("kind",), {}, "nothing")
    found = coverage(RULES, Detector(RULES, {"log": other}), {"log": other})
    counts = [count for _, count in reasons(found)]
    assert dict(reasons(found))["no source of product p"] == 2
    assert counts == sorted(counts, reverse=True)
    assert found.live == 0
