"""Parts of a page: titled sections, lines and grids of visible text."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def section(title: str, body: RenderableType) -> list[RenderableType]:
    """An empty line, a title, and what stands below it, indented."""
    return [Text(""), Text(title, style="bold"), indented(body, 2)]


def indented(body: RenderableType, columns: int) -> RenderableType:
    """The same, so many columns to the right. A command stays whole, which no padding would leave it."""
    if isinstance(body, Group):
        return Group(*(indented(each, columns) for each in body.renderables))
    if isinstance(body, Text) and body.no_wrap:
        return command(" " * columns + body.plain)
    return Padding(body, (0, 0, 0, columns), expand=False)


def lines(texts: Iterable[str]) -> Group:
    """One text below the other; none of them is markup."""
    return Group(*map(Text, texts))


def command(words: str) -> Text:
    """A command on a line of its own that is never broken, however narrow the terminal: people copy it. To be printed
    with ``crop=False``."""
    return Text(words, no_wrap=True, overflow="ignore")


def grid(rows: Sequence[tuple[str, ...]]) -> Table:
    """Columns without a header; the first is never broken."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(max(map(len, rows), default=1)):
        table.add_column(overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
