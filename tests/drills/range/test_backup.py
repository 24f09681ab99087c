import socket
import struct
from pathlib import Path

import pytest

from tercio.drills.range.backup import CHUNK, MOST, content, keep, send
from tercio.drills.range.traces import Connect, Session, Started, read_trace

BACKUP = "tercio.drills.range.backup"


def test_both_ends_come_to_the_same_bytes_in_many_connections(stage):
    store = stage.folder / "kept"
    stage.start(BACKUP, "--serve", "--bind", "127.0.0.1", "--store", str(store))
    server = stage.processes.pop("backup")
    try:
        stage.until(lambda: stage.records("backup", Started))
        assert stage.start(BACKUP, "--target", "127.0.0.1", "--chunks", "5", "--rate", "500").wait(timeout=60) == 0
    finally:
        server.terminate()
        assert server.wait(timeout=20) == 0
    assert store.read_bytes() == b"".join(content(number) for number in range(5))
    assert [each.outcome for each in stage.records("backup", Connect)] == ["open"] * 5
    assert len([each for each in stage.records("backup", Session) if each.opened]) == 5


def test_on_the_range_it_crosses_zones_whole(drill):
    folder = Path(drill["folder"])
    sent = [each for each in read_trace(folder / "traces" / "backup.jsonl").records if isinstance(each, Connect)]
    assert len(sent) == 40
    assert {(each.target, each.port, each.outcome) for each in sent} == {("10.77.20.10", 873, "open")}
    assert (folder / "backup").read_bytes() == b"".join(content(number) for number in range(40))


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0", struct.pack(">I", 0) + b"short", struct.pack(">I", MOST) + b"x" * CHUNK, b"\0" * (2 * CHUNK)],
    ids=["nothing", "no number", "cut off", "no place", "too much"],
)
def test_what_is_no_chunk_is_dropped(tmp_path, data):
    store = tmp_path / "kept"
    store.write_bytes(b"")
    here, there = socket.socketpair()
    with here, there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * CHUNK)
        there.settimeout(20)
        there.sendall(data)
        there.shutdown(socket.SHUT_WR)
        keep(here, store)
    assert store.read_bytes() == b""


def test_nobody_there_is_a_value():
    assert send("127.0.0.1", 1, 0).outcome == "refused"
