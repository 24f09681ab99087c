"""What a hand refuses whatever the loop says. Pure: an order, the hand's own file, and what it may not hurt, as
values."""

from ipaddress import ip_network

from tercio.model.canon import canonical
from tercio.model.commands import Action, Command, ConduitTarget, FlowTarget, HostTarget, NeededFlow, Target
from tercio.model.units import SECOND, span
from tercio.products.effectors.addresses import Network, address, covers, link_address, network
from tercio.products.effectors.nft_claims import sides
from tercio.products.handfile import HandFile, Needed

MOST_ADDRESSES = 32
"""Addresses of one asset. Were it open, one target could be a whole wall."""
CONDUITS_BEYOND = 4
"""So many conduits may be closed beyond the budget: who changes his address for each act must not spend what stops him,
and each must still leave open what the hand's file needs."""
NARROWEST = 3
"""A side of a conduit that holds an entry of the never_host list must be so many bits wider than that: else the order
is one against that host."""
HOUR = 3600 * SECOND
CLIENT_PORTS = 1024
"""The first port that a client may have as its own: denied on the way back, it ends the session that has it."""
SKEW = 60 * SECOND
"""How far ahead of the hand's clock an order may have been issued."""
UNTOUCHABLE: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), why)
    for text, why in (
        ("0.0.0.0/8", "unspecified"),
        ("127.0.0.0/8", "loopback"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("ff00::/8", "multicast"),
    )
)


def refusal(file: HandFile, command: Command, own: frozenset[str]) -> str:
    """Why the hand does not obey, in one sentence; empty where it does. ``own`` are addresses and link addresses of
    the host it runs on. Addresses that cannot be read are refused too."""
    if command.hand != file.name:
        return f"the order is for hand {command.hand[:80]!r}, this is {file.name!r}"
    if command.action not in file.verbs:
        return f"{command.action} is not among the verbs in this hand's file"
    if command.action is not Action.DENY:
        return ""
    if command.target is None:
        return "a deny names a target"
    try:
        target = command.target
        return _lease(file, command) or _names(file, target) or _reach(file, target, own) or _cut(file, target)
    except ValueError as error:
        return f"the target cannot be read: {error}"


def untimely(command: Command, now: int) -> str:
    """Why an order comes too late, or too early by this hand's clock; empty where it does neither. That passes: another
    order for the same may be obeyed."""
    if command.action is not Action.DENY:
        return ""
    if command.issued > now + SKEW:
        return f"it was issued {span(command.issued - now)} ahead of this hand's clock"
    if command.until - now < SECOND:
        return "lapsed: its end has passed, or is less than a second away"
    return ""


def _lease(file: HandFile, command: Command) -> str:
    length = command.until - command.issued
    if command.until <= 0 or length <= 0:
        return "no duration: until must lie after issued"
    if length > file.longest:
        return f"a lease of {span(length)} is longer than the {span(file.longest)} that this hand's file allows"
    return ""


def _names(file: HandFile, target: Target) -> str:
    match target:
        case HostTarget():
            named: tuple[str, ...] = (target.asset,)
        case FlowTarget():
            named = (target.src, target.dst)
        case ConduitTarget():
            named = (target.src_zone, target.dst_zone)
    barred = [name for name in named if name.casefold() in file.never.names]
    if barred:
        return f"{barred[0]!r} is on this hand's never list"
    name = _blocked(target)
    if name.casefold() in file.never_host.names:
        return f"{name!r} is on this hand's never_host list: it keeps its own traffic"
    return ""


def _blocked(target: Target) -> str:
    """Whose own traffic the target takes away: a host's, or that of the source of a flow."""
    match target:
        case HostTarget():
            return target.asset
        case FlowTarget():
            return target.src
        case ConduitTarget():
            return ""


def _reach(file: HandFile, target: Target, own: frozenset[str]) -> str:
    match target:
        case HostTarget():
            return (
                _machine(file, target, own) or _addresses(file, target.addresses, own) or _kept(file, target.addresses)
            )
        case FlowTarget():
            if why := _kept(file, target.src_addresses):
                return why
            if not target.src_addresses or not target.dst_addresses:
                return "the target has no address"
            return _addresses(file, target.src_addresses, own) or _addresses(file, target.dst_addresses, own)
        case ConduitTarget():
            texts = target.src_networks + target.dst_networks
            found = tuple(map(network, texts))
            return next((why for each in found if (why := _barred(file, each) or _narrow(file, each))), "")


def _machine(file: HandFile, target: HostTarget, own: frozenset[str]) -> str:
    """Why the host's link addresses, or the lack of any address, forbid the order."""
    if not target.addresses and not target.macs:
        return "the target has no address"
    if len(target.macs) > MOST_ADDRESSES:
        return f"{len(target.macs)} link addresses for one asset are more than {MOST_ADDRESSES}"
    for found in map(link_address, target.macs):
        if found in file.never.macs:
            return f"{found} is on this hand's never list"
        if found in file.never_host.macs:
            return f"{found} is on this hand's never_host list: it keeps its own traffic"
        if found in own:
            return f"{found} is a link address of this host itself"
    return ""


def _addresses(file: HandFile, texts: tuple[str, ...], own: frozenset[str]) -> str:
    if len(texts) > MOST_ADDRESSES:
        return f"{len(texts)} addresses for one asset are more than {MOST_ADDRESSES}"
    for found in map(address, texts):
        if why := _barred(file, ip_network(found)):
            return why
        if str(found) in own:
            return f"{found} is an address of this host itself"
    return ""


