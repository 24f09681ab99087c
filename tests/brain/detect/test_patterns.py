import hyperscan

from tercio.brain.detect import ir
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.patterns import Patterns, flags_of

LEAVES = {7: ir.Regex("f", "^A", ""), 9: ir.Regex("f", "a.c", "is"), 11: ir.Regex("f", "x*", "")}


def test_all_that_are_found_in_a_text() -> None:
    patterns = Patterns(LEAVES, Databases())
    for text, found in [("Abc", {7, 9, 11}), ("a\nC", {9, 11}), ("", {11}), ("Aéa\nc", {7, 9, 11}), ("", {11})]:
        assert patterns.found(text) == found
        assert patterns.found(text) == found, "and once more, remembered"


def test_flags() -> None:
    flags = flags_of(ir.Regex("f", "a", "im"))
    assert flags & hyperscan.HS_FLAG_MULTILINE
    assert flags & hyperscan.HS_FLAG_CASELESS
    assert flags & hyperscan.HS_FLAG_UTF8
    assert not flags & hyperscan.HS_FLAG_DOTALL
