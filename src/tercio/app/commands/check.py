"""Commands that check: the machine and its settings."""

import typer

from tercio.app import doctor as doctor_page
from tercio.app.checkup import Weight
from tercio.app.terminal import HERE, Json, SettingsFile, emit, out


def doctor(settings: SettingsFile = HERE, json: Json = False) -> None:
    """Find what is missing on this machine or in your settings before it hurts, and say what to do about it."""
    findings = doctor_page.examine(settings)
    sound = all(finding.weight != Weight.FAIL for finding in findings)
    if json:
        emit({"ok": sound, "findings": findings})
    else:
        out.print(doctor_page.page(findings))
    raise typer.Exit(0 if sound else 1)
