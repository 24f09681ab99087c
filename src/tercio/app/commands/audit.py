"""Commands on the journal: is it what was written, and do its decisions follow from what it says?"""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tercio.app.build import code_digest
from tercio.app.settings import load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, err, fail, out, sentence
from tercio.loop.replay import Kept, Outcome, Replay
from tercio.store.audit import Anchor, Verdict, verify
from tercio.store.keys import read_public
from tercio.store.note import read
from tercio.store.state import Reader, State

PAGE = 100
"""Decisions read at once."""

StateFolder = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="A state folder; else that of the settings.")
]


def audit_verify(
    state: StateFolder = None,
    settings: SettingsFile = HERE,
    json: Json = False,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="The journal's public key (PEM); else that beside it.")
    ] = None,
    since: Annotated[
        Path | None, typer.Option("--since", metavar="FILE", help="A checkpoint that you kept elsewhere.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FILE", help="Write the last checkpoint there, to be kept elsewhere."),
    ] = None,
) -> None:
    """Prove that nobody changed the journal, or what lies beside it, since it was written.

    Everything is computed again from the files alone, also while a loop writes or on a copy; the first thing that is
    wrong is said. Keep the public key and a checkpoint elsewhere and give them back: then a journal that was cut, put
    back or written anew as a whole is found, too.
    """
    folder = state or load(settings).state
    public = read_public(key) if key is not None else None
    anchor = _kept(since, public or read_public(folder / "journal.pub")) if since is not None else None
    verdict = verify(folder, public, anchor)
    if verdict.ok and keep is not None:
        keep.write_text(verdict.checkpoint, encoding="utf-8")
    if json:
        emit(verdict)
    elif verdict.ok:
        sentence(out, _whole(verdict, anchor), "")
    else:
        sentence(err, f"The journal is wrong: {verdict.wrong}")
    raise typer.Exit(0 if verdict.ok else 1)


def _whole(verdict: Verdict, anchor: Anchor | None) -> str:
    counted = f"{verdict.size} records, {verdict.checkpoints} signed checkpoints, {verdict.erased} texts erased"
    if verdict.absent:
        counted += f", {verdict.absent} cited lines not at hand when they were cited"
    if verdict.unknown:
        counted += f", {verdict.unknown} of kinds that this version does not read"
    if anchor is not None:
        counted += f"; it continues the {anchor.size} records of the checkpoint that you kept"
    return f"The journal is whole: {counted}; root {verdict.root}"


def _kept(file: Path, public: bytes) -> Anchor:
    """A checkpoint that was kept elsewhere, once its signature is proved."""
    try:
        checkpoint = read(file.read_text(encoding="utf-8"), public)
    except ValueError as error:
        fail(
            f"{file} is no checkpoint that this journal's key signed: {error}. It belongs to another journal, or this "
            "journal was written anew with another key; --key takes the public key that you kept"
        )
    return Anchor(checkpoint.size, checkpoint.root)


def audit_replay(
    state: StateFolder = None,
    settings: SettingsFile = HERE,
    json: Json = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also decisions that other code made.")] = False,
) -> None:
    """Decide everything once more, from the journal alone: each decision must come out the same, to the byte.

    A decision's record holds its whole input, and the mandate stands in the journal before it. Decisions that another
    build made are refused, unless --anyway: then what this build would have decided is compared. Whether the record
    itself is what was written is for `tercio audit verify`.
    """
    folder = state or load(settings).state
    replay = Replay(code_digest(), anyway=anyway)
    with State.read(folder) as reader, err.status("reading the journal") as status:
        for record in _records(reader):
            replay.take(record)
            status.update(f"{replay.outcome.decisions} decisions replayed")
    outcome = replay.outcome
    if json:
        emit({"ok": outcome.ok, "code": code_digest(), **{n: getattr(outcome, n) for n in Outcome.__struct_fields__}})
    else:
        _tell(outcome)
    raise typer.Exit(0 if outcome.ok else 1)


def _tell(outcome: Outcome) -> None:
    said = f"{outcome.equal} of {outcome.decisions} decisions come out the same, to the byte"
    said += f"; {outcome.erased} were erased" if outcome.erased else ""
    sentence(out, said, "")
    if outcome.refused:
        sentence(err, f"{outcome.refused} were not replayed: {outcome.why}")
    if outcome.first is not None:
        sentence(err, f"{outcome.different} do not follow from their record; the first is record {outcome.first.seq}:")
        for line in outcome.first.lines:
            sentence(err, line, "")


def _records(reader: Reader) -> Iterator[Kept]:
    """What decisions rest on, and the decisions, in the order of the journal."""
    return heapq.merge(_of(reader, "basis"), _of(reader, "decision"), key=lambda record: record.seq)


def _of(reader: Reader, kind: str) -> Iterator[Kept]:
    after = 0
    while entries := reader.records(kind=kind, after_seq=after, limit=PAGE):
        yield from (Kept(entry.seq, entry.kind, entry.body) for entry in entries)
        after = entries[-1].seq
