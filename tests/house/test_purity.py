import ast

import pytest

from tests.house import tree

CLOCKS_AND_CHANCE = {"time", "random", "secrets", "uuid"}
OUTSIDE = {"socket", "subprocess", "asyncio", "threading", "multiprocessing", "sqlite3", "urllib", "http", "logging"}
BANNED_CALLS = {"hash", "open", "print", "input", "id", "eval", "exec"}
BANNED_ATTRIBUTES = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("os", "urandom"),
    ("os", "environ"),
    ("os", "getenv"),
}
FILE_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "iterdir"}


def impurities(source: ast.Module) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(source):
        match node:
            case ast.Import(names=names):
                found += [(node.lineno, a.name) for a in names if a.name.split(".")[0] in CLOCKS_AND_CHANCE | OUTSIDE]
            case ast.ImportFrom(module=str(module), names=names):
                if module.split(".")[0] in CLOCKS_AND_CHANCE | OUTSIDE:
                    found.append((node.lineno, module))
                found += [(node.lineno, f"{module}.{a.name}") for a in names if (module, a.name) in BANNED_ATTRIBUTES]
            case ast.Call(func=ast.Name(id=name)) if name in BANNED_CALLS:
                found.append((node.lineno, f"{name}()"))
            case ast.Attribute(attr=attr, value=ast.Name(id=owner) | ast.Attribute(attr=owner)):
                if (owner, attr) in BANNED_ATTRIBUTES:
                    found.append((node.lineno, f"{owner}.{attr}"))
            case _:
                pass
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILE_METHODS:
            found.append((node.lineno, f".{node.func.attr}()"))
    return found


def test_pure_code_has_no_clock_no_chance_and_touches_nothing_outside():
    found = [
        f"{p.relative_to(tree.ROOT)}:{n}: {what}" for p in tree.pure_sources() for n, what in impurities(tree.syntax(p))
    ]
    assert not found, "values in, values out (time and chance come with the input):\n" + "\n".join(found)


def test_pure_packages_are_looked_at():
    assert len(tree.pure_sources()) > 10


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import time", "time"),
        ("import random as r", "random"),
        ("from time import monotonic", "time"),
        ("from os import environ", "os.environ"),
        ("import os\nos.environ['A']", "os.environ"),
        ("import datetime\ndatetime.datetime.now()", "datetime.now"),
        ("from datetime import date\ndate.today()", "date.today"),
        ("x = hash('a')", "hash()"),
        ("x = sorted(y, key=lambda v: id(v))", "id()"),
        ("open('f')", "open()"),
        ("from pathlib import Path\nPath('f').read_text()", ".read_text()"),
        ("import asyncio", "asyncio"),
    ],
)
def test_the_detector_finds(code: str, what: str):
    assert what in [found for _, found in impurities(ast.parse(code))]


def test_the_detector_lets_honest_code_pass():
    code = "from datetime import UTC, datetime\nimport hashlib\ndatetime.fromtimestamp(0, UTC)\nhashlib.sha256(b'')"
    assert impurities(ast.parse(code)) == []


def test_all_of_the_loop_but_its_shells_is_looked_at():
    loop = set((tree.SRC / "loop").glob("*.py"))
    assert {path.name for path in loop - set(tree.pure_sources())} == {"run.py", "sources.py", "worker.py"}
    assert tree.SRC / "loop" / "engine.py" in loop


@pytest.mark.parametrize(
    ("name", "found"), [("run.py", {"asyncio", "random", "time"}), ("sources.py", {"asyncio"}), ("worker.py", {"time"})]
)
def test_a_shell_itself_would_be_found_impure(name: str, found: set[str]):
    assert {what for _, what in impurities(tree.syntax(tree.SRC / "loop" / name))} >= found
