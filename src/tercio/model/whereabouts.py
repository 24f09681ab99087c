"""Where addresses are: the machine, told by its link address (MAC), at which each was last proven.

A machine that the site does not list is called by one of its addresses, or ``ADDRESS@MAC`` where that address has been
the name of another machine before, or the link address is a listed machine's that uses its own addresses.
"""

from collections.abc import Iterable

import msgspec

from tercio.model.commands import FlowTarget, HostTarget, Target
from tercio.model.site import ROUTERS, SHARED_ROLES, Asset, Site, ip_of
from tercio.model.units import SECOND

PROOF_AGE = 300 * SECOND
"""Proof of where an address is has an age (microseconds): after so long without it, another machine may prove that it
has the address now. As long after two machines used an address, a session of which nobody saw whose it is may be
either's."""

MOST_ADDRESSES = 32
"""Addresses that one machine may have; a hand takes no more of one host."""


UNKNOWN = "unknown"
"""Stands for the link address of a machine where there is reason to doubt that it is the one whose address it uses, and
nobody saw which one it is. ``ADDRESS@unknown`` is no host that may be refused."""


class Home(msgspec.Struct, frozen=True):
    """An address at a machine: since when, when that was last proven (instants), and at which machine it was before
    (empty: at none that is known)."""

    mac: str
    since: int
    seen: int
    before: str = ""


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of addresses and machines.

    ``homes`` by address; ``names`` of machines that the site does not list, by link address; ``routers`` are link
    addresses that speak for others; ``flows`` is which machine began a session, by the key of its traffic (``UNKNOWN``
    where all that was seen of it is a packet in that address's name from another machine); ``promised`` is at which
    machine a server said that an address is, where nobody has proven it since; ``disputes`` is when an address was last
    used by another machine than its own; ``told`` when that was last reported, by address and link address; ``showing``
    are sources whose records show link addresses.
    """

    homes: dict[str, Home] = {}
    names: dict[str, str] = {}
    routers: tuple[str, ...] = ()
    flows: dict[str, str] = {}
    promised: dict[str, Home] = {}
    disputes: dict[str, int] = {}
    told: dict[str, int] = {}
    showing: tuple[str, ...] = ()


NOWHERE = Whereabouts()
"""Nothing is known of any machine: the site's own words are all there is."""


class Machine(msgspec.Struct, frozen=True):
    """Whom a name means now: all fresh addresses, the link addresses where known (never a router's), and whether many
    stand behind it, so that it must not be refused as a host."""

    addresses: tuple[str, ...]
    macs: tuple[str, ...] = ()
    shared: bool = False


def shared(asset: Asset) -> bool:
    """Whether many stand behind this asset's addresses: by the site's word, or by its role."""
    return asset.shared or asset.role in SHARED_ROLES


def owner(site: Site, at: Whereabouts, address: str) -> str:
    """The link address of the machine that an address belongs to, as far as known: by what was proven, else by the
    site. Empty where nobody knows, and for what many share."""
    asset = site.asset_at(address)
    if asset is not None and shared(asset):
        return ""
    home = at.homes.get(address)
    return home.mac if home is not None else asset.mac if asset is not None else ""


def name_of(site: Site, at: Whereabouts, address: str, mac: str = "") -> str:
    """Whom an address means that was used by the machine ``mac`` (empty: by whomever it belongs to). What many share
    is itself, whichever machine speaks for it."""
    asset = site.asset_at(address)
    if asset is not None and shared(asset):
        return asset.name
    if mac == UNKNOWN:
        return f"{address}@{UNKNOWN}"
    mac = mac or owner(site, at, address)
    listed = site.asset_with(mac) if mac else None
    if listed is not None and listed.role not in ROUTERS:
        return f"{address}@{mac}" if asset is None and _borrowed(at, listed, address) else listed.name
    if asset is not None and (not mac or not asset.mac or mac == asset.mac):
        return asset.name
    return at.names.get(mac, address)


def unknown(name: str) -> bool:
    """Whether a name stands for a machine of which nobody saw which one it is: no host that may be refused."""
    return name.partition("@")[2] == UNKNOWN


def met(site: Site, at: Whereabouts, address: str) -> str:
    """Whom an address means to which somebody turned: whoever is there."""
    mac = owner(site, at, address)
    listed = site.asset_with(mac) if mac else None
    return listed.name if listed is not None and listed.role not in ROUTERS else name_of(site, at, address)


def _borrowed(at: Whereabouts, listed: Asset, address: str) -> bool:
    """Whether an address that nobody lists came to a listed link address while that machine used its own: it may be a
    stranger's who took the link address."""
    home = at.homes.get(address)
    since = home.since - PROOF_AGE if home is not None and home.mac == listed.mac else 0
    own = (at.homes.get(each) for each in listed.addresses)
    return any(each is not None and each.mac == listed.mac and each.seen >= since for each in own)


class Index(msgspec.Struct, frozen=True):
    """Whereabouts the other way round: the addresses at a link address, the link addresses under a name."""

    addresses: dict[str, tuple[str, ...]]
    macs: dict[str, tuple[str, ...]]


def index_of(at: Whereabouts) -> Index:
    """Look once at all that is known, for many names."""
    addresses: dict[str, tuple[str, ...]] = {}
    macs: dict[str, tuple[str, ...]] = {}
    for address, home in sorted(at.homes.items()):
        addresses[home.mac] = (*addresses.get(home.mac, ()), address)
    for mac, name in sorted(at.names.items()):
        macs[name] = (*macs.get(name, ()), mac)
    return Index(addresses, macs)


def machine_of(
    site: Site, at: Whereabouts, index: Index, name: str, used: Iterable[str] = (), since: int = 0
) -> Machine:
    """What a name of an incident means now. ``used`` are the addresses under which it acted, last at ``since``: those
    that went to another machine later are no longer its own."""
    asset = site.assets.get(name)
    if asset is not None and shared(asset):
        return Machine(asset.addresses, (), True)
    seen = tuple(used) or (name.partition("@")[0],)
    known = asset.addresses if asset is not None else tuple(a for a in seen if ip_of(a) is not None)
    gone = {a for a in known if a in at.homes and at.homes[a].before and at.homes[a].since > since}
    if asset is None:
        macs = set(index.macs.get(name, ()))
    else:
        macs = {asset.mac} if asset.mac else {at.homes[a].mac for a in known if a in at.homes and a not in gone}
    own = sorted(address for mac in macs for address in index.addresses.get(mac, ()))
    strict = bool(macs) and (asset is None or bool(asset.mac))
    kept = [a for a in known if a in own or a not in at.homes or not (strict or a in gone)]
    certain = macs if len(macs) == 1 else set()
    addresses = tuple(dict.fromkeys((*kept, *own)))[:MOST_ADDRESSES]
    return Machine(addresses, tuple(certain - {*at.routers, *site.routers}))


def ends_of(site: Site, target: Target | None) -> tuple[frozenset[str], frozenset[str]]:
    """The names at a target's own side and at its far side, as it calls them and as the site knows their addresses and
    link addresses: a machine that took a listed asset's address is refused at that asset's cost. Closing a conduit
    names nobody."""
    match target:
        case HostTarget(asset=name, addresses=addresses, macs=macs):
            listed = (site.asset_with(mac) for mac in macs)
            return _named(site, name, addresses) | {asset.name for asset in listed if asset is not None}, frozenset()
        case FlowTarget():
            return _named(site, target.src, target.src_addresses), _named(site, target.dst, target.dst_addresses)
        case _:
            return frozenset(), frozenset()


def _named(site: Site, name: str, addresses: Iterable[str]) -> frozenset[str]:
    listed = (site.asset_at(address) for address in addresses)
    return frozenset({name, *(asset.name for asset in listed if asset is not None)})


def moved(at: Whereabouts, address: str, macs: Iterable[str], since: int) -> bool:
    """Whether an address went, after ``since`` (an instant), to a machine that is none of ``macs``. Where a machine is
    known by its link address, a server's word is enough: it is refused under that, whatever becomes of the address."""
    home, word = at.homes.get(address), at.promised.get(address)
    if word is not None and macs and word.since > since and word.mac not in macs:
        return True
    return home is not None and bool(home.before) and home.since > since and home.mac not in macs
