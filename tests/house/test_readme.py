"""What README and changelog say of commands is what there is."""

import re

import pytest

from tercio.app.cli import COMMANDS
from tests.house import tree

README = (tree.ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (tree.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_table_and_in_the_changelog(command: str):
    group, _, name = command.rpartition(" ")
    rows = [line for line in README.splitlines() if line.startswith("| `tercio ")]
    named = [row for row in rows if re.search(rf"`tercio {command}\b", row)]
    brief = [row for row in rows if group and f"`tercio {group} " in row and re.search(rf"`{name}\b", row)]
    assert named or brief, f"README's table of commands lacks {command}"
    (line,) = re.findall(r"^- Commands: .*?(?=^- |\Z)", CHANGELOG, re.MULTILINE | re.DOTALL)
    assert re.search(rf"`{command}`", line), f"the changelog's list of commands lacks {command}"


def test_what_the_readme_calls_exists():
    called = {words.split(" ")[0] for words in re.findall(r"`(?:\./run )?tercio ([a-z-]+)", README)}
    assert called <= {words.split(" ")[0] for words in COMMANDS}
