"""Hostile input made from good one: seeded, bounded, the same every time."""

import json
import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from tests.house import tree

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
"""The longer profile, as for properties: a hundred times as many rounds."""

TOKENS = (
    *(b"\0", b"\r", b"\n", b"\x1b[2J", b"\x9b", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x80\xae"),
    *(b'"', b"'", b"\\", b"\\u0000", b"\\ud800", b"\\x", b"(", b"=", b" ", b"%", b":", b"/", b","),
    *(b"[" * 3000, b'{"a":' * 3000, b"9" * 5000, b"1e999", b"-0", b"1.5", b"null", b"true", b"[]", b"{}", b'""'),
    *(b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59-23:59", b"::ffff:1.2.3.4", b"fe80::1%eth0", b"A" * 9000),
)
"""What parsers stumble over: ends of texts and numbers, controls, nesting, and values at the edge of what can be."""


def rounds(usual: int) -> int:
    return usual * 100 if DEEP else usual


def mutated(seeds: Sequence[bytes], count: int, name: str) -> Iterator[bytes]:
    """So many variants of these texts, each changed in one to four places; ``name`` is the seed of chance."""
    chance = random.Random(name)
    for _ in range(count):
        text = chance.choice(seeds)
        for _ in range(chance.randint(1, 4)):
            text = _changed(chance, text, seeds)
        yield text


def _changed(chance: random.Random, text: bytes, seeds: Sequence[bytes]) -> bytes:
    at, end = sorted(chance.randint(0, len(text)) for _ in range(2))
    match chance.randint(0, 6):
        case 0:
            return text[:at] + text[end:]
        case 1:
            return text[:at]
        case 2:
            return text[:at] + text[at:end] * chance.randint(2, 5) + text[end:]
        case 3:
            return text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
        case 4:
            other = chance.choice(seeds)
            return text[:at] + other[chance.randint(0, len(other)) :]
        case 5:
            return text[:at] + chance.choice(TOKENS) + text[end:]
        case _:
            return text[:at] + chance.choice(TOKENS) + text[at:]


def golden(sensor: str) -> list[bytes]:
    """The lines of a sensor's golden cases."""
    found = []
    for path in sorted((tree.ROOT / "tests" / "golden" / sensor).glob("*.json")):
        given = json.loads(path.read_text())["input"]
        found += [line.encode() + b"\n" for line in (given if isinstance(given, list) else [given])]
    return found


@contextmanager
def in_linear_time(seconds: float = 60.0) -> Iterator[None]:
    """Ends what does not end by itself: so much of the processor's time (not of the clock's) is a hundred times what is
    needed, and nothing of what would take the square of it."""

    def give_up(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"it was still at work after {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
