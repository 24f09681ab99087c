"""Bringing a release of Sigma rules from a folder or an archive into a folder of the user's.

Nothing of it is ours: licence texts and the rules' own words (author, references) come along unchanged. What comes from
an archive is hostile until looked at: names stay inside, sizes and numbers are bounded, links and devices are left out.
The folder is put in place whole; what was there before is kept beside it as one archive.
"""

import gzip
import hashlib
import io
import lzma
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from tercio.brain.detect.rules import Rejected
from tercio.brain.detect.sigma import compile_rules
from tercio.products.transports.tape import ended

MOST_FILES = 20_000
MOST_BYTES = 256 << 20
"""Bytes of all files together, unpacked."""
LARGEST = 1 << 20
"""Bytes of one file."""
LIST = "sigma.json"
"""What a folder was made from, and the hash of each file in it."""

_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError),  # A zip's unknown method, and its encryption.
)
"""What reading an archive raises that can't be read."""

_NOTICE = re.compile(r"(licen[cs]e|notice|copying|copyright|authors|version)[^/]*", re.IGNORECASE)
_ELSEWHERE = frozenset(("regression_data", "deprecated", "unsupported", "placeholder", "rules-placeholder", "tests"))
"""Folders of a release that hold no rules to run."""


class Installed(msgspec.Struct, frozen=True):
    """The list in a folder: where its rules are from, and the SHA-256 of each file."""

    source: str
    files: dict[str, str]


class Change(msgspec.Struct, frozen=True):
    """One rule that is new, gone or other than before: its file and title."""

    file: str
    title: str


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What an update brings: files by name, rules and notices apart; and how its rules differ from those in place."""

    source: str
    rules: dict[str, bytes]
    notices: dict[str, bytes]
    added: tuple[Change, ...]
    changed: tuple[Change, ...]
    removed: tuple[Change, ...]
    rejected: tuple[Rejected, ...]


def prepare(source: Path, into: Path) -> Update:
    """Read a release and hold it against what is in place. Raises ValueError, in words, for what can't be taken, and
    OSError."""
    restore(into)
    files = _bounded(source)
    rules = {name: data for name, data in files.items() if name.endswith((".yml", ".yaml"))}
    notices = {name: data for name, data in files.items() if name not in rules}
    if not rules:
        raise ValueError(f"{source} has no Sigma rules (*.yml); name the folder or the archive of a release")
    texts = {name: data.decode("utf-8", "replace") for name, data in rules.items()}
    known = compile_rules(texts, own=texts.keys())
    if not known.rules:
        reason = f"; the first: {known.rejected[0].reason}" if known.rejected else ""
        raise ValueError(f"{source} has {len(rules)} files, and none is a rule that could be used{reason}")
    before = {name: (into / name).read_bytes() for name in _installed(into).files if (into / name).is_file()}
    return Update(
        source=source.name,
        rules=rules,
        notices=notices,
        added=_changes(rules, rules.keys() - before.keys()),
        changed=_changes(rules, (name for name in rules.keys() & before.keys() if rules[name] != before[name])),
        removed=_changes(before, (name for name in before.keys() - rules.keys() - notices.keys())),
        rejected=known.rejected,
    )


def edited(into: Path) -> list[str]:
    """Files in place that were changed or added by hand: an update would take them away."""
    listed = _installed(into).files
    found = {str(path.relative_to(into)): path for path in into.rglob("*") if path.is_file() and path.name != LIST}
    return sorted(name for name, path in found.items() if listed.get(name) != _digest(path.read_bytes()))


def install(update: Update, into: Path) -> None:
    """Put the update in place; what was there is kept. Raises OSError, and then all is as before."""
    files = {**update.notices, **update.rules}
    beside = _fresh(into, "new")
    for name, data in files.items():
        path = beside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    listed = Installed(update.source, {name: _digest(data) for name, data in sorted(files.items())})
    (beside / LIST).write_bytes(msgspec.json.format(msgspec.json.encode(listed)) + b"\n")
    if into.exists():
        _pack(into, _kept(into))
    _exchange(beside, into)


def undo(into: Path) -> None:
    """Put back what the last update replaced. Raises ValueError where there is nothing, and OSError."""
    restore(into)
    kept = _kept(into)
    if not kept.exists():
        raise ValueError(f"{into} has nothing to go back to: it was updated once at the most")
    beside = _fresh(into, "new")
    with tarfile.open(kept) as archive:
        archive.extractall(beside, filter="data")
    _exchange(beside, into)
    kept.unlink()


def restore(into: Path) -> None:
    """After a crash between two renames, what was in place is put back. Raises OSError."""
    old = into.with_name(f".{into.name}.old")
    if old.exists() and not into.exists():
        old.rename(into)


def _bounded(source: Path) -> dict[str, bytes]:
    """Rules and notices by their names inside the release, without the folder that all of them share."""
    found: dict[str, bytes] = {}
    size = 0
    for name, data in _members(source):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or _ELSEWHERE & set(path.parts):
            continue
        found[str(path)] = data
        size += len(data)
        if len(found) > MOST_FILES or size > MOST_BYTES:
            raise ValueError(
                f"{source} is more than {MOST_FILES:,} files or {MOST_BYTES >> 20} MB; name a smaller part"
            )
    tops = {name.partition("/")[0] for name in found}
    shared = f"{next(iter(tops))}/" if len(tops) == 1 and all("/" in name for name in found) else ""
    return {name.removeprefix(shared): data for name, data in sorted(found.items())}


def _members(source: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of what could be a rule or a notice, plain files only. Raises ValueError for no archive."""
    try:
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                if path.is_file() and not path.is_symlink() and _wanted(path.name, path.stat().st_size):
                    yield path.relative_to(source).as_posix(), path.read_bytes()
        elif zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                for info in archive.infolist():
                    link = (info.external_attr >> 16) & 0o170000 == 0o120000
                    if not info.is_dir() and not link and _wanted(info.filename, info.file_size):
                        yield info.filename, archive.read(info)
        else:
            with tarfile.open(source) as archive:
                for member in archive:
                    if member.isreg() and _wanted(member.name, member.size) and (file := archive.extractfile(member)):
                        yield member.name, file.read()
                ended(archive)
    except _DAMAGED as error:
        raise ValueError(f"{source} is neither a folder nor an archive that can be read (tar, zip): {error}") from error


