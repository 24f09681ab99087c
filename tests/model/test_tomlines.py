import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.tomlines import Path, key_lines, line_of

TEXT = """\
# a comment with [brackets] and a = sign
top = 1
[site]
name = "x # y" # z
long = \"\"\"
fake = 1
""\\"quoted" ]\"\"\"\"\"
raw = '''[no]
'it' '''
[zones."a.b".'c d']
k.l = [ # c
  1,
  {a = "}", b = [2,
  3]},
  '[', # ]
]
when = 2026-01-01T00:00:00Z
[[many]]
a = 1
[[many]]
a = 2
[many.inside]
b = 3
[[many.inside.deep]]
c = 4
[[many.inside.deep]]
c = 5
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("site",), 3),
        (("site", "name"), 4),
        (("site", "long"), 5),
        (("site", "raw"), 8),
        (("zones",), 10),
        (("zones", "a.b", "c d"), 10),
        (("zones", "a.b", "c d", "k", "l"), 11),
        (("zones", "a.b", "c d", "k", "l", 0), 12),
        (("zones", "a.b", "c d", "k", "l", 1, "a"), 13),
        (("zones", "a.b", "c d", "k", "l", 1, "b", 1), 14),
        (("zones", "a.b", "c d", "k", "l", 2), 15),
        (("zones", "a.b", "c d", "when"), 17),
        (("many", 0, "a"), 19),
        (("many", 1), 20),
        (("many", 1, "inside", "b"), 23),
        (("many", 1, "inside", "deep", 0, "c"), 25),
        (("many", 1, "inside", "deep", 1, "c"), 27),
    ],
)
def test_every_key_has_its_line(path: Path, line: int):
    assert key_lines(TEXT)[path] == line


def test_no_key_is_found_where_there_is_none():
    assert set(paths(tomllib.loads(TEXT))) <= set(key_lines(TEXT))
    assert not any("fake" in path or "no" in path for path in key_lines(TEXT))


def test_windows_line_ends_count_once():
    assert key_lines(TEXT.replace("\n", "\r\n")) == key_lines(TEXT)


def test_a_path_without_a_line_has_the_line_of_what_surrounds_it():
    lines = key_lines(TEXT)
    assert line_of(lines, ("site", "absent")) == 3
    assert line_of(lines, ("site", "name", 0, "x")) == 4
    assert line_of(lines, ("absent",)) == 1
    assert line_of(lines, ()) == 1


def paths(value: object, path: Path = ()) -> list[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, below in inner for p in paths(below, (*path, key)))][0 if path else 1 :]


def quoted(text: str) -> str:
    return (
        '"'
        + "".join(f"\\U{ord(char):08X}" if char in '"\\' or ord(char) < 32 or char == "\x7f" else char for char in text)
        + '"'
    )


scalars = st.one_of(
    st.integers(-9, 9).map(str),
    st.booleans().map(lambda flag: "true" if flag else "false"),
    st.text(max_size=6).map(quoted),
    st.sampled_from(["'#'", "'''\n]\n'''", '"""\n[x]\n"""', "1979-05-27T07:32:00Z", "inf", "'\\'"]),
)
arrays = st.lists(scalars, max_size=3).map(lambda items: "[\n" + " , # ]\n".join(items) + "\n]")
tables = st.lists(scalars, max_size=3).map(
    lambda items: "{" + ", ".join(f'"k]{i}" = {item}' for i, item in enumerate(items)) + "}"
)
documents = st.lists(st.tuples(st.text(max_size=4).map(quoted), st.one_of(scalars, arrays, tables)), max_size=5)


@given(documents, st.booleans())
def test_a_pair_stands_where_it_was_written(pairs: list[tuple[str, str]], headed: bool):
    text, wanted, seen = "[h] # x\n" if headed else "", {}, set()
    for key, value in pairs:
        if key in seen:
            continue
        seen.add(key)
        (name,) = tomllib.loads(f"{key} = 0")
        wanted[("h", name) if headed else (name,)] = text.count("\n") + 1
        text += f"{key} = {value} # [c]\n"
    found = key_lines(text)
    assert {path: found[path] for path in wanted} == wanted
    assert set(paths(tomllib.loads(text))) == set(found)
