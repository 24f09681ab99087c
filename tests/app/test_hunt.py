"""Hunting in the real store gives what the streaming engine gives on the same lines."""

import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bench import recorded as recorded_data
from tercio import content
from tercio.app import hunt as module
from tercio.app.essentials import fields_of
from tercio.app.hunt import Hunt
from tercio.app.quest import Answer, Question
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.findings import parties
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.subset import subset
from tercio.brain.detect.windows import Heard, Hit, Windows, hear, step
from tercio.content import rule_texts
from tercio.model.events import Batch, Event, Failed, Match
from tercio.model.findings import Finding
from tercio.model.units import instant
from tercio.products.sensors import SENSORS
from tercio.products.sensors.recognise import recognised
from tercio.store.events import Events
from tests.stored import filled

LOG_SOURCES = {name: sensor.log_source for name, sensor in SENSORS.items()}
RECEIVED = instant("2027-01-01T00:00Z")
"""When the archive read the lines: after all of them happened, or nothing of them would be sighted at its time."""

Place = tuple[str, str, str, int]


def recorded() -> list[Batch]:
    """Every case recorded for our own rules, each as a file of its own."""
    found = []
    for path in sorted(Path(content.__file__).parent.glob("rules/*/*.ndjson")):
        lines = tuple(path.read_bytes().splitlines(keepends=True))
        if sensor := recognised(lines[:50]):
            found.append(Batch(sensor, f"{path.parent.name}/{path.name}", 0, lines, RECEIVED))
    return found


BATCHES = recorded()


RULES = compile_rules(rule_texts())
SOME = subset(RULES, [*sorted(RULES.correlations)[::3], *sorted(RULES.rules)[::4]])


@pytest.fixture(scope="module")
def events(store_url: str) -> Iterator[Events]:
    events = filled(store_url, "plant", SENSORS, BATCHES)
    yield events
    events.close()


@pytest.fixture(scope="module")
def some(events: Events) -> Answer:
    """All that some of the rules find."""
    return hunted(events, SOME)


def live(rules: RuleSet, batches: list[Batch] = BATCHES, host: str = "") -> tuple[set[Place], list[Finding]]:
    """What the streaming engine makes of all these lines, in the order of their times."""
    detector = Detector(rules, LOG_SOURCES)
    hits: list[tuple[tuple[int, str, str, int], Hit]] = []
    for batch in batches:
        sensor = SENSORS[batch.source]
        raw, shaped = sensor.records(batch.lines)
        offsets = list(accumulate(map(len, raw), initial=0))
        for match in detector.match(msgspec.structs.replace(batch, lines=shaped)):
            assert isinstance(match, Match)
            offset = offsets[match.index]
            event = sensor.parse(batch.source, batch.generation, offset, raw[match.index], RECEIVED)
            if isinstance(event, Event) and host in ("", event.host, *parties(event)):
                hits.append(((event.time, batch.source, batch.generation, offset), Hit(match, event)))
    hits.sort(key=lambda each: (each[0], each[1].match.rule))
    windows, findings = step(rules, Windows(), [hit for _, hit in hits])
    _, more = hear(rules, windows, [Heard(name, "", 0, RECEIVED, RECEIVED) for name in sorted(SENSORS)])
    correlated = [finding for finding in (*findings, *more) if finding.rule in rules.correlations]
    return {(hit.match.rule, *place[1:]) for place, hit in hits}, correlated


def hunt_of(archive: Events, rules: RuleSet, **changes: Any) -> Hunt:
    question = Question(rules=rules, asked=(*rules.rules, *rules.correlations), since=0, until=RECEIVED, limit=10**6)
    return Hunt(msgspec.structs.replace(question, **changes), SENSORS, archive)


def hunted(archive: Events, rules: RuleSet, **changes: Any) -> Answer:
    hunt = hunt_of(archive, rules, **changes)
    for _ in hunt.run():
        pass
    return hunt.answer()


def places(answer: Answer) -> set[Place]:
    return set(timed(answer))


def told(findings: Iterable[Finding]) -> list[tuple[str, ...]]:
    return sorted((each.rule, each.id, each.src, *each.dst) for each in findings)


def correlated(answer: Answer) -> list[Finding]:
    return [each for rule in answer.correlations for each in rule.kept]


