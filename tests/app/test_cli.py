import json
import re
from pathlib import Path

import pytest

from tercio import __version__
from tercio.app.cli import COMMANDS, GROUPS, WORLD, build, first_sentence
from tercio.store.state import State
from tests.app.given import Cli, attacked, home, tercio

READ_STATE = ("incidents", "show inc-1", "effects", "window list")
SPEAK = ("undo x", "stand-down", "stand-to", "window open ews1 plc1", "window close w")
NEED_SETTINGS = (*READ_STATE, *SPEAK, "up", "audit verify", "audit replay", "site check", "undo x --offline", "loop")


def json_for(words: str) -> tuple[str, ...]:
    """Every command that people may use takes ``--json``; the loop is not one."""
    return () if words == "loop" else ("--json",)


def one_sentence(text: str) -> bool:
    """A few lines at most, each a fault, and no traceback."""
    return bool(text.strip()) and "Traceback" not in text and len(text.strip().splitlines()) <= 2


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_that_a_stranger_understands(words: str, cli: Cli):
    done = cli(*words.split(), "--help")
    assert done.returncode == 0
    first = first_sentence(COMMANDS[words])
    assert first in " ".join(done.stdout.split())
    assert first[0].isupper()
    assert first.endswith(".")
    assert "--json" in done.stdout
    options = re.findall(r"^  (--[a-z]+|[a-z]+ <)(.*)$", done.stdout, re.MULTILINE)
    assert options
    undescribed = [name for name, rest in options if not re.search(r"[A-Za-z]{3}", re.sub(r"<\w+>|[A-Z]+", "", rest))
                   and not re.search(rf"{re.escape(name)}.*\n {{6,}}\S", done.stdout)]  # fmt: skip
    assert not undescribed


def test_the_list_of_commands_says_each_in_full(cli: Cli):
    done = cli("--help")
    text = " ".join(done.stdout.split())
    for words, command in COMMANDS.items():
        if " " not in words:
            assert first_sentence(command) in text
    for name, words in GROUPS.items():
        assert words in text
        inside = " ".join(cli(name, "--help").stdout.split())
        mine = [c for w, c in COMMANDS.items() if w.startswith(f"{name} ")]
        assert mine
        assert all(first_sentence(command) in inside for command in mine)
    listed = re.findall(r"^  (\w\S*)", done.stdout.partition("Commands:")[2], re.MULTILINE)
    assert "loop" not in listed, "the loop is started by up, not by people"
    assert "up" in listed


def test_a_group_without_a_command_shows_what_it_has(cli: Cli):
    done = cli("window")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
    assert "close  Close a window before its time." in done.stderr


def test_what_the_machine_lacks_is_a_sentence_too(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An error of the operating system that no command expected."""
    settings, _ = attacked(tmp_path)
    broken = OSError(24, "Too many open files", "/proc/x")
    monkeypatch.setattr(State, "read", lambda _: (_ for _ in ()).throw(broken))
    done = cli("effects", "--json", settings=settings.file)
    assert done.returncode == 1
    assert done.stderr == "/proc/x: Too many open files; `tercio doctor` says what is missing\n"
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}


def test_the_version_is_said():
    assert tercio("--version").stdout == f"tercio {__version__}\n"


@pytest.mark.parametrize("words", NEED_SETTINGS)
def test_missing_settings_are_one_sentence_and_status_78(tmp_path: Path, words: str, cli: Cli):
    done = cli(*words.split(), *json_for(words), settings=tmp_path / "none.toml")
    assert done.returncode == 78
    assert not json_for(words) or json.loads(done.stdout) == {"error": done.stderr.strip()}
    advice = "name your settings with --settings FILE, or make some with `tercio init`"
    assert done.stderr == f"{tmp_path}/none.toml: No such file or directory; {advice}\n"


@pytest.mark.parametrize("words", NEED_SETTINGS)
def test_wrong_settings_are_told_by_line(tmp_path: Path, words: str, cli: Cli):
    settings = home(tmp_path, "[tercio]\nsite = 7\nother = 8\n")
    done = cli(*words.split(), settings=settings)
    assert done.returncode == 78
    assert done.stdout == ""
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [f"{settings}:2", f"{settings}:3"]


@pytest.mark.parametrize("words", ["up", "loop", "site check"])
def test_a_missing_site_is_told(tmp_path: Path, words: str, cli: Cli):
    settings = home(tmp_path)
    (tmp_path / "site.toml").unlink()
    done = cli(*words.split(), settings=settings)
    assert (done.returncode, done.stdout) == (78, "")
    assert one_sentence(done.stderr)
    assert f"{settings}:3: {tmp_path}/site.toml: No such file" in done.stderr


@pytest.mark.parametrize("words", [*READ_STATE, "audit verify", "audit replay"])
def test_where_there_is_no_state_yet_people_are_told_what_to_do(tmp_path: Path, words: str, cli: Cli):
    done = cli(*words.split(), "--json", settings=home(tmp_path))
    assert done.returncode == 1
    assert one_sentence(done.stderr)
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert "there is no state here" in done.stderr


@pytest.mark.parametrize("words", SPEAK)
def test_where_nobody_listens_people_are_told_what_to_do(tmp_path: Path, words: str, cli: Cli):
    done = cli(*words.split(), "--json", settings=home(tmp_path))
    assert done.returncode == 1
    assert one_sentence(done.stderr)
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert "no loop listens at" in done.stderr
    assert "start it with `tercio up`" in done.stderr
    assert ("--offline" in done.stderr) is words.startswith("undo"), "only undo can do without a loop"


@pytest.mark.parametrize("words", ["loop", "undo all --offline"])
def test_a_state_that_is_locked_says_by_whom(tmp_path: Path, words: str, cli: Cli):
    settings, _ = attacked(tmp_path)
    with State.open(settings.state, origin="tercio/test"):
        done = cli(*words.split(), settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr)
    assert "is written by process" in done.stderr


@pytest.mark.parametrize("words", ["incidents", "effects", "show inc-", "window list"])
def test_a_damaged_state_is_told(tmp_path: Path, words: str, cli: Cli):
    settings, _ = attacked(tmp_path)
    (tmp_path / "state" / "state.db").write_bytes(b"no database at all, and longer than a header" * 9)
    done = cli(*words.split(), settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr)


@pytest.mark.parametrize("words", [
    "undo", "nothing-like-it", "incidents --limit 0", "incidents --limit many", "show", "effects --sometimes",
    "audit replay --size", "hand", "window open ews1",
])  # fmt: skip
def test_words_that_are_not_understood_are_told_without_a_traceback(words: str, cli: Cli):
    done = cli(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert one_sentence(done.stderr)
    assert done.stderr.endswith("; add --help to see what is understood\n")
    again = cli(*words.split(), "--json")
    assert (again.returncode, json.loads(again.stdout)) == (2, {"error": again.stderr.strip()})


def test_settings_may_come_from_the_environment(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    done = tercio("effects", "--json", env={"PATH": "/usr/bin:/bin", "TERCIO_SETTINGS": str(settings.file)})
    assert [e["lease"] for e in json.loads(done.stdout)["effects"]] == [desk.effect.lease]


def test_settings_are_looked_for_where_one_stands(tmp_path: Path):
    settings, _ = attacked(tmp_path)
    assert tercio("effects", cwd=settings.file.parent).returncode == 0


def test_the_module_is_the_command():
    assert {command.name for command in build().registered_commands} >= {w for w in COMMANDS if " " not in w}
    assert all(issubclass(error, Exception) for error in WORLD)
