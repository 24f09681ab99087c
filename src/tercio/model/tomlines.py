"""Where in a TOML text each key stands, so that a settings error can name its line.

``tomllib`` gives values without places. This reads the places alone, of a text that ``tomllib`` has accepted.
"""

import tomllib

Path = tuple[str | int, ...]
"""Keys and list indexes from the root: ``("processes", "filling", "flows", 0, "from")``."""


def key_lines(text: str) -> dict[Path, int]:
    """Map every path of a valid TOML text to its line (1 is the first); a table stands where it is first named."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of a path, or of the nearest table around it (line 1 for the root)."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scan:
    """One pass over a valid document. ``at`` is the place in the text."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}
        """Arrays of tables by path: how many elements were opened."""

    def document(self) -> None:
        table: Path = ()
        while self._skip(" \t\n"):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        line = self._line()
        *above, last = self._key()
        self.at += 2 if array else 1
        path: Path = ()
        for part in above:
            path = (*path, part)
            self.lines.setdefault(path, line)
            path = self._inside(path)
        path = (*path, last)
        self.lines.setdefault(path, line)
        if not array:
            return path
        self.arrays[path] = self.arrays.get(path, 0) + 1
        path = self._inside(path)
        self.lines[path] = line
        return path

    def _inside(self, path: Path) -> Path:
        """A path through an array of tables means its last element."""
        return (*path, self.arrays[path] - 1) if path in self.arrays else path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._skip(" \t")
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        elif opening in "\"'":
            self._string()
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._skip(" \t\n,") and self.text[self.at] != "]":
            self.lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip(" \t\n,") and self.text[self.at] != "}":
            self._pair(path)
        self.at += 1

    def _key(self) -> list[str]:
        """Read a dotted key and stop at the equals sign or the closing bracket behind it."""
        start = self.at
        while self.text[self.at] not in "=]":
            if self.text[self.at] in "\"'":
                self._string()
            else:
                self.at += 1
        return _key_parts(self.text[start : self.at])

    def _string(self) -> None:
        quote = self.text[self.at]
        closing = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(closing)
        while not self.text.startswith(closing, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(closing)
        while len(closing) == 3 and self.text.startswith(quote, self.at):
            self.at += 1  # a long string may end with up to two quotes of its own

    def _skip(self, blank: str) -> bool:
        """Pass over blanks and comments; False at the end of the text."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] not in blank:
                return True
            else:
                self.at += 1
        return False

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1


def _key_parts(key: str) -> list[str]:
    """Split a dotted key by letting tomllib read it, quotes and escapes included."""
    parts = []
    value: object = tomllib.loads(f"{key} = 0")
    while isinstance(value, dict):
        ((name, value),) = value.items()
        parts.append(name)
    return parts
