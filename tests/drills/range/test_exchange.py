import socket
import threading
import time

from tercio.drills.range.exchange import Exchange
from tercio.drills.range.stamps import Watch, decode
from tercio.drills.range.traces import Cycles, Silence, Started, Trace, read_trace

CYCLE, WATCHDOG = 8_000, 24_000


class Side:
    """One side on loopback, whose frames carry a head."""

    def __init__(self, path, name):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.peer = None
        self.sent = []
        self.path = path / name
        self.exchange = Exchange(
            self.socket, self.carry, lambda data: data.removeprefix(b"head") if data[:4] == b"head" else b"",
            Watch(name, CYCLE, WATCHDOG), Trace(self.path),
        )  # fmt: skip

    def carry(self, data):
        self.sent.append(decode(data))
        if self.peer:
            self.socket.sendto(b"head" + data, self.peer.socket.getsockname())

    def records(self, kind):
        return [each for each in read_trace(self.path).records if isinstance(each, kind)]


def sides(path):
    a, b = Side(path, "a"), Side(path, "b")
    a.peer, b.peer = b, a
    return a, b


def test_both_sides_hear_each_other_and_part_without_harm(tmp_path):
    a, b = sides(tmp_path)
    for _ in range(30):
        a.exchange.step()
        b.exchange.step()
        time.sleep(a.exchange.wait)
    ending = threading.Thread(target=a.exchange.end)
    ending.start()
    b.exchange.end()
    ending.join()
    for side in (a, b):
        assert len(side.records(Started)) == 1
        assert not any(each.unexplained for each in side.records(Silence))
        assert side.records(Cycles)[-1].received == len(side.peer.sent)
        assert side.sent[-1].last
    a.socket.close()
    b.socket.close()


def test_a_side_that_was_late_sends_once_and_goes_on(tmp_path):
    a, b = sides(tmp_path)
    a.exchange.step()
    time.sleep(0.1)
    began = time.monotonic()
    for _ in range(12):
        a.exchange.step()
    cycles = (time.monotonic() - began) * 1e6 / CYCLE
    assert 1 <= len(a.sent) - 1 <= 1 + cycles, "no burst to catch up"
    assert 0 <= a.exchange.wait <= CYCLE / 1e6
    a.socket.close()
    b.socket.close()


def test_what_is_not_the_peers_is_passed_over(tmp_path):
    a, b = sides(tmp_path)
    b.socket.sendto(b"nonsense", a.socket.getsockname())
    b.socket.sendto(b"headnonsense", a.socket.getsockname())
    a.exchange.listen()
    assert a.records(Started) == []
    assert a.exchange.watch.received == 0
    a.exchange.end()
    assert a.records(Silence) == [], "who was never heard owes nothing"
    a.socket.close()
    b.socket.close()


def test_a_peer_that_vanished_without_a_goodbye_is_told_at_the_end(tmp_path):
    a, b = sides(tmp_path)
    b.exchange.step()
    a.exchange.listen()
    b.peer = None
    a.exchange.end()
    (silence,) = a.records(Silence)
    assert silence.unexplained
    a.socket.close()
    b.socket.close()
