"""The generation of the kernel's nftables rules: a number that changes with every commit, by anybody, in this network
namespace.

While it stands still no rule and no set was changed by anybody; only elements have expired.
"""

from tercio.products.transports.netfilter import Line
from tercio.products.transports.packed import attributes

_GET, _ID = (10 << 8) | 16, 1


def generation(line: Line) -> int:
    """Ask the kernel. Raises OSError where it refuses (needs CAP_NET_ADMIN) or answers something else."""
    try:
        answers = line.ask(_GET, 0)
    except OSError as error:
        raise OSError(
            error.errno, f"the kernel does not tell nftables' generation: {error.strerror or error}"
        ) from error
    for answer in answers:
        for kind, value in attributes(answer):
            if kind == _ID and len(value) == 4:
                return int.from_bytes(value, "big")
    raise OSError("the kernel told no generation of nftables")
