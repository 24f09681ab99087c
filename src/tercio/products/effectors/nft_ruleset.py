"""The text of ``table inet tercio``: sets, chains and rules that change nothing while the sets are empty.

Connections are remembered in four bits of the conntrack mark (24 to 27); the other bits are left to the site.
"""

import hashlib
from enum import IntEnum
from functools import cache

TABLE = "inet tercio"
GUARD = "type filter hook forward priority -10; policy accept;"
"""Before the site's own forward rules, which usually begin by accepting what is established."""


class Bit(IntEnum):
    """What a connection's mark remembers after the element that set it has gone."""

    ORIGINATOR_DENIED = 0x01000000
    REPLIER_DENIED = 0x02000000
    CLOSED = 0x04000000
    OPENED_SINCE = 0x08000000


HOST_BITS = Bit.ORIGINATOR_DENIED | Bit.REPLIER_DENIED

_TYPES = {
    "hosts": "{a}",
    "flows": "{a} . {a} . inet_proto . inet_service",
    "conduits": "{a} . {a}",
    "needed": "{a} . {a} . inet_proto . inet_service",
    "macs": "ether_addr",
}
RANGES = ("conduits", "needed")
"""Kinds whose keys are networks."""
KINDS = tuple(_TYPES)
FAMILIES = (4, 6)
PINNED = ("never", "kept")
"""Sets that hold what the hand's own file says. What is never to be refused as a host is ``kept`` where a link address
is refused: the link address of a controller in an order must not silence it."""


def families(kind: str) -> tuple[int, ...]:
    """The families that a kind has sets for: 4 and 6, or 2 for link addresses."""
    return (2,) if kind == "macs" else FAMILIES


def _sets() -> dict[str, str]:
    words = {2: "ether_addr", 4: "ipv4_addr", 6: "ipv6_addr"}
    sets = {f"{name}{n}": f"type {words[n]}; flags interval;" for n in FAMILIES for name in PINNED}
    for kind, form in _TYPES.items():
        flags = "interval,timeout" if kind in RANGES else "timeout"
        for n in families(kind):
            sets[f"{kind}{n}"] = f"type {form.format(a=words[n])}; flags {flags};"
            sets[f"claimed_{kind}{n}"] = f"type ether_addr . {form.format(a=words[n])}; flags {flags};"
            if kind in ("hosts", "flows"):
                sets[f"wary_{kind}{n}"] = f"type {form.format(a=words[n])}; flags timeout;"
    return sets


SETS = _sets()
"""Every set's name and declaration. ``claimed_*`` are read by no rule: they say which lease wants what until when, and
the sets that rules read are computed from them. ``wary_*`` outlive a block by some minutes."""


