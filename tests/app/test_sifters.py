"""Real processes beside a replay: the same outcome to the byte, and what becomes of one that ends."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tercio.app import recordings
from tercio.app.recordings import Found, looked_into
from tercio.app.replay import UNKNOWN, Outcome, content, replay
from tercio.app.sifters import Given, SifterEnded, Sifters
from tercio.loop.state import Content
from tercio.products.transports.recorded import Recording
from tests.app.test_replay import RULE, RULES, started


def of(path: Path) -> Found:
    found = looked_into(Recording(path.name, path))
    assert isinstance(found, Found), found
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    """Several files whose times lie among each other, long ones and short ones, one with junk."""
    folder = tmp_path_factory.mktemp("recorded")
    for number in range(5):
        lines = [
            started(second, f"h{number}", "dump.exe" if second % 7 == number else "calc.exe")
            for second in range(number, 60)
            for _ in range(1 + 30 * number)
        ]
        (folder / f"log{number}").write_bytes(b"".join(lines) + b"junk\n" * (number == 2))
    eve = b"".join((RULES / name / "positive.ndjson").read_bytes() for name in ("port-sweep", "modbus-write"))
    (folder / "eve").write_bytes(eve)
    return [of(path) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, files: list[Found]) -> Given:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "tool.yml").write_text(RULE.replace("\\\\\\\\", "\\\\"))
    sensors = tuple(sorted({found.sensor for found in files}))
    return Given(UNKNOWN, (str(folder),), sensors, str(tmp_path_factory.mktemp("kept") / "rules.cache"))


@pytest.fixture(scope="module")
def made(given: Given) -> Content:
    return content(given.site, map(Path, given.folders), given.sensors, keep=Path(given.keep))


@pytest.fixture(scope="module")
def sifters(given: Given, made: Content) -> Iterator[Sifters]:
    assert made.rules.rules, "the first process compiles"
    with Sifters(2, given) as running:
        yield running


def to_the_byte(outcome: Outcome) -> bytes:
    return msgspec.json.encode(outcome)


def test_a_replay_comes_to_the_same_to_the_byte_with_one_and_with_two_processes(
    files: list[Found], made: Content, sifters: Sifters
):
    alone = replay(made, "all", files)
    assert alone.incidents
    assert len(alone.hits) > 3
    assert [file.unparsed for file in alone.files if file.name == "log2"] == [1]
    assert to_the_byte(replay(made, "all", files, opened=sifters.opened)) == to_the_byte(alone)


def test_each_file_by_itself_comes_to_the_same(files: list[Found], made: Content, sifters: Sifters):
    told: list[str] = []
    outcomes = sifters.outcomes(files, lambda found: told.append(found.recording.name))
    assert [to_the_byte(outcome) for outcome, _ in outcomes] == [
        to_the_byte(replay(made, found.recording.name, [found])) for found in files
    ]
    assert sorted(told) == sorted(found.recording.name for found in files)
    assert all(seconds > 0 for _, seconds in outcomes)


def test_many_small_pieces_are_asked_for_ahead_and_all_come(
    files: list[Found], made: Content, sifters: Sifters, monkeypatch: pytest.MonkeyPatch
):
    """A file of which less is wanted than was asked for holds up no other."""
    first = sifters.opened(files[-1])
    assert next(first).lines == recordings.LINES
    rest = list(sifters.opened(files[1]))
    assert sum(piece.lines for piece in rest) == 60
    monkeypatch.setattr(recordings, "LINES", 100)
    mine = sum(piece.lines for piece in first) + recordings.LINES * 10
    assert mine == sum(piece.lines for piece in recordings.pieces(made, files[-1]))


def test_a_process_that_ends_by_itself_is_told_with_what_it_read(files: list[Found], given: Given, made: Content):
    assert made.rules.rules
    with Sifters(1, given) as running:
        stream = running.opened(files[-1])
        next(stream)
        (sifter,) = running._sifters
        os.kill(sifter._process.pid, signal.SIGKILL)
        with pytest.raises(SifterEnded, match=r"a process that read log4 ended by itself \(-9\)"):
            list(stream)
        with pytest.raises(SifterEnded):
            running.outcomes(files[:1], lambda _: None)
