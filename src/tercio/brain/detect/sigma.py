"""Sigma rules and correlations, read by pySigma, compiled to a RuleSet."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import msgspec
import yaml
from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)
from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion

from tercio.brain.detect import ir
from tercio.brain.detect.conditions import Unsupported, add_condition
from tercio.brain.detect.rules import Correlation, Origin, Rejected, Rule, RuleSet
from tercio.model.canon import canonical
from tercio.model.findings import Level
from tercio.model.ids import mint
from tercio.model.units import SECOND

TOLD_EVERY = 500  # documents between two words about how many were read
MAX_COUNT = 10_000
"""Largest count a correlation may wait for: it keeps that many sightings per group."""

_KINDS: dict[SigmaCorrelationType, Literal["event_count", "value_count", "temporal", "temporal_ordered"]] = {
    SigmaCorrelationType.EVENT_COUNT: "event_count",
    SigmaCorrelationType.VALUE_COUNT: "value_count",
    SigmaCorrelationType.TEMPORAL: "temporal",
    SigmaCorrelationType.TEMPORAL_ORDERED: "temporal_ordered",
}
_SECTIONS = {
    "Correlation": "correlation",
    "Timespan": "correlation",
    "Logsource": "logsource",
    "Level": "level",
    "Identifier": "id",
    "Tag": "tags",
    "Title": "title",
}
"""Which part of a rule an error of pySigma is about, by a word of the error's name; else the detection."""

_TECHNIQUE = re.compile(r"t[0-9]{4}(\.[0-9]{3})?")
_TACTIC = re.compile(r"[a-z_-]+")
_Shape = TypeVar("_Shape", SigmaRule, SigmaCorrelationRule)


class RuleError(ValueError):
    """Text that is no valid Sigma. Says file, line, the column where it is known, and what is wrong with which rule."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(f"{rejected.file}:{rejected.line}: {rejected.reason}")
        self.rejected = rejected


class _Document(msgspec.Struct):
    """One YAML document: where it stands, where its sections begin, what it says, and the hash of that."""

    file: str
    line: int
    sections: dict[str, int]
    body: dict[str, Any]
    version: str

    def wrong(self, reason: str, section: str = "") -> RuleError:
        return RuleError(self.rejected(reason, section))

    def rejected(self, reason: str, section: str) -> Rejected:
        title = str(self.body.get("title", ""))
        return Rejected(self.file, self.sections.get(section, self.line), title, reason)


class _Compiler:
    """Collects rules, then correlations over them."""

    def __init__(self) -> None:
        self.graph = ir.Graph()
        self.rules: dict[str, Rule] = {}
        self.correlations: dict[str, Correlation] = {}
        self.rejected: list[Rejected] = []
        self.names: dict[str, str] = {}
        self.later: list[_Document] = []

    def add(self, document: _Document) -> None:
        """Compile a rule; put a correlation by until all rules are known."""
        if "filter" in document.body:
            self.rejected.append(document.rejected("Sigma filters are not supported", "filter"))
        elif "action" in document.body:
            self.rejected.append(document.rejected("documents that share parts (action) are not supported", "action"))
        elif "correlation" in document.body:
            self.later.append(document)
        else:
            self.add_rule(document)

    def add_rule(self, document: _Document) -> None:
        name = self._name(document)
        try:
            rule = _read(document, SigmaRule)
            parsed = [condition.parsed for condition in rule.detection.parsed_condition]
            condition = self.graph.add(ir.Or(tuple(add_condition(self.graph, part) for part in parsed)))
        except Unsupported as reason:
            self.rejected.append(document.rejected(str(reason), "detection"))
            return
        except (SigmaError, TypeError, AttributeError) as error:
            raise document.wrong(str(error), "detection") from error
        source = rule.logsource
        self.rules[name] = Rule(
            id=name,
            condition=condition,
            origin=Origin(source.product or "", source.category or "", source.service or ""),
            **_common(document, rule),
        )

    def add_correlation(self, document: _Document) -> None:
        name = self._name(document)
        try:
            compiled = self._correlation(document, _read(document, SigmaCorrelationRule), name)
        except Unsupported as reason:
            self.rejected.append(document.rejected(str(reason), "correlation"))
            return
        self.correlations[name] = compiled
        for rule in dict.fromkeys(compiled.rules):
            wanted = [compiled.field_of(group, rule) for group in compiled.group_by]
            wanted += [counted] if (counted := compiled.counted_of(rule)) else []
            base = self.rules[rule]
            self.rules[rule] = msgspec.structs.replace(base, carries=tuple(dict.fromkeys((*base.carries, *wanted))))

    def _name(self, document: _Document) -> str:
        """The rule's id, or its name where it has none; both may be referred to."""
        known = [str(document.body[key]) for key in ("id", "name") if document.body.get(key)]
        if not known:
            raise document.wrong("a rule needs an id")
        for word in known:
            if word in self.names:
                raise document.wrong(f"{word} names another rule already", "id")
            self.names[word] = known[0]
        return known[0]

    def _correlation(self, document: _Document, given: SigmaCorrelationRule, name: str) -> Correlation:
        kind = _KINDS.get(given.type)
        if kind is None:
            raise Unsupported(f"correlations of type {given.type.name.lower()} are not supported")
        if given.rules is None or not isinstance(given.condition, SigmaCorrelationCondition):
            raise Unsupported("its condition is an expression over rules")
        rules = tuple(self._referred(document, reference.reference) for reference in given.rules)
        aliases = {
            alias.alias: {self._referred(document, r.reference): field for r, field in alias.mapping.items()}
            for alias in given.aliases
        }
        field = given.condition.fieldref or ""
        if not isinstance(field, str):
            raise Unsupported("it counts combinations of several fields")
        if set(rules).isdisjoint(aliases.get(field, rules)):
            raise document.wrong(f"the alias {field} names none of its rules: nothing is counted", "correlation")
        common = _common(document, given)
        common["version"] = mint("rul", document.version, *(self.rules[rule].version for rule in rules))
        return Correlation(
            id=name,
            kind=kind,
            rules=rules,
            group_by=tuple(given.group_by or ()),
            aliases=aliases,
            span=given.timespan.seconds * SECOND,
            count=_count(kind, given.condition, len(rules)),
            field=field,
            generate=given.generate,
            **common,
        )

    def _referred(self, document: _Document, reference: str) -> str:
        name = self.names.get(str(reference))
        if name is None:
            raise document.wrong(f"there is no rule {reference!r}", "correlation")
        if name in self.rules:
            return name
        if name in self.correlations:
            raise Unsupported(f"it builds on the correlation {reference!r}")
        raise Unsupported(f"it builds on {reference!r}, which is left out itself")


