import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.events import Event, Unparsed
from tercio.products.sensors.auditd import MAX_EVENT, MOST_HELD, observes, parse, reshape, whole
from tercio.testing.golden import Case, cases, check
from tests.house import tree
from tests.products.sensors.recorded import produce

RECORDED = sorted(Path(__file__).parents[4].glob("shared/data/telemetry/otrf/linux/*/host/*.zip"))


@pytest.mark.parametrize("case", cases(tree.ROOT / "tests" / "golden" / "auditd"), ids=str)
def test_golden(case: Case):
    check(case, lambda lines: produce("auditd", lines))


def line(kind: str, serial: int, at: float = 100.0, rest: str = "a=b") -> bytes:
    return f"type={kind} msg=audit({at:.3f}:{serial}): {rest}\n".encode()


OPEN, ARGUMENTS, END = line("SYSCALL", 1), line("EXECVE", 1), line("EOE", 1)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ([], 0),
        ([OPEN, ARGUMENTS, END], 3),
        ([OPEN, ARGUMENTS], 0),
        ([OPEN, ARGUMENTS, line("PROCTITLE", 1)], 3),
        ([line("USER_LOGIN", 7), OPEN], 1),
        ([OPEN, line("SYSCALL", 2), END], 0),
        ([OPEN, END, line("SYSCALL", 2)], 2),
        ([OPEN, line("SYSCALL", 2), line("EOE", 2)], 0),
        ([OPEN, line("SYSCALL", 2, 103.0), line("EOE", 2, 103.0)], 3),
        ([b"no record\n", OPEN], 1),
    ],
)
def test_lines_wait_for_the_rest_of_their_event(lines: list[bytes], count: int):
    assert whole(lines) == count


def test_what_waits_is_bounded():
    lines = [line("PATH", 1)] * MOST_HELD
    assert whole(lines[:-1]) == 0
    assert whole(lines) == MOST_HELD


def test_however_a_stream_is_cut_the_same_events_come():
    lines = [OPEN, line("SYSCALL", 2), ARGUMENTS, line("USER_LOGIN", 3), line("EXECVE", 2), END, line("EOE", 2)]
    lines += [line("SYSCALL", 4), line("EOE", 4)]
    events, held = [], []
    for one in lines:
        held.append(one)
        count = whole(held)
        events += reshape(held[:count])[0]
        held = held[count:]
    assert not held
    assert tuple(events) == reshape(lines)[0]
    assert len(events) == 4


def test_an_event_that_is_too_long_is_said():
    raw = line("PATH", 1, rest="name=" + "A" * MAX_EVENT)
    assert reshape([raw])[1] == (b"",)
    assert isinstance(parse("a", "1", 0, raw, 0), Unparsed)
    assert not observes(raw)


@given(st.lists(st.binary(max_size=80) | st.sampled_from([OPEN, ARGUMENTS, END]), max_size=12))
def test_any_bytes_are_records_or_none_and_none_is_lost(lines: list[bytes]):
    given = [one.replace(b"\n", b" ") + b"\n" for one in lines]
    assert 0 <= whole(given) <= len(given)
    raw, shaped = reshape(given)
    assert len(raw) == len(shaped)
    assert sum(map(len, raw)) == sum(map(len, given))
    for record, read in zip(raw, shaped, strict=True):
        event = parse("a", "1", 0, record, 0)
        assert isinstance(event, Event) == bool(read)


@pytest.mark.corpus
@pytest.mark.skipif(not RECORDED, reason="the recorded telemetry is not beside this checkout")
def test_recorded_commands():
    told = {}
    for file in RECORDED:
        with zipfile.ZipFile(file) as archive:
            (name,) = archive.namelist()
            lines = archive.read(name).decode().splitlines()
        told[file.stem] = [record["reads"]["CommandLine"] for record in produce("auditd", lines)]
    assert told == {
        "sh_arp_cache": ["arp -a", "grep -v ^?"],
        "sh_binary_padding_dd": ["dd if=/dev/zero bs=1 count=1"],
    }
