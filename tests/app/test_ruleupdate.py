"""Releases of rules: what comes in, what is kept, what is refused, and that a folder is never half of two."""

import io
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.app import ruleupdate
from tercio.app.ruleupdate import LIST, edited, install, prepare, undo


def rule(name: str, value: str = "x") -> str:
    return (
        f"title: Rule {name}\nname: {name}\nauthor: Ann\nlogsource: {{product: p}}\n"
        f"detection: {{s: {{f: {value}}}, condition: s}}\n"
    )


FIRST = {"LICENSE.txt": "terms", "rules/a.yml": rule("a"), "rules/deep/b.yml": rule("b"), "README.md": "words"}
SECOND = {"LICENSE.txt": "terms", "rules/a.yml": rule("a", "y"), "rules/c.yml": rule("c")}


def folder(place: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = place / "release" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place / "release"


def tarred(place: Path, files: dict[str, str]) -> Path:
    path = place / "release.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"sigma-1.2/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def zipped(place: Path, files: dict[str, str]) -> Path:
    path = place / "release.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"sigma-1.2/{name}", text)
    return path


def contents(into: Path) -> dict[str, str]:
    return {str(p.relative_to(into)): p.read_text() for p in into.rglob("*") if p.is_file() and p.name != LIST}


def without_words(files: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in files.items() if name != "README.md"}


@pytest.mark.parametrize("made", [folder, tarred, zipped])
def test_a_release_comes_in_whole_with_its_licence(tmp_path: Path, made: Callable[..., Path]) -> None:
    into = tmp_path / "rules" / "sigma"
    update = prepare(made(tmp_path, FIRST), into)
    assert [change.file for change in update.added] == ["rules/a.yml", "rules/deep/b.yml"]
    assert update.added[0].title == "Rule a"
    assert (update.changed, update.removed, update.rejected) == ((), (), ())
    assert set(update.notices) == {"LICENSE.txt"}
    assert not into.exists(), "looking changes nothing"
    install(update, into)
    assert contents(into) == without_words(FIRST)
    assert edited(into) == []
    assert [path.name for path in into.parent.iterdir()] == ["sigma"]


def test_the_next_release_says_what_differs_and_can_be_undone(tmp_path: Path) -> None:
    into = tmp_path / "sigma"
    for number, files in enumerate((FIRST, SECOND)):
        (tmp_path / str(number)).mkdir()
        update = prepare(tarred(tmp_path / str(number), files), into)
        install(update, into)
    assert [c.file for c in update.added] == ["rules/c.yml"]
    assert [c.file for c in update.changed] == ["rules/a.yml"]
    assert [(c.file, c.title) for c in update.removed] == [("rules/deep/b.yml", "Rule b")]
    assert contents(into) == SECOND
    undo(into)
    assert contents(into) == without_words(FIRST)
    assert edited(into) == []
    with pytest.raises(ValueError, match="nothing to go back to"):
        undo(into)


def test_what_was_edited_by_hand_is_known(tmp_path: Path) -> None:
    into = tmp_path / "sigma"
    install(prepare(folder(tmp_path, FIRST), into), into)
    (into / "rules" / "a.yml").write_text("mine")
    (into / "own.yml").write_text("mine too")
    assert edited(into) == ["own.yml", "rules/a.yml"]


@pytest.mark.parametrize("at", ["before", "between", "after"])
def test_a_crash_leaves_one_of_both_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    into = tmp_path / "sigma"
    install(prepare(folder(tmp_path / "1", FIRST), into), into)
    update = prepare(folder(tmp_path / "2", SECOND), into)
    renames: list[Path] = []
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        renames.append(self)
        if len(renames) == {"before": 1, "between": 2, "after": 99}[at]:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    if at == "after":
        monkeypatch.setattr(ruleupdate.shutil, "rmtree", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        install(update, into)
    monkeypatch.undo()
    ruleupdate.restore(into)
    assert contents(into) == (SECOND if at == "after" else without_words(FIRST))
    install(prepare(folder(tmp_path / "3", SECOND), into), into)
    assert contents(into) == SECOND
    assert {path.name for path in tmp_path.iterdir()} - {"1", "2", "3"} == {"sigma", ".sigma.before.tar"}


def test_a_disk_that_refuses_leaves_all_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into = tmp_path / "sigma"
    install(prepare(folder(tmp_path / "1", FIRST), into), into)
    update = prepare(folder(tmp_path / "2", SECOND), into)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == ".sigma.new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="No space"):
        install(update, into)
    assert contents(into) == without_words(FIRST)


def test_hostile_names_stay_outside(tmp_path: Path) -> None:
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("rules/good.yml", "../up.yml", "/abs.yml", "rules/../../x.yml"):
            member = tarfile.TarInfo(name)
            member.size = len(rule(name[-5]).encode())
            archive.addfile(member, io.BytesIO(rule(name[-5]).encode()))
        link = tarfile.TarInfo("rules/link.yml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    update = prepare(path, tmp_path / "sigma")
    assert set(update.rules) == {"good.yml"}


def test_a_release_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruleupdate, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="more than"):
        prepare(tarred(tmp_path, FIRST), tmp_path / "sigma")
    monkeypatch.undo()
    monkeypatch.setattr(ruleupdate, "LARGEST", 10)
    with pytest.raises(ValueError, match="no Sigma rules"):
        prepare(zipped(tmp_path, FIRST), tmp_path / "sigma")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04nonsense", b"nothing of the kind", b"\x1f\x8b\x08broken"])
def test_what_is_no_archive_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ValueError, match="neither a folder nor an archive"):
        prepare(tmp_path / "file", tmp_path / "sigma")


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz", ""])
def test_half_of_a_damaged_archive_is_no_release(tmp_path: Path, kind: str) -> None:
    noise = random.Random(7)
    files = {f"rules/{n}.yml": rule(f"r{n}", noise.randbytes(900).hex()) for n in range(40)}
    if kind == "zip":
        path = tmp_path / "release.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    else:
        path = tmp_path / f"release.tar.{kind}"
        with tarfile.open(path, f"w:{kind}") as archive:
            for name, text in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
    data = bytearray(path.read_bytes())
    assert len(prepare(path, tmp_path / "sigma").added) == len(files)
    middle = len(data) // 2
    path.write_bytes(data[:middle] + b"\x55" * 3000 + data[middle + 3000 :])
    with pytest.raises((ValueError, OSError)):
        prepare(path, tmp_path / "sigma")


def test_a_release_without_a_usable_rule_is_refused_and_broken_ones_are_told(tmp_path: Path) -> None:
    bad = rule("bad").replace("condition: s", "condition: gone")
    update = prepare(folder(tmp_path / "1", {"a.yml": rule("a"), "bad.yml": bad}), tmp_path / "sigma")
    assert [rejected.file for rejected in update.rejected] == ["bad.yml"]
    with pytest.raises(ValueError, match="none is a rule that could be used"):
        prepare(folder(tmp_path / "2", {"bad.yml": bad}), tmp_path / "sigma")


def test_a_damaged_list_is_said(tmp_path: Path) -> None:
    into = tmp_path / "sigma"
    install(prepare(folder(tmp_path, FIRST), into), into)
    (into / LIST).write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        prepare(folder(tmp_path, FIRST), into)
