"""Which build this is: a digest of the code that decides, so that a replay knows whether it is the same."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

DECIDING = ("model", "brain", "agents", "loop")
"""The rooms whose code a decision depends on."""

LIBRARIES = ("cedarpy", "msgspec")
"""Libraries that take part in a decision, or in the bytes of its record."""


@cache
def code_digest() -> str:
    """SHA-256 (hexadecimal) over every source file of the deciding rooms, by name, and their libraries' versions."""
    whole = hashlib.sha256()
    for room in DECIDING:
        for name, text in _sources(files("tercio") / room, room):
            whole.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(text).digest())
    for library in LIBRARIES:
        whole.update(f"{library} {version(library)}\n".encode())
    return whole.hexdigest()


def _sources(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        inside = f"{name}/{entry.name}"
        if entry.is_dir():
            found += _sources(entry, inside)
        elif entry.name.endswith(".py"):
            found.append((inside, entry.read_bytes()))
    return found
