"""What an exception to a rule would hide: the rule with and without it, over everything that was recorded."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tercio.app.corpus import Corpus
from tercio.app.rulecases import lines_beside, read_lines
from tercio.app.trial import Trial
from tercio.brain.detect.documents import RuleError, documents
from tercio.brain.detect.placeholders import Values
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.model.journal import Told
from tercio.store.reader import Reader

PAGE = 1000
"""Records of the journal that are read at once."""

RECORDED, CASE, INCIDENT = "recording", "case", "incident"
"""Where lines come from: a recording of others, a case beside a rule, an incident of this site."""


class Sample(msgspec.Struct, frozen=True):
    """Lines of one kind of source that an attack left, and where they come from."""

    kind: str
    name: str
    sensor: str
    lines: tuple[bytes, ...]


class Hidden(msgspec.Struct, frozen=True):
    """What would no longer be told of one sample: of how many matches how many; ``silenced`` are the rules and
    correlations that would say nothing of it any more, with their techniques."""

    kind: str
    name: str
    matches: int
    hidden: int
    silenced: tuple[str, ...]
    techniques: tuple[str, ...]


class Verdict(msgspec.Struct, frozen=True):
    """How many samples the rule was tried on, in how many it matches, and what is hidden in which."""

    samples: int
    matched: int
    hidden: tuple[Hidden, ...]


class Narrowing:
    """A rule with and without an exception. ``texts`` are rule files with the rule in them, and what builds on it; they
    are a site's own, so that what can't be used in them is left out. Raises ValueError where the exception can't be."""

    def __init__(
        self, rule: str, texts: Mapping[str, str], exception: Mapping[str, str], placeholders: Values | None = None
    ) -> None:
        before = compile_rules(texts, own=texts.keys(), placeholders=placeholders)
        after = compile_rules({**texts, **exception}, own={*texts, *exception}, placeholders=placeholders)
        if fault := next((each for each in after.rejected if each.file in exception), None):
            raise ValueError(fault.reason)
        self.rule = rule
        self.before, self.after = Trial(before), Trial(after)
        self.builders = dependents(before, rule)

    def over(self, samples: Iterable[Sample]) -> Verdict:
        """Try both on these samples."""
        count = matched = 0
        found = []
        for sample in samples:
            count += 1
            hits = _places(self.before, self.rule, sample)
            matched += bool(hits)
            left = _places(self.after, self.rule, sample) if hits else hits
            if len(left) < len(hits):
                found.append(self._hidden(sample, len(hits), len(left)))
        return Verdict(count, matched, tuple(found))

    def _hidden(self, sample: Sample, hits: int, left: int) -> Hidden:
        told, still = (_told(trial, self.builders, sample) for trial in (self.before, self.after))
        silenced = sorted((told - still) | (set() if left else {self.rule}))
        about = [self.before.about(name) for name in (self.rule, *silenced)]
        return Hidden(
            kind=sample.kind,
            name=sample.name,
            matches=hits,
            hidden=hits - left,
            silenced=tuple(self.before.title(name) for name in silenced),
            techniques=tuple(sorted({technique for each in about for technique in each.techniques})),
        )


def dependents(ruleset: RuleSet, rule: str) -> set[str]:
    """The correlations that build on a rule, by way of others too."""
    found: set[str] = set()
    waiting = [rule]
    while waiting:
        for each in ruleset.correlations_of.get(waiting.pop(), ()):
            if each.id not in found:
                found.add(each.id)
                waiting.append(each.id)
    return found


