"""Pattern databases by what is in them: Hyperscan takes seconds to make them, and milliseconds to take them back.

Whoever has a place to keep them hands in what was kept, and finds in ``used`` what to keep. What is handed in is
trusted to be what this build and this Hyperscan made: the shell that keeps it sees to that.
"""

import hashlib
from collections.abc import Mapping, Sequence

import hyperscan

from tercio.model.canon import canonical

MODE = hyperscan.HS_MODE_BLOCK


class Databases:
    """Makes databases, or takes them from those that are ``known``."""

    def __init__(self, known: Mapping[str, bytes] | None = None) -> None:
        self._known = known or {}
        self._open: dict[str, hyperscan.Database] = {}
        self.used: dict[str, bytes] = {}
        """Everything that was asked for, by a hash of what is in it."""
        self.made = 0
        """How many of them had to be made."""

    def of(self, expressions: Sequence[str], ids: Sequence[int], flags: Sequence[int]) -> hyperscan.Database:
        """The database in which each expression, under these flags, is found as its id. Raises hyperscan.error."""
        key = hashlib.sha256(canonical([expressions, ids, flags])).hexdigest()
        if key in self._open:
            return self._open[key]
        database = self._taken(key)
        if database is None:
            database = hyperscan.Database(mode=MODE)
            database.compile(
                expressions=[expression.encode() for expression in expressions],
                ids=list(ids),
                elements=len(expressions),
                flags=list(flags),
            )
            self.made += 1
            self.used[key] = hyperscan.dumpb(database)
        self._open[key] = database
        return database

    def _taken(self, key: str) -> hyperscan.Database | None:
        kept = self._known.get(key)
        if kept is None:
            return None
        try:
            database = hyperscan.loadb(kept, MODE)
            database.scratch = hyperscan.Scratch(database)
        except hyperscan.error:  # Made for another processor, or by another version.
            return None
        self.used[key] = kept
        return database
