"""The lines before the place where reading stopped."""

from pathlib import Path

import pytest

from tercio.products.transports.past import past
from tercio.products.transports.tail import Tail

LINES = tuple(f'{{"n": {number:06d}}}\n'.encode() for number in range(200))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "eve.json"
    path.write_bytes(b"".join(LINES))
    return path


def place(path: Path, lines: int) -> tuple[str, int]:
    """Where a reader stands that has read so many lines."""
    with Tail("ot", path) as tail:
        (batch,) = tail.read(1)
    return batch.generation, sum(map(len, LINES[:lines]))


def test_what_was_read_is_read_once_more_and_nothing_beyond(log: Path) -> None:
    at = place(log, 120)
    (batch,) = past("ot", log, at, 7)
    assert batch.lines == LINES[:120]
    assert (batch.generation, batch.offset, batch.end, batch.received) == (at[0], 0, at[1], 7)


def test_only_the_latest_of_it_and_whole_lines_only(log: Path) -> None:
    at = place(log, 120)
    batches = past("ot", log, at, 7, room=10 * len(LINES[0]) + 3)
    assert [line for batch in batches for line in batch.lines] == list(LINES[110:120])
    assert batches[-1].end == at[1]


def test_nothing_was_read_nothing_comes(log: Path) -> None:
    assert past("ot", log, place(log, 0), 7) == ()


def test_a_file_that_is_gone_or_another_gives_nothing(log: Path) -> None:
    at = place(log, 120)
    log.write_bytes(b'{"other": 1}\n' * 300)
    assert past("ot", log, at, 7) == ()
    log.unlink()
    assert past("ot", log, at, 7) == ()


def test_what_was_rotated_away_is_still_found(log: Path) -> None:
    at = place(log, 120)
    log.rename(log.with_suffix(".json.1"))
    log.write_bytes(b'{"new": 1}\n')
    assert [line for batch in past("ot", log, at, 7) for line in batch.lines] == list(LINES[:120])


def test_more_than_one_reading_takes_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    line = b'{"x": "' + b"y" * 100_000 + b'"}\n'
    path.write_bytes(line * 30)
    with Tail("ot", path) as tail:
        (first, *_) = tail.read(1)
    batches = past("ot", path, (first.generation, 25 * len(line)), 7)
    assert sum(len(batch.lines) for batch in batches) == 25
