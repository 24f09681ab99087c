"""Which machine did it: the link addresses in records, against what is known of who is where.

A frame's link address tells of a machine only on that machine's own segment; beyond a router it is the router's. What
is said here of a machine is as true as link addresses are: whoever takes a neighbour's link address too looks like that
neighbour, and only the switch can tell them apart.
"""

from typing import TypeVar

import msgspec

from tercio.model.events import Assignment, Endpoint, Event, Provenance
from tercio.model.findings import Finding, Level
from tercio.model.ids import finding_id
from tercio.model.site import CONTROLLERS, ROUTERS, Asset, Site, ip_of
from tercio.model.units import SECOND
from tercio.model.whereabouts import MOST_ADDRESSES, PROOF_AGE, UNKNOWN, Home, Whereabouts, owner, shared

FRESH = 10 * SECOND
"""What is proven again within this (microseconds) is not written down again."""

MOST_HOMES = 2048
MOST_FLOWS = 512
MOST_NOTES = 256
MOST_ROUTERS = 64
"""Addresses, sessions, disputes and learnt routers that are remembered: beyond it the oldest goes, of addresses one
that the site does not list."""

TOLD_AGAIN = 3600 * SECOND
"""That an address is used from two machines is reported again after this (microseconds)."""

SERVERS = ROUTERS | {"dhcp", "directory", "server"}
"""Roles of listed machines whose DHCP acknowledgements are believed, if the link address is theirs."""

RULE = "0d0d2f6a-7c0e-4d0b-9b55-3c1b6f5c2f31"
"""The name under which findings of an address that two machines use are known."""

_PROVEN = (Provenance.ESTABLISHED, Provenance.AUTHENTICATED)

V = TypeVar("V")


