"""Regular expressions: all that are about one field are looked for together in a text."""

from collections.abc import Mapping

import hyperscan

from tercio.brain.detect import ir
from tercio.brain.detect.databases import Databases

_PLAIN = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_ALLOWEMPTY
_FLAGS = {
    "i": hyperscan.HS_FLAG_CASELESS,
    "m": hyperscan.HS_FLAG_MULTILINE,
    "s": hyperscan.HS_FLAG_DOTALL,
}


def flags_of(leaf: ir.Regex) -> int:
    """A leaf's flags as Hyperscan's."""
    flags = _PLAIN
    for letter in leaf.flags:
        flags |= _FLAGS[letter]
    return flags


class Patterns:
    """The regular expressions about one field, by their places in the graph. The last answer is remembered: the rules
    that ask about a record ask one after the other."""

    def __init__(self, leaves: Mapping[int, ir.Regex], databases: Databases) -> None:
        flags = list(map(flags_of, leaves.values()))
        self._database = databases.of([leaf.pattern for leaf in leaves.values()], list(leaves), flags)
        self._last: tuple[str | None, frozenset[int]] = (None, frozenset())

    def found(self, text: str) -> frozenset[int]:
        """The places of those that are found in the text."""
        known, answer = self._last
        if known != text:
            answer = self._scan(text)
            self._last = (text, answer)
        return answer

    def _scan(self, text: str) -> frozenset[int]:
        found: list[int] = []
        add = found.append
        handler = lambda place, _from, _to, _flags, _context: add(place)  # noqa: E731
        self._database.scan(text.encode(), match_event_handler=handler)
        return frozenset(found)
