import os
import signal

import pytest

from tercio.drills.range.actor import Stopped, arguments, play
from tercio.drills.range.traces import Started, read_trace


@pytest.fixture(autouse=True)
def own_signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_it_acts_with_its_options_and_its_trace(tmp_path):
    options = arguments("x").parse_args(["--trace", str(tmp_path / "t"), "--target", "10.0.0.9"])
    assert play(options, lambda given, trace: trace.add(Started(1, given.target))) == 0
    assert read_trace(tmp_path / "t").records == (Started(1, "10.0.0.9"),)


def test_sigterm_ends_it_cleanly_after_its_last_words(tmp_path):
    def act(_options, trace):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            trace.add(Started(1, "not reached"))
        except Stopped:
            trace.add(Started(2, "last"))
            raise

    assert play(arguments("x").parse_args(["--trace", str(tmp_path / "t")]), act) == 0
    assert [each.actor for each in read_trace(tmp_path / "t").records] == ["last"]


def test_it_waits_before_it_acts(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    options = arguments("x").parse_args(["--trace", str(tmp_path / "t"), "--after", "2.5"])
    play(options, lambda _options, _trace: slept.append("acted"))
    assert slept == [2.5, "acted"]


def test_without_a_trace_it_refuses(capsys):
    with pytest.raises(SystemExit):
        arguments("x").parse_args([])
    assert "--trace" in capsys.readouterr().err
