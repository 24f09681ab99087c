import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.events import Event, Unparsed
from tercio.products.sensors.weblog import LOG_SOURCE, MAX_LINE, observes, parse, reshape
from tercio.testing.golden import Case, cases, check
from tests.house import tree
from tests.products.sensors.recorded import produce

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "telemetry" / "evtx-attack-samples.tar.xz"
LINE = b'10.0.0.1 - - [24/Nov/2026:09:00:00 +0100] "GET /%b HTTP/1.1" 200 5 "-" "%b"\n'


@pytest.mark.parametrize("case", cases(tree.ROOT / "tests" / "golden" / "weblog"), ids=str)
def test_golden(case: Case):
    check(case, lambda lines: produce("weblog", lines))


def test_sigmas_names_of_one_field_lead_to_it():
    assert LOG_SOURCE.places("c-useragent") == ("cs-user-agent",)
    assert LOG_SOURCE.places("cs-method") == ("cs-method",)
    assert LOG_SOURCE.services == {"webserver": ({},)}


def test_a_line_that_is_too_long_is_said():
    raw = LINE % (b"x" * MAX_LINE, b"")
    assert reshape([raw]) == ((raw,), (b"",))
    assert isinstance(parse("w", "1", 0, raw, 0), Unparsed)
    assert not observes(raw)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_is_sent_one_request_is_one_record(path: bytes, agent: bytes):
    raw = LINE % tuple(text.replace(b"\n", b" ").replace(b'"', b"").replace(b"\\", b"") for text in (path, agent))
    (_,), (read,) = reshape([raw])
    event = parse("w", "1", 0, raw, 0)
    assert isinstance(event, Event)
    assert event.src.address == "10.0.0.1"
    assert read.startswith(b'{"c-ip":"10.0.0.1"')


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_none(raw: bytes):
    (_,), (read,) = reshape([raw])
    assert isinstance(parse("w", "1", 0, raw, 0), Event | Unparsed)
    assert not read or read.endswith(b"}\n")


@pytest.mark.corpus
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded telemetry is not beside this checkout")
def test_a_recorded_web_shell():
    with tarfile.open(RECORDED) as archive:
        lines = archive.extractfile(next(m for m in archive if m.name.endswith("access_log.txt"))).readlines()
    read = reshape(lines)[1]
    assert len(read) == 2661
    assert all(read), "each line is understood"
