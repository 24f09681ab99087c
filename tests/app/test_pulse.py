"""A real store that is stopped in its tracks, and what never answered at all."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from tercio.app.pulse import Pulse, silent
from tercio.app.supervisor import Ended, Part, supervise, tied
from tests.stored import PASSWORD, SERVE


@pytest.fixture
def pulse(tmp_path: Path) -> Pulse:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Pulse(port, "tercio", tmp_path / "password", every=0.1, patience=1.0, misses=2, grace=120)


def ends(pulse: Pulse, within: float) -> bool:
    """Whether the pulse is lost within so many seconds."""

    async def wait() -> bool:
        try:
            await asyncio.wait_for(silent(pulse), within)
        except TimeoutError:
            return False
        return True

    return asyncio.run(wait())


def test_what_answers_is_left_alone(store_url: str, pulse: Pulse):
    assert not ends(replace(pulse, port=urlsplit(store_url).port, patience=60), 1.0)


def test_what_never_answers_gets_its_grace_and_no_more(pulse: Pulse):
    assert not ends(pulse, 0.5)
    assert ends(replace(pulse, grace=0.2), 60)


def test_what_answers_something_else_does_not_answer(store_url: str, pulse: Pulse):
    pulse.password.write_text("wrong")
    assert ends(replace(pulse, port=urlsplit(store_url).port, grace=0.2), 60)
    pulse.password.unlink()
    assert ends(replace(pulse, port=urlsplit(store_url).port, grace=0.2), 60)


def test_a_store_that_stands_still_is_killed_and_started_again(tmp_path: Path, pulse: Pulse):
    pytest.importorskip("chdb", reason="the event store's engine is not installed (extra store)")
    folder, said = tmp_path / "events", list[str]()
    words = tied((sys.executable, "-c", SERVE, str(folder), str(pulse.port)))

    def owner() -> int:
        try:
            return int((tmp_path / "events.lock").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return 0

    async def live() -> Ended:
        watching = asyncio.create_task(supervise([Part("store", words, vital=False, pulse=pulse)], said.append))
        first = await answering(pulse, owner, 0)
        await asyncio.sleep(0.5)
        os.kill(first, signal.SIGSTOP)
        await answering(pulse, owner, first)
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(watching, 60)

    ended = asyncio.run(live())
    assert said[0] == "store does not answer any more, and is killed"
    assert said[1].startswith("store ended (killed by signal 9); starting it again in 0.2 s")
    assert ended == Ended(0, {"store": 2})


async def answering(pulse: Pulse, owner, before: int) -> int:
    """Wait until another process than before has the store's folder and its port; its number."""
    deadline = time.monotonic() + 90
    while owner() in (0, before) or not listens(pulse.port):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    return owner()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
