"""Text that others wrote, made safe to show: one line, visible characters only, no longer than it may be."""

import re
import unicodedata

_TERMINAL = re.compile(
    r"""
      (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?                       # CSI: colours, cursor, screen
    | (?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])                  # OSC, DCS, SOS, PM, APC: titles, links, clipboard
      [^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?
    | \x1b[ -/]*[0-~]?                                         # any other escape
    """,
    re.VERBOSE,
)
"""Terminal sequences of ECMA-48, whole, so that nothing of their arguments stays behind as text."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""General categories that draw nothing or draw anything: controls, format (bidi, zero-width, tags), surrogates,
private use, unassigned."""

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that draw nothing although their category says otherwise."""

MARKS = 2
"""At most so many combining marks stay on one letter: more would run over other lines."""


def plain(text: str, limit: int = 200) -> str:
    """One visible line of at most ``limit`` characters. What was cut off is shown as ``...``."""
    kept: list[str] = []
    marks = 0
    for sign in _TERMINAL.sub(" ", text[: 16 * limit]):
        category = unicodedata.category(sign)
        if category in ("Zl", "Zp", "Zs") or sign in "\t\n\r\v\f\x85":
            kept.append(" ")
        elif category not in _HIDDEN and sign not in _BLANK and not _variation(sign):
            marks = marks + 1 if category in ("Mn", "Me") else 0
            if marks <= MARKS:
                kept.append(sign)
    line = " ".join("".join(kept).split())
    cut = len(line) > limit or len(text) > 16 * limit
    return f"{line[: max(0, limit - 3)].rstrip()}..." if cut else line


def quoted(text: str, limit: int = 80) -> str:
    """The same, but in quotes wherever it could be read as part of our own sentence."""
    line = plain(text, limit)
    if re.fullmatch(r"[\w.:/@-]+", line):
        return line
    return '"' + line.replace('"', "'") + '"'


def _variation(sign: str) -> bool:
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef" or "\u180b" <= sign <= "\u180f"
