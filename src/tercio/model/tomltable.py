"""One table of a settings file, read key by key: what is wrong is collected, what nobody asked for is reported."""

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import TypeGuard, TypeVar

from tercio.model.tomlines import Path, key_lines, line_of
from tercio.model.units import SECOND, cents, duration, span

T = TypeVar("T")

MOST_MONEY = 1e12
"""Whole units of currency; more is a slip of the keyboard, and would not fit the database's integers once added up."""


class Faults:
    """What is wrong with one file, in words, each with the path of its key."""

    def __init__(self) -> None:
        self._found: list[tuple[Path, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, words: str) -> None:
        """Note one fault. ``words`` say what is wrong and, behind a semicolon, what to do."""
        self._found.append((path, words))

    def lines(self, text: str, file: str) -> tuple[str, ...]:
        """All faults as ``file:line: words``, by line."""
        places = key_lines(text)
        return tuple(
            f"{file}:{line}: {words}" for line, words in sorted({(line_of(places, p), w) for p, w in self._found})
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest known word, or what the known words are, or nothing."""
    words = sorted(known)
    close = get_close_matches(word, words, 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(words)}" if words else ""


def dotted(path: Path) -> str:
    """A path as people write it: ``processes.filling.flows[0].from``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


class Table:
    """A table at a path. Every reader takes one key; a wrong value is noted and replaced by the default.

    ``done`` must come last: it notes the keys that no reader asked for.
    """

    def __init__(self, value: object, path: Path, faults: Faults) -> None:
        self.path = path
        self.faults = faults
        self._asked: set[str] = set()
        self._values: dict[str, object] = {}
        self._is_table = isinstance(value, dict)
        if isinstance(value, dict):
            self._values = value
        else:
            faults.add(path, f"{dotted(path)} is {_shown(value)}; it must be a table")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fault(self, key: str | int, words: str) -> None:
        """Note a fault of one key: ``words`` go on after its dotted name."""
        self.faults.add((*self.path, key), f"{dotted((*self.path, key))} {words}")

    def done(self) -> None:
        """Note every key that nobody asked for, with the nearest one that exists."""
        for key in self._values:
            if key not in self._asked:
                place = dotted(self.path) or "this file"
                self.faults.add((*self.path, key), f"unknown key {key!r} in {place}{nearest(key, self._asked)}")

    def required(self, key: str, advice: str, *, empty: bool = False) -> None:
        """Note a missing key, or an empty list where it must not be one. ``advice`` is what to write."""
        self._asked.add(key)
        place = dotted(self.path) or "this file"
        if self._is_table and key not in self._values:
            self.faults.add(self.path, f"{place} has no {key}; add {advice}")
        elif self._values.get(key) == [] and not empty:
            self.fault(key, f"is empty; write {advice}")

    def text(self, key: str, default: str = "") -> str:
        """A string that is not empty."""
        return self._take(key, default, _is_text, 'it must be a text in quotes, for example "x"')

    def flag(self, key: str) -> bool:
        """True or false; false where absent."""
        return self._take(key, False, _is_flag, "it must be true or false")

    def number(self, key: str, most: float, *, least: float = 0.0, default: float = 0.0) -> float:
        """A number between ``least`` and ``most``; the default where absent or wrong."""
        advice = f"it must be a number from {least:g} to {most:g}"
        value = self._take(key, default, _is_number, advice)
        if not least <= value <= most:  # also true of nan, which TOML can write
            self.fault(key, f"is {value}; {advice}")
            return default
        return value

    def cents(self, key: str) -> int:
        """Money in whole units of the currency, as cents."""
        return cents(self.number(key, MOST_MONEY))

    def span(self, key: str, *, default: int = 0, least: int = 0, most: int | None = None) -> int:
        """A duration such as ``"45m"`` between ``least`` and ``most``, in microseconds; the default where absent or
        wrong."""
        text = self.text(key)
        if not text:
            return default
        try:
            value = duration(text)
        except ValueError as error:
            self.fault(key, f"is wrong: {error}")
            return default
        if value < least or (most is not None and value > most):
            up_to = f" to {span(most)}" if most is not None else " on"
            self.fault(key, f"is {text}; write a time from {span(least)}{up_to}")
            return default
        return value

    def hours(self, key: str) -> int:
        """A number of hours, in microseconds."""
        return round(self.number(key, 24 * 366) * 3600 * SECOND)

    def choice(self, key: str, choices: Iterable[str], default: str) -> str:
        """One of some words."""
        words = tuple(choices)
        text = self.text(key, default)
        if text not in words:
            self.fault(key, f"is {text!r}; it must be one of {', '.join(words)}")
            return default
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings without repeats; a string alone is a list of one."""
        value = self._values.get(key)
        if isinstance(value, str) and value:
            self._asked.add(key)
            return (value,)
        found: list[str] = self._take(key, [], _is_texts, 'it must be a list of texts, for example ["x", "y"]')
        for index, text in enumerate(found):
            if text in found[:index]:
                self.faults.add(
                    (*self.path, key, index), f"{dotted((*self.path, key))} names {text!r} twice; remove one"
                )
        return tuple(dict.fromkeys(found))

    def tables(self, key: str) -> Iterator["Table"]:
        """The tables of a list of tables, in order."""
        values: list[object] = self._take(key, [], _is_list, "it must be a list of tables")
        for index, value in enumerate(values):
            yield Table(value, (*self.path, key, index), self.faults)

    def lists(self, key: str) -> tuple[tuple[str, ...], ...]:
        """A list of lists of strings."""
        advice = 'it must be a list of lists of texts, for example [["x", "y"]]'
        found: list[list[str]] = self._take(key, [], _is_lists, advice)
        return tuple(map(tuple, found))

    def table(self, key: str) -> "Table":
        """A table; an empty one where absent."""
        self._asked.add(key)
        return Table(self._values.get(key, {}), (*self.path, key), self.faults)

    def named(self, key: str) -> Iterator[tuple[str, "Table"]]:
        """The tables inside a table, each with its name."""
        inside = self.table(key)
        for name in inside.keys():  # noqa: SIM118 (not a dict)
            yield name, inside.table(name)

    def keys(self) -> tuple[str, ...]:
        """All keys, in the order of the file; each counts as asked for."""
        self._asked.update(self._values)
        return tuple(self._values)

    def is_table(self, key: str) -> bool:
        """Whether the key holds a table."""
        return isinstance(self._values.get(key), dict)

    def _take(self, key: str, default: T, fits: Callable[[object], TypeGuard[T]], advice: str) -> T:
        self._asked.add(key)
        if key not in self._values:
            return default
        value = self._values[key]
        if fits(value):
            return value
        self.fault(key, f"is {_shown(value)}; {advice}")
        return default


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _is_flag(value: object) -> TypeGuard[bool]:
    return isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_lists(value: object) -> TypeGuard[list[list[str]]]:
    return isinstance(value, list) and all(map(_is_texts, value))


def _shown(value: object) -> str:
    shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