def _wanted(name: str, size: int) -> bool:
    last = name.rpartition("/")[2]
    rule = last.endswith((".yml", ".yaml")) and not last.startswith(".")
    return size <= LARGEST and (rule or _NOTICE.fullmatch(last) is not None)


def _changes(files: Mapping[str, bytes], names: Iterator[str] | set[str]) -> tuple[Change, ...]:
    return tuple(Change(name, _title(files[name])) for name in sorted(names) if name.endswith((".yml", ".yaml")))


def _title(data: bytes) -> str:
    found = re.search(rb"^title:[ \t]*(.{1,200})", data, re.MULTILINE)
    return found[1].decode("utf-8", "replace").strip().strip("'\"") if found else ""


def _installed(into: Path) -> Installed:
    try:
        return msgspec.json.decode((into / LIST).read_bytes(), type=Installed)
    except (FileNotFoundError, NotADirectoryError):
        return Installed("", {})
    except msgspec.DecodeError:
        raise ValueError(f"{into / LIST} is damaged; move {into} away, and update anew") from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _kept(into: Path) -> Path:
    return into.with_name(f".{into.name}.before.tar")


def _fresh(into: Path, word: str) -> Path:
    """An empty folder beside, for nobody else to write to."""
    beside = into.with_name(f".{into.name}.{word}")
    if beside.exists():
        shutil.rmtree(beside)
    beside.mkdir(parents=True, mode=0o755)
    return beside


def _pack(folder: Path, archive: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as packed:
        packed.add(folder, arcname=".")
    beside = archive.with_name(f"{archive.name}.new")
    beside.write_bytes(data.getvalue())
    beside.replace(archive)


def _exchange(new: Path, into: Path) -> None:
    old = into.with_name(f".{into.name}.old")
    if old.exists():
        shutil.rmtree(old)
    if into.exists():
        into.rename(old)
    try:
        new.rename(into)
    except OSError:
        restore(into)
        raise
    if old.exists():
        shutil.rmtree(old)
