"""A Unix socket that keeps messages apart (SOCK_SEQPACKET), with an owner, and a peer that the kernel vouches for."""

import os
import socket
import stat
import struct
from pathlib import Path

LARGEST = 65536
"""Bytes of one message."""

LONGEST_PATH = 107 - len(".new")
"""Bytes of a socket's path: the kernel takes 107, and a socket is made under a longer name first."""


def listen(path: str, uid: int) -> socket.socket:
    """Listen at a pathname with mode 0600, owned by ``uid``. What a dead process left there is replaced. The name
    appears only when all is ready: who finds it can connect.

    Raises OSError with a sentence: where somebody listens already, something else lies there, or the owner cannot be
    set.
    """
    _clear(path)
    new = f"{path}.new"
    Path(new).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        listener.bind(new)
        if uid != os.geteuid():
            _give(new, uid)
        listener.listen(4)
        Path(new).rename(path)
    except OSError as error:
        listener.close()
        Path(new).unlink(missing_ok=True)
        raise OSError(f"cannot listen at {path}: {error.strerror or error}") from error
    finally:
        os.umask(before)
    return listener


def _give(path: str, uid: int) -> None:
    try:
        os.chown(path, uid, -1)
    except OSError as error:
        raise OSError(f"cannot give it to uid {uid}; run the hand as that user ({error.strerror})") from error


def _clear(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(f"{path} exists and is no socket; remove it or name another path")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except OSError as error:
            raise OSError(f"cannot tell who listens at {path}: {error.strerror or error}") from error
    raise OSError(f"another process listens at {path}; end it first, or name another socket")


def peer_uid(line: socket.socket) -> int:
    """The user that the process at the other end had when it connected, as the kernel says."""
    credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def receive(line: socket.socket) -> bytes | None:
    """The next message; empty where it was longer than ``LARGEST`` and was thrown away; None where the peer has gone.

    Raises BlockingIOError where the socket does not block and nothing is there.
    """
    try:
        data, _, flags, _ = line.recvmsg(LARGEST)
    except BlockingIOError:
        raise
    except OSError:
        return None
    if flags & socket.MSG_TRUNC:
        return b""
    return data or None


def send(line: socket.socket, data: bytes) -> bool:
    """Send one message whole, now. False where the peer has gone or does not read."""
    try:
        return line.send(data, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT) == len(data)
    except OSError:
        return False
