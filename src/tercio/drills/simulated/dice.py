"""Chance by purpose: what one part of an episode draws changes nothing that another draws."""

import random


def dice(*purpose: str | int) -> random.Random:
    """A stream of chance of its own for a purpose (the seed among it), the same each time, on every machine."""
    return random.Random("|".join(map(str, purpose)))  # noqa: S311 (repeatable on purpose, and no secret)