class Library:
    """Rule files by what stands in them; only those are parsed that hold a word which is asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._bodies: dict[str, tuple[Mapping[str, object], ...]] = {}

    def called(self, word: str) -> list[tuple[str, Mapping[str, object]]]:
        """The rules and correlations that have this id, name or title, with their files."""
        return [(file, body) for file, body in self._holding({word}) if word in (*_called(body), body.get("title"))]

    def concerned(self, body: Mapping[str, object]) -> dict[str, str]:
        """The files of a rule, of what builds on it, of what that builds on besides, and of exceptions to those."""
        names = set(_called(body))
        while True:
            up = {name for _, each in self._holding(names) if names & {*_built_on(each)} for name in _called(each)}
            if up <= names:
                break
            names |= up
        while True:
            holding = [each for _, each in self._holding(names) if names & {*_called(each)}]
            down = {name for each in holding for name in (*_built_on(each), *_called(each))}
            if down <= names:
                break
            names |= down
        files = {file for file, each in self._holding(names) if names & {*_called(each), *_filtered(each)}}
        return {file: self._texts[file] for file in sorted(files)}

    def _holding(self, words: set[str]) -> Iterator[tuple[str, Mapping[str, object]]]:
        for file, text in self._texts.items():
            if any(word in text for word in words):
                for body in self._parsed(file, text):
                    yield file, body

    def _parsed(self, file: str, text: str) -> tuple[Mapping[str, object], ...]:
        if file not in self._bodies:
            try:
                self._bodies[file] = tuple(each.body for each in documents(file, text))
            except RuleError:
                self._bodies[file] = ()
        return self._bodies[file]


def _called(body: Mapping[str, object]) -> list[str]:
    return [str(body[key]) for key in ("id", "name") if body.get(key)]


def _filtered(body: Mapping[str, object]) -> list[str]:
    given = body.get("filter")
    rules = given.get("rules") if isinstance(given, dict) else None
    return list(map(str, rules)) if isinstance(rules, list) else []


def _built_on(body: Mapping[str, object]) -> list[str]:
    given = body.get("correlation")
    rules = given.get("rules") if isinstance(given, dict) else None
    return list(map(str, rules)) if isinstance(rules, list) else [str(rules)] if rules else []


def cases(trial: Trial, rule: str, files: Iterable[str]) -> Iterator[Sample]:
    """The positive cases of lines beside these rule files, as far as they are of the rule's source."""
    for path in dict.fromkeys(path for file in files for path, positive in lines_beside(Path(file)) if positive):
        try:
            lines = read_lines(path)
            yield Sample(CASE, f"{path.parent.name}/{path.name}", trial.sensor_of(rule, lines), lines)
        except (OSError, ValueError):
            continue


def recorded(corpus: Corpus) -> Iterator[Sample]:
    """Everything in a folder of recordings."""
    for record in corpus.everything():
        yield Sample(RECORDED, record.name, record.sensor, record.lines)


def evidence(reader: Reader, rules: Iterable[str], sensors: Mapping[str, str]) -> Iterator[Sample]:
    """What findings of these rules cite in this site's own incidents; ``sensors`` by the name of their source."""
    wanted = set(rules)
    events: dict[str, list[str]] = {}
    after = 0
    while entries := reader.records(kind="finding", after_seq=after, limit=PAGE):
        after = entries[-1].seq
        for entry in entries:
            if entry.body is None:
                continue
            told = msgspec.json.decode(entry.body, type=Told)
            if told.incident and told.finding.rule in wanted:
                events.setdefault(told.incident, []).extend(told.finding.events)
    for incident, names in events.items():
        lines: dict[str, list[bytes]] = {}
        for cited in reader.cited(names):
            if cited.event.source in sensors:
                lines.setdefault(sensors[cited.event.source], []).append(cited.raw)
        for sensor, raw in lines.items():
            yield Sample(INCIDENT, incident, sensor, tuple(raw))


def _places(trial: Trial, rule: str, sample: Sample) -> tuple[int, ...]:
    name = f"{sample.kind} {sample.sensor} {sample.name}"
    return trial.matched(name, sample.sensor, sample.lines).get(rule, ())


def _told(trial: Trial, builders: set[str], sample: Sample) -> set[str]:
    """The correlations among these that report."""
    if not builders:
        return set()
    return {finding.rule for finding in trial.findings(sample.sensor, sample.lines) if finding.rule in builders}
