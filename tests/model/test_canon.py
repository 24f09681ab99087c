import json
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.canon import canonical
from tercio.model.commands import Action, Command, FlowTarget

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(values)
def test_it_is_json_and_says_the_same(value: object):
    read = json.loads(canonical(value))
    assert read == value


@given(st.dictionaries(st.text(), scalars))
def test_the_order_in_which_a_dict_was_filled_does_not_matter(value: dict[str, object]):
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@given(values)
def test_reading_and_writing_again_changes_no_byte(value: object):
    once = canonical(value)
    assert canonical(msgspec.json.decode(once)) == once


def test_a_struct_is_written_by_its_fields_in_sorted_order():
    target = FlowTarget("a", "b", ("10.0.0.1",), ("10.0.0.2",), "tcp", 502)
    command = Command(
        id="c", lease="l", incident="i", decision="d", hand="h", action=Action.DENY, target=target, issued=1, until=2
    )
    body = canonical(command)
    assert list(json.loads(body)) == sorted(json.loads(body))
    assert list(json.loads(body)["target"]) == sorted(json.loads(body)["target"])
    assert msgspec.json.decode(body, type=Command) == command


def test_sets_come_out_sorted_in_every_process():
    code = "from tercio.model.canon import canonical; print(canonical({'alpha','beta','gamma','delta'}).decode())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert seen == {'["alpha","beta","delta","gamma"]\n'}


@pytest.mark.parametrize("value", [object(), {"a": object()}, [lambda: 1]])
def test_what_has_no_canonical_form_is_refused(value: object):
    with pytest.raises(TypeError, match="no canonical form"):
        canonical(value)
