from tercio.brain.detect.memory import LARGEST, Memory


def test_the_room_is_shared_and_never_exceeded():
    memory = Memory(room=100_000)
    one: dict[int, str] = {}
    other: dict[int, str] = {}
    forgotten = 0
    for number in range(1_000):
        before = len(one) + len(other)
        answers = one if number % 3 else other
        memory.keep(answers, number, "x", 500)
        assert answers[number] == "x"
        assert memory.used <= memory.room
        assert memory.used >= 500 * (len(one) + len(other))
        forgotten += len(one) + len(other) <= before
    assert forgotten > 3


def test_what_is_large_is_not_kept():
    memory = Memory()
    answers: dict[int, str] = {}
    memory.keep(answers, 1, "x", LARGEST + 1)
    assert not answers
    assert not memory.used
