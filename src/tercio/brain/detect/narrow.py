"""From compiled rules to what must hold of every stored line that one of them could match.

It never says no where the engine says yes; so a hunt may ask the archive for these lines alone. What it can't say of
raw lines (absence, numbers, regular expressions, comparisons) narrows nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tercio.brain.detect import ir
from tercio.brain.detect.engine import Where, routes_of
from tercio.brain.detect.keywords import piece_of
from tercio.brain.detect.rules import Rule, RuleSet
from tercio.model.archive import EVERYTHING, NOTHING, Condition, FromSource, Routed, Says, all_of, any_of
from tercio.model.events import LogSource

MOST_TEXTS = 200
"""Texts that are looked for in the lines of one source; of more, those of the kinds of record with the fewest."""

Texts = frozenset[str] | None
"""One of them at least stands in every line for which a node holds; None where nothing can be said."""

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
    return any_of(all_of((FromSource(tuple(names)), lines)) for lines, names in meant.items() if lines != NOTHING)


class _Lines:
    """What the lines of one kind of source must say: of each kind of record its routing fields, and one of some texts.

    One list of texts is asked for, not what each rule makes of them: the archive looks for many texts in one pass, and
    a condition as deep as the rules costs it more than the engine needs to decide.
    """

    def __init__(self, nodes: tuple[ir.Node, ...], source: LogSource, *, as_written: bool) -> None:
        self._nodes = nodes
        self._source = source
        self._as_written = as_written
        self._routes: dict[int, Condition] = {}
        self._texts: dict[int, Texts] = {}

    def condition(self, rules: Iterable[Rule]) -> Condition:
        """Of all these rules, by the kind of record that they are about."""
        kinds: dict[Condition, list[int]] = {}
        for rule in rules:
            routes = routes_of(rule.origin, self._source)
            kind = EVERYTHING if routes is None else any_of(map(_routed, routes))
            kinds.setdefault(kind, []).append(rule.condition)
        asked = [(kind, any_of(map(self._route, places)), self._one_of(places)) for kind, places in kinds.items()]
        room, found = MOST_TEXTS, []
        for kind, routed, texts in sorted(asked, key=lambda each: len(each[2] or ())):
            room -= len(texts or ())
            said = EVERYTHING if texts is None or room < 0 else any_of((*map(Says, sorted(texts)), OTHERWISE))
            found.append(all_of((kind, routed, said)))
        return any_of(found)

    def _route(self, place: int) -> Condition:
        """What a node asks of the routing fields."""
        if place not in self._routes:
            self._routes[place] = self._routed(self._nodes[place])
        return self._routes[place]

    def _routed(self, node: ir.Node) -> Condition:
        match node:
            case ir.And(of):
                return all_of(map(self._route, of))
            case ir.Or(of):
                return any_of(map(self._route, of))
            case ir.Text(field, parts) if field in self._source.routes and all(isinstance(part, str) for part in parts):
                return Routed(field, (ir.fold("".join(map(str, parts))),))
            case ir.Number(field, value) if field in self._source.routes:
                return Routed(field, tuple(dict.fromkeys(_written(value))))
            case _:
                return EVERYTHING

    def _one_of(self, places: Iterable[int]) -> Texts:
        """Texts for when any of these nodes may hold."""
        found = [self._text(place) for place in places]
        return None if None in found else frozenset[str]().union(*filter(None, found))

    def _text(self, place: int) -> Texts:
        if place not in self._texts:
            self._texts[place] = self._said(self._nodes[place])
        return self._texts[place]

    def _said(self, node: ir.Node) -> Texts:
        match node:
            case ir.And(of):
                found = [texts for texts in map(self._text, of) if texts is not None]
                return min(found, key=lambda texts: (len(texts), -min(map(len, texts)), sorted(texts)), default=None)
            case ir.Or(of):
                return self._one_of(of)
            case ir.Text():
                piece = piece_of(node) if self._as_written else ""
                return frozenset((piece.lower(),)) if len(piece) >= SHORTEST else None
            case _:
                return None


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
