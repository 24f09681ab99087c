import os
import pwd
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tercio.app import operate
from tercio.app.operate import NobodyListens
from tercio.app.settings import Settings, load
from tercio.model.canon import canonical
from tercio.model.records import Record, Transaction
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.products.transports import words
from tercio.products.transports.words import Said
from tercio.store.errors import StateUnusable
from tercio.store.state import State
from tests.app.given import home, keep
from tests.loop.given import START, Desk, window


def now() -> int:
    return time.time_ns() // 1000


def test_a_window_is_opened_listed_and_closed(running: Settings):
    heard = operate.open_window(running.state, "ews1", "plc1", "write", "2h", "new recipe", now())
    assert heard.ok
    name = heard.answer.partition(":")[0]
    with State.read(running.state) as reader:
        (one,) = operate.open_windows(reader, now())
    assert (one.id, one.asset, one.target, one.activity, one.why) == (name, "ews1", "plc1", "write", "new recipe")
    assert one.by
    assert one.until - one.since == pytest.approx(2 * 3600 * SECOND, rel=0.01)
    assert operate.close_window(running.state, name).ok
    with State.read(running.state) as reader:
        assert operate.open_windows(reader, now()) == ()


@pytest.mark.parametrize(("say", "words"), [
    (lambda s: operate.undo(s, "lse-nothing"), "nothing that stands has the name 'lse-nothing'"),
    (lambda s: operate.stand(s, "nowhere", down=True), "no process 'nowhere'"),
    (lambda s: operate.stand(s, "filling", down=False), "filling is not stood down"),
    (lambda s: operate.close_window(s, "win-0"), "no window 'win-0'"),
    (lambda s: operate.open_window(s, "ghost", "plc1", "write", "1h", "", now()), "the site lists no asset 'ghost'"),
    (lambda s: operate.open_window(s, "ews1", "plc1", "dance", "1h", "", now()), "an activity is write or scan"),
])  # fmt: skip
def test_what_the_loop_refuses_is_not_ok(running: Settings, say, words: str):
    heard = say(running.state)
    assert not heard.ok
    assert heard.answer.startswith("not done: ")
    assert words in heard.answer


def test_a_line_is_stood_down_and_to(running: Settings):
    down = operate.stand(running.state, "filling", down=True)
    assert down.ok
    assert "until `tercio stand-to filling`" in down.answer
    assert operate.stand(running.state, "filling", down=False).ok


@pytest.mark.parametrize("length", ["0s", "25h", "soon", "-1h", ""])
def test_a_window_has_a_length_of_up_to_a_day(tmp_path: Path, length: str):
    with pytest.raises(ValueError, match=r"is not a duration|is no length for a window"):
        operate.open_window(tmp_path, "ews1", "plc1", "write", length, "", now())


def test_where_no_loop_runs_people_are_told_what_to_do(tmp_path: Path):
    with pytest.raises(NobodyListens, match=r"start it with `tercio up`; to take effects back .*--offline"):
        operate.undo(tmp_path, "all")


def test_a_loop_that_died_is_told_like_one_that_never_ran(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "loop.sock"))
    with pytest.raises(NobodyListens, match="Connection refused"):
        operate.tell(tmp_path, Said(WordKind.UNDO, "x"))


SPEAK = """
import sys
from pathlib import Path
from tercio.app.operate import NobodyListens, undo
try:
    undo(Path(sys.argv[1]), "all")
except NobodyListens as error:
    print(error)
"""


def test_a_loop_of_another_user_is_told_with_his_name(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "loop.sock"))
        other.listen()
        (tmp_path / "loop.sock").chmod(0)
        # Root may speak to everybody; without its capabilities the same process may not.
        prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
        argv = [*prefix, sys.executable, "-c", SPEAK, str(tmp_path)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    owner = pwd.getpwuid(os.geteuid()).pw_name
    assert f"loop.sock belongs to {owner}: only that user can speak to the loop; say it with sudo -u" in done.stdout


def test_a_loop_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "PATIENCE", 0.2)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "loop.sock"))
        deaf.listen()
        heard = operate.tell(tmp_path, Said(WordKind.UNDO, "x"))
    assert not heard.ok
    assert "did not answer in time" in heard.answer


def test_a_loop_that_ends_in_between_is_told(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(tmp_path / "loop.sock"))
        dying.listen()

        def end() -> None:
            line, _ = dying.accept()
            line.recv(4096)
            line.close()

        thread = threading.Thread(target=end)
        thread.start()
        heard = operate.tell(tmp_path, Said(WordKind.UNDO, "x"))
        thread.join()
    assert not heard.ok
    assert "ended before it answered" in heard.answer


def kept(folder: Path, desk: Desk) -> Settings:
    settings = load(home(folder))
    keep(desk, settings)
    return settings


def test_open_windows_are_those_announced_and_neither_closed_nor_over(tmp_path: Path):
    desk = Desk()
    for target, until in (("plc1", 50), ("hmi1", 20), ("ot", 30)):
        answer = desk.say(WordKind.WINDOW_OPEN, window=window(target=target, until=START + until * 60 * SECOND))
    desk.say(WordKind.WINDOW_OPEN, window=window(asset="ghost"))
    desk.say(WordKind.WINDOW_CLOSE, answer.partition(":")[0])
    desk.say(WordKind.UNDO, "lse-1")
    settings = kept(tmp_path, desk)
    with State.read(settings.state) as reader:
        assert [w.target for w in operate.open_windows(reader, START)] == ["hmi1", "plc1"]
        assert [w.target for w in operate.open_windows(reader, START + 21 * 60 * SECOND)] == ["plc1"]
        assert operate.open_windows(reader, START + 50 * 60 * SECOND) == ()
    assert {w.id for w in desk.state.memory.announced} >= {w.id for w in open_at(settings, START)}


def open_at(settings: Settings, moment: int):
    with State.read(settings.state) as reader:
        return operate.open_windows(reader, moment)


def test_many_words_are_read_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(operate, "CHUNK", 3)
    desk = Desk()
    for n in range(10):
        desk.take(after=1)
        desk.say(WordKind.WINDOW_OPEN, window=window(until=START + (n + 1) * 60 * SECOND))
    assert len(open_at(kept(tmp_path, desk), START)) == 10


def test_erased_words_are_passed_over_and_damaged_ones_told(tmp_path: Path):
    desk = Desk()
    desk.say(WordKind.WINDOW_OPEN, window=window())
    settings = kept(tmp_path, desk)
    with State.open(settings.state, origin="tercio/test") as store:
        store.erase(1, who="anna", why="asked for", time=START)
    assert open_at(settings, START) == ()
    with State.open(settings.state, origin="tercio/test") as store:
        store.commit(Transaction(time=START, records=(Record("word", "all", START, canonical({"word": 7})),)))
    with pytest.raises(StateUnusable, match="Run `tercio audit verify`"):
        open_at(settings, START)
