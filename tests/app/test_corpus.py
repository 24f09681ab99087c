import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from tercio.app.corpus import Corpus

LINE = json.dumps({"Channel": "Security", "EventID": 4625, "@timestamp": "2026-11-24T08:00:00Z"}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    (root / "a").mkdir(parents=True)
    (root / "a" / "plain.ndjson").write_text(LINE * 2)
    (root / "a" / "notes.md").write_text("no records\n")
    with zipfile.ZipFile(root / "a" / "one.zip", "w") as archive:
        archive.writestr("inside.json", LINE)
        archive.writestr("README", "no records\n")
    two = tmp_path / "two"
    two.mkdir()
    (two / "x.json").write_text(LINE)
    (two / "y.json").write_text(LINE * 3)
    with tarfile.open(root / "two.tar.xz", "w:xz") as archive:
        archive.add(two, "two")
    return root


def test_recordings_by_name(folder: Path) -> None:
    with Corpus(folder) as corpus:
        plain, inside = corpus.find("a/plain.ndjson"), corpus.find("two.tar.xz/two/y.json")
        assert plain is not None
        assert (plain.name, plain.sensor, len(plain.lines)) == ("a/plain.ndjson", "windows", 2)
        assert inside is not None
        assert len(inside.lines) == 3
        only = corpus.find("a/one.zip")
        assert only == corpus.find("a/one.zip/inside.json")
        assert only is not None
        assert corpus.find("a/gone.zip") is None
        assert corpus.find("a") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two.tar.xz", "holds 2 recordings"),
        ("a/notes.md", "no sensor knows"),
        ("../elsewhere", "leads out"),
        ("/etc/hostname", "leads out"),
    ],
)
def test_what_is_no_recording_is_said(folder: Path, name: str, words: str) -> None:
    with Corpus(folder) as corpus, pytest.raises(ValueError, match=words):
        corpus.find(name)


def test_everything_that_a_sensor_understands(folder: Path) -> None:
    with Corpus(folder) as corpus:
        names = [record.name for record in corpus.everything()]
    assert names == ["a/one.zip/inside.json", "a/plain.ndjson", "two.tar.xz/two/x.json", "two.tar.xz/two/y.json"]