def test_all_our_rules_find_what_they_find_live(events: Events):
    found, findings = live(RULES)
    answer = hunted(events, RULES)
    assert len({place[0] for place in found}) > 20
    assert len({finding.rule for finding in findings}) > 3
    assert places(answer) == found
    assert told(correlated(answer)) == told(findings)
    assert answer.whole
    records = sum(len(SENSORS[batch.source].records(batch.lines)[0]) for batch in BATCHES)
    assert sum(held.rows for held in answer.held) == answer.progress.rows == answer.progress.passed == records
    assert [rule.count for rule in answer.rules] == [len(rule.kept) for rule in answer.rules]


@pytest.mark.parametrize("name", [*sorted(RULES.correlations)[::6], *sorted(RULES.rules)[::20]])
def test_each_rule_by_itself_finds_the_same_and_reads_less(events: Events, name: str):
    alone = subset(RULES, [name])
    answer = hunted(events, alone)
    found, findings = live(alone)
    assert places(answer) == found
    assert told(correlated(answer)) == told(findings)
    assert len({place[1:] for place in found}) <= answer.progress.read < answer.progress.rows


def test_a_stretch_at_a_time_finds_the_same(events: Events, some: Answer, monkeypatch: pytest.MonkeyPatch):
    """However the span is cut up, an hour of many rows included."""
    monkeypatch.setattr(module, "ROWS", 120)
    hunt = hunt_of(events, SOME)
    steps = list(hunt.run())
    answer = hunt.answer()
    assert len({step.passed for step in steps}) > 5
    assert [step.passed for step in steps] == sorted(step.passed for step in steps)
    assert [step.through for step in steps] == sorted(step.through for step in steps)
    assert answer.progress.passed == answer.progress.rows
    assert (answer.rules, answer.correlations) == (some.rules, some.correlations)


def test_matches_beyond_the_limit_are_counted(events: Events, some: Answer):
    few = hunted(events, SOME, limit=1)
    assert [rule.count for rule in few.rules] == [rule.count for rule in some.rules]
    assert [rule.count for rule in few.correlations] == [rule.count for rule in some.correlations]
    assert [rule.kept for rule in few.rules] == [rule.kept[:1] for rule in some.rules]
    assert any(rule.count > 1 for rule in few.rules)


def test_a_match_is_told_with_what_the_rule_asked_about(some: Answer):
    for rule in some.rules:
        for found in rule.kept:
            assert set(found.fields) <= set(fields_of(SOME, rule.rule))
            assert found.event.startswith("evt")
        order = [(found.time, found.source, found.generation, found.offset) for found in rule.kept]
        assert order == sorted(order)
    assert any(found.fields for rule in some.rules for found in rule.kept)


