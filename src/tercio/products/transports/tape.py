"""Archives that were made for tapes (tar): whether one was read to its end."""

import tarfile

_BLOCK = 1 << 20
_MOST = 256 * _BLOCK


def ended(archive: tarfile.TarFile) -> None:
    """Ask where no member comes any more, whether this is really the end: tarfile also takes a damaged header for it,
    and a part must not look like the whole. Raises tarfile.ReadError, or what the stream's own check raises."""
    for _ in range(_MOST // _BLOCK):
        rest = archive.fileobj.read(_BLOCK) if archive.fileobj else b""
        if not rest:
            return
        if rest.strip(b"\0"):
            break
    raise tarfile.ReadError("it is damaged, or goes on behind its end")
