import os
import sys

import msgspec
import pytest

from tercio.products.transports.log import log


def test_a_line_is_one_object_whatever_it_says(capsys: pytest.CaptureFixture[str]):
    log("gateway", "two\nlines, \x1b[31m")
    (line,) = capsys.readouterr().err.splitlines()
    said = msgspec.json.decode(line)
    assert (said["part"], said["say"]) == ("gateway", "two\nlines, \x1b[31m")
    assert "\x1b" not in line


def test_a_log_that_is_full_ends_nothing(monkeypatch: pytest.MonkeyPatch):
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space"):
            os.write(full, b"x")
        monkeypatch.setattr(sys, "stderr", os.fdopen(full, "w", closefd=False))
        log("state", "nothing can be written")
    finally:
        os.close(full)