class Census:
    """One turn's working copy of the whereabouts: ``take`` every event in its order; ``at`` is then what is known, and
    ``findings`` are what it has to say of addresses that two machines use."""

    def __init__(self, site: Site, at: Whereabouts) -> None:
        self._site, self.at = site, at
        self._listed = site.routers
        self._routers = self._listed | frozenset(at.routers)
        self._copied: set[str] = set()
        self.findings: list[Finding] = []

    def take(self, event: Event) -> Event:
        """The event with the machine behind its source, and what it then proves.

        On its own segment, a session under an address that is another machine's is as good as forged. Behind a router
        it happened, and where nobody saw which machine it is, or another one began it, it is an unknown machine's. What
        was read from another machine than the controller itself was not read.
        """
        if event.assigned is not None:
            self._assigned(event, event.assigned)
        src, dst = event.src, event.dst
        if src is None or dst is None:
            return event
        if event.source not in self.at.showing:
            if not src.mac and not dst.mac:
                return event
            self.at = msgspec.structs.replace(self.at, showing=tuple(sorted({*self.at.showing, event.source})))
        return self._judged(event, src, dst)

    def _judged(self, event: Event, src: Endpoint, dst: Endpoint) -> Event:
        # A flow's record is written when it is over: it tells of its last packet, not of now.
        proven, now = event.provenance in _PROVEN, min(event.until, event.time, event.received)
        network = self._site.network_at(src.address)
        link = bool(network) and network == self._site.network_at(dst.address)
        link = link or _link_local(src.address) or _link_local(dst.address)
        if proven and not link:
            self._learn_router(src, dst)
            self._learn_router(dst, src)
        mine, theirs = self._own(src, dst, link), self._own(dst, src, link)
        known = owner(self._site, self.at, src.address)
        doer, forged, read = mine or self.at.flows.get(event.flow, ""), False, True
        if mine:
            forged = self._elsewhere(event, src.address, mine, now)
            if event.flow:
                self._follow(event.flow, mine, known, proven=proven, forged=forged)
        elif proven:
            read = not (known and doer and doer != known)
            forged, doer = self._unseen(src, doer, known, now, link=link)
        if proven and theirs and self._elsewhere(event, dst.address, theirs, now):
            read = False
        return msgspec.structs.replace(
            event,
            machine=doer,
            provenance=Provenance.FORGEABLE if forged else event.provenance,
            readings=event.readings if read and not forged else (),
        )

    def _unseen(self, src: Endpoint, doer: str, known: str, now: int, *, link: bool) -> tuple[bool, str]:
        """Of a session that shows no link address of its source's own: whether it is as good as forged, and whose it
        is. That somebody else may have done it is no proof that nobody did."""
        if doer:
            other = bool(known) and doer != known
            return other and link, UNKNOWN if other and not link else doer
        if link and not src.mac:
            return bool(known), ""
        disputed = now - self.at.disputes.get(src.address, -PROOF_AGE) < PROOF_AGE
        word = self.at.promised.get(src.address)
        passing = word is not None and bool(known) and word.mac != known
        return False, UNKNOWN if disputed or passing else ""

    def _own(self, end: Endpoint, other: Endpoint, link: bool) -> str:
        """The link address of an end where it is a machine's own, and no router's on the way. Else empty."""
        if not end.mac or end.mac in self._routers:
            return ""
        there = self._at_home(other) and self._site.network_at(other.address) in self._site.gated
        sure = link or other.mac in self._routers or there or self._machines(end.mac)
        return end.mac if sure else ""

    def _at_home(self, end: Endpoint) -> bool:
        return bool(end.mac) and end.mac == owner(self._site, self.at, end.address)

    def _machines(self, mac: str) -> bool:
        """Whether a link address is known as a machine's own, so that it speaks for nobody else."""
        return mac in self.at.names or self._site.asset_with(mac) is not None

    def _learn_router(self, near: Endpoint, far: Endpoint) -> None:
        """Two networks, and one end on its own segment: what speaks for the other end there is a router. Where the site
        lists the routers of that segment, only they are."""
        mac = far.mac
        if not mac or mac in self._routers or not self._at_home(near) or len(self.at.routers) >= MOST_ROUTERS:
            return
        if not self._machines(mac) and self._site.network_at(near.address) not in self._site.gated:
            self.at = msgspec.structs.replace(self.at, routers=tuple(sorted({*self.at.routers, mac})))
            self._routers = self._listed | frozenset(self.at.routers)

    def _elsewhere(self, event: Event, address: str, mac: str, now: int) -> bool:
        """Whether the address is another machine's; else take down, if this is proof, that it is at this one."""
        asset = self._site.asset_at(address)
        if asset is not None and shared(asset):
            return False
        proven = event.provenance in _PROVEN
        known, home = owner(self._site, self.at, address), self.at.homes.get(address)
        if home is not None and mac == home.before and now < home.since:
            return False
        if known and known != mac and not (proven and self._may_move(asset, address, mac, now)):
            self._dispute(event, address, mac, now, proven=proven)
            return True
        if proven:
            self._settle(address, mac, now)
            self._keep_word(address, mac, now)
        return False

    def _may_move(self, asset: Asset | None, address: str, mac: str, now: int) -> bool:
        """Whether proof by another machine moves an address: one that the site gives no machine, of which its own has
        proven nothing for long, or which a server has given to the other."""
        home, word = self.at.homes.get(address), self.at.promised.get(address)
        if home is None or (asset is not None and asset.mac not in ("", mac)):
            return False
        given = word is not None and word.mac == mac and now >= word.since
        return given or now - home.seen > PROOF_AGE

    def _keep_word(self, address: str, mac: str, now: int) -> None:
        """A server's word is kept once its machine proves the address, and void once another does."""
        word = self.at.promised.get(address)
        if word is None or now < word.since:
            return
        for name in ("promised", "disputes") if word.mac == mac else ("promised",):
            left = {key: value for key, value in getattr(self.at, name).items() if key != address}
            self.at = msgspec.structs.replace(self.at, **{name: left})
            self._copied.discard(name)

    def _settle(self, address: str, mac: str, now: int) -> None:
        """An address is proven to be at a machine."""
        if not self._site.network_at(address) and not _link_local(address):
            return
        home, known = self.at.homes.get(address), owner(self._site, self.at, address)
        if home is not None and home.mac == mac:
            if now - home.seen >= FRESH:
                self._edit("homes", address, msgspec.structs.replace(home, seen=now), MOST_HOMES)
            return
        if sum(1 for other in self.at.homes.values() if other.mac == mac) >= MOST_ADDRESSES:
            return
        self._make_room()
        self._edit("homes", address, Home(mac, now, now, known if known != mac else ""), MOST_HOMES)
        asset = self._site.asset_at(address)
        if mac not in self.at.names and self._site.asset_with(mac) is None:
            taken = asset is not None or address in self.at.names.values()
            name = asset.name if asset is not None and not asset.mac else f"{address}@{mac}" if taken else address
            self._edit("names", mac, name, MOST_HOMES)

    def _make_room(self) -> None:
        if len(self.at.homes) >= MOST_HOMES:
            strangers = [a for a in self.at.homes if self._site.asset_at(a) is None] or list(self.at.homes)
            oldest = min(strangers, key=lambda a: (self.at.homes[a].seen, a))
            rest = {address: home for address, home in self.at.homes.items() if address != oldest}
            self.at = msgspec.structs.replace(self.at, homes=rest)

    def _follow(self, flow: str, mac: str, owner_: str, *, proven: bool, forged: bool) -> None:
        """Whose a session is: by proof of the address's own machine, else by that of another, which takes no session
        from its own. What anybody could have sent in the name of a machine makes it unknown at most, and takes nothing
        from anybody."""
        known = self.at.flows.get(flow, "")
        if proven and not forged:
            said = mac
        elif proven:
            said = known if known and known != UNKNOWN else mac
        else:
            said = UNKNOWN if not known and owner_ not in ("", mac) else known
        if said != known:
            self._edit("flows", flow, said, MOST_FLOWS)

    def _assigned(self, event: Event, said: Assignment) -> None:
        """A listed server's acknowledgement lets its client prove an address of that server's own network at once;
        anybody could have sent it, so it moves nothing by itself, and nothing that the site has placed."""
        server = self._site.asset_at(event.src.address) if event.src is not None else None
        if event.src is None or server is None or server.role not in SERVERS or not event.src.mac:
            return
        vouched = event.src.mac in {server.mac, *self._listed} - {""}
        asset = self._site.asset_at(said.address)
        network = self._site.network_at(said.address)
        near = bool(network) and network == self._site.network_at(event.src.address)
        if (
            not vouched
            or not near
            or said.mac in self._routers
            or (asset is not None and self._placed(asset, said.mac))
        ):
            return
        now = min(event.time, event.received)
        self._edit("promised", said.address, Home(said.mac, now, now), MOST_NOTES)

    def _placed(self, asset: Asset, mac: str) -> bool:
        """Whether the site itself says where an asset is, or it is nothing that takes its address from a server."""
        needed = any(asset.name in (*p.needs, *p.views, *p.safety) for p in self._site.processes.values())
        moves = asset.role not in CONTROLLERS and asset.role != "safety" and not needed and not shared(asset)
        return not moves or asset.mac not in ("", mac)

    def _dispute(self, event: Event, address: str, mac: str, now: int, *, proven: bool) -> None:
        if proven:
            self._edit("disputes", address, now, MOST_NOTES)
        key = f"{address} {mac}"
        if now - self.at.told.get(key, -TOLD_AGAIN) >= TOLD_AGAIN:
            self._edit("told", key, now, MOST_NOTES)
            self.findings.append(disputed(event, address, mac))

    def _edit(self, name: str, key: str, value: object, most: int) -> None:
        """Write one entry; beyond the bound the one written first goes."""
        table = getattr(self.at, name)
        if name not in self._copied:
            self._copied.add(name)
            table = dict(table)
        table.pop(key, None)
        table[key] = value
        while len(table) > most:
            del table[next(iter(table))]
        self.at = msgspec.structs.replace(self.at, **{name: table})


def _link_local(address: str) -> bool:
    """Whether an address means something on its own segment alone (RFC 4291, 3927)."""
    ip = ip_of(address)
    return ip is not None and ip.is_link_local


def disputed(event: Event, address: str, mac: str) -> Finding:
    """What is said of an address that another machine uses, too: it raises attention and contains nobody."""
    return Finding(
        id=finding_id(RULE, "1", (event.id, address, mac)),
        rule=RULE,
        version="1",
        title="An address is used from two machines",
        level=Level.LOW,
        tactics=("credential-access",),
        techniques=("T1557",),
        events=(event.id,),
        time=event.time,
        received=event.received,
        provenance=Provenance.FORGEABLE,
        src=address,
        dst=(),
        service="",
        port=0,
        flow=event.flow,
        source=event.source,
        generation=event.generation,
        offset=event.offset,
    )
