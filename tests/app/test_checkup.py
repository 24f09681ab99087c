import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.app.checkup import Finding, Weight, hands, loop, sources, workers
from tercio.app.settings import Settings, load
from tercio.app.supervisor import prepare
from tercio.loop.sources import SOCKET
from tercio.model.reports import Hello, Place
from tercio.products.transports.reports import Reports
from tercio.store.keys import signing_key
from tests.app.given import TOML, changed, home
from tests.products.field import Namespace, Served
from tests.products.transports.test_reports import Peer

LINE = b'{"timestamp":"2026-11-24T08:00:00.000000+0000","event_type":"stats","stats":{}}\n'


def source(folder: Path, content: bytes | None = LINE, text: str = TOML) -> Finding:
    settings = load(home(folder, text))
    if content is None:
        (folder / "eve.json").unlink()
    else:
        (folder / "eve.json").write_bytes(content)
    (finding,) = sources(settings)
    return finding


def hand(folder: Path, change: Callable[[Path], object] = lambda _: None) -> list[Finding]:
    """What is found of a hand after the first start, and after one change."""
    settings = load(home(folder, hand=True))
    prepare(settings)
    change(folder)
    return list(hands(load(settings.file)))


def swap(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def starting(words: str) -> Callable[[Path], object]:
    return swap("tercio.toml", 'file = "gateway.toml"', f'file = "gateway.toml"\nstart = "{words}"')


def wrong(findings: list[Finding]) -> list[str]:
    return [finding.words for finding in findings if finding.weight == Weight.FAIL]


def test_a_source_that_speaks_is_fine(tmp_path: Path):
    assert source(tmp_path).weight == Weight.OK
    assert source(tmp_path, b"").weight == Weight.OK, "a new, empty file may speak yet"
    assert source(tmp_path, LINE + b'{"cut off').weight == Weight.OK, "the last line may be only half written"
    assert source(tmp_path, LINE * 10_000).weight == Weight.OK


def test_a_source_that_is_not_there(tmp_path: Path):
    finding = source(tmp_path, None)
    assert finding.weight == Weight.FAIL
    assert finding.words == f"{tmp_path}/eve.json does not exist: does suricata run, and write there?"


def test_a_source_that_is_no_file(tmp_path: Path):
    finding = source(tmp_path, text=changed('path = "eve.json"', 'path = "."'))
    assert (finding.weight, "is no file" in finding.words) == (Weight.FAIL, True)


LOOK = """
import sys
from pathlib import Path
from tercio.app.checkup import sources
from tercio.app.settings import load
print(next(iter(sources(load(Path(sys.argv[1]))))).words)
"""


def test_a_source_that_may_not_be_read(tmp_path: Path):
    settings = home(tmp_path)
    (tmp_path / "eve.json").write_bytes(LINE)
    (tmp_path / "eve.json").chmod(0)
    # Root may read everything; without its capabilities the same process may not.
    prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    argv = [*prefix, sys.executable, "-c", LOOK, str(settings)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "can't be read by this user (Permission denied); let its group read it" in done.stdout, done.stderr


@pytest.mark.parametrize("content", [b"<xml/>\n", b"[1,2]\n", b'{"event_type":"alert"}\n', b"\x00\xff\n"])
def test_a_source_of_another_language(tmp_path: Path, content: bytes):
    finding = source(tmp_path, LINE + content)
    assert finding.weight == Weight.FAIL
    assert "does not read like suricata" in finding.words


def test_a_source_that_fell_silent_is_a_note(tmp_path: Path):
    settings = load(home(tmp_path))
    (tmp_path / "eve.json").write_bytes(LINE)
    old = time.time() - 3600
    os.utime(tmp_path / "eve.json", (old, old))
    (finding,) = sources(settings)
    assert finding.weight == Weight.WARN
    assert "is silent for 1 h; a silent sensor takes away the right to act by itself" in finding.words


def test_a_hand_whose_file_is_sound_and_that_does_not_run_is_a_note(tmp_path: Path):
    found = hand(tmp_path)
    assert [finding.weight for finding in found] == [Weight.OK, Weight.WARN]
    assert "`tercio up` starts it" in found[1].words


def test_before_the_first_start_the_key_is_still_to_come(tmp_path: Path):
    found = list(hands(load(home(tmp_path, hand=True))))
    assert "is made by the first `tercio up`" in found[0].words
    assert not wrong(found)


@pytest.mark.parametrize(("change", "words"), [
    (swap("gateway.toml", 'longest = "1h"', "longest = 7"), "gateway.toml:5: "),
    (lambda f: (f / "gateway.toml").unlink(), "No such file"),
    (lambda f: (f / "gateway.toml").chmod(0o666), "can be written by others"),
    (swap("gateway.toml", '"gateway"', '"other"'), "says other; write the same in both"),
    (swap("gateway.toml", "order.pub", "other.pub"), "other.pub"),
    (starting("nsenter-gone x"), "nsenter-gone is missing: install the package util-linux"),
    (starting("nsenter --net=/run/netns/gone"), "the network namespace /run/netns/gone does not exist; correct start"),
])  # fmt: skip
def test_what_would_keep_a_hand_from_obeying_is_found(tmp_path: Path, change, words: str):
    found = hand(tmp_path, change)
    assert len(wrong(found)) == 1
    assert words in wrong(found)[0]


def test_a_hand_that_trusts_another_key_is_found(tmp_path: Path):
    def other_key(folder: Path) -> None:
        signing_key(folder / "other.key")
        file = folder / "gateway.toml"
        file.write_text(file.read_text().replace(f"{folder}/state/keys/order.pub", f"{folder}/other.pub"))

    found = hand(tmp_path, other_key)
    assert "trusts another order key than" in wrong(found)[0]


def test_a_hand_that_is_started_elsewhere_must_run(tmp_path: Path):
    (finding,) = hands(load(home(tmp_path)))
    assert finding.weight == Weight.FAIL
    assert "it is started elsewhere: start it" in finding.words


@pytest.mark.usefixtures("as_root")
def test_a_hand_that_answers_says_its_limits(tmp_path: Path):
    space = Namespace()
    served = None
    try:
        served = Served(space, tmp_path)
        text = changed("[hands.gateway]", "[hands.gw]") + f'socket = "{served.socket}"\n'
        (finding,) = hands(load(home(tmp_path / "home", text)))
        assert finding.weight == Weight.OK
        assert finding.words.startswith("it answers: never ")
    finally:
        if served is not None:
            served.end()
        space.end()


def test_whether_the_loop_listens(running: Settings, tmp_path: Path):
    (finding,) = loop(running)
    assert finding.weight == Weight.OK
    (finding,) = loop(load(home(tmp_path)))
    assert (finding.weight, finding.words) == (Weight.WARN, "it does not run now; start it with `tercio up`")
    (tmp_path / "state").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "state" / "loop.sock"))
    (finding,) = loop(load(home(tmp_path)))
    assert finding.weight == Weight.WARN


