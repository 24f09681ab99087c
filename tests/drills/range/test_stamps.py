import socket
import time

from hypothesis import given
from hypothesis import strategies as st

from tercio.drills.range.stamps import LENGTH, Arrived, Frame, Numbering, Watch, decode, receive, stamped

MS = 1_000_000
CYCLE, WATCHDOG = 8_000, 24_000


class Wire:
    """A sender and a network on paper: frames sent when told so, each under way for as long as told."""

    def __init__(self, cycle: int = CYCLE, watchdog: int = WATCHDOG) -> None:
        self.watch = Watch("f", cycle, watchdog)
        self.now = 1_000_000 * MS
        self.number, self.returned, self.overflow = 0, 0, 0
        self.silences = []

    def send(self, after_ms: float = 8.0, transit_ms: float = 0.02, *, lost=False, busy_ms: float = 0.0, last=False):
        """The next frame; the sender is ``busy_ms`` with it."""
        self.now += int(after_ms * MS)
        self.number += 1
        frame = Frame(self.number, self.now, self.returned, last)
        self.returned = self.now + int(busy_ms * MS)
        if not lost:
            arrived = Arrived(b"", self.now + int(transit_ms * MS), self.overflow)
            self.silences += self.watch.take(frame, arrived)

    def judged(self) -> list[bool]:
        """Whether each silence was the network's, once two more frames have come."""
        self.send()
        self.send()
        return [each.unexplained for each in self.silences]


def test_a_frame_survives_its_bytes():
    frame = Frame(7, 12_345_678_901_234_567, 3, True)
    assert decode(frame.encode() + b"padding") == frame
    assert len(frame.encode()) == LENGTH


def test_bytes_that_are_no_frame_are_none():
    assert decode(b"") is None
    assert decode(Frame(1, 2, 3).encode()[:-1]) is None
    assert decode(b"x" * LENGTH) is None


def test_a_punctual_exchange_has_no_silences():
    wire = Wire()
    for _ in range(20):
        wire.send()
    assert wire.judged() == []
    assert (wire.watch.received, wire.watch.lost, wire.watch.longest) == (22, 0, 20)
    assert wire.watch.newest == wire.now + 20_000


def test_a_late_sender_explains_a_silence():
    wire = Wire()
    wire.send()
    wire.send(after_ms=500)
    assert wire.judged() == [False]
    (silence,) = wire.silences
    assert (silence.span, silence.lost, silence.held_up) == (500_000, 0, 0)
    assert silence.at == (1_000_000 * MS + 8 * MS + 20_000) // 1000 + WATCHDOG, "when the watchdog tripped"


def test_three_frames_lost_are_harm_and_two_are_none():
    for lost, expected in ((2, []), (3, [True])):
        wire = Wire()
        wire.send()
        for _ in range(lost):
            wire.send(lost=True)
        wire.send()
        assert wire.judged() == expected
        assert wire.watch.lost == lost


def test_what_was_lost_is_harm_even_while_the_sender_was_late():
    wire = Wire()
    wire.send()
    for _ in range(3):
        wire.send(after_ms=100, lost=True)
    wire.send()
    assert wire.judged() == [True]


def test_a_frame_that_was_held_up_is_harm():
    for late, expected in ((16, False), (17, True)):
        wire = Wire()
        wire.send()
        wire.send(transit_ms=late + 0.02)
        assert wire.judged() == ([True] if expected else []), late


def test_what_the_senders_own_call_took_is_not_the_networks_time():
    wire = Wire()
    wire.send()
    wire.send(transit_ms=50, busy_ms=50.1)
    assert wire.judged() == [False], "it was silent for too long, by the sender's own doing"
    part = Wire()
    part.send()
    part.send(transit_ms=50, busy_ms=20)
    assert part.judged() == [True], "thirty of the fifty were the network's"


def test_a_clock_that_is_set_harms_nobody():
    for step in (-5000, 5000):
        wire = Wire()
        wire.send()
        wire.now += step * MS
        wire.send()
        assert True not in wire.judged(), step


def test_frames_that_the_receiver_did_not_fetch_are_not_lost():
    wire = Wire()
    wire.send()
    for _ in range(40):
        wire.send(lost=True)
    wire.overflow = 40
    wire.send()
    assert wire.judged() == [False]
    assert wire.watch.lost == 0
    wire.silences.clear()
    for _ in range(3):
        wire.send(lost=True)
    wire.send()
    assert wire.judged() == [True], "what overflowed before excuses nothing later"


