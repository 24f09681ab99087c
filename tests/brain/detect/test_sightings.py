from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tercio.brain.detect.rules import Correlation
from tercio.brain.detect.sightings import PER_RULE, Sighting, Track, fire, insert
from tercio.model.events import Provenance
from tercio.model.findings import Level


def correlation(
    kind: Any, count: float, rules: tuple[str, ...] = ("a", "b"), span: int = 10, **more: Any
) -> Correlation:
    return Correlation(
        id="c",
        version="1",
        title="C",
        level=Level.HIGH,
        tactics=(),
        techniques=(),
        kind=kind,
        rules=rules,
        group_by=(),
        aliases={},
        span=span,
        count=count,
        generate=False,
        **more,
    )


def seen(rule: str, time: int, value: str | None = "", *, context: bool = False) -> Sighting:
    return Sighting(
        rule=rule,
        event=f"{rule}{time}{value}",
        source="s",
        time=time,
        provenance=Provenance.FORGEABLE,
        value=value,
        context=context,
    )


def tell(about: Correlation, *sightings: Sighting) -> tuple[list[list[str]], Track]:
    """The events cited by each firing, and what is left at the end."""
    track: Track = ()
    fired = []
    for sighting in sightings:
        track, _ = insert(about, track, sighting)
        cited, track = fire(about, track, sighting) if sighting in track else ((), track)
        if cited:
            fired.append([s.event for s in cited])
    return fired, track


def test_event_count() -> None:
    about = correlation("event_count", 3)
    assert tell(about, seen("a", 0), seen("b", 5), seen("a", 10)) == ([["a0", "b5", "a10"]], ())
    assert tell(about, seen("a", 0), seen("b", 5), seen("a", 11))[0] == []
    assert tell(about, *(seen("a", t) for t in range(7)))[0] == [["a0", "a1", "a2"], ["a3", "a4", "a5"]]


def test_a_line_counts_once() -> None:
    assert tell(correlation("event_count", 2), seen("a", 0), seen("a", 0))[0] == []


def test_late_sightings_find_their_window() -> None:
    about = correlation("event_count", 3)
    assert tell(about, seen("a", 20), seen("a", 5), seen("a", 12), seen("a", 11))[0] == [["a5", "a11", "a12"]]


def test_value_count_counts_different_values() -> None:
    about = correlation("value_count", 3)
    same = [seen("a", t, "x") for t in range(100)]
    fired, track = tell(about, seen("a", 0, "y"), *same)
    assert fired == []
    flood = correlation("value_count", 3, span=10_000)
    fired, track = tell(flood, seen("a", 0, "y"), *(seen("a", t, "x") for t in range(1000)))
    assert len(track) == 2 * 3 + PER_RULE
    assert tell(flood, *track, seen("a", 1000, "z"))[0] == [["a0y", "a999x", "a1000z"]], "repetition displaces nothing"
    assert tell(about, seen("a", 0, "y"), *same[:5], seen("a", 6, "z"))[0] == [["a0y", "a4x", "a6z"]]
    assert tell(about, seen("a", 9, "y"), seen("a", 3, "y"), seen("a", 4, "z"), seen("a", 5, "x"))[0] == [
        ["a3y", "a4z", "a5x"]
    ]


def proof(time: int) -> Sighting:
    """What a value_count cites and does not count."""
    return seen("p", time, None, context=True)


def test_what_has_no_value_is_cited_and_completes_nothing() -> None:
    about = correlation("value_count", 2, ("a", "p"))
    x, y, z = seen("a", 1, "x"), seen("a", 2, "y"), seen("a", 6, "z")
    assert tell(about, x, proof(2), proof(3)) == ([], (x, proof(2), proof(3)))
    assert tell(about, proof(0), x, y) == ([["p0None", "a1x", "a2y"]], (proof(0),))
    fired, track = tell(about, x, y, proof(3), seen("a", 4, "x"), proof(5), z)
    assert fired == [["a1x", "a2y"], ["a4x", "p5None", "a6z"]], (
        "the latest proof, and a proof makes no sweep of its own"
    )
    assert track == (proof(3), proof(5))
    assert tell(about, proof(0), seen("a", 10, "x"), seen("a", 11, "y"))[0] == [["a10x", "a11y"]], "too old a proof"


def test_repetition_displaces_no_proof() -> None:
    about = correlation("value_count", 3, span=10_000)
    _, track = tell(about, proof(0), *(seen("a", t, "xy"[t % 2]) for t in range(1, 1000)))
    assert len(track) == 2 * 3 + PER_RULE
    assert tell(about, *track, seen("a", 1000, "z"))[0] == [["p0None", "a998x", "a999y", "a1000z"]]


def test_temporal_wants_all_rules_in_any_order() -> None:
    about = correlation("temporal", 2)
    assert tell(about, seen("b", 0), seen("b", 3), seen("a", 10)) == ([["b3", "a10"]], ())
    assert tell(about, seen("b", 0), seen("a", 11))[0] == []
    assert tell(about, seen("a", 5), seen("b", 5))[0] == [["a5", "b5"]]
    assert tell(about, seen("a", 20), seen("b", 12))[0] == [["b12", "a20"]], "a late one"


def test_temporal_may_want_only_some() -> None:
    about = correlation("temporal", 2, ("a", "b", "c"))
    assert tell(about, seen("c", 0), seen("c", 1), seen("b", 2))[0] == [["c1", "b2"]]


