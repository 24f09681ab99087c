import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.events import Event, Unparsed
from tercio.products.sensors.journald import LOG_SOURCE, MAX_LINE, observes, parse, reshape
from tercio.testing.golden import Case, cases, check
from tests.house import tree
from tests.products.sensors.recorded import produce


@pytest.mark.parametrize("case", cases(tree.ROOT / "tests" / "golden" / "journald"), ids=str)
def test_golden(case: Case):
    check(case, lambda lines: produce("journald", lines))


def entry(**fields) -> bytes:
    return json.dumps({"__REALTIME_TIMESTAMP": "1", "_COMM": "sshd", "_UID": "0"} | fields).encode()


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


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("Failed password for root from 10.0.0.5 port 9 ssh2", {"src_ip": "10.0.0.5", "user": "root"}),
        ("Failed password for invalid user bob from 10.0.0.5 port 9 ssh2", {"src_ip": "10.0.0.5", "user": "bob"}),
        ("Accepted publickey for ann from 10.0.0.5 port 9 ssh2: RSA SHA256:x", {"src_ip": "10.0.0.5", "user": "ann"}),
        (
            "Failed password for invalid user a from 10.9.9.9 port 1 ssh2 from 10.0.0.5 port 9 ssh2",
            {"src_ip": "10.0.0.5", "user": "a from 10.9.9.9 port 1 ssh2"},
        ),
        ("Disconnected from user ann 10.0.0.5 port 9", {"src_ip": "10.0.0.5"}),
        ("Server listening on 0.0.0.0 port 22.", {}),
    ],
)
def test_whom_sshd_speaks_of_is_a_field(message: str, fields: dict[str, str]):
    line = entry(MESSAGE=message)
    (raw,), (shaped,) = reshape([line])
    assert raw == line
    assert {key: value for key, value in json.loads(shaped).items() if key in ("src_ip", "user")} == fields
    assert json.loads(line).items() <= json.loads(shaped).items()


def test_nobody_else_writes_these_fields():
    forged = entry(
        _COMM="logger", SYSLOG_IDENTIFIER="sshd", MESSAGE="x from 10.0.0.5 port 9", src_ip="1.2.3.4", user="a"
    )
    (_,), (shaped,) = reshape([forged])
    assert not {"src_ip", "user"} & json.loads(shaped).keys()


@pytest.mark.parametrize("line", [entry(_COMM="cron"), b'{"_COMM":"sshd"', b"\xff sshd", b'["sshd"]'])
def test_what_is_not_of_sshd_stays_as_it_is(line: bytes):
    assert reshape([line]) == ((line,), (line,))


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


@pytest.mark.parametrize("uid", ["1000", "", None, 0, ["0"]])
def test_a_process_that_gives_itself_sshds_name_accuses_nobody(uid):
    line = entry(_UID=uid, SYSLOG_IDENTIFIER="sshd", MESSAGE="Failed password for root from 10.0.0.5 port 9 ssh2")
    event = parse("j", "1", 0, line, 0)
    assert isinstance(event, Event)
    assert (event.src, event.service) == (None, "")
    assert not {"src_ip", "user"} & json.loads(reshape([line])[1][0]).keys()
