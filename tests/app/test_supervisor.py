"""Real processes: small Python programs stand for the parts."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tercio.app import supervisor
from tercio.app.eventstore import password_file
from tercio.app.settings import SettingsError, load
from tercio.app.supervisor import (
    Ended,
    Part,
    hand_words,
    order_key,
    own_file,
    own_words,
    parts,
    prepare,
    supervise,
    tied,
)
from tercio.model.site import Autonomy
from tercio.model.siteparse import parse_site
from tercio.store.keys import KeyUnusable, read_public
from tests.app.given import HAND, TOML, changed, home

STAY = "import time; open({note!r}, 'a').write(f'{{__import__(\"os\").getpid()}}\\n'); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAY


def python(name: str, text: str) -> Part:
    return Part(name, tied((sys.executable, "-c", text)))


def run(
    wanted: list[Part], *, until: Callable[[], object] | None = None, stop: int = signal.SIGTERM
) -> tuple[Ended, list[str]]:
    """Supervise in this process; where ``until`` comes true, send this process the signal that ends it."""
    said: list[str] = []

    async def both() -> Ended:
        watching = asyncio.create_task(supervise(wanted, said.append))
        deadline = time.monotonic() + 90
        while until is not None and not until() and not watching.done():
            assert time.monotonic() < deadline, said
            await asyncio.sleep(0.01)
        if until is not None:
            os.kill(os.getpid(), stop)
        return await asyncio.wait_for(watching, 20)

    return asyncio.run(both()), said


def pids(note: Path) -> list[int]:
    return [int(line) for line in note.read_text().splitlines()] if note.exists() else []


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_a_part_that_ends_is_started_again_each_time_later(tmp_path: Path):
    note = tmp_path / "note"
    text = f"import sys; open({str(note)!r}, 'a').write('1\\n'); sys.exit(3)"
    ended, said = run([python("loop", text)], until=lambda: len(pids(note)) >= 4)
    assert ended.status == 0
    assert ended.starts == {"loop": len(pids(note))}
    assert said[:2] == [f"loop ended (status 3); starting it again in {s} s" for s in ("0.2", "0.4")]
    assert said[2] == "loop ended (status 3); starting it again in 0.8 s; `tercio doctor` says what may be wrong"


def test_pauses_have_an_end_and_a_steady_part_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.3)
    monkeypatch.setattr(supervisor, "STEADY", 3.0)
    note = tmp_path / "note"
    text = f'n=$(cat {note} 2>/dev/null); printf x >>{note}; [ "$n" != xxx ] || sleep 4'
    part = Part("loop", ("sh", "-c", text))
    _, said = run([part], until=lambda: note.exists() and len(note.read_text()) >= 5)
    pauses = [line.rpartition(" in ")[2].partition(";")[0] for line in said]
    assert pauses[:4] == ["0.2 s", "0.3 s", "0.3 s", "0.2 s"]


def test_a_part_that_is_killed_comes_back(tmp_path: Path):
    note = tmp_path / "note"

    def killed_once() -> bool:
        found = pids(note)
        if len(found) == 1 and alive(found[0]):
            os.kill(found[0], signal.SIGKILL)
        return len(found) == 2

    ended, said = run([python("hand gateway", STAY.format(note=str(note)))], until=killed_once)
    assert ended.starts == {"hand gateway": 2}
    assert said == ["hand gateway ended (killed by signal 9); starting it again in 0.2 s"]
    assert not any(map(alive, pids(note)))


@pytest.mark.parametrize("status", [78, 2])
def test_wrong_settings_are_not_tried_again_and_the_others_end(tmp_path: Path, status: int):
    note = tmp_path / "note"
    wait = f"import os, sys, time\nwhile not os.path.exists({str(note)!r}): time.sleep(0.01)\nsys.exit({status})"
    ended, said = run([python("hand gateway", STAY.format(note=str(note))), python("loop", wait)])
    assert ended == Ended(78, {"hand gateway": 1, "loop": 1}, said[0])
    assert said == ["loop: its settings are wrong (see above); nothing runs until they are corrected"]
    assert not any(map(alive, pids(note)))


def test_a_program_that_is_not_there_is_said():
    ended, said = run([Part("hand gateway", ("/nonexistent/nsenter", "x"))])
    (words,) = said
    assert ended == Ended(78, {}, words)
    assert words.startswith(
        "hand gateway: cannot start /nonexistent/nsenter: No such file or directory; `tercio doctor`"
    )


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends_everybody(tmp_path: Path, stop: int):
    notes = [tmp_path / "a", tmp_path / "b"]
    wanted = [python(note.name, STAY.format(note=str(note))) for note in notes]
    ended, said = run(wanted, until=lambda: all(pids(note) for note in notes), stop=stop)
    assert ended == Ended(0, {"a": 1, "b": 1})
    assert said == []
    assert not any(alive(pid) for note in notes for pid in pids(note))


def test_who_does_not_end_when_asked_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor, "PATIENCE", 0.3)
    note = tmp_path / "note"
    ended, _ = run([python("deaf", DEAF.format(note=str(note)))], until=lambda: pids(note))
    assert ended.status == 0
    assert not any(map(alive, pids(note)))


def test_a_pause_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor, "SHORTEST_PAUSE", 600.0)
    said: list[str] = []
    part = python("loop", "pass")

    async def both() -> Ended:
        running = asyncio.get_running_loop()

        def tell(words: str) -> None:
            said.append(words)
            running.call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)

        return await supervise([part], tell)

    assert asyncio.run(both()).starts == {"loop": 1}
    assert said == ["loop ended (status 0); starting it again in 600.0 s"]


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path):
    notes = [tmp_path / "loop", tmp_path / "hand"]
    hand = ("setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin",
            "--no-new-privs")  # fmt: skip
    prefix = hand if os.geteuid() == 0 else ()
    text = textwrap.dedent(f"""
        import asyncio, sys
        from tercio.app.supervisor import Part, supervise, tied
        stay = {STAY!r}
        wanted = [
            Part("loop", tied((sys.executable, "-c", stay.format(note={str(notes[0])!r})))),
            Part("hand", tied((*{prefix!r}, sys.executable, "-c", stay.format(note={str(notes[1])!r})))),
        ]
        asyncio.run(supervise(wanted, print))
    """)
    with subprocess.Popen([sys.executable, "-c", text]) as process:
        try:
            until(lambda: all(pids(note) for note in notes))
            assert all(alive(pid) for note in notes for pid in pids(note))
        finally:
            process.kill()
    until(lambda: not any(alive(pid) for note in notes for pid in pids(note)))


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_hands_that_are_started_here_come_first_and_all_are_tied(tmp_path: Path):
    text = TOML + '[hands.far]\nmechanism = "nftables"\nzones = ["ot"]\n'
    text = changed(
        "[hands.gateway]\n", '[hands.gateway]\nfile = "g.toml"\nstart = "nsenter --net=/run/netns/gw"\n', text
    )
    settings = load(home(tmp_path, text))
    acting = parse_site((tmp_path / "site.toml").read_text())
    shadow = replace(acting, zones={n: replace(z, autonomy=Autonomy.SHADOW) for n, z in acting.zones.items()})
    assert parts(settings, acting)[0].argv == (*parts(settings, shadow)[0].argv, "--ready")
    hand, loop = parts(settings, shadow)
    assert (hand.name, loop.name) == ("hand gateway", "loop")
    assert hand.argv == tied(hand_words(settings.hands[0]))
    assert hand.argv[4:] == (
        "nsenter", "--net=/run/netns/gw", sys.executable, "-m", "tercio.products.hand", "gateway",
        "--file", str(tmp_path / "g.toml"),
    )  # fmt: skip
    assert loop.argv[4:] == (sys.executable, "-m", "tercio", "loop", "--settings", str(tmp_path / "tercio.toml"))
    assert hand.argv[:4] == loop.argv[:4] == ("setpriv", "--pdeathsig", "TERM", "--")


def test_workers_come_after_their_loop_yield_to_it_and_end_nobody(tmp_path: Path):
    hosts = '[sources.{0}]\nsensor = "windows"\npath = "{0}.json"\n'
    text = TOML + hosts.format("h1") + hosts.format("h2") + "[workers]\ncount = 2\n"
    settings = load(home(tmp_path, text))
    loop, *workers = parts(settings, parse_site((tmp_path / "site.toml").read_text()))
    assert (loop.name, loop.vital) == ("loop", True)
    assert [(part.name, part.vital) for part in workers] == [("worker bulk-1", False), ("worker bulk-2", False)]
    assert workers[1].argv == tied(("nice", "-n", "5", *own_words(settings, "worker", "bulk-2")))


def test_who_keeps_the_past_comes_last_yields_to_all_and_ends_nobody(tmp_path: Path):
    settings = load(home(tmp_path, TOML + '[store]\nkind = "embedded"\nport = 1234\n'))
    site = parse_site((tmp_path / "site.toml").read_text())
    loop, store, archive = parts(settings, site)
    assert (loop.name, loop.pulse) == ("loop", None)
    assert [(part.name, part.vital) for part in (store, archive)] == [("store", False), ("archive", False)]
    assert store.argv == tied(("nice", "-n", "10", *own_words(settings, "store")))
    assert store.pulse is not None
    assert (store.pulse.port, store.pulse.password) == (1234, password_file(settings))
    prepare(settings)
    assert password_file(settings).stat().st_mode & 0o777 == 0o600
    elsewhere = '[store]\nkind = "clickhouse"\nurl = "https://ch:8443"\npassword_env = "PW"\n'
    *_, last = parts(load(home(tmp_path / "other", TOML + elsewhere)), site)
    assert (last.name, last.pulse) == ("archive", None)


def test_what_the_parts_expect_is_prepared_once(tmp_path: Path):
    settings = load(home(tmp_path, hand=True))
    prepare(settings)
    key = order_key(settings)
    before = key.read_bytes()
    prepare(settings)
    assert key.read_bytes() == before
    assert key.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in (settings.state, key.parent, tmp_path / "run"))
    assert own_file(settings, settings.hands[0], tmp_path / "gateway.toml").order_key == read_public(
        key.with_suffix(".pub")
    )


@pytest.mark.parametrize(("old", "new", "words"), [
    ('name = "gateway"', 'name = "other"', "tercio.toml:9: hands.gateway has the name gateway, but"),
    ("run/gateway.sock", "run/other.sock", "tercio.toml:9: hands.gateway has the socket"),
    ('longest = "1h"', 'longest = "soon"', "longest: 'soon' is not a duration"),
    ('longest = "1h"', 'longer = "1h"', "unknown field `longer`"),
])  # fmt: skip
def test_a_hand_that_would_not_obey_is_told_before_it_runs(tmp_path: Path, old: str, new: str, words: str):
    settings = load(home(tmp_path, hand=True))
    assert HAND.count(old) == 1
    (tmp_path / "gateway.toml").write_text(HAND.replace(old, new).format(folder=tmp_path))
    with pytest.raises(SettingsError) as caught:
        prepare(settings)
    assert words in str(caught.value)


def test_a_missing_hand_file_is_told(tmp_path: Path):
    settings = load(home(tmp_path, hand=True))
    (tmp_path / "gateway.toml").unlink()
    with pytest.raises(SettingsError, match=r"cannot read .*gateway\.toml: No such file"):
        prepare(settings)


def test_a_state_that_can_be_no_folder_is_told(tmp_path: Path):
    settings = load(home(tmp_path))
    (tmp_path / "state").write_text("a file")
    with pytest.raises(SettingsError, match="make it a folder that this user may write"):
        prepare(settings)


def test_a_key_that_others_may_read_is_told(tmp_path: Path):
    settings = load(home(tmp_path))
    prepare(settings)
    order_key(settings).chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        prepare(settings)
