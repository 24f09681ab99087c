"""Commands about detection rules."""

from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tercio.app import ruleupdate
from tercio.app.assemble import content_of, rules_at, rules_in
from tercio.app.corpus import Corpus
from tercio.app.coverage import Coverage, coverage, reasons
from tercio.app.exceptions import Excepted, exceptions_in
from tercio.app.recall import set_aside
from tercio.app.rulecases import try_cases
from tercio.app.rulelint import Weight, known_techniques, lint
from tercio.app.settings import load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, err, fail, out, sentence, visible
from tercio.app.trial import Trial
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.documents import documents
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.content import rule_ids_of, rule_texts, techniques_file
from tercio.products.sensors import SENSORS

MOST_SHOWN = 40
"""Lines of one list on a screen; --json has all."""

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Rule files, or folders of them.")]
CorpusFolder = Annotated[
    Path | None, typer.Option("--corpus", metavar="DIR", help="A folder of recordings of others, which cases refer to.")
]
LOG_SOURCES = {name: sensor.log_source for name, sensor in SENSORS.items()}


def rules_coverage(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="Instead of your settings.")] = None,
    settings: SettingsFile = HERE,
    json: Json = False,
) -> None:
    """Say which rules are live for which of your sources, which never run and why, and what that means by technique.

    With paths, it is told of these rules over every kind of source that there is a sensor for.
    """
    aside: dict[str, str] = {}
    exceptions: tuple[Excepted, ...] = ()
    if paths:
        ruleset, sources = compile_rules(texts := _texts(paths), own=texts.keys(), read=_progress), LOG_SOURCES
        detector = Detector(ruleset, sources, Databases())
        exceptions = exceptions_in(texts)
    else:
        loaded = load(settings)
        exceptions = exceptions_in({file: text for each in loaded.rules for file, text in rules_in(each)[0].items()})
        content, aside = content_of(loaded, _progress), set_aside(loaded.state)
        ruleset, detector = content.rules, content.detector
        sources = {name: sensor.log_source for name, sensor in content.sensors.items()}
    found = coverage(ruleset, detector, sources, aside)
    if json:
        emit({**msgspec.structs.asdict(found), "exceptions": exceptions})
    else:
        out.print(_coverage_page(found, exceptions))


def rules_lint(paths: Paths, json: Json = False) -> None:
    """Say what is wrong with rules, and what is missing in them, by file, line and column.

    Exit status 1 where a rule can't be used as it is.
    """
    texts = _texts(paths)
    known, today = known_techniques(techniques_file().read_bytes()), datetime.now(UTC).date()
    ours = {name: text for name, text in rule_texts().items() if not rule_ids_of(text) & rule_ids_of(*texts.values())}
    ruleset, remarks = lint(texts, LOG_SOURCES, known, today, ours)
    errors = sum(remark.weight == Weight.ERROR for remark in remarks)
    count = len(ruleset.rules) + len(ruleset.correlations) - len(ours)
    if json:
        emit({"ok": not errors, "files": len(texts), "rules": count, "remarks": remarks})
    else:
        for remark in remarks:
            style = "red" if remark.weight == Weight.ERROR else "yellow"
            words = f"{remark.file}:{remark.line}:{remark.column}: {remark.weight}: {remark.words}"
            sentence(out, words, style)
        warnings = len(remarks) - errors
        sentence(out, f"{count:,} rules in {len(texts):,} files: {errors} errors, {warnings} warnings", "")
    raise typer.Exit(1 if errors else 0)


def rules_test(paths: Paths, corpus: CorpusFolder = None, json: Json = False) -> None:
    """Replay the recorded cases beside rules: each positive one must match, each negative one must not.

    Beside NAME.yml they are NAME.positive*.ndjson and NAME.negative*.ndjson, or, where it is the only rule in its
    folder, positive*.ndjson and negative*.ndjson; NAME.corpus.toml, or corpus.toml, refers to recordings of others,
    which are skipped without --corpus. Exit status 1 where one fails, or where none was tried at all.
    """
    texts = _texts(paths)
    ruleset = compile_rules(texts, own=texts.keys(), read=_progress)
    with recordings(corpus) as recorded:
        tried = try_cases(Trial(ruleset), _by_file(texts, ruleset), recorded)
    failed = [case for case in tried.cases if case.fault]
    skipped = [case for case in tried.cases if case.skipped]
    held = len(tried.cases) - len(failed) - len(skipped)
    sound = held > 0 and not failed
    if json:
        emit({"ok": sound, "cases": tried.cases, "untested": tried.untested, "rejected": ruleset.rejected})
    else:
        for rejected in ruleset.rejected:
            sentence(out, f"{rejected.file}:{rejected.line}: left out: {rejected.reason}", "yellow")
        for case in failed:
            sentence(out, f"{case.file}: {case.title!r}: {case.fault}", "red")
        for why, count in Counter(case.skipped for case in skipped).most_common(MOST_SHOWN):
            sentence(out, f"{count} cases were skipped: {why}", "yellow")
        for rule, file in list(tried.untested.items())[:MOST_SHOWN]:
            sentence(out, f"{file}: {rule} lacks a positive or a negative case", "yellow")
        sentence(out, f"{held} of {len(tried.cases)} cases held; {len(tried.untested)} rules lack some", "")
    raise typer.Exit(0 if sound else 1)