def test_the_window_is_not_stretched_by_a_middle_one() -> None:
    about = correlation("temporal", 3, ("a", "b", "c"))
    assert tell(about, seen("a", 0), seen("c", 18), seen("b", 9))[0] == []


def test_context_stays_and_evidence_is_used_up() -> None:
    about = correlation("temporal", 2)
    shaken = seen("a", 0, context=True)
    fired, track = tell(about, shaken, seen("b", 1), seen("b", 2), seen("a", 3, context=True))
    assert fired == [["a0", "b1"], ["a0", "b2"]], "each sweep is reported once, not again with every handshake"
    assert [s.event for s in track] == ["a0", "a3"]


def test_context_alone_is_used_up_too() -> None:
    about = correlation("event_count", 2)
    assert tell(about, *(seen("a", t, context=True) for t in range(4))) == ([["a0", "a1"], ["a2", "a3"]], ())


def test_temporal_ordered() -> None:
    about = correlation("temporal_ordered", 3, ("a", "b", "c"))
    assert tell(about, seen("a", 0), seen("a", 1), seen("b", 2), seen("c", 3))[0] == [["a1", "b2", "c3"]]
    assert tell(about, seen("b", 0), seen("a", 1), seen("c", 3))[0] == []
    assert tell(about, seen("a", 0), seen("b", 2), seen("c", 11))[0] == []
    assert tell(about, seen("a", 0), seen("c", 8), seen("b", 4))[0] == [["a0", "b4", "c8"]], "a late one closes the gap"
    twice = correlation("temporal_ordered", 3, ("a", "b", "a"))
    assert tell(twice, seen("a", 0), seen("b", 1), seen("a", 2))[0] == [["a0", "b1", "a2"]]
    assert tell(twice, seen("a", 0), seen("b", 1))[0] == []


def test_lines_of_one_second_are_in_any_order() -> None:
    """Whatever order they come in, and whatever their ids, which break ties."""
    about = correlation("temporal_ordered", 3, ("c", "b", "a"))
    for mixed in permutations([("a", 5), ("b", 5), ("c", 5), ("a", 4), ("c", 4)]):
        (chain,) = tell(about, *(seen(rule, at) for rule, at in mixed))[0]
        assert [event[0] for event in chain] == ["c", "b", "a"], mixed


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
def test_one_rule_cannot_displace_another(kind: str) -> None:
    about = correlation(kind, 2, span=10_000)
    track: Track = ()
    lost = 0
    for sighting in (seen("a", 0), *(seen("a", t) for t in range(1, 1000))):
        track, dropped = insert(about, track, sighting)
        lost += dropped
    track, _ = insert(about, track, seen("c", 5))
    assert [s.rule for s in track].count("a") == PER_RULE
    assert lost == 1000 - PER_RULE
    assert track[-1].time == 999, "the oldest goes"


def test_repetitions_of_a_value_that_counts_once_are_no_loss() -> None:
    about = correlation("value_count", 4, span=10_000)
    track: Track = ()
    lost = []
    for time in range(500):
        track, dropped = insert(about, track, replace(seen("a", time), value="502"))
        lost.append(dropped)
    assert (sum(lost), len(track)) == (0, 2 * 4 + PER_RULE)
    for time in range(500, 500 + len(track)):
        track, dropped = insert(about, track, replace(seen("a", time), value=f"p{time}"))
        lost.append(dropped)
    assert sum(lost) == 1, "only the last of all repetitions is one"


def test_counts_are_bounded_too() -> None:
    about = correlation("event_count", 100, span=1)
    track: Track = ()
    for time in range(0, 5000, 10):
        track, _ = insert(about, track, seen("a", time))
    assert len(track) == 2 * about.count + PER_RULE


@pytest.mark.parametrize("kind", ["event_count", "value_count", "temporal", "temporal_ordered"])
@given(data=st.data())
def test_it_fires_exactly_when_some_window_holds_enough(kind: str, data: st.DataObject) -> None:
    """Against the definition, whatever the order of arrival: the first firing comes with the first sighting that
    completes a window; before it, none is complete."""
    about = correlation(kind, 3 if kind.endswith("count") else 2, span=4)
    rows = st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.sampled_from(["x", "y", "z", None]))
    sightings = [seen(*row) for row in data.draw(st.lists(rows, max_size=8, unique=True))]
    track: Track = ()
    for place, sighting in enumerate(sightings):
        track, _ = insert(about, track, sighting)
        cited, track = fire(about, track, sighting) if sighting in track else ((), track)
        assert bool(cited) == complete(kind, sightings[: place + 1])
        if cited:
            assert sighting in cited
            assert max(s.time for s in cited) - min(s.time for s in cited) <= about.span
            return


def complete(kind: str, sightings: list[Sighting]) -> bool:
    windows = [[s for s in sightings if start <= s.time <= start + 4] for start in range(13)]
    if kind == "event_count":
        return any(len(window) >= 3 for window in windows)
    if kind == "value_count":
        return any(len({s.value for s in window if s.value is not None}) >= 3 for window in windows)
    if kind == "temporal":
        return any({s.rule for s in window} == {"a", "b"} for window in windows)
    return any(
        first.rule == "a" and then.rule == "b" and (first.time, first.event) < (then.time, then.event)
        for window in windows
        for first in window
        for then in window
    )
