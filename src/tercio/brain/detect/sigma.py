"""Sigma rules, filters and correlations, read by pySigma, compiled to a RuleSet."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaDetections, SigmaRule

from tercio.brain.detect import ir
from tercio.brain.detect.conditions import Unsupported, add_condition
from tercio.brain.detect.correlations import correlation_of
from tercio.brain.detect.documents import Document, RuleError, documents, read
from tercio.brain.detect.placeholders import Placeholders, Values
from tercio.brain.detect.rules import Correlation, Origin, Rejected, Rule, RuleSet
from tercio.model.findings import Level
from tercio.model.ids import mint

TOLD_EVERY = 500  # documents between two words about how many were read
DEEPEST = 8
"""Correlations that may stand on each other."""
LONGEST_AUTHOR = 200

_TECHNIQUE = re.compile(r"t[0-9]{4}(\.[0-9]{3})?")
_TACTIC = re.compile(r"[a-z_-]+")


class _Compiler:
    """Collects rules, then filters on them, then correlations over them."""

    def __init__(self, values: Values, own: Collection[str]) -> None:
        self.graph = ir.Graph()
        self.rules: dict[str, Rule] = {}
        self.correlations: dict[str, Correlation] = {}
        self.rejected: list[Rejected] = []
        self.filters: list[Document] = []
        self.waiting: dict[str, Document] = {}
        self._values = values
        self._own = own
        self._names: dict[str, str] = {}
        self._open: list[str] = []

    @contextmanager
    def tolerant(self, file: str) -> Iterator[None]:
        """A site's own rule that is broken is left out, and said so; ours must be whole."""
        try:
            yield
        except RuleError as error:
            if file not in self._own:
                raise
            self.rejected.append(error.rejected)

    def add(self, document: Document) -> None:
        """Compile a rule; put filters and correlations by until all rules are known."""
        if "filter" in document.body:
            self.filters.append(document)
        elif "action" in document.body:
            self.rejected.append(document.rejected("documents that share parts (action) are not supported", "action"))
        elif "correlation" in document.body:
            self.waiting[self._name(document)] = document
        else:
            self._add_rule(document)

    def _add_rule(self, document: Document) -> None:
        name = self._name(document)
        try:
            rule = read(document, SigmaRule)
            condition, used = self._condition(document, rule.detection)
        except Unsupported as reason:
            self.rejected.append(document.rejected(str(reason), "detection"))
            return
        source = rule.logsource
        self.rules[name] = Rule(
            id=name,
            condition=condition,
            origin=Origin(source.product or "", source.category or "", source.service or ""),
            **_common(document, rule, *used),
        )

    def _condition(self, document: Document, detection: SigmaDetections) -> tuple[int, tuple[str, ...]]:
        """The place of a detection's condition, and what it depends on beside its text."""
        words = Placeholders(self._values)
        try:
            parsed = [condition.parsed for condition in detection.parsed_condition]
            place = self.graph.add(ir.Or(tuple(add_condition(self.graph, part, words) for part in parsed)))
        except (SigmaError, TypeError, AttributeError, RecursionError) as error:
            raise document.wrong(str(error), "detection") from error
        return place, tuple(text for name, values in words.used.items() for text in (name, *values))

    def add_filter(self, document: Document) -> None:
        """Narrow the rules that a filter names, or all of its log source: what it describes must hold as well."""
        try:
            given = read(document, SigmaFilter)
            condition, used = self._condition(document, given.filter)
        except Unsupported as reason:
            self.rejected.append(document.rejected(str(reason), "filter"))
            return
        version = mint("rul", document.version, *used) if used else document.version
        source, named = given.logsource, given.filter.rules
        wanted = [reference.reference for reference in named] if isinstance(named, list) else list(self.rules)
        for reference in wanted:
            rule = self.rules.get(self._names.get(str(reference), ""))
            if rule is None:
                words = f"there is no rule {reference!r} that it could filter; its other rules are filtered"
                self.rejected.append(document.rejected(words, "filter"))
            elif _within(source.product, source.category, source.service, rule.origin):
                self.rules[rule.id] = msgspec.structs.replace(
                    rule,
                    condition=self.graph.add(ir.And((rule.condition, condition))),
                    version=mint("rul", rule.version, version),
                )
            elif isinstance(named, list):
                words = f"the rule {reference!r} is of another log source: it is not filtered"
                self.rejected.append(document.rejected(words, "filter"))

    def add_correlation(self, name: str) -> None:
        """Compile a correlation that waits, behind those that it builds on."""
        document = self.waiting.pop(name)
        self._open.append(name)
        try:
            given = read(document, SigmaCorrelationRule)
            common = _common(document, given)
            made = correlation_of(document, given, lambda r: self._referred(document, r), self._known, common)
        except Unsupported as reason:
            self.rejected.append(document.rejected(str(reason), "correlation"))
            return
        finally:
            self._open.pop()
        version = mint("rul", document.version, *(self._known(rule).version for rule in made.rules))
        self.correlations[name] = msgspec.structs.replace(made, id=name, version=version)
        for rule in dict.fromkeys(made.rules):
            wanted = (*(made.field_of(group, rule) for group in made.group_by), *made.counted_of(rule))
            base = self.rules.get(rule)
            if base is not None:
                self.rules[rule] = msgspec.structs.replace(base, carries=tuple(dict.fromkeys((*base.carries, *wanted))))

    def _known(self, name: str) -> Rule | Correlation:
        return self.rules.get(name) or self.correlations[name]

    def _name(self, document: Document) -> str:
        """The rule's id, or its name where it has none; both may be referred to."""
        known = [str(document.body[key]) for key in ("id", "name") if document.body.get(key)]
        if not known:
            raise document.wrong("a rule needs an id")
        for word in known:
            if word in self._names:
                raise document.wrong(f"{word} names another rule already", "id")
        self._names.update(dict.fromkeys(known, known[0]))
        return known[0]

    def _referred(self, document: Document, reference: object) -> str:
        name = self._names.get(str(reference))
        if name is None:
            raise document.wrong(f"there is no rule {reference!r}", "correlation")
        if name in self._open:
            raise document.wrong(f"it builds on itself, by way of {reference!r}", "correlation")
        if name in self.waiting:
            if len(self._open) >= DEEPEST:
                raise Unsupported(f"it stands on more than {DEEPEST} correlations")
            with self.tolerant(self.waiting[name].file):
                self.add_correlation(name)
        if name in self.rules or name in self.correlations:
            return name
        raise Unsupported(f"it builds on {reference!r}, which is left out itself")


