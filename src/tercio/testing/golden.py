"""Golden cases: a folder of JSON files, one case a file, named for what it shows.

A case holds ``input`` and ``expect``; other keys (``why``) are for readers. ``TERCIO_GOLDEN=write`` in the environment
rewrites ``expect`` from what is produced, and still fails: nobody commits a rewritten case unread.
"""

import copy
import difflib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

SWITCH = "TERCIO_GOLDEN"


class Case(msgspec.Struct, frozen=True):
    """One case: its file, what goes in, what must come out (JSON values)."""

    path: Path
    input: Any
    expect: Any

    def __str__(self) -> str:
        return self.path.stem


def cases(folder: Path) -> list[Case]:
    """Read all cases of a folder, by name.

    Raises ValueError for a folder without cases (it would test nothing) and for a file that is no case.
    """
    found = [_read(path) for path in sorted(folder.glob("*.json"))]
    if not found:
        raise ValueError(f"{folder} holds no case; write one as NAME.json with input and expect")
    return found


def check(case: Case, produce: Callable[[Any], object]) -> None:
    """Compare ``produce(case.input)``, a JSON value or msgspec values, with the expectation.

    Raises AssertionError with a line-by-line difference, and when ``produce`` changed its input.
    """
    given = copy.deepcopy(case.input)
    got = msgspec.to_builtins(produce(given), str_keys=True)
    if given != case.input:
        raise AssertionError(f"{case}: what was tested changed its input; values in, values out")
    expected, produced = _pretty(case.expect, sort=True), _pretty(got, sort=True)
    if expected == produced:
        return
    if os.environ.get(SWITCH) == "write":
        body = {**json.loads(case.path.read_text()), "expect": got}
        case.path.write_text(_pretty(body))
        raise AssertionError(f"{case.path} is rewritten; read the change, then run again without {SWITCH}")
    difference = difflib.unified_diff(
        expected.splitlines(), produced.splitlines(), "expected", "produced", lineterm="", n=2
    )
    advice = f"(if the new answer is right: {SWITCH}=write, then read the change)"
    raise AssertionError("\n".join([f"{case.path}:", *difference, advice]))


def _read(path: Path) -> Case:
    try:
        body = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(body, dict) or "input" not in body:
        raise ValueError(f"{path} is no case; it must be an object with input and expect")
    if "expect" not in body and os.environ.get(SWITCH) != "write":
        raise ValueError(f"{path} has no expect; write it, or let {SWITCH}=write do so")
    return Case(path, body["input"], body.get("expect"))


def _pretty(value: object, *, sort: bool = False) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=sort) + "\n"
