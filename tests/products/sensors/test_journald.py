import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.events import Event, Unparsed
from tercio.products.sensors.journald import LOG_SOURCE, MAX_LINE, observes, parse
from tercio.testing.golden import Case, cases, check
from tests.house import tree
from tests.products.sensors.recorded import produce


@pytest.mark.parametrize("case", cases(tree.ROOT / "tests" / "golden" / "journald"), ids=str)
def test_golden(case: Case):
    check(case, lambda lines: produce("journald", lines))


def entry(**fields) -> bytes:
    return json.dumps({"__REALTIME_TIMESTAMP": "1", "_COMM": "sshd"} | fields).encode()


@pytest.mark.parametrize(
    ("message", "address"),
    [
        ("Failed password for root from 10.0.0.5 port 99999 ssh2", ""),
        ("Failed password for root from 127.0.0.1 port 9 ssh2", ""),
        ("Failed password for root from nowhere port 9 ssh2", ""),
        ("x from 10.0.0.5 port 9 and more", ""),
        ("x from 10.0.0.5 port 9", "10.0.0.5"),
        (["x"], ""),
        (7, ""),
    ],
)
def test_an_address_is_taken_only_where_sshd_puts_one(message, address: str):
    event = parse("j", "1", 0, entry(MESSAGE=message), 0)
    assert isinstance(event, Event)
    assert (event.src.address if event.src else "") == address


def test_services_are_told_by_who_logged():
    assert LOG_SOURCE.services["auth"] == ({"SYSLOG_FACILITY": ("4", "10")},)
    assert LOG_SOURCE.services["sshd"] == ({"SYSLOG_IDENTIFIER": ("sshd", "sshd-session", "sshd-auth")},)
    assert not observes(entry())


@pytest.mark.parametrize(
    "raw", [b'{"__REALTIME_TIMESTAMP":"1","x":"' + b"a" * MAX_LINE + b'"}', b'{"x": "\xff"}', b"[1]"]
)
def test_what_is_no_entry_is_said(raw: bytes):
    assert isinstance(parse("j", "1", 0, raw, 0), Unparsed)


VALUES = st.none() | st.integers() | st.text(max_size=40) | st.lists(st.integers(-1, 300), max_size=5)


@given(st.dictionaries(st.sampled_from(["MESSAGE", "_COMM", "_HOSTNAME", "SYSLOG_IDENTIFIER"]), VALUES))
def test_any_values_are_an_entry_or_none(fields):
    assert isinstance(parse("j", "1", 0, entry(**fields), 0), Event | Unparsed)
