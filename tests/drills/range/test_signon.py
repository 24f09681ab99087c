import pytest

from tercio.drills.range.directory import missing
from tercio.drills.range.signon import sign_on
from tercio.drills.range.traces import SignOn, Started

SIGNON = "tercio.drills.range.signon"


@pytest.fixture
def passwords(tmp_path):
    if reason := missing():
        pytest.skip(reason)
    (tmp_path / "eplan").write_text("wrong")
    return tmp_path


def test_it_waits_for_the_directory_and_then_signs_on_again_and_again(stage, passwords):
    folder = stage.folder / "directory"
    argv = ("--target", "::1", "--account", "svc-hmi1", "--passwords", str(folder / "passwords"), "--every", "0.05")
    stage.start(SIGNON, *argv)
    stage.start("tercio.drills.range.directory", "--store", str(folder), "--bind", "127.0.0.1", "::1")
    stage.until(lambda: len(stage.records("signon", SignOn)) >= 3)
    assert {each.outcome for each in stage.records("signon", SignOn)} == {"accepted"}
    assert sign_on("127.0.0.1", stage.port, "eplan", passwords).outcome == "refused"
    stage.end("directory")
    stage.until(lambda: stage.records("signon", SignOn)[-1].outcome == "unreachable")
    assert stage.end("signon") == 0
    assert len(stage.records("signon", Started)) == 1


def test_a_directory_that_is_not_there_is_a_value(passwords):
    done = sign_on("127.0.0.1", 1, "eplan", passwords)
    assert (done.account, done.target, done.outcome) == ("eplan", "127.0.0.1", "unreachable")
