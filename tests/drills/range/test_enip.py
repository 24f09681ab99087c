import pytest

from tercio.drills.range import enip
from tercio.drills.range.session import Lost


def test_an_opening_says_its_connection():
    message = enip.opening(7, 0xDEAD)
    assert enip.opened(message) == 0xDEAD
    assert enip.complete(message) == len(message)
    for cut in range(len(message) - 10):
        assert enip.opened(message[:cut]) == 0


@pytest.mark.parametrize("command", [enip.REGISTER, enip.LIST_SERVICES])
def test_other_messages_open_nothing(command):
    message = enip.message(command, 3, b"\x54" * 90)
    assert enip.opened(message) == 0


def test_every_answer_is_complete_and_carries_the_session():
    for question in (enip.message(enip.REGISTER, 0, b"\1\0\0\0"), enip.opening(9, 5)):
        answer = enip.answer(question, 9)
        assert enip.complete(answer) == len(answer)
        assert answer[:2] == question[:2]
        assert int.from_bytes(answer[4:8], "little") == 9
    listed = enip.answer(enip.message(enip.LIST_SERVICES, 0), 9)
    assert enip.complete(listed) == len(listed)
    assert b"Communications" in listed


def test_a_header_that_is_not_there_yet_is_waited_for():
    message = enip.message(enip.REGISTER, 0, b"\1\0\0\0")
    assert [enip.complete(message[:n]) for n in (0, 23, 24)] == [0, 0, 28]


@pytest.mark.parametrize("data", [b"GET / HTTP/1.0\r\n\r\n" * 3, b"\x65\0\xff\xff" + b"\0" * 30])
def test_bytes_that_are_no_message_end_a_session(data):
    with pytest.raises(Lost):
        enip.complete(data)


def test_a_datagram_is_read_by_its_own_connection_only():
    assert enip.data_of(4, enip.io(4, b"data")) == b"data"
    assert enip.data_of(5, enip.io(4, b"data")) == b""
    assert enip.data_of(4, b"") == b""
    assert enip.data_of(0, b"\0" * (enip.IO_HEAD - 1)) == b""