def compile_rules(
    texts: Mapping[str, str], own: Collection[str] = (), read: Callable[[int], None] = lambda _: None
) -> RuleSet:
    """Compile rule files (name to text; a file may hold several documents). The result depends on the texts alone.

    A rule that is valid but needs something unsupported is listed in ``rejected``. So is one that is no valid Sigma, or
    names what does not exist, where its file is among a site's ``own``: the others stay. Elsewhere it raises RuleError.
    ``read`` is told how many documents were read so far, now and then.
    """
    compiler = _Compiler()
    documents: list[_Document] = []
    for file in sorted(texts, key=lambda name: (name in own, name)):
        with _tolerant(compiler, file in own):
            documents.extend(_documents(file, texts[file]))
    for number, document in enumerate(documents, 1):
        with _tolerant(compiler, document.file in own):
            compiler.add(document)
        if number % TOLD_EVERY == 0:
            read(number)
    for document in compiler.later:
        with _tolerant(compiler, document.file in own):
            compiler.add_correlation(document)
    return RuleSet(
        nodes=compiler.graph.nodes,
        rules=compiler.rules,
        correlations=compiler.correlations,
        rejected=tuple(compiler.rejected),
    )


@contextmanager
def _tolerant(compiler: _Compiler, own: bool) -> Iterator[None]:
    """A site's own rule that is broken is left out, and said so; ours must be whole."""
    try:
        yield
    except RuleError as error:
        if not own:
            raise
        compiler.rejected.append(error.rejected)


def _documents(file: str, text: str) -> Iterator[_Document]:
    """Split a file. The loader is pySigma's own safe one, which also refuses a key given twice."""
    try:
        loader = SigmaYAMLLoader(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            line = node.start_mark.line + 1
            body = loader.construct_document(node)
            if body is None:
                continue
            if not isinstance(body, dict):
                raise RuleError(Rejected(file, line, "", "a rule must be a mapping"))
            check_alias_expansion(body)
            sections = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
            yield _Document(file, line, sections, body, mint("rul", canonical(body)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        line, place = (mark.line + 1, f"column {mark.column + 1}: ") if mark else (1, "")
        raise RuleError(Rejected(file, line, "", f"{place}not YAML: {problem}")) from error
    except (SigmaError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError(Rejected(file, 1, "", str(error))) from error


def _read(document: _Document, shape: type[_Shape]) -> _Shape:
    """Let pySigma read it. Raises Unsupported for a regular expression that RE2 refuses: as a rule, it is one that
    needs backtracking, with which a hostile value could stop the whole detection."""
    try:
        return shape.from_dict(document.body)
    except SigmaRegularExpressionError as error:
        raise Unsupported(f"{error}; only what can be matched in linear time is") from error
    except SigmaError as error:
        kind = type(error).__name__
        section = next((s for word, s in _SECTIONS.items() if word in kind), "detection")
        raise document.wrong(str(error), section) from error
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise document.wrong(f"not a Sigma rule: {error}") from error


def _common(document: _Document, rule: SigmaRule | SigmaCorrelationRule) -> dict[str, Any]:
    """What both kinds of rule say of themselves. A rule without a level counts as medium."""
    attack = [tag.name for tag in rule.tags if tag.namespace == "attack"]
    techniques = [name.upper() for name in attack if _TECHNIQUE.fullmatch(name)]
    tactics = [name for name in attack if _TACTIC.fullmatch(name)]
    return {
        "version": document.version,
        "title": rule.title,
        "level": Level(rule.level.name.lower()) if rule.level else Level.MEDIUM,
        "tactics": tuple(tactics),
        "techniques": tuple(techniques),
    }


def _count(kind: str, condition: SigmaCorrelationCondition, rules: int) -> int:
    """The least count that fires. Raises Unsupported for what a stream cannot answer as it goes."""
    match condition.op:
        case SigmaCorrelationConditionOperator.GTE:
            count = condition.count
        case SigmaCorrelationConditionOperator.GT:
            count = condition.count + 1
        case operator:
            raise Unsupported(
                f"its condition is {operator.name.lower()}: only gt and gte can be told while events come"
            )
    if not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
        raise Unsupported(f"it counts to {count}: a whole number from 1 to {MAX_COUNT} is needed")
    if kind == "temporal_ordered" and count != rules:
        raise Unsupported("an ordered correlation must see all its rules")
    if kind == "temporal" and count > rules:
        raise Unsupported(f"it waits for {count} of {rules} rules")
    return count
