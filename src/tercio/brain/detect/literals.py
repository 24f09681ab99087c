"""One text made of a line's values, and the pieces that must stand in it wherever a leaf holds.

Each value stands between two marks of its field, so that a piece can say where it starts and ends. The text is folded.
A value may contain what looks like a mark: then a piece is found that is not there, never missed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tercio.brain.detect import ir
from tercio.brain.detect.records import texts_of

LONGEST = 32
"""Characters of a piece beyond which it would be no rarer, only dearer."""


def mark(number: int) -> str:
    """What stands on both sides of the values of the field of this number."""
    return f"\x02{number}\x03"


def template(marks: Iterable[str]) -> str:
    """What makes the text of values that are each a text, a whole number, null or absent, by ``%``. The last two
    read as words there, which can only make a piece be found that is not there."""
    return "".join(f"{each}%s{each}" for each in marks)


def loose_text(marks: Sequence[str], values: Sequence[Any]) -> str:
    """The text of values of any kind, not folded."""
    return "".join(f"{each}{text}{each}" for each, value in zip(marks, values, strict=True) for text in _ways(value))


def _ways(value: Any) -> Iterable[str]:
    """How a value may be asked for: whole numbers that JSON writes as fractions, too, by their digits."""
    yield from texts_of(value)
    for member in ir.scalars(value):
        if isinstance(member, float) and member.is_integer():
            yield str(int(member))


def piece_of(leaf: ir.Leaf, field_mark: str) -> str:
    """The longest text, marks included, that stands in the folded text of all values wherever the leaf holds; empty
    where there is none."""
    match leaf:
        case ir.Number(_, int(number)) if number.bit_length() < ir.MOST_BITS:
            return f"{field_mark}{number}{field_mark}"
        case ir.Text(_, parts, cased):
            pieces = [field_mark]
            for part in parts:
                if isinstance(part, int):
                    pieces.append("")
                else:
                    pieces[-1] += ir.fold(part) if cased else part
            pieces[-1] += field_mark
            longest = max((piece for piece in pieces if piece != field_mark), key=len, default="")
            return longest[:LONGEST] if longest.startswith(field_mark) else longest[-LONGEST:]
        case _:
            return ""


def commonness(pieces: Sequence[str]) -> list[float]:
    """A guess, for each piece, of how often it stands in a record: as often as the rarest three characters in it stand
    in the pieces of all rules, since rules list what is usual on a machine oftener than what is strange."""
    spoken = [_MARK.sub(_END, piece) for piece in pieces]
    counts = Counter(_threes("\n".join(spoken)))
    return [min(map(counts.__getitem__, _threes(text)), default=len(pieces)) / len(pieces) for text in spoken]


def _threes(text: str) -> Iterator[tuple[str, str, str]]:
    return zip(text, text[1:], text[2:], strict=False)


_END = "\x02"
_MARK = re.compile("\x02?[0-9]*\x03|\x02[0-9]*\x03?")
