import io

from rich.console import Console, Group

from tercio.app.layout import command, grid, indented, lines, section
from tests.app.given import drawn


def test_a_command_stays_whole_on_a_narrow_terminal_and_nothing_else_does():
    words = "tercio audit verify --since checkpoint.txt --settings /a/long/way/to/tercio.toml"
    out = io.StringIO()
    page = indented(Group(command(words), lines([words]), Group(indented(command(words), 2))), 2)
    Console(file=out, width=40).print(page, crop=False)
    shown = [line.rstrip() for line in out.getvalue().splitlines()]
    assert f"  {words}" in shown
    assert f"    {words}" in shown
    assert max(len(line) for line in shown if line.strip() != words) <= 40


def test_a_section_has_a_title_and_its_body_below():
    shown = [line.rstrip() for line in drawn(Group(*section("Title", lines(["one", "[red]two[/red]"])))).splitlines()]
    assert shown == ["", "Title", "  one", "  [red]two[/red]"]


def test_the_first_column_of_a_grid_is_never_broken():
    shown = drawn(grid([("seen to work", "word " * 20), ("now", "x")]), width=40).splitlines()
    assert shown[0].startswith("seen to work  word")
    assert shown[-1].startswith("now           x")
    assert max(map(len, shown)) <= 40
