import json
from pathlib import Path

from tercio.app.cli import COMMANDS
from tercio.app.commands import speak
from tercio.app.settings import Settings
from tests.app.given import Cli, attacked


def say(cli: Cli, settings: Settings, *words: str) -> tuple[int, dict]:
    done = cli(*words, "--json", settings=settings.file)
    said = json.loads(done.stdout)
    assert done.stderr == (f"{said['error']}\n" if done.returncode else "")
    return done.returncode, said


def test_a_window_from_announcement_to_its_end(running: Settings, cli: Cli):
    status, heard = say(cli, running, "window", "open", "ews1", "plc1", "--for", "30m", "--why", "new recipe")
    assert (status, heard["ok"]) == (0, True)
    name = heard["answer"].partition(":")[0]
    _, listed = say(cli, running, "window", "list")
    assert [(w["id"], w["asset"], w["target"], w["why"]) for w in listed["windows"]] == [
        (name, "ews1", "plc1", "new recipe")
    ]
    assert name in cli("window", "list", settings=running.file).stdout
    assert say(cli, running, "window", "close", name) == (0, {"ok": True, "answer": f"window {name} is closed"})
    assert say(cli, running, "window", "list")[1] == {"windows": []}


def test_what_the_loop_refuses_gives_a_status_too(running: Settings, cli: Cli):
    status, heard = say(cli, running, "undo", "lse-nothing")
    assert (status, heard) == (1, {"error": heard["error"]})
    done = cli("undo", "lse-nothing", settings=running.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("not done: nothing that stands has the name 'lse-nothing'")


def test_standing_down_and_to(running: Settings, cli: Cli):
    assert say(cli, running, "stand-down", "filling")[0] == 0
    assert say(cli, running, "stand-to", "filling")[0] == 0
    assert say(cli, running, "stand-to", "filling")[0] == 1
    done = cli("stand-down", settings=running.file)
    assert done.stdout.startswith("standing down on everything: 0 effects are being undone")
    assert done.stdout.count("\n") == 1, "an answer is one line"
    assert say(cli, running, "stand-to")[0] == 0


def test_a_length_that_is_none(running: Settings, cli: Cli):
    done = cli("window", "open", "ews1", "plc1", "--for", "soon", settings=running.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "'soon' is not a duration; write for example 30s, 45m, 8h or 2d\n"


def test_undoing_all_where_nothing_stands_is_what_was_wanted(running: Settings, cli: Cli):
    assert say(cli, running, "undo", "all") == (0, {"ok": True, "answer": "nothing stands; there is nothing to undo"})


def test_undo_without_a_loop(tmp_path: Path, cli: Cli):
    settings, desk = attacked(tmp_path, released=True)
    assert say(cli, settings, "undo", "all", "--offline") == (
        0,
        {"ok": True, "answer": "nothing stands; there is nothing to undo"},
    )
    assert not desk.state.effects


def test_people_reach_these_commands_by_their_words():
    mine = {
        "undo": speak.undo,
        "close": speak.close,
        "stand-down": speak.stand_down,
        "stand-to": speak.stand_to,
        "window open": speak.window_open,
        "window list": speak.window_list,
        "window close": speak.window_close,
    }
    assert mine.items() <= COMMANDS.items()
