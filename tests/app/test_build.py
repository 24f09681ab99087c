import shutil
from pathlib import Path

import pytest

import tercio
from tercio.app import build


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the deciding rooms, of which the digest is taken; it has the digest of the original."""
    whole = Path(tercio.__file__).parent
    original = digest()
    for room in build.DECIDING:
        shutil.copytree(whole / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(build, "files", lambda _: tmp_path)
    assert digest() == original
    return tmp_path


def digest() -> str:
    return build.code_digest.__wrapped__()


def test_the_same_code_has_the_same_digest_wherever_it_lies(copy: Path):
    before = digest()
    (copy / "loop" / "__pycache__").mkdir()
    (copy / "loop" / "__pycache__" / "engine.cpython-311.pyc").write_bytes(b"x")
    assert digest() == before


@pytest.mark.parametrize("name", ["loop/engine.py", "brain/decide/choose.py", "model/units.py", "agents/mandate.py"])
def test_one_changed_letter_or_name_in_what_decides_is_another_build(copy: Path, name: str):
    before = digest()
    text = (copy / name).read_text()
    (copy / name).write_text(text + " ")
    assert digest() != before
    (copy / name).unlink()
    (copy / name).with_name("renamed.py").write_text(text)
    assert digest() != before


def test_another_release_of_a_library_is_another_build(monkeypatch: pytest.MonkeyPatch):
    before = digest()
    monkeypatch.setattr(build, "version", lambda name: f"{name} of another day")
    assert digest() != before
