"""Rules over the stored past: the archive gives the lines that could match, the streaming engine decides about each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from tercio.app.coverage import coverage
from tercio.app.essentials import Essentials, shaped
from tercio.app.quest import Answer, Correlated, Found, Held, Matched, Progress, Question
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.findings import parties
from tercio.brain.detect.narrow import OTHERWISE, narrow
from tercio.brain.detect.rules import Correlation, Rule, RuleSet
from tercio.brain.detect.windows import Heard, Hit, Windows, hear, step
from tercio.loop.sift import failure
from tercio.model.archive import EVERYTHING, Archive, Condition, Count, Kept, Says, all_of, any_of
from tercio.model.events import Batch, Event, Failed, LogSource, Match, Unparsed
from tercio.model.findings import Finding
from tercio.model.units import HOUR
from tercio.products.sensors import Sensor

PIECE = HOUR
"""What the archive holds is counted by pieces of this span (microseconds)."""

ROWS = 500_000
"""Rows of the archive that one question passes over, at least; after each it is told how far the hunt is."""


class Hunt:
    """One hunt as it goes."""

    def __init__(self, question: Question, sensors: Mapping[str, Sensor], archive: Archive) -> None:
        sources = {name: sensor.log_source for name, sensor in sensors.items()}
        written = [name for name, sensor in sensors.items() if sensor.reshape is None]
        self._question = question
        self._sensors = sensors
        self._archive = archive
        self._detector = Detector(question.rules, sources)
        self._silent = _silent(question.rules, self._detector, sources)
        self.condition = all_of((narrow(question.rules, self._detector.live, sources, written), _of(question.host)))
        """What is asked of the archive."""
        self._essentials = Essentials(question.rules, sensors)
        self._windows = Windows()
        self._last: dict[str, Kept] = {}
        self._counts: Counter[str] = Counter()
        self._found: dict[str, list[Found]] = {}
        self._findings: dict[str, list[Finding]] = {}
        self._failed: dict[str, Counter[str]] = {}
        self._broken: Counter[str] = Counter()
        self._unparsed = self._read = self._passed = 0
        self._held: tuple[Held, ...] = ()
        self._rows = 0
        self._through = question.since

    def run(self) -> Iterator[Progress]:
        """Hunt, and say now and then how far it is. Whoever stops in between has what was found so far. Raises OSError
        where the archive does not answer."""
        question = self._question
        counts = self._archive.counts(question.since, question.until, PIECE)
        self._rows = sum(each.rows for each in counts)
        self._held = tuple(self._holds(source, counts) for source in sorted({each.source for each in counts}))
        yield self.progress
        for rows, until in _stretches(counts, question.since, question.until):
            for block in filter(None, self._archive.scan(self.condition, self._through, until)):
                self._take(block)
                self._through = block[-1].time
                yield self.progress
            self._passed, self._through = self._passed + rows, until
            yield self.progress
        self._end()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._passed, self._rows, self._read, sum(self._counts.values()), self._through)

    def answer(self) -> Answer:
        """What was found so far."""
        question = self._question
        return Answer(
            since=question.since,
            until=question.until,
            host=question.host,
            held=self._held,
            progress=self.progress,
            whole=self._through >= question.until,
            unparsed=self._unparsed,
            broken=dict(sorted(self._broken.items())),
            rules=tuple(map(self._matched, question.rules.rules.values())),
            correlations=tuple(map(self._correlated, question.rules.correlations.values())),
        )

    def _holds(self, source: str, counts: Sequence[Count]) -> Held:
        own = [each for each in counts if each.source == source]
        return Held(
            source=source,
            rows=sum(each.rows for each in own),
            begins=max(own[0].begins, self._question.since),
            ends=min(own[-1].begins + PIECE, self._question.until),
            hunted=bool(self._detector.live.get(source)),
            known=source in self._sensors,
        )

    def _take(self, block: Sequence[Kept]) -> None:
        """Those of one source are matched together; hits are taken in the order of the lines."""
        self._read += len(block)
        places: dict[str, list[int]] = {}
        for place, row in enumerate(block):
            if row.source in self._sensors:  # The archive may give more than it was asked for.
                places.setdefault(row.source, []).append(place)
        told: list[tuple[int, Match | Failed]] = []
        for source, members in places.items():
            self._last[source] = block[members[-1]]
            told += self._matched_in(source, [(place, block[place].line) for place in members])
        told.sort(key=itemgetter(0))
        hits = [hit for place, each in told if (hit := self._hit(block[place], each))]
        self._windows, findings = step(self._question.rules, self._windows, hits)
        self._tell(findings)

    def _matched_in(self, source: str, records: Sequence[tuple[int, bytes]]) -> list[tuple[int, Match | Failed]]:
        """What rules say of a source's records, each with its place. One over which Tercio fails is found by halves,
        and takes no other along."""
        sensor = self._sensors[source]
        try:
            lines = tuple(shaped(sensor, line) for _, line in records)
            found = self._detector.match(Batch(source, "", 0, lines, 0))
            return [(records[each.index][0], each) for each in found]
        except Exception as error:  # noqa: BLE001 (whatever a record did: it is counted and told, and the others are asked)
            if len(records) == 1:
                self._broken[failure(error)] += 1
                return []
            half = len(records) // 2
            return self._matched_in(source, records[:half]) + self._matched_in(source, records[half:])

    def _end(self) -> None:
        """The whole span is done: what waited for it to be over is judged, as if each source had been heard then."""
        until = self._through = self._question.until
        heard = [Heard(source, row.generation, row.offset, until, until) for source, row in sorted(self._last.items())]
        self._windows, findings = hear(self._question.rules, self._windows, heard)
        self._tell(findings)

    def _tell(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if finding.rule in self._question.rules.correlations and self._counted(finding.rule):
                self._findings.setdefault(finding.rule, []).append(finding)

    def _hit(self, row: Kept, each: Match | Failed) -> Hit | None:
        """The event that a matched line is, where the loop would have made one, and where it is of the host."""
        if isinstance(each, Failed):
            self._failed.setdefault(each.rule, Counter())[each.reason] += 1
            return None
        event = self._sensors[row.source].parse(row.source, row.generation, row.offset, row.line, row.received)
        if isinstance(event, Unparsed):
            self._unparsed += 1
            return None
        if self._question.host not in ("", event.host, *parties(event)):
            return None
        if self._counted(each.rule):
            self._found.setdefault(each.rule, []).append(self._sighted(row, each.rule, event))
        return Hit(each, event)

    def _counted(self, rule: str) -> bool:
        """Count one more; whether it is to be kept."""
        self._counts[rule] += 1
        return self._counts[rule] <= self._question.limit

    def _sighted(self, row: Kept, rule: str, event: Event) -> Found:
        src, dst = parties(event)
        return Found(
            time=event.time,
            source=row.source,
            generation=row.generation,
            offset=row.offset,
            event=event.id,
            host=event.host,
            src=src,
            dst=dst,
            fields=self._essentials.of(rule, row),
        )

    def _matched(self, rule: Rule) -> Matched:
        return Matched(
            rule=rule.id,
            title=rule.title,
            level=rule.level,
            asked=rule.id in self._question.asked,
            count=self._counts[rule.id],
            kept=tuple(self._found.get(rule.id, ())),
            failed=dict(sorted(self._failed.get(rule.id, Counter()).items())),
            silent=self._silent.get(rule.id, ""),
        )

    def _correlated(self, rule: Correlation) -> Correlated:
        return Correlated(
            rule=rule.id,
            title=rule.title,
            level=rule.level,
            asked=rule.id in self._question.asked,
            count=self._counts[rule.id],
            kept=tuple(self._findings.get(rule.id, ())),
            silent=self._silent.get(rule.id, ""),
        )


def _of(host: str) -> Condition:
    """What holds of every line about a host that is named so: its name, or an address that is written in one way only,
    stands in it."""
    return any_of((Says(host), OTHERWISE)) if host and host.isascii() and ":" not in host else EVERYTHING


def _stretches(counts: Sequence[Count], since: int, until: int) -> Iterator[tuple[int, int]]:
    """The span in stretches of one to two times ROWS each: how many rows, about, and where each ends. Rows are taken to
    lie evenly in a piece."""
    pieces: dict[int, int] = {}
    for each in counts:
        pieces[each.begins] = pieces.get(each.begins, 0) + each.rows
    gathered = 0
    for begins, rows in pieces.items():
        parts = -(-rows // ROWS)
        for part in range(1, parts + 1):
            gathered += rows * part // parts - rows * (part - 1) // parts
            if gathered >= ROWS:
                yield gathered, max(since, min(until, begins + PIECE * part // parts))
                gathered = 0
    if gathered:
        yield gathered, until


def _silent(ruleset: RuleSet, detector: Detector, sources: Mapping[str, LogSource]) -> dict[str, str]:
    """Why rules and correlations can't find anything here, by id."""
    silent = {each.rule: each.reason for each in coverage(ruleset, detector, sources).unrouted}
    for correlation in ruleset.correlations.values():
        if not ruleset.reports(correlation.id):
            above = [ruleset.correlations[each.id].title for each in ruleset.correlations_of.get(correlation.id, ())]
            why = (
                f"it is told only by {above[0]!r}, which builds on it" if above else "it only says something of others"
            )
            silent.setdefault(correlation.id, why)
    return silent
