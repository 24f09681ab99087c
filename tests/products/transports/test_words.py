"""One word on a pathname socket, one sentence back."""

import asyncio
import os
import pwd
import socket
import stat
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tercio.model.precision import Judgement
from tercio.model.words import Window, Word, WordKind
from tercio.products.transports import words
from tercio.products.transports.words import ENDED, LATE, LONGEST, Heard, Said, listen, say, word

UNDO = Said(WordKind.UNDO, "lse-1")
WINDOW = Window(id="", asset="ews1", target="plc1", activity="write", since=1, until=2, by="", why="recipe \x1b[2J")


async def echo(said: Said, who: str) -> str:
    return f"{who} said {said.kind} {said.target} {said.window.why if said.window else ''}"


def while_listening(path: Path, ear: Callable[[Said, str], Awaitable[str]], tell: Callable[[], object]) -> object:
    """What ``tell`` comes to, in a thread, while somebody listens."""

    async def story() -> object:
        server = await listen(path, ear)
        try:
            return await asyncio.to_thread(tell)
        finally:
            server.close()

    return asyncio.run(story())


def raw(path: Path, data: bytes, *, end: bool = True) -> Heard:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        line.connect(str(path))
        line.sendall(data)
        if end:
            line.shutdown(socket.SHUT_WR)
        return msgspec.json.decode(line.recv(LONGEST), type=Heard)


def test_a_word_is_answered_and_the_kernel_says_who_spoke(tmp_path: Path):
    path = tmp_path / "loop.sock"
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert while_listening(path, echo, lambda: say(path, UNDO)) == Heard(True, f"{me} said undo lse-1 ")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user than root can only be played by root")
def test_a_user_without_a_name_is_a_number(tmp_path: Path):
    path = tmp_path / "loop.sock"
    tmp_path.chmod(0o755)

    def tell() -> bytes:
        code = (
            "import os, socket, sys\n"
            's = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b\'{"kind":"undo"}\\n\')\n'
            "sys.stdout.write(s.recv(9999).decode())"
        )
        import subprocess

        path.chmod(0o666)
        for parent in tmp_path.parents:
            if parent.name.startswith("pytest"):
                parent.chmod(0o755)
        argv = ["setpriv", "--reuid", "54321", "--clear-groups", "python3", "-c", code, str(path)]
        return subprocess.run(argv, capture_output=True, check=False, env={"PATH": "/usr/bin:/bin"}).stdout

    heard = msgspec.json.decode(while_listening(path, echo, tell), type=Heard)
    assert heard == Heard(True, "uid 54321 said undo  ")


def test_a_window_goes_with_its_word(tmp_path: Path):
    path = tmp_path / "loop.sock"
    heard = while_listening(path, echo, lambda: say(path, Said(WordKind.WINDOW_OPEN, window=WINDOW)))
    assert heard.answer.endswith("recipe \x1b[2J"), "what was said is passed on as it was; who shows it makes it plain"


def test_the_socket_is_its_owners_alone_and_an_old_one_is_replaced(tmp_path: Path):
    path = tmp_path / "made" / "loop.sock"
    path.parent.mkdir()
    path.write_text("left by a dead loop")
    before = os.umask(0)
    os.umask(before)
    seen = while_listening(path, echo, lambda: path.stat().st_mode)
    assert stat.S_ISSOCK(seen)
    assert stat.S_IMODE(seen) == 0o600
    assert os.umask(before) == before


def test_a_folder_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "state" / "loop.sock"
    while_listening(path, echo, lambda: None)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"undo\n",
        b"[]\n",
        b"\xff\xfe\n",
        b'{"kind":"destroy"}\n',
        b'{"kind":"undo","who":"root"}\n',
        b'{"kind":"undo","target":7}\n',
        b'{"kind":"window-open","window":{}}\n',
        b'{"kind":"undo","target":"' + b"x" * LONGEST + b'"}\n',
        b"x" * (2 * LONGEST),
        b"[" * 5000 + b"\n",
    ],
)
def test_what_is_no_word_is_answered_and_reaches_nobody(tmp_path: Path, data: bytes):
    path, reached = tmp_path / "loop.sock", []

    async def ear(said: Said, who: str) -> str:
        reached.append((said, who))
        return ""

    heard = while_listening(path, ear, lambda: raw(path, data))
    assert not heard.ok
    assert heard.answer.startswith("not understood")
    assert not reached


def test_who_connects_and_says_nothing_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "PATIENCE", 0.1)
    path = tmp_path / "loop.sock"
    heard = while_listening(path, echo, lambda: raw(path, b'{"kind":"un', end=False))
    assert heard == Heard(False, "not understood: nothing was said in time")


def test_a_loop_that_is_busy_is_given_up_by_the_loop_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "PATIENCE", 0.1)
    path, ended = tmp_path / "loop.sock", []

    async def deaf(said: Said, who: str) -> str:
        del said, who
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(True)
            raise
        return ""

    assert while_listening(path, deaf, lambda: (say(path, UNDO), list(ended))) == (Heard(False, LATE), [True])


def test_one_who_says_nothing_keeps_nobody_else_waiting(tmp_path: Path):
    path = tmp_path / "loop.sock"

    def tell() -> Heard:
        with closing(socket.socket(socket.AF_UNIX)) as silent:
            silent.connect(str(path))
            return say(path, UNDO)

    assert while_listening(path, echo, tell).ok


def test_where_nobody_listens_it_says_so(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        say(tmp_path / "loop.sock", UNDO)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left.sock"))
    with pytest.raises(ConnectionRefusedError):
        say(tmp_path / "left.sock", UNDO)


@pytest.mark.parametrize("answer", [b"", b'{"ok":tr', b"garbage\n"])
def test_a_loop_that_ends_in_between_has_not_answered(tmp_path: Path, answer: bytes):
    path = tmp_path / "loop.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(LONGEST)
                line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert say(path, UNDO) == Heard(False, ENDED)
        thread.join()


def test_the_loop_alone_says_who_and_when():
    judged = Said(WordKind.CLOSE, "i", verdict=Judgement.WRONG, rules=("r",), note="n")
    assert word(judged, "anna", 77) == Word(
        kind=WordKind.CLOSE, who="anna", time=77, target="i", verdict=Judgement.WRONG, rules=("r",), note="n"
    )
    made = word(Said(WordKind.WINDOW_OPEN, "t", WINDOW), "anna", 77)
    assert (made.kind, made.who, made.time, made.target, made.window) == (
        WordKind.WINDOW_OPEN,
        "anna",
        77,
        "t",
        WINDOW,
    )
