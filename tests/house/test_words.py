"""What must stand in no file of the project. The words are put together here, so that this file is clean itself."""

import re

import pytest

from tests.house import tree

LATER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("huggingface", "co"),
    )
]
MACHINE = ["/" + "work/", "/root/" + ".", "/home/" + "runner", "file:///" + "tmp"]
TEXT_LIMIT = 2_000_000


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tree.tracked():
        data = path.read_bytes()
        if b"\0" not in data[:8192] and len(data) <= TEXT_LIMIT:
            found.append((str(path.relative_to(tree.ROOT)), data.decode("utf-8", "replace")))
    return found


@pytest.mark.parametrize("forbidden", [REGISTRIES, MACHINE], ids=["registry hosts", "paths of one machine"])
def test_no_file_names(forbidden: list[str]):
    found = [f"{name}: {word}" for name, text in texts() for word in forbidden if word in text]
    assert not found, "\n".join(found)


def test_nothing_is_left_for_later():
    code = [(n, t) for n, t in texts() if n.endswith((".py", ".toml", ".md", ".yml", ".nft", ".rules", "run"))]
    found = [
        f"{n}:{i}: {line.strip()}" for n, t in code for i, line in enumerate(t.splitlines(), 1) if LATER.search(line)
    ]
    assert not found, "do it, or open an issue:\n" + "\n".join(found)


def test_no_key_lies_in_the_repository():
    found = [name for name, text in texts() if "BEGIN " + "PRIVATE KEY" in text or "BEGIN OPENSSH " + "PRIVATE" in text]
    assert not found


def test_many_files_are_looked_at():
    names = [name for name, _ in texts()]
    assert "pyproject.toml" in names
    assert len(names) > 20
