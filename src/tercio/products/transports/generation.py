"""The generation of the kernel's nftables rules: a number that changes with every commit, by anybody, in this network
namespace.

While it stands still no rule and no set was changed by anybody; only elements have expired.
"""

import socket
import struct

_GET, _NEW, _ERROR, _REQUEST = (10 << 8) | 16, (10 << 8) | 15, 2, 1
_ID = 1
_NETFILTER = 12


class Generation:
    """A line to the kernel that stays open: closing one after a commit waits until the kernel has let go of what the
    commit replaced, which takes 10 to 20 ms."""

    def __init__(self) -> None:
        """Raises OSError where the kernel has no nftables."""
        self._line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
        self._line.settimeout(2.0)
        self._line.bind((0, 0))
        self._asked = 0

    def read(self) -> int:
        """Ask the kernel. Raises OSError where it refuses (needs CAP_NET_ADMIN) or answers something else."""
        self._asked += 1
        self._line.send(struct.pack("=IHHIIBBH", 20, _GET, _REQUEST, self._asked, 0, 0, 0, 0))
        answer = self._line.recv(4096)
        while len(answer) >= 16 and struct.unpack_from("=I", answer, 8)[0] < self._asked:
            answer = self._line.recv(4096)  # an answer that came too late for the question before
        return parsed(answer)

    def close(self) -> None:
        """Hang up."""
        self._line.close()


def parsed(data: bytes) -> int:
    """The number in an answer: a netlink header of 16 bytes, an nfgenmsg of 4, attributes. Raises OSError for anything
    else."""
    if len(data) >= 20 and struct.unpack_from("=H", data, 4)[0] == _ERROR:
        raise OSError(-struct.unpack_from("=i", data, 16)[0], "the kernel does not tell nftables' generation")
    rest = data[20:] if len(data) >= 20 and struct.unpack_from("=H", data, 4)[0] == _NEW else b""
    while len(rest) >= 8:
        size, kind = struct.unpack_from("=HH", rest)
        if kind & 0x3FFF == _ID:
            return int(struct.unpack_from("!I", rest, 4)[0])
        rest = rest[(max(size, 4) + 3) & ~3 :]
    raise OSError("the kernel told no generation of nftables")
