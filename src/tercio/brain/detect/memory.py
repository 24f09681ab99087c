"""How much detection remembers: answers that were given before, within one bound for all of them."""

from collections.abc import Hashable
from typing import Any

ROOM = 64 * 2**20
"""Bytes, by Python's own count, that the remembered answers of one detector may take."""
LARGEST = 16 * 2**10
"""Bytes of the largest question and answer that are remembered: few long texts must not crowd out all others."""
_ENTRY = 120
"""Bytes of a dictionary's entry and of what counts them."""


class Memory:
    """The room that several collections of answers share. When it is used up, all are forgotten at once."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self.used = 0
        self._holders: list[dict[Any, Any]] = []

    def keep(self, answers: dict[Any, Any], question: Hashable, answer: object, size: int) -> None:
        """Remember an answer that takes so many bytes together with its question, unless that is too many."""
        size += _ENTRY
        if size > LARGEST:
            return
        if self.used + size > self.room:
            for holder in self._holders:
                holder.clear()
            self._holders.clear()
            self.used = 0
        if not answers:
            self._holders.append(answers)
        self.used += size
        answers[question] = answer
