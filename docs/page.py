# ruff: noqa: INP001  (beside the scripts that use it)
"""What the scripts that write figures into pages share."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def found_in(name: str) -> dict[str, Any]:
    """What a bench printed into a file beside this one."""
    found: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return found


def between(page: str, begin: str, end: str, text: str) -> str:
    """The page with ``text`` between two of its lines. Raises ValueError where it has no place for it."""
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the page has no {begin} with {end} behind it")
    return f"{before}{begin}\n{text}\n{end}{after}"


def rewrite(name: str, begin: str, end: str, text: str) -> None:
    """Do so in the page of that name beside this file."""
    page = HERE / name
    page.write_text(between(page.read_text(encoding="utf-8"), begin, end, text), encoding="utf-8")


def where(machine: dict[str, Any]) -> str:
    """On what and when it was measured, and how busy that was at the end."""
    loads = ", ".join(f"{load:g}" for load in machine["load"])
    return (
        f"Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}; load average at the end {loads}."
    )