def _kept(file: HandFile, texts: tuple[str, ...]) -> str:
    for found in map(address, texts):
        if any(covers(kept, ip_network(found)) for kept in file.never_host.networks):
            return f"{found} is on this hand's never_host list: it keeps its own traffic"
    return ""


def _narrow(file: HandFile, side: Network) -> str:
    """Why a conduit's side is a host of the never_host list under another name."""
    for kept in file.never_host.networks:
        inside = covers(kept, side)
        if inside or (covers(side, kept) and kept.prefixlen - side.prefixlen < NARROWEST):
            return (
                f"{side} is hardly more than {kept}, which is on this hand's never_host list: it keeps its own traffic"
            )
    return ""


def _barred(file: HandFile, wanted: Network) -> str:
    for group, why in UNTOUCHABLE:
        if covers(group, wanted) or covers(wanted, group):
            return f"{wanted} holds {why} addresses"
    for never in file.never.networks:
        if covers(never, wanted) or covers(wanted, never):
            return f"{wanted} holds {never}, which is on this hand's never list"
    return ""


def _cut(file: HandFile, target: Target) -> str:
    """Why a target takes away, whole or in part, what this hand's file says is needed."""
    match target:
        case HostTarget():
            hosts = _networks(target.addresses)
            cut = (flow for flow in file.needed if _meet(hosts, flow.src) or _meet(hosts, flow.dst))
            how = "has an end in this host"
        case FlowTarget():
            src, dst = _networks(target.src_addresses), _networks(target.dst_addresses)
            cut = (flow for flow in file.needed if _same(target, src, dst, flow))
            how = "would be taken away"
        case ConduitTarget():
            one, other = sides(target)
            cut = (flow for flow in file.needed if _across(one, other, flow) and not _excepted(target.needed, flow))
            how = "would be closed with this conduit: the order must except the whole of it"
    return next((f"{flow}, a needed flow in this hand's file, {how}" for flow in cut), "")


def _same(target: FlowTarget, src: tuple[Network, ...], dst: tuple[Network, ...], flow: Needed) -> bool:
    if target.transport != flow.transport:
        return False
    if target.port == flow.port and _meet(src, flow.src) and _meet(dst, flow.dst):
        return True
    back = target.port == flow.port or target.port >= CLIENT_PORTS
    return back and _meet(src, flow.dst) and _meet(dst, flow.src)


def _across(one: tuple[Network, ...], other: tuple[Network, ...], flow: Needed) -> bool:
    there = _meet(one, flow.src) and _meet(other, flow.dst)
    return there or (_meet(other, flow.src) and _meet(one, flow.dst))


def _excepted(exceptions: tuple[NeededFlow, ...], flow: Needed) -> bool:
    return any(
        (found.transport, found.port) == (flow.transport, flow.port)
        and covers(network(found.src), flow.src)
        and covers(network(found.dst), flow.dst)
        for found in exceptions
    )


def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(network, texts))


def _meet(networks: tuple[Network, ...], end: Network) -> bool:
    return any(covers(found, end) or covers(end, found) for found in networks)


def identity(target: Target) -> str:
    """What a target touches, without the names that the loop gives it: equal for the same addresses in any order and
    form."""
    match target:
        case HostTarget():
            touched: object = ("host", _sorted(target.addresses), sorted(map(link_address, target.macs)))
        case FlowTarget():
            ends = _sorted(target.src_addresses), _sorted(target.dst_addresses)
            touched = ("flow", *ends, target.transport, target.port)
        case ConduitTarget():
            touched = ("conduit", _sorted(target.src_networks), _sorted(target.dst_networks))
    return canonical(touched).decode()


def _sorted(texts: tuple[str, ...]) -> list[str]:
    return sorted({str(network(text)) for text in texts})


class Budget:
    """How many distinct targets were denied within the last hour, by a clock that never jumps."""

    def __init__(self, limit: int, standing: tuple[str, ...], monotonic: int) -> None:
        """``standing`` are leases found at the start: each counts as one target until it is seen again."""
        self._limit = limit
        self._first: dict[str, int] = {f"lease {lease}": monotonic for lease in standing}
        self._named: dict[str, tuple[int, frozenset[str]]] = {}

    def refusal(self, lease: str, target: Target, monotonic: int) -> str:
        """Why one more target would be too many; empty where it is not. A target within its hour costs nothing
        again, nor does a lease on a host that names nothing new of it. A few conduits may be closed beyond it."""
        self._first = {name: since for name, since in self._first.items() if monotonic - since < HOUR}
        self._named = {name: value for name, value in self._named.items() if monotonic - value[0] < HOUR}
        most = self._limit + (CONDUITS_BEYOND if isinstance(target, ConduitTarget) else 0)
        if self._known(lease, target) or len(self._first) < most:
            return ""
        return f"{self._limit} targets within an hour are what this hand's file allows"

    def spend(self, lease: str, target: Target, monotonic: int) -> None:
        """Count a target that was acted on."""
        narrowed = self._narrowed(lease, target)
        self._first.pop(f"lease {lease}", None)
        if not narrowed:
            self._first.setdefault(identity(target), monotonic)
            self._named[lease] = (monotonic, _parts(target))

    def _known(self, lease: str, target: Target) -> bool:
        return identity(target) in self._first or f"lease {lease}" in self._first or self._narrowed(lease, target)

    def _narrowed(self, lease: str, target: Target) -> bool:
        _, before = self._named.get(lease, (0, frozenset()))
        return isinstance(target, HostTarget) and _parts(target) <= before


def _parts(target: Target) -> frozenset[str]:
    """What a host target names, one by one; nothing of other targets."""
    if not isinstance(target, HostTarget):
        return frozenset()
    return frozenset((*_sorted(target.addresses), *map(link_address, target.macs)))
