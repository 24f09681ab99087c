import os
from pathlib import Path

from tercio.products.transports.following import Following
from tercio.products.transports.tail import Tail


def test_a_trouble_is_told_when_it_begins_and_a_loss_each_time(tmp_path: Path):
    path = tmp_path / "log"
    with Tail("s", path) as tail:
        file = Following(tail)
        assert file.read(0, 100) == ((), (f"s: {path}: does not exist yet",))
        assert file.read(1, 100) == ((), ())
        path.mkdir()
        told = [file.read(at, 100)[1] for at in range(2, 5)]
        assert len(told[0]) == 1
        assert told[0][0].startswith(f"s: {path}: ")
        assert told[1:] == [(), ()]
        path.rmdir()
        path.write_bytes(b"a\n")
        batches, words = file.read(5, 100)
        assert [batch.lines for batch in batches] == [(b"a\n",)]
        assert words == ()
        for number in (1, 2):
            os.truncate(path, 0)
            path.write_bytes(b"%d\n" % number)
            _, (loss,) = file.read(5 + number, 100)
            assert "when it was truncated (times: 1, bytes: 0)" in loss
    assert file.source == "s"
