"""The engine itself, in a process of its own: it must not be loaded into this one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tercio.store.engine import UNKNOWN, Refusal, Statement

pytest.importorskip("chdb", reason="the event store's engine is not installed (extra store)")

SCRIPT = """
import sys, threading
from pathlib import Path
from tercio.store.engine import AT_ONCE, Engine, Refusal, Statement

engine = Engine(Path(sys.argv[1]))

def ask(sql, **more):
    return b"".join(engine.ask(Statement(sql, **more)))

def refused(sql, **more):
    try:
        ask(sql, **more)
    except Refusal as refusal:
        return refusal.code

engine.ping()
assert ask("SELECT 1") == b"1\\n"
assert ask("SELECT {a:String}", values={"a": "x\\\\x27;y"}) == b"x\\\\';y\\n"
ask("CREATE DATABASE d")
ask("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", database="d")
ask("INSERT INTO t (a)", database="d", data=b"1\\n2\\n", data_form="TabSeparated")
assert ask("SELECT sum(a) FROM d.t") == b"3\\n"
assert ask("SELECT currentDatabase()") == b"default\\n"
assert refused("SELECT * FROM nowhere") == 60
assert refused("SELEC 1") == 62
assert refused("SELECT 1", database="a`b") == 36
assert refused("INSERT INTO nowhere (a)", data=b"1\\n", data_form="TabSeparated") == 60
long = engine.ask(Statement("SELECT number FROM numbers(1000000) SETTINGS max_block_size = 1000 FORMAT Native"))
first = next(long)
assert len(first) < 100_000, len(first)
others = [engine.ask(Statement("SELECT 1")) for _ in range(AT_ONCE - 1)]
assert [next(other) for other in others] == [b"1\\n"] * (AT_ONCE - 1)
engine.ping()
long.close()
for other in others:
    other.close()
assert ask("SELECT 2") == b"2\\n"
late = "SELECT throwIf(number = 9000) FROM numbers(10000) SETTINGS max_block_size = 1000 FORMAT Native"
failing = engine.ask(Statement(late))
try:
    for block in failing:
        pass
    raise SystemExit("it did not fail")
except Refusal as refusal:
    assert refusal.code == 395
assert ask("SELECT 3") == b"3\\n"
engine.close()
print("done")
"""


def test_statements_parameters_inserts_streams_and_refusals(tmp_path: Path):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "events")], capture_output=True, timeout=120, check=False
    )
    assert ran.stdout == b"done\n", ran.stderr.decode()


FULL = """
import sys
from pathlib import Path
from tercio.store.engine import Engine, Refusal, Statement

place = Path(sys.argv[1])
engine = Engine(place / "events")
ask = lambda sql, **more: b"".join(engine.ask(Statement(sql, **more)))
ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
rows = {"data": b"".join(b"%d\\n" % n for n in range(6000)), "data_form": "TabSeparated"}
ask("INSERT INTO t (a)", **rows)
try:
    with (place / "filled").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
except OSError:
    pass
try:
    ask("INSERT INTO t (a)", **rows)
    raise SystemExit("it says that it wrote on a full disk")
except Refusal as refusal:
    assert refusal.code == 243, refusal
assert ask("SELECT count() FROM t") == b"6000\\n"
(place / "filled").unlink()
ask("INSERT INTO t (a)", **rows)
assert ask("SELECT count() FROM t") == b"12000\\n"
print("done")
"""


def test_a_full_disk_takes_no_rows_and_says_so(tmp_path: Path):
    mounted = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(tmp_path)]
    if subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("this user can't make a small disk")
    try:
        ran = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, timeout=120, check=False)
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
    assert ran.stdout == b"done\n", ran.stderr.decode()


def test_a_refusal_has_the_engines_code_where_it_has_one():
    assert Refusal("Streaming query failed: Code: 60. DB::Exception: Unknown table").code == 60
    assert Refusal("out of luck").code == UNKNOWN


def test_a_statement_is_a_value():
    assert Statement("SELECT 1") == Statement("SELECT 1")
