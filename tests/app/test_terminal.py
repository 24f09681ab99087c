import io
import json
import subprocess
import sys
import time

import pytest
from rich.console import Console

from tercio.app.terminal import Failed, emit, fail, failed, now, sentence, visible


def printed(words: str, width: int = 40) -> str:
    out = io.StringIO()
    sentence(Console(file=out, width=width, force_terminal=True, color_system=None), words)
    return out.getvalue()


def test_a_sentence_is_one_line_however_narrow_the_terminal():
    words = "/a/very/long/path/" * 20 + ": not there [red]really[/red] :warning:"
    assert printed(words) == words + "\n"


def test_several_faults_are_several_lines():
    assert printed("one\ntwo") == "one\ntwo\n"


def test_failing_ends_the_command_with_words_and_a_status():
    with pytest.raises(Failed, match="it is broken; mend it") as caught:
        fail("it is broken; mend it", 78)
    assert caught.value.status == 78


@pytest.mark.parametrize("json_", [True, False])
def test_what_failed_is_said_to_people_and_to_programs(capsys: pytest.CaptureFixture[str], json_: bool):
    failed("it is broken; mend it", json=json_)
    said = capsys.readouterr()
    assert said.err == "it is broken; mend it\n"
    assert (json.loads(said.out) if json_ else said.out) == ({"error": "it is broken; mend it"} if json_ else "")


def test_json_is_one_object_alone(capsys: pytest.CaptureFixture[str]):
    emit({"a": (1, "ü\x1b"), "b": None})
    said = capsys.readouterr()
    assert json.loads(said.out) == {"a": [1, "ü\x1b"], "b": None}
    assert said.err == ""
    assert "\x1b" not in said.out


def test_a_reader_that_goes_away_is_no_error():
    text = "from tercio.app.terminal import emit\nfor _ in range(3): emit({'x': 'y' * 100_000})"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_now_is_microseconds():
    assert now() == pytest.approx(time.time() * 1_000_000, abs=5_000_000)


def test_a_sentence_drives_no_terminal():
    assert visible("a\x1b]0;x\x07b\u202ec\n\td\x9b2J") == "a\\x1b]0;x\\x07b\\u202ec\n\td\\x9b2J"
    assert visible("Zürich, 10 °C, 东京") == "Zürich, 10 °C, 东京"


def test_json_on_a_terminal_drives_none_and_means_the_same(capsys: pytest.CaptureFixture[str]):
    value = {"na\u202eme": "a\x1b[31m\x7f\x9b\u2028 \U000e0041 ÄÖ 漢", "plain": "x"}
    emit(value)
    said = capsys.readouterr().out
    assert json.loads(said) == value
    assert visible(said) == said
    assert "ÄÖ 漢" in said
