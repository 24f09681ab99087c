"""Compiled rules on disk: they answer as fresh ones do, and nothing doubtful is ever used."""

import os
from pathlib import Path
from typing import Any

import pytest

from tercio.app import rulebook
from tercio.app.rulebook import detector_of
from tercio.brain.detect.databases import Databases
from tercio.model.events import Batch, LogSource

SOURCE = LogSource("p", ("kind",), {"s": ({"kind": ("a",)},)}, "tests")
RULE = """\
title: T
name: t
logsource: {product: p, service: s}
detection:
  sel: {f|contains: [evil, bad*day]}
  who: {u|expand: '%who%'}
  condition: sel or who
"""
LINES = (
    b'{"kind":"a","f":"so EVIL"}\n',
    b'{"kind":"a","f":"fine"}\n',
    b'{"kind":"a","f":"a bad long day"}\n',
    b'{"kind":"a","u":"ann"}\n',
)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rules each compilation read: a start from what was kept reads none."""
    counts: list[int] = []
    original = rulebook.compile_rules

    def counted(texts: Any, *rest: Any) -> Any:
        counts.append(len(texts))
        return original(texts, *rest)

    monkeypatch.setattr(rulebook, "compile_rules", counted)
    return counts


def start(keep: Path | None, text: str = RULE, **more: Any) -> list[int]:
    """The lines that match."""
    more = {"placeholders": {"who": ("ann",)}, **more}
    _, detector = detector_of({}, {"a.yml": text}, {"s": SOURCE}, keep=keep, **more)
    return [match.index for match in detector.match(Batch("s", "1", 0, LINES, 0))]


def test_a_second_start_takes_what_was_kept(
    tmp_path: Path, compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = tmp_path / "rules.cache"
    assert start(None) == start(keep) == [0, 2, 3]
    assert compiled == [1, 1]
    used: list[Databases] = []
    monkeypatch.setattr(rulebook, "Databases", lambda known: used.append(Databases(known)) or used[-1])
    assert start(keep) == [0, 2, 3]
    assert compiled == [1, 1]
    assert [(len(each.used), each.made) for each in used] == [(1, 0)]
    assert keep.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["rules.cache"]


@pytest.mark.parametrize(
    "change",
    [{"text": RULE.replace("evil", "awful")}, {"placeholders": {"who": ("bob",)}}],
    ids=["another text", "another value"],
)
def test_what_changed_is_compiled_anew(tmp_path: Path, compiled: list[int], change: dict[str, Any]) -> None:
    keep = tmp_path / "rules.cache"
    start(keep)
    assert start(keep, **change) == start(None, **change) != [0, 2, 3]
    assert compiled == [1, 1, 1]
    before = len(compiled)
    start(keep, **change)
    assert len(compiled) == before, "and kept in turn"


def test_another_build_does_not_read_it(tmp_path: Path, compiled: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    keep = tmp_path / "rules.cache"
    start(keep)
    monkeypatch.setattr(rulebook, "code_digest", lambda: "other")
    assert start(keep) == [0, 2, 3]
    assert len(compiled) == 2


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def opened(path: Path) -> None:
    path.chmod(0o666)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def replaced(path: Path) -> None:
    path.unlink()
    path.mkdir()


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [shortened, flipped, emptied, opened, linked, replaced, piped])
def test_what_is_doubtful_is_made_anew(tmp_path: Path, compiled: list[int], damage: Any) -> None:
    keep = tmp_path / "rules.cache"
    start(keep)
    damage(keep)
    assert start(keep) == [0, 2, 3]
    assert compiled == [1, 1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_used(tmp_path: Path, compiled: list[int]) -> None:
    keep = tmp_path / "rules.cache"
    start(keep)
    os.chown(keep, 65534, 65534)
    assert start(keep) == [0, 2, 3]
    assert len(compiled) == 2
    assert keep.stat().st_uid == 0, "it was replaced by one of our own"


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    assert start(tmp_path / "gone" / "rules.cache") == [0, 2, 3]
    assert list(tmp_path.iterdir()) == []


def test_values_of_a_kept_file_are_checked(
    tmp_path: Path, compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = tmp_path / "rules.cache"
    with monkeypatch.context() as patched:
        patched.setattr(rulebook.msgspec.msgpack, "encode", lambda _: b"\x93\x01\x02\x03")
        start(keep)
    assert start(keep) == [0, 2, 3]
    assert compiled == [1, 1]
