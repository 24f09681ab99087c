"""Recorded cases of rules: positive ones that must match, negative ones that must not.

Beside a rule that is alone in its folder they are called ``positive*.ndjson`` and ``negative*.ndjson``, beside one of
several ``NAME.positive*.ndjson`` and ``NAME.negative*.ndjson``, where the rule is ``NAME.yml``. In ``corpus.toml``
(``NAME.corpus.toml``) stand cases in recordings of others, which are referred to and not copied.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tercio.app.corpus import Corpus
from tercio.app.trial import Trial

LARGEST = 64 << 20
"""Bytes of a case at the most."""


class Case(msgspec.Struct, frozen=True):
    """What came of one case: ``fault`` is empty where it held; ``skipped`` says why it was not tried."""

    rule: str
    title: str
    file: str
    positive: bool
    fault: str = ""
    skipped: str = ""


class Tried(msgspec.Struct, frozen=True):
    """All cases, and the rules (by id, with their files) that have none of one kind."""

    cases: tuple[Case, ...]
    untested: dict[str, str]


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A case in a recording of others. With ``records`` (counted from 1), a positive case holds where just these match
    and no other of the file, a negative one where none of these does. Without, where any does, or none at all."""

    file: str
    shows: str
    records: tuple[int, ...] = ()


class References(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a ``corpus.toml`` holds."""

    positive: tuple[Reference, ...] = ()
    negative: tuple[Reference, ...] = ()


def try_cases(trial: Trial, files: Mapping[str, Iterable[str]], corpus: Corpus | None = None) -> Tried:
    """Replay the cases beside these files; ``files`` says which rules and correlations, by id, each holds. Without a
    ``corpus`` cases that lie in it are skipped."""
    cases: list[Case] = []
    untested: dict[str, str] = {}
    for file, rules in sorted(files.items()):
        for rule in rules:
            found = [
                *(_beside_it(trial, rule, path, positive) for path, positive in lines_beside(Path(file))),
                *_referred(trial, rule, Path(file), corpus),
            ]
            cases += found
            if {case.positive for case in found} != {True, False}:
                untested[rule] = file
    return Tried(tuple(cases), untested)


def lines_beside(file: Path) -> list[tuple[Path, bool]]:
    """The files of lines beside a rule's file, and whether each is a positive case."""
    start = _start(file)
    return [
        (path, positive)
        for word, positive in (("positive", True), ("negative", False))
        for path in sorted(file.parent.glob(f"{start}{word}*.ndjson"))
    ]


def read_lines(path: Path) -> tuple[bytes, ...]:
    """The lines of a case. Raises ValueError where there are too many or none, OSError where it can't be read."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 20} MB")
    lines = tuple(path.read_bytes().splitlines(keepends=True))
    if not lines:
        raise ValueError("it has no lines")
    return lines


def _start(file: Path) -> str:
    alone = len([path for end in ("*.yml", "*.yaml") for path in file.parent.glob(end)]) == 1
    return "" if alone else f"{file.stem}."


def _beside_it(trial: Trial, rule: str, path: Path, positive: bool) -> Case:
    try:
        lines = read_lines(path)
        said = trial.reports(rule, trial.sensor_of(rule, lines), lines)
        fault = "" if said is positive else _unlike(positive)
    except OSError as error:
        fault = str(error.strerror)
    except ValueError as error:
        fault = str(error)
    return Case(rule, trial.title(rule), str(path), positive, fault)


def _unlike(positive: bool) -> str:
    return "it should match, and does not" if positive else "it matches, and should not"


def _referred(trial: Trial, rule: str, file: Path, corpus: Corpus | None) -> Iterator[Case]:
    path = file.with_name(f"{_start(file)}corpus.toml")
    if not path.is_file():
        return
    title = trial.title(rule)
    try:
        given = msgspec.toml.decode(path.read_bytes(), type=References)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        yield Case(rule, title, str(path), True, f"it can't be read: {error}")
        return
    for positive, references in ((True, given.positive), (False, given.negative)):
        for each in references:
            fault, skipped = _held(trial, rule, each, positive, corpus)
            yield Case(rule, title, each.file, positive, fault, skipped)


def _held(trial: Trial, rule: str, case: Reference, positive: bool, corpus: Corpus | None) -> tuple[str, str]:
    """What is wrong with a case in the corpus, and why it was not tried; both empty where it holds."""
    if corpus is None:
        return "", "it lies in recordings of others; name their folder with --corpus"
    try:
        record = corpus.find(case.file)
        if record is None:
            return "", f"the folder of recordings has no {case.file}"
        if trial.is_correlation(rule):
            lines = tuple(record.lines[number - 1] for number in case.records) if case.records else record.lines
            said = trial.reports(rule, record.sensor, lines)
            return ("" if said is positive else _unlike(positive)), ""
        matched = {index + 1 for index in trial.matched(record.name, record.sensor, record.lines).get(rule, ())}
    except (ValueError, IndexError) as error:
        return str(error), ""
    wanted = set(case.records)
    if positive:
        if wanted and matched != wanted:
            return f"it should match records {sorted(wanted)}, and matches {sorted(matched)}", ""
        return ("" if matched else _unlike(positive)), ""
    wrong = matched & wanted if wanted else matched
    return (f"it matches records {sorted(wrong)}, and should not" if wrong else ""), ""