@cache
def sets_of(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The names of all sets for these kinds: those that rules read, claims and wariness."""
    return tuple(name for name in SETS if name[:-1].rpartition("_")[2] in kinds)


def _both(why: str, rule: str) -> list[tuple[str, str, str]]:
    return [("guard", f"{why}, IPv{n}", rule.format(ip=ip, n=n)) for ip, n in (("ip", 4), ("ip6", 6))]


_FLOW = "{ip} saddr . {ip} daddr . meta l4proto . th dport"
_TCP = "meta l4proto tcp"
_RESET = f"{_TCP} reject with tcp reset"
_NEIGHBOURS = "ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
_REPLY = "{ip} daddr . {ip} saddr . meta l4proto . th sport"


def _marks(bit: int) -> str:
    return f"ct mark set ct mark | {bit:#010x}"


def _if(bit: int) -> str:
    return f"ct mark & {bit:#010x} != 0"


RULES: tuple[tuple[str, str, str], ...] = (
    ("guard", "groups are never touched", "fib daddr type { broadcast, multicast } accept"),
    *_both("never touched as source", "{ip} saddr @never{n} accept"),
    *_both("never touched as destination", "{ip} daddr @never{n} accept"),
    *_both("from a denied host", "{ip} saddr @hosts{n} goto from_denied"),
    *_both("from a denied machine", "ether saddr @macs2 {ip} saddr != @kept{n} goto from_denied"),
    *_both("a denied flow", f"{_FLOW} @flows{{n}} goto from_denied"),
    *_both("to a denied host", "{ip} daddr @hosts{n} goto to_denied"),
    *_both("reply of a denied flow", f"{_REPLY} @flows{{n}} goto to_denied"),
    ("guard", "connections caught during a block", f"meta l4proto tcp {_if(HOST_BITS)} goto caught"),
    *_both("from a host denied until lately", "{ip} saddr @wary_hosts{n} meta l4proto tcp jump wary"),
    *_both("a flow denied until lately", f"{_FLOW} @wary_flows{{n}} meta l4proto tcp jump wary"),
    *_both("needed through a closed conduit", f"{_FLOW} @needed{{n}} accept"),
    *_both("replies to what is needed, TCP", f"{_REPLY} @needed{{n}} tcp flags & (syn | ack) != syn accept"),
    *_both("replies to what is needed, UDP", f"{_REPLY} @needed{{n}} meta l4proto udp accept"),
    ("guard", "errors about known connections", "meta l4proto { icmp, ipv6-icmp } ct state related accept"),
    ("guard", "connections caught in a closed conduit", f"meta l4proto tcp {_if(Bit.CLOSED)} drop"),
    ("guard", "neighbours find each other on one link", _NEIGHBOURS),
    *_both("through a closed conduit", "{ip} saddr . {ip} daddr @conduits{n} goto closed"),
    *_both("back through a closed conduit", "{ip} daddr . {ip} saddr @conduits{n} goto closed"),
    ("from_denied", "other than TCP: silence", "meta l4proto != tcp drop"),
    ("from_denied", "remember: he opened it", f"ct direction original {_marks(Bit.ORIGINATOR_DENIED)}"),
    ("from_denied", "remember: it was opened to him", f"ct direction reply {_marks(Bit.REPLIER_DENIED)}"),
    ("from_denied", "his stack gives up, so nothing is replayed later", _RESET),
    ("to_denied", "remember: it was opened to him", f"{_TCP} ct direction original {_marks(Bit.REPLIER_DENIED)}"),
    ("to_denied", "remember: he opened it", f"{_TCP} ct direction reply {_marks(Bit.ORIGINATOR_DENIED)}"),
    ("to_denied", "no packet of ours to the other end", "drop"),
    ("caught", "he goes on with what he opened", f"ct direction original {_if(Bit.ORIGINATOR_DENIED)} {_RESET}"),
    ("caught", "he goes on with what was opened to him", f"ct direction reply {_if(Bit.REPLIER_DENIED)} {_RESET}"),
    ("caught", "no packet of ours to the other end", "drop"),
    ("wary", "without conntrack old and new look alike", "ct state untracked return"),
    ("wary", "opened by somebody else", "ct direction reply return"),
    ("wary", "opened since the block", f"{_if(Bit.OPENED_SINCE)} return"),
    ("wary", "opens now", f"ct state new tcp flags & (fin | syn | rst | ack) == syn {_marks(Bit.OPENED_SINCE)} return"),
    ("wary", "left over from before the block", _RESET),
    ("closed", "remember the connection", f"meta l4proto tcp {_marks(Bit.CLOSED)}"),
    ("closed", "no packet of ours to either end", "drop"),
)
"""(chain, why, rule), in order."""

CHAINS = ("from_denied", "to_denied", "caught", "wary", "closed", "guard")


def signature(why: str, rule: str) -> str:
    """The comment that a rule carries in the kernel: a reader sees its reason, and the hand that the rule is its own,
    unchanged."""
    return f"{why} [{hashlib.sha256(rule.encode()).hexdigest()[:8]}]"


SIGNATURES = tuple((chain, signature(why, rule)) for name in CHAINS for chain, why, rule in RULES if chain == name)


def declaration(never: tuple[str, ...], kept: tuple[str, ...] = ()) -> str:
    """The transaction that makes the table what it should be: creates what is missing, replaces all rules, keeps every
    element but those of the pinned sets, which become ``never`` and ``kept`` (networks, none overlapping)."""
    lines = [f"add table {TABLE}"]
    lines += [f"add set {TABLE} {name} {{ {form} }}" for name, form in SETS.items()]
    for family, sign in ((4, "."), (6, ":")):
        for name, networks in zip(PINNED, (never, kept), strict=True):
            lines.append(f"flush set {TABLE} {name}{family}")
            if mine := [n for n in networks if (":" in n) == (sign == ":")]:
                lines.append(f"add element {TABLE} {name}{family} {{ {', '.join(mine)} }}")
    for name in CHAINS:
        lines.append(f"add chain {TABLE} {name}" + (f" {{ {GUARD} }}" if name == "guard" else ""))
        lines.append(f"flush chain {TABLE} {name}")
    lines += [f'add rule {TABLE} {chain} {rule} comment "{signature(why, rule)}"' for chain, why, rule in RULES]
    return "\n".join(lines)