def compile_rules(
    texts: Mapping[str, str],
    own: Collection[str] = (),
    read: Callable[[int], None] = lambda _: None,
    placeholders: Values | None = None,
) -> RuleSet:
    """Compile rule files (name to text; a file may hold several documents). The result depends on the texts and on what
    ``placeholders`` stand for alone.

    A rule that is valid but needs something unsupported is listed in ``rejected``. So is one that is no valid Sigma, or
    names what does not exist, where its file is among a site's ``own``: the others stay. Elsewhere it raises RuleError.
    ``read`` is told how many documents were read so far, now and then.
    """
    compiler = _Compiler(placeholders or {}, own)
    found: list[Document] = []
    for file in sorted(texts, key=lambda name: (name in own, name)):
        with compiler.tolerant(file):
            found.extend(documents(file, texts[file]))
    for number, document in enumerate(found, 1):
        with compiler.tolerant(document.file):
            compiler.add(document)
        if number % TOLD_EVERY == 0:
            read(number)
    for document in compiler.filters:
        with compiler.tolerant(document.file):
            compiler.add_filter(document)
    for name, document in list(compiler.waiting.items()):
        with compiler.tolerant(document.file):
            if name in compiler.waiting:
                compiler.add_correlation(name)
    return RuleSet(
        nodes=compiler.graph.nodes,
        rules=compiler.rules,
        correlations=compiler.correlations,
        rejected=tuple(compiler.rejected),
    )


def _within(product: str | None, category: str | None, service: str | None, origin: Origin) -> bool:
    """Whether a log source, each part of which may be left open, has another in it."""
    pairs = ((product, origin.product), (category, origin.category), (service, origin.service))
    return all(not wanted or wanted == had for wanted, had in pairs)


def _common(document: Document, rule: SigmaRule | SigmaCorrelationRule, *used: str) -> dict[str, Any]:
    """What both kinds of rule say of themselves. A rule without a level counts as medium."""
    attack = [tag.name for tag in rule.tags if tag.namespace == "attack"]
    techniques = [name.upper() for name in attack if _TECHNIQUE.fullmatch(name)]
    tactics = [name for name in attack if _TACTIC.fullmatch(name)]
    return {
        "version": mint("rul", document.version, *used) if used else document.version,
        "title": rule.title,
        "level": Level(rule.level.name.lower()) if rule.level else Level.MEDIUM,
        "tactics": tuple(tactics),
        "techniques": tuple(techniques),
        "author": " ".join(str(rule.author or "").split())[:LONGEST_AUTHOR],
    }


__all__ = ["Document", "RuleError", "compile_rules"]
