"""Files of Sigma rules as documents that know where they stand, and pySigma's reading of one."""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
import yaml
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion

from tercio.brain.detect.conditions import Unsupported
from tercio.brain.detect.rules import Rejected
from tercio.model.canon import canonical
from tercio.model.ids import mint

_SECTIONS = {
    "Correlation": "correlation",
    "Timespan": "correlation",
    "Logsource": "logsource",
    "Filter": "filter",
    "Level": "level",
    "Identifier": "id",
    "Tag": "tags",
    "Title": "title",
}
"""Which part of a rule an error of pySigma is about, by a word of the error's name; else the detection."""

_Shape = TypeVar("_Shape", SigmaRule, SigmaCorrelationRule, SigmaFilter)


class RuleError(ValueError):
    """Text that is no valid Sigma. Says file, line, the column where it is known, and what is wrong with which rule."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(f"{rejected.file}:{rejected.line}: {rejected.reason}")
        self.rejected = rejected


class Document(msgspec.Struct):
    """One YAML document: where it stands, where its sections and what is in them begin (line and column, by the dotted
    name: ``detection``, ``detection.selection``), what it says, and the hash of that."""

    file: str
    line: int
    places: dict[str, tuple[int, int]]
    body: dict[str, Any]
    version: str

    def wrong(self, reason: str, section: str = "") -> RuleError:
        """The error for a document that is no valid Sigma."""
        return RuleError(self.rejected(reason, section))

    def rejected(self, reason: str, section: str = "") -> Rejected:
        """The document as one that is left out."""
        title = str(self.body.get("title", ""))
        return Rejected(self.file, self.places.get(section, (self.line, 1))[0], title, reason)


def documents(file: str, text: str) -> Iterator[Document]:
    """Split a file. Raises RuleError. The loader is pySigma's own safe one, which also refuses a key given twice."""
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
            yield Document(file, line, dict(_places(node)), body, mint("rul", canonical(body)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        line, place = (mark.line + 1, f"column {mark.column + 1}: ") if mark else (1, "")
        raise RuleError(Rejected(file, line, "", f"{place}not YAML: {problem}")) from error
    except (SigmaError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError(Rejected(file, 1, "", str(error))) from error


def _places(node: yaml.Node, before: str = "") -> Iterator[tuple[str, tuple[int, int]]]:
    for key, value in node.value:
        name = f"{before}{key.value}"
        yield name, (key.start_mark.line + 1, key.start_mark.column + 1)
        if not before and isinstance(value, yaml.MappingNode):
            yield from _places(value, f"{name}.")


def read(document: Document, shape: type[_Shape]) -> _Shape:
    """Let pySigma read it. Raises RuleError, and Unsupported for a regular expression that RE2 refuses: as a rule, it
    is one that needs backtracking, with which a hostile value could stop the whole detection."""
    try:
        return shape.from_dict(document.body)
    except SigmaRegularExpressionError as error:
        raise Unsupported(f"{error}; only what can be matched in linear time is") from error
    except SigmaError as error:
        kind = type(error).__name__
        section = next((s for word, s in _SECTIONS.items() if word in kind), "detection")
        raise document.wrong(str(error), section) from error
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError) as error:
        raise document.wrong(f"not a Sigma rule: {error}") from error