def test_repeated_and_old_frames_change_nothing():
    wire = Wire()
    for _ in range(3):
        wire.send()
    before = wire.watch.received
    assert wire.watch.take(Frame(2, 0, 0), Arrived(b"", wire.now + 900 * MS, 0)) == ()
    assert wire.watch.received == before
    assert wire.judged() == []


def test_who_says_goodbye_may_be_silent():
    wire = Wire()
    wire.send()
    wire.send(last=True)
    assert wire.watch.ended
    assert wire.watch.close(wire.now + 9_000 * MS) == ()
    assert wire.silences == []


def test_what_was_lost_before_a_goodbye_is_harm():
    wire = Wire()
    wire.send()
    for _ in range(5):
        wire.send(lost=True)
    wire.send(last=True)
    assert [each.unexplained for each in wire.silences] == [True]


def test_who_falls_silent_without_a_goodbye_owes_all_his_frames():
    wire = Wire()
    wire.send()
    (silence,) = wire.watch.close(wire.now + 80 * MS)
    assert (silence.span, silence.lost, silence.unexplained) == (79_980, 8, True)
    assert wire.watch.close(wire.now + 999 * MS) == (), "once"


def test_who_was_never_heard_owes_nothing():
    assert Watch("f", CYCLE, WATCHDOG).close(10**18) == ()
    assert Watch("f", CYCLE, WATCHDOG).newest == 0


@given(st.lists(st.tuples(st.floats(1, 2_000), st.floats(0, 10)), max_size=40))
def test_no_sender_is_late_enough_to_be_harmed_by_a_quick_network(steps):
    wire = Wire()
    for after, transit in steps:
        wire.send(after_ms=after, transit_ms=transit)
    assert True not in wire.judged()


@given(st.integers(3, 60), st.lists(st.floats(1, 200), min_size=60, max_size=60))
def test_three_in_a_row_that_never_came_always_count(lost, steps):
    wire = Wire()
    wire.send()
    for after in steps[:lost]:
        wire.send(after_ms=after, lost=True)
    wire.send()
    assert wire.judged().count(True) == 1
    assert wire.watch.lost == lost


def test_what_this_hosts_own_kernel_refuses_was_never_sent():
    sent = []

    def full(data: bytes) -> None:
        raise OSError(105, f"no buffer space for {len(data)} bytes")

    numbering = Numbering()
    numbering.send(sent.append)
    numbering.send(full)
    numbering.send(sent.append, last=True)
    first, second = map(decode, sent)
    assert (first.number, second.number, second.last) == (1, 2, True)
    assert first.sent <= second.returned <= second.sent


def pair() -> tuple[socket.socket, socket.socket]:
    receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    receiver.bind(("127.0.0.1", 0))
    sender.connect(receiver.getsockname())
    return receiver, sender


def test_the_kernels_time_of_arrival_does_not_wait_for_the_reader():
    receiver, sender = pair()
    with receiver, sender:
        stamped(receiver)
        sender.send(b"warm up: the kernel switches its stamps on a little after it was asked")
        time.sleep(0.3)
        before = time.time_ns()
        sender.send(b"x")
        time.sleep(0.3)
        read = time.time_ns()
        assert receive(receiver) is not None
        arrived = receive(receiver)
        assert arrived is not None
        assert arrived.data == b"x"
        assert before <= arrived.at < read
        assert arrived.overflow == 0
        assert receive(receiver) is None


def test_what_did_not_fit_into_the_readers_buffer_is_told_by_the_kernel():
    receiver, sender = pair()
    with receiver, sender:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stamped(receiver)
        watch, numbering = Watch("f", CYCLE, WATCHDOG), Numbering()
        silences = []

        def drain() -> None:
            nonlocal silences
            while arrived := receive(receiver):
                silences += watch.take(decode(arrived.data), arrived)

        for _ in range(200):
            numbering.send(sender.send)
        drain()
        assert watch.received < 200
        for _ in range(3):
            numbering.send(sender.send)
            drain()
        assert watch.lost == 0
        assert not any(each.unexplained for each in silences)
