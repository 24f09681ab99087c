"""Commands that check: the journal, the machine."""

from pathlib import Path
from typing import Annotated

import typer

from tercio.app import doctor as doctor_page
from tercio.app.checkup import Weight
from tercio.app.settings import load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, err, fail, out, sentence
from tercio.store.audit import Anchor, verify


def audit_verify(
    folder: Annotated[Path | None, typer.Argument(help="A state folder; else that of the settings.")] = None,
    settings: SettingsFile = HERE,
    json: Json = False,
    size: Annotated[int, typer.Option("--size", min=0, help="The size of a checkpoint that you kept elsewhere.")] = 0,
    root: Annotated[str, typer.Option("--root", metavar="HEX", help="Its root (hexadecimal).")] = "",
) -> None:
    """Prove that nobody changed the journal since it was written.

    Everything is computed again from the file alone; the first thing that is wrong is said. Keep size and root
    elsewhere and give them back, and a journal that was written anew as a whole is found, too.
    """
    verdict = verify(folder or load(settings).state, anchor=_anchor(size, root))
    if json:
        emit(verdict)
    elif verdict.ok:
        counted = f"{verdict.size} records, {verdict.checkpoints} signed checkpoints, {verdict.erased} texts erased"
        sentence(out, f"The journal is whole: {counted}, root {verdict.root}", "")
    else:
        sentence(err, f"The journal is wrong: {verdict.wrong}")
    raise typer.Exit(0 if verdict.ok else 1)


def _anchor(size: int, root: str) -> Anchor | None:
    if bool(size) != bool(root):
        fail("--size and --root belong together: both stand in what an earlier `tercio audit verify` printed")
    try:
        known = bytes.fromhex(root)
    except ValueError:
        known = b""
    if root and len(known) != 32:
        fail("--root is not 64 hexadecimal digits; copy it from an earlier `tercio audit verify`")
    return Anchor(size, known) if root else None


def doctor(settings: SettingsFile = HERE, json: Json = False) -> None:
    """Find what is missing on this machine or in your settings before it hurts, and say what to do about it."""
    findings = doctor_page.examine(settings)
    sound = all(finding.weight != Weight.FAIL for finding in findings)
    if json:
        emit({"ok": sound, "findings": findings})
    else:
        out.print(doctor_page.page(findings))
    raise typer.Exit(0 if sound else 1)
