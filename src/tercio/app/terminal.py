"""How commands speak: results on stdout, everything else on stderr; and the options that most of them have."""

import contextlib
import json
import os
import sys
import time
import unicodedata
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from tercio.products.transports.words import Heard

out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

HERE = Path("tercio.toml")

SettingsFile = Annotated[Path, typer.Option("--settings", envvar="TERCIO_SETTINGS", help="Your tercio.toml.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, and nothing else.")]


CALLED = os.environ.get("TERCIO_CALLED", "tercio")
"""How whoever started this calls the command line: what is printed for him to run must run."""


class Failed(Exception):
    """A command that can't do what it was asked: the text says what is wrong and what to do, ``status`` is the exit
    status."""

    def __init__(self, words: str, status: int = 1) -> None:
        super().__init__(words)
        self.status = status


def fail(words: str, status: int = 1) -> NoReturn:
    """End the command: ``words`` say what is wrong and what to do. Raises Failed."""
    raise Failed(words, status)


def failed(words: str, *, json: bool) -> None:
    """Say why a command ended: on stderr for people, and with ``--json`` also as one object on stdout."""
    sentence(err, words, "" if words.startswith("Usage:") else "red")
    if json:
        emit({"error": words})


def sentence(console: Console, words: str, style: str = "red") -> None:
    """One sentence as one line, however narrow the terminal is, so that paths stay whole and lines can be searched.
    Where it can't be written (a log on a full disk) it is dropped."""
    with contextlib.suppress(OSError):
        console.print(Text(visible(words), style=style), soft_wrap=True)


def answer(heard: Heard, *, as_json: bool) -> None:
    """Print what the loop answered to a person's word. Raises Failed where it was not carried out."""
    if not heard.ok:
        fail(heard.answer)
    if as_json:
        emit(heard)
    else:
        sentence(out, heard.answer, "")


def visible(words: str) -> str:
    """The text with what would drive a terminal, turn its direction or break its line, written as an escape; lines stay
    lines."""
    return "".join(_escape(c) if c not in "\n\t" and _drives(unicodedata.category(c)) else c for c in words)


def _drives(category: str) -> bool:
    return category[0] == "C" or category in ("Zl", "Zp")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def emit(value: object) -> None:
    """Print one JSON object, alone on stdout; what would drive a terminal is escaped in it, which changes no value. A
    reader that has gone away is no error."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    if not text.isascii() or "\x7f" in text:
        text = "".join(json.dumps(c)[1:-1] if c != "\n" and _drives(unicodedata.category(c)) else c for c in text)
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def now() -> int:
    """The wall clock, as an instant."""
    return time.time_ns() // 1000
