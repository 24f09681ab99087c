"""From compiled rules to what must hold of every stored line that one of them could match.

It never says no where the engine says yes; so a hunt may ask the archive for these lines alone. What it can't say of
raw lines (absence, numbers, regular expressions, comparisons) narrows nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tercio.brain.detect import ir
from tercio.brain.detect.engine import Where, routes_of
from tercio.brain.detect.keywords import piece_of
from tercio.brain.detect.rules import Rule, RuleSet
from tercio.model.archive import EVERYTHING, AllOf, AnyOf, Condition, FromSource, Routed, Says, all_of, any_of
from tercio.model.events import LogSource

MOST_TEXTS = 200
"""Different texts that are looked for in the lines of one source; of more, the kinds of record with the fewest."""

SHORTEST = 3
"""Letters of a text from which on it is worth looking for."""

OTHERWISE = any_of(map(Says, (*(f"\\u00{digit}" for digit in range(2, 8)), "\\u017f", "\\u212a", "\u017f", "\u212a")))
"""A line that may write a letter of ASCII in another way: as an escape, or as one of the two letters outside it that
fold to one in it (the long s and the Kelvin sign)."""


def narrow(
    ruleset: RuleSet, live: Mapping[str, Collection[str]], sources: Mapping[str, LogSource], written: Collection[str]
) -> Condition:
    """What holds of every line that any of the rules matches.

    ``live`` are the rules that run, by source (``Detector.live``); ``written`` the sources whose lines detection reads
    as they were written, so that a value's letters stand in them.
    """
    meant: dict[Condition, list[str]] = {}
    for name in sorted(live):
        rules = [ruleset.rules[rule] for rule in sorted(live[name])]
        lines = _Lines(ruleset.nodes, sources[name], as_written=name in written).condition(rules)
        meant.setdefault(lines, []).append(name)
    return any_of(all_of((FromSource(tuple(names)), lines)) for lines, names in meant.items() if lines != AnyOf(()))


class _Lines:
    """What the lines of one kind of source must say."""

    def __init__(self, nodes: tuple[ir.Node, ...], source: LogSource, *, as_written: bool) -> None:
        self._nodes = nodes
        self._source = source
        self._as_written = as_written
        self._known: dict[int, Condition] = {}

    def condition(self, rules: Iterable[Rule]) -> Condition:
        """Kinds of record, each with the texts that its rules ask for."""
        kinds: dict[Condition, list[Condition]] = {}
        for rule in rules:
            routes = routes_of(rule.origin, self._source)
            kind = EVERYTHING if routes is None else any_of(map(_routed, routes))
            kinds.setdefault(kind, []).append(self._of(rule.condition))
        asked = {kind: any_of(conditions) for kind, conditions in kinds.items()}
        texts = {kind: set(_texts(condition)) for kind, condition in asked.items()}
        room, found = MOST_TEXTS, []
        for kind in sorted(asked, key=lambda kind: len(texts[kind])):
            room -= len(texts[kind])
            said = any_of((asked[kind], OTHERWISE)) if texts[kind] and room >= 0 else EVERYTHING
            found.append(all_of((kind, _without_texts(asked[kind]), said)))
        return any_of(found)

    def _of(self, place: int) -> Condition:
        if place not in self._known:
            self._known[place] = self._asked(self._nodes[place])
        return self._known[place]

    def _asked(self, node: ir.Node) -> Condition:
        match node:
            case ir.And(of):
                return all_of(map(self._of, of))
            case ir.Or(of):
                return any_of(map(self._of, of))
            case ir.Text(field, parts) if field in self._source.routes and all(isinstance(part, str) for part in parts):
                return Routed(field, (ir.fold("".join(map(str, parts))),))
            case ir.Number(field, value) if field in self._source.routes:
                return Routed(field, tuple(dict.fromkeys(_written(value))))
            case ir.Text():
                piece = piece_of(node) if self._as_written else ""
                return Says(piece.lower()) if len(piece) >= SHORTEST else EVERYTHING
            case _:
                return EVERYTHING


def _routed(where: Where) -> Condition:
    return all_of(Routed(field, tuple(map(ir.fold, values))) for field, values in sorted(where.items()))


def _written(number: float) -> Iterator[str]:
    """The ways in which a value that equals this number stands as text."""
    yield ir.text_of(number) or ""
    if number == int(number):
        yield ir.text_of(int(number)) or ""
    try:
        yield ir.text_of(float(number)) or ""
    except OverflowError:
        return


def _texts(condition: Condition) -> Iterator[str]:
    match condition:
        case Says(text):
            yield text
        case AllOf(of) | AnyOf(of):
            for each in of:
                yield from _texts(each)


def _without_texts(condition: Condition) -> Condition:
    """What is left of it where nobody looks at the lines themselves."""
    match condition:
        case Says():
            return EVERYTHING
        case AllOf(of):
            return all_of(map(_without_texts, of))
        case AnyOf(of):
            return any_of(map(_without_texts, of))
        case _:
            return condition
