import json
from pathlib import Path

import msgspec
import pytest

from tercio.testing.golden import SWITCH, Case, cases, check


@pytest.fixture(autouse=True)
def no_switch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(SWITCH, raising=False)


def write(folder: Path, name: str, body: object) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(body))
    return path


def double(value: int) -> int:
    return 2 * value


def test_a_right_answer_passes(tmp_path: Path):
    write(tmp_path, "two_is_four", {"why": "arithmetic", "input": 2, "expect": 4})
    (case,) = cases(tmp_path)
    assert str(case) == "two_is_four"
    check(case, double)


def test_cases_come_by_name(tmp_path: Path):
    for name in ("b", "a"):
        write(tmp_path, name, {"input": 1, "expect": 2})
    assert [str(case) for case in cases(tmp_path)] == ["a", "b"]


def test_a_wrong_answer_shows_the_difference_in_lines(tmp_path: Path):
    write(tmp_path, "wrong", {"input": 1, "expect": {"kept": 1, "changed": "old"}})
    with pytest.raises(AssertionError) as failure:
        check(cases(tmp_path)[0], lambda _: {"kept": 1, "changed": "new"})
    lines = str(failure.value).splitlines()
    assert '-  "changed": "old",' in lines
    assert '+  "changed": "new",' in lines
    assert '   "kept": 1' in lines


@pytest.mark.parametrize(("expect", "got"), [(1, True), (1, 1.0), ([], {}), ("1", 1), (None, False)])
def test_values_that_python_calls_equal_or_empty_are_told_apart(expect: object, got: object):
    with pytest.raises(AssertionError):
        check(Case(Path("x.json"), None, expect), lambda _: got)


def test_the_order_of_keys_is_no_difference():
    check(Case(Path("x.json"), None, {"a": 1, "b": 2}), lambda _: {"b": 2, "a": 1})


def test_msgspec_values_are_compared_as_json():
    class Point(msgspec.Struct):
        x: int
        raw: bytes

    check(Case(Path("x.json"), None, [{"x": 1, "raw": "YQ=="}]), lambda _: (Point(1, b"a"),))


def test_an_input_that_is_changed_fails_even_with_the_right_answer():
    with pytest.raises(AssertionError, match="changed its input"):
        check(Case(Path("x.json"), [1], [1, 2]), lambda given: given.append(2) or given)


def test_the_switch_rewrites_the_expectation_keeps_the_rest_and_still_fails(tmp_path, monkeypatch):
    path = write(tmp_path, "old", {"why": "arithmetic", "input": 3, "expect": 5})
    monkeypatch.setenv(SWITCH, "write")
    with pytest.raises(AssertionError, match="rewritten"):
        check(cases(tmp_path)[0], double)
    assert json.loads(path.read_text()) == {"why": "arithmetic", "input": 3, "expect": 6}
    monkeypatch.delenv(SWITCH)
    check(cases(tmp_path)[0], double)


def test_the_switch_leaves_a_right_case_alone(tmp_path, monkeypatch):
    path = write(tmp_path, "right", {"input": 3, "expect": 6})
    before = path.read_bytes()
    monkeypatch.setenv(SWITCH, "write")
    check(cases(tmp_path)[0], double)
    assert path.read_bytes() == before


def test_an_empty_folder_is_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match="holds no case"):
        cases(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not JSON"), ("[]", "is no case"), ('{"expect": 1}', "is no case"), ('{"input": 1}', "has no expect")],
)
def test_a_file_that_is_no_case_is_named(tmp_path: Path, text: str, words: str):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(ValueError, match=words) as error:
        cases(tmp_path)
    assert "odd.json" in str(error.value)
