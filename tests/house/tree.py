"""The checkout as the house tests see it."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "tercio"
PURE = ("model", "brain", "agents")
SHELLS = (["run.py"], ["sources.py"], ["worker.py"])
"""What of the loop is not pure."""


@cache
def sources() -> tuple[Path, ...]:
    return tuple(sorted(SRC.rglob("*.py")))


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@cache
def pure_sources() -> tuple[Path, ...]:
    """The pure packages, and all of the loop but its shells."""
    parts = {path: path.relative_to(SRC).parts for path in sources()}
    return tuple(p for p, (first, *rest) in parts.items() if first in PURE or (first == "loop" and rest not in SHELLS))


def imports(path: Path) -> frozenset[str]:
    """Every module that a file may import, ``from a import b`` counted as ``a`` and as ``a.b``."""
    names: set[str] = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def words_of(name: str) -> list[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def tracked() -> tuple[Path, ...]:
    """Files that are in the repository or on their way into it; in an unpacked archive, all files."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        return tuple(ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    return tuple(p for p in ROOT.rglob("*") if p.is_file() and not {".venv", ".git"} & set(p.relative_to(ROOT).parts))


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