def test_a_span_is_from_its_beginning_to_before_its_end(events: Events, some: Answer):
    times = sorted(set(timed(some).values()))
    since, until = times[len(times) // 4], times[len(times) // 2]
    part = hunted(events, SOME, since=since, until=until)
    assert {found.time for rule in part.rules for found in rule.kept} == {
        time for time in times if since <= time < until
    }
    assert all(since <= held.begins < held.ends <= until for held in part.held)


def test_one_host(events: Events, some: Answer):
    hosts = Counter(found.src for rule in some.rules for found in rule.kept if found.src)
    assert len(hosts) > 2
    for host, _ in hosts.most_common(2):
        part = hunted(events, SOME, host=host)
        found, findings = live(SOME, host=host)
        assert places(part) == found
        assert told(correlated(part)) == told(findings)
        assert part.progress.read < some.progress.read
    assert not places(hunted(events, SOME, host="nobody"))


def test_a_hunt_that_is_left_early_says_how_far_it_got(events: Events, some: Answer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ROWS", 50)
    hunt = hunt_of(events, SOME)
    for progress in hunt.run():
        if progress.found > 20:
            break
    answer = hunt.answer()
    until = answer.progress.through
    done = {place for place, time in timed(some).items() if time < until}
    assert not answer.whole
    assert done
    assert done <= places(answer)
    assert answer.progress.passed < answer.progress.rows


def timed(answer: Answer) -> dict[Place, int]:
    """When each match happened."""
    return {(r.rule, f.source, f.generation, f.offset): f.time for r in answer.rules for f in r.kept}


def test_a_record_that_nobody_can_bear_takes_no_other_along(
    events: Events, some: Answer, monkeypatch: pytest.MonkeyPatch
):
    poison = set([line for batch in BATCHES if batch.source == "suricata" for line in batch.lines][::5])

    def picky(self: Detector, batch: Batch) -> tuple[Match | Failed, ...]:
        if poison & set(batch.lines):
            raise ZeroDivisionError("hostile words")
        return whole(self, batch)

    whole = Detector.match
    monkeypatch.setattr(Detector, "match", picky)
    answer = hunted(events, SOME)
    assert "hostile words" not in str(answer.broken)
    assert 0 < sum(answer.broken.values()) <= sum(line in poison for batch in BATCHES for line in batch.lines)
    gone = timed(some).keys() - timed(answer).keys()
    assert len({place[1:] for place in gone}) <= sum(answer.broken.values())
    assert timed(answer).keys() <= timed(some).keys()


def test_what_was_kept_twice_is_found_once(store_url: str):
    twice = filled(store_url, "twice", SENSORS, BATCHES[:3])
    with closing(filled(store_url, "twice", SENSORS, BATCHES[:3])), closing(twice):
        found, _ = live(RULES, BATCHES[:3])
        answer = hunted(twice, RULES)
        assert places(answer) == found
        assert sum(rule.count for rule in answer.rules) == len(found)


def test_sources_that_no_rule_is_about_and_that_nobody_names(events: Events):
    windows = [rule.id for rule in RULES.rules.values() if rule.origin.product == "windows"]
    answer = hunted(events, subset(RULES, windows[:3]))
    assert {held.source: held.hunted for held in answer.held}["suricata"] is False
    question = Question(rules=subset(RULES, windows[:3]), asked=(), since=0, until=RECEIVED)
    hunt = Hunt(question, {"windows": SENSORS["windows"]}, events)
    list(hunt.run())
    assert {held.source: held.known for held in hunt.answer().held}["suricata"] is False


def test_rules_that_can_find_nothing_say_why(events: Events):
    question = Question(rules=RULES, asked=(), since=0, until=RECEIVED)
    answer = Hunt(question, {"suricata": SENSORS["suricata"]}, events).answer()
    silent = {rule.rule: rule.silent for rule in (*answer.rules, *answer.correlations)}
    assert {bool(silent[rule.id]) for rule in RULES.rules.values() if rule.origin.product == "windows"} == {True}
    assert {silent[rule.id] for rule in RULES.rules.values() if rule.origin.product == "suricata"} == {""}


def test_hostile_texts_are_no_sql(store_url: str):
    """What a rule looks for and what a line says, whatever it is, is only ever compared."""
    words = [
        "x' OR 1=1 --",
        "%_%",
        "a\\",
        "{a0:String}",
        "`;DROP TABLE events",
        "\x00\n\t'\"",
        "\u017fecret K\u212aey",
        "caf\xe9 \U0001f480",
    ]
    lines = tuple(
        json.dumps(
            {"Channel": word, "EventID": 1, "SystemTime": "2026-01-01T00:00:00Z", "Computer": word, "Text": f"<{word}>"}
        ).encode()
        + b"\n"
        for word in words
    )
    texts = {
        f"{place}.yml": yaml.safe_dump(
            {
                "title": "T",
                "name": f"r{place}",
                "logsource": {"product": "windows"},
                "detection": {
                    "s": {"EventID": 1, "Text|contains": _escaped(word)},
                    "t": {"Channel": _escaped(word)},
                    "condition": "s and t",
                },
            }
        )
        for place, word in enumerate(words)
    }
    batch = Batch("windows", "hostile'\\", 0, lines, RECEIVED)
    with closing(filled(store_url, "hostile '`\\", SENSORS, [batch])) as events:
        ruleset = compile_rules(texts)
        found, _ = live(ruleset, [batch])
        assert {rule for rule, *_ in found} == set(ruleset.rules)
        assert places(hunted(events, ruleset)) == found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


@pytest.mark.corpus
@pytest.mark.skipif(bool(recorded_data.missing()), reason=recorded_data.missing() or "-")
def test_public_rules_over_public_recordings(store_url: str):
    """Five data sets, and the rules that name a program which many attacks use."""
    texts = {name: text for name, text in recorded_data.rule_texts().items() if "\\powershell.exe" in text}
    ruleset = compile_rules(texts)
    assert len(ruleset.rules) > 200
    hosts = [path for path in recorded_data.TELEMETRY.rglob("*.zip") if path.parent.name == "host"]
    archives = sorted(hosts, key=lambda path: path.stat().st_size)[3:13:2]
    batches = [Batch("windows", path.stem, 0, tuple(lines_in(path)), RECEIVED) for path in archives]
    with closing(filled(store_url, "recorded", SENSORS, batches)) as events:
        found, _ = live(ruleset, batches)
        answer = hunted(events, ruleset)
        assert len({rule for rule, *_ in found}) > 5
        assert places(answer) == found
        assert answer.progress.read < answer.progress.rows == sum(len(batch.lines) for batch in batches)


def lines_in(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                yield from (line.rstrip() + b"\n" for line in file if line.strip())