def rules_update(
    source: Annotated[Path | None, typer.Argument(metavar="[PATH]", help="A release: a folder, tar or zip.")] = None,
    settings: SettingsFile = HERE,
    into: Annotated[
        Path | None, typer.Option("--into", help="Where to; else rules/sigma beside your settings.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    back: Annotated[bool, typer.Option("--undo", help="Put back what the last update replaced.")] = False,
    json: Json = False,
) -> None:
    """Bring a release of Sigma rules (SigmaHQ's, say) from a folder or an archive into your rules folder.

    Licence texts come along; each rule keeps its author. What was there before is kept, for --undo.
    """
    folder = (into or settings.parent / "rules" / "sigma").absolute()
    try:
        if back:
            ruleupdate.undo(folder)
            if json:
                emit({"undone": str(folder)})
            else:
                sentence(out, f"{folder} is as it was before", "")
            return
        if source is None:
            fail("name the release: a folder, or an archive that you fetched (tar, zip)", 2)
        sentence(err, f"reading {source}", "")
        update = ruleupdate.prepare(source, folder)
        touched = ruleupdate.edited(folder) if folder.exists() and not dry else []
        if touched:
            fail(f"{folder} has files of yours ({_few(touched)}); move them to a folder of their own first")
        if not dry:
            ruleupdate.install(update, folder)
    except ValueError as error:
        fail(str(error))
    _told(update, folder, dry=dry, json=json)


def _told(update: ruleupdate.Update, folder: Path, *, dry: bool, json: bool) -> None:
    changes = {"added": update.added, "changed": update.changed, "removed": update.removed}
    if json:
        about = {"source": update.source, "folder": str(folder), "installed": not dry, "rules": len(update.rules)}
        emit({**about, "notices": sorted(update.notices), **changes, "rejected": update.rejected})
        return
    for word, found in changes.items():
        for change in found[:MOST_SHOWN]:
            sentence(out, f"{word:8} {change.file}: {change.title}", "")
    numbers = ", ".join(f"{len(found):,} {word}" for word, found in changes.items())
    sentence(out, f"{len(update.rules):,} rules: {numbers}; {len(update.rejected)} can't be used", "")
    if not update.notices:
        sentence(out, "the release has no licence text: see its origin for what you may do with it", "yellow")
    if not dry:
        sentence(out, f'they are in {folder}; your tercio.toml needs rules = ["{folder}"] under [tercio]', "")


def recordings(folder: Path | None) -> AbstractContextManager[Corpus | None]:
    """The recordings of others in a folder, if one was named."""
    if folder is None:
        return nullcontext()
    if not folder.is_dir():
        fail(f"{folder}: there is no such folder; correct --corpus")
    return Corpus(folder)


def _texts(paths: list[Path]) -> dict[str, str]:
    try:
        texts, unreadable = rules_at(paths)
    except ValueError as error:
        fail(str(error))
    for each in unreadable:
        sentence(err, f"{each.file}: {each.reason}", "yellow")
    return texts


def _by_file(texts: dict[str, str], ruleset: RuleSet) -> dict[str, list[str]]:
    """The rules that are used, by the file that they stand in."""
    known = {*ruleset.rules, *ruleset.correlations}
    files: dict[str, list[str]] = {}
    for file, text in texts.items():
        try:
            names = [str(d.body.get("id") or d.body.get("name")) for d in documents(file, text)]
        except ValueError:
            continue
        files[file] = [name for name in names if name in known]
    return files


def _coverage_page(found: Coverage, exceptions: tuple[Excepted, ...]) -> Group:
    sources = Table("source", "live rules", "what it sees", box=None, pad_edge=False)
    for name, (sees, rules) in found.sources.items():
        sources.add_row(name, f"{len(rules):,}", sees)
    why = Table("never run", "because", box=None, pad_edge=False)
    for reason, count in reasons(found)[:MOST_SHOWN]:
        why.add_row(f"{count:,}", reason)
    today = datetime.now(UTC).date()
    excepted = Table("exceptions", "owner", "until", "what passes", "because", box=None, pad_edge=False)
    for each in exceptions:
        until = f"{each.until or 'for ever'}{' (ended)' if each.ended(today) else ''}"
        excepted.add_row(*map(visible, (each.title, each.owner, until, " and ".join(each.where), each.reason)))
    seen = sum(each.live > 0 for each in found.techniques.values())
    blind = [name for name, each in found.techniques.items() if not each.live]
    return Group(
        Text(f"{found.live:,} of {found.rules:,} rules are live, {len(found.rejected)} were left out"),
        Text(),
        sources,
        Text(),
        why if found.unrouted else Text(),
        Text(),
        *((excepted, Text()) if exceptions else ()),
        Text(f"ATT&CK: rules for {seen} techniques run" + (f"; for none of {_few(blind)}" if blind else "")),
    )


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _progress(number: int) -> None:
    sentence(err, f"{number:,} rules are read", "")
