"""Whether a record may have any of some keywords, by its bytes alone: only then all its values are worth reading."""

import re
from collections.abc import Iterable

import hyperscan

from tercio.brain.detect import ir
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.literals import LONGEST

_PLAIN = re.compile(r"[ !#-.0-\[\]-~]+")
"""What JSON writes as it is: printable ASCII without quotes, backslashes and slashes, which may be escaped."""
_NO_NUMBER = re.compile(r"[^0-9.+\-aefin]")
"""A letter that no number's text has: numbers may be written in more than one way."""
_OTHERWISE = (r"\\u(00[2-7]|017f|017F|212a|212A)", r"\xc5\xbf", r"\xe2\x84\xaa")
"""Other ways to write a plain character: as an escape, or as one of the two letters outside ASCII that fold to one in
it (the long s and the Kelvin sign)."""


class Keywords:
    """The leaves that ask for a keyword anywhere in a record."""

    def __init__(self, leaves: Iterable[ir.Leaf], databases: Databases | None = None) -> None:
        pieces = {piece_of(leaf)[:LONGEST] for leaf in leaves}
        self._database = None if "" in pieces or not pieces else _database(sorted(pieces), databases or Databases())

    def may_be_in(self, line: bytes) -> bool:
        """False only where no leaf holds for any value of this JSON record."""
        if self._database is None:
            return True
        found: list[int] = []
        self._database.scan(line, match_event_handler=lambda place, _from, _to, _flags, _context: found.append(place))
        return bool(found)


def piece_of(leaf: ir.Leaf) -> str:
    """The longest text that stands, in letters of any case, in the bytes of every record in which the leaf holds for
    some value, unless it is written otherwise; empty where there is none that can be relied on."""
    if not isinstance(leaf, ir.Text):
        return ""
    runs = [run for part in leaf.parts if isinstance(part, str) for run in _PLAIN.findall(part)]
    return max((run for run in runs if _NO_NUMBER.search(run)), key=len, default="")


def _database(pieces: list[str], databases: Databases) -> hyperscan.Database:
    expressions = [*_OTHERWISE, *("".join(f"\\x{ord(character):02x}" for character in piece) for piece in pieces)]
    caseless = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_CASELESS
    flags = [hyperscan.HS_FLAG_SINGLEMATCH] * len(_OTHERWISE) + [caseless] * len(pieces)
    return databases.of(expressions, list(range(len(expressions))), flags)