HOSTS = '[sources.h1]\nsensor = "windows"\npath = "h1.json"\n[workers]\ncount = 1\n'


def test_a_worker_is_named_where_nobody_reads(tmp_path: Path):
    settings = load(home(tmp_path, TOML + HOSTS))
    assert list(workers(load(home(tmp_path / "none")))) == []
    words = "no loop hears it now; `tercio up` starts both"
    assert list(workers(settings)) == [Finding("worker bulk-1", Weight.WARN, words)]

    async def seen(shares: dict[str, tuple[str, ...]], hello: Hello | None = None) -> Finding:
        places = [Place(name, "/x", None, 0) for names in shares.values() for name in names]
        server = await Reports(shares, places, "s", "", lambda: None, lambda *_: None).listen(settings.state / SOCKET)
        try:
            peer = await Peer.at(settings.state / SOCKET, hello) if hello is not None else None
            if peer is not None:
                await peer.heard()
            (found,) = await asyncio.to_thread(lambda: list(workers(settings)))
            return found
        finally:
            server.close()

    share = {"bulk-1": ("h1",)}
    good = asyncio.run(seen(share, Hello("bulk-1", "s")))
    assert good == Finding("worker bulk-1", Weight.OK, "reads h1")
    gone = asyncio.run(seen(share))
    assert (gone.weight, gone.words[:41]) == (Weight.FAIL, "nobody reads h1: it does not run; `tercio")
    other = asyncio.run(seen(share, Hello("bulk-1", "t")))
    assert (other.weight, "its rules or sources are others" in other.words) == (Weight.FAIL, True)
    unknown = asyncio.run(seen({"bulk-1": ("h2",)}))
    assert unknown.words == "the loop that runs does not know that it reads h1: start `tercio up` anew"
