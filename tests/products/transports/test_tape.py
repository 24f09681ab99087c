import io
import tarfile
from contextlib import AbstractContextManager, nullcontext

import pytest

from tercio.products.transports.tape import ended


def tape(*names: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 600
            archive.addfile(member, io.BytesIO(b"x" * 600))
    return data.getvalue()


WHOLE = tape("a", "b", "c")
SECOND = 512 + 1024
"""Where the header of the second member begins."""


@pytest.mark.parametrize("mode", ["r:", "r|"])
@pytest.mark.parametrize(
    ("data", "read", "told"),
    [
        (WHOLE, 3, nullcontext()),
        (WHOLE + b"\0" * (3 << 20), 3, nullcontext()),
        (WHOLE[:SECOND] + b"?" + WHOLE[SECOND + 1 :], 1, pytest.raises(tarfile.ReadError, match="it is damaged")),
        (WHOLE + b"more", 3, pytest.raises(tarfile.ReadError, match="goes on behind its end")),
    ],
)
def test_a_part_does_not_look_like_the_whole(mode: str, data: bytes, read: int, told: AbstractContextManager[object]):
    with tarfile.open(fileobj=io.BytesIO(data), mode=mode) as archive:
        assert len(list(archive)) == read
        with told:
            ended(archive)
