"""The elements of one nftables set, asked of the kernel itself. To list a set takes nft three times as long, and it
tells whole seconds where the kernel tells milliseconds."""

import errno

from tercio.products.transports.netfilter import Line
from tercio.products.transports.packed import attribute, attributes

_GET = (10 << 8) | 13
_FAMILIES = {"inet": 1, "ip": 2, "bridge": 7, "ip6": 10}
_TABLE, _SET, _ELEMENTS = 1, 2, 3


def elements(line: Line, text: str) -> tuple[bytes, ...] | None:
    """``FAMILY TABLE SET``: what the kernel packs of its elements, as many lists of attributes, one an element; None
    where the set, or its table, is absent. What has expired is left out. Raises OSError where the kernel refuses."""
    family, table, name = text.split(" ")
    wanted = attribute(_TABLE, table.encode() + b"\0") + attribute(_SET, name.encode() + b"\0")
    try:
        answers = line.dump(_GET, _FAMILIES[family], wanted)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise OSError(error.errno, f"the kernel does not list set {name}: {error.strerror or error}") from error
    return tuple(value for answer in answers for kind, value in attributes(answer) if kind == _ELEMENTS)
