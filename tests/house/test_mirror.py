import ast
from pathlib import Path

from tests.house import tree

LONGEST_FILE = 300
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"manager", "handler", "helper", "helpers", "util", "utils", "base", "common"}


def needs_test(path: Path) -> bool:
    inside = path.relative_to(tree.SRC)
    return path.name not in ("__init__.py", "__main__.py") and "migrations" not in inside.parts


def mirror(path: Path) -> Path:
    inside = path.relative_to(tree.SRC)
    return tree.ROOT / "tests" / inside.parent / f"test_{inside.name}"


def test_every_source_file_has_its_test():
    missing = [
        str(mirror(p).relative_to(tree.ROOT)) for p in tree.sources() if needs_test(p) and not mirror(p).exists()
    ]
    assert not missing, "write these tests:\n" + "\n".join(missing)


def test_every_mirrored_test_is_about_its_own_module():
    strangers = [
        f"{mirror(p).relative_to(tree.ROOT)} does not touch {tree.module_name(p)}"
        for p in filter(needs_test, tree.sources())
        if mirror(p).exists() and not is_about(mirror(p), tree.module_name(p))
    ]
    assert not strangers, "\n".join(strangers)


def is_about(test: Path, module: str) -> bool:
    """Whether a test imports the module, or starts it by name as a process."""
    return module in tree.imports(test) or f'"{module}"' in test.read_text()


def test_every_mirrored_test_tests_something():
    tests = [test for test in map(mirror, filter(needs_test, tree.sources())) if test.exists()]
    empty = [str(t.relative_to(tree.ROOT)) for t in tests if not any(map(is_test, ast.walk(tree.syntax(t))))]
    assert not empty, "no test function in:\n" + "\n".join(empty)


def is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def test_files_are_short():
    long = [
        f"{p.relative_to(tree.ROOT)}: {n} lines"
        for p in tree.sources()
        if (n := len(p.read_text().splitlines())) > LONGEST_FILE
    ]
    assert not long, f"at most {LONGEST_FILE} lines; divide by what changes together:\n" + "\n".join(long)


def test_functions_are_short():
    long = [
        f"{tree.where(p, node)}: {node.name} has {length} lines"
        for p in tree.sources()
        if "migrations" not in p.parts
        for node in ast.walk(tree.syntax(p))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert not long, f"at most {LONGEST_FUNCTION} lines:\n" + "\n".join(long)


def test_names_say_what_a_thing_is():
    empty = [tree.module_name(p) for p in tree.sources() if EMPTY_NAMES & set(tree.words_of(p.stem))]
    empty += [
        f"{tree.where(p, node)}: {node.name}"
        for p in tree.sources()
        for node in ast.walk(tree.syntax(p))
        if isinstance(node, ast.ClassDef) and EMPTY_NAMES & set(tree.words_of(node.name))
    ]
    assert not empty, "name the thing itself:\n" + "\n".join(empty)


def test_a_broad_except_raises_again_or_says_why_not():
    silent = [
        tree.where(p, node)
        for p in tree.sources()
        for node in ast.walk(tree.syntax(p))
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not raises(node) and not has_reason(p, node)
    ]
    assert not silent, "catch what you expect, raise again, or give the reason in a comment:\n" + "\n".join(silent)


def is_broad(node: ast.ExceptHandler) -> bool:
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(c is None or (isinstance(c, ast.Name) and c.id in ("Exception", "BaseException")) for c in caught)


def raises(node: ast.ExceptHandler) -> bool:
    return any(isinstance(inner, ast.Raise) for inner in ast.walk(node))


def has_reason(path: Path, node: ast.ExceptHandler) -> bool:
    lines = path.read_text().splitlines()[node.lineno - 1 : node.body[0].lineno]
    comments = [line.split("#", 1)[1] for line in lines if "#" in line]
    return any(len(c.replace("noqa: BLE001", "").split()) > 3 for c in comments)


def test_the_eyes_see():
    code = ast.parse("try:\n    x = 1\nexcept (KeyError, Exception):\n    pass\n")
    broad = next(n for n in ast.walk(code) if isinstance(n, ast.ExceptHandler))
    assert is_broad(broad)
    assert not raises(broad)
    assert tree.words_of("HTTPHandler") == ["http", "handler"]
    assert tree.words_of("net_utils2") == ["net", "utils", "2"]
    assert not EMPTY_NAMES & set(tree.words_of("Database"))
