"""A secret that two processes of one machine share: made on first use, readable by its owner alone."""

import errno
import os
import secrets
from pathlib import Path

from tercio.store.keys import KeyUnusable, put

LENGTH = 32
"""Random bytes in it."""


def shared_secret(path: Path) -> str:
    """The secret at ``path`` (mode 0600). Where there is none, one is made. Raises KeyUnusable."""
    try:
        if not path.exists():
            put(path, secrets.token_urlsafe(LENGTH).encode(), 0o600)
        return read_secret(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "Free space on its disk." if full else "Make the folder writable for this user."
        raise KeyUnusable(f"{path}: {error.strerror}. {advice}") from error


def read_secret(path: Path) -> str:
    """The secret in a file: all of it but white space around. Raises KeyUnusable, and OSError where it can't be
    read."""
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"{path} may be read by others: it may be known already. Run: chmod 600 {path}")
    text = path.read_bytes().strip()
    if not text or not text.isascii() or len(text.splitlines()) != 1:
        raise KeyUnusable(f"{path} holds no secret: it must be one line of ASCII text. Write it anew.")
    return os.fsdecode(text)
