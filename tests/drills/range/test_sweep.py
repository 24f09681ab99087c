import asyncio
import errno
import socket
import time

import pytest

from tercio.drills.range.sweep import MOST, PORTS, addresses, outcome_of, sweep
from tercio.drills.range.topology import HOSTS, SEGMENTS
from tercio.drills.range.traces import Trace, read_trace


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1000)
        yield server.getsockname()[1]


def test_it_goes_port_by_port_and_traces_what_it_found(tmp_path, listener):
    targets = ["127.0.0.1", "127.0.0.2"]
    found = asyncio.run(sweep(targets, [listener, 1], 1000, Trace(tmp_path / "t")))
    assert [(each.target, each.port) for each in found] == [(t, p) for p in (listener, 1) for t in targets]
    assert [each.outcome for each in found] == ["open", "refused", "refused", "refused"]
    assert found[0].local_port > 0
    assert set(read_trace(tmp_path / "t").records) == set(found)


def test_it_never_tries_more_than_its_bound(tmp_path, listener):
    found = asyncio.run(sweep(["127.0.0.1"] * 1000, [listener, 1], 100_000, Trace(tmp_path / "t")))
    assert len(found) == MOST < 400


def test_it_keeps_its_rate(tmp_path, listener):
    began = time.monotonic()
    asyncio.run(sweep(["127.0.0.1"] * 21, [listener], 100, Trace(tmp_path / "t")))
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "reset"),
        (errno.EPIPE, "reset"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.EHOSTUNREACH, "unreachable"),
        (None, "unreachable"),
    ],
)
def test_failures_have_one_word_each(number, outcome):
    error = OSError(number, "x") if number else OSError("no number")
    assert outcome_of(error) == outcome


def test_addresses_are_written_as_the_range_writes_them():
    for host in (host for host in HOSTS.values() if host.zone == "ot"):
        assert host.address4 in addresses(SEGMENTS["ot"].network4, 1, 60)
        assert host.address6 in addresses(SEGMENTS["ot"].network6, 1, 60)


def test_modbus_is_asked_for_first():
    assert PORTS[0] == 502
