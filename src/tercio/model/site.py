"""The customer's site: zones, assets, conduits and processes (IEC 62443), as plain values.

``tercio.model.siteparse`` reads them from ``site.toml``.
"""

import ipaddress
from enum import StrEnum
from functools import cached_property, lru_cache

import msgspec

from tercio.model.units import HOUR

LEAST_STOP = HOUR
"""Where the site does not say how long a restart takes, a stop is priced as an hour: never as nothing."""

MOST_PLACES = 4096
"""Addresses of which a site remembers where they lie."""

CONTROLLERS = frozenset({"plc", "rtu", "dcs", "pac", "ied", "drive", "robot", "cnc", "controller"})
"""Roles of devices that move something in the physical world."""

ROUTERS = frozenset({"gateway", "router", "firewall"})
"""Roles of machines whose link address speaks for others."""

SHARED_ROLES = frozenset({"jump", "terminal", "proxy", "vpn", *ROUTERS})
"""Roles behind whose address many stand."""


class Autonomy(StrEnum):
    """How far Tercio may go by itself (DESIGN §9). A site starts in shadow."""

    SHADOW = "shadow"
    ADVISE = "advise"
    VETO = "veto"
    ACT = "act"


class Zone(msgspec.Struct, frozen=True):
    """An IEC 62443 zone: its networks (CIDR) and Purdue level. ``autonomy`` is what people granted here;
    ``outage_per_hour`` (cents) is what an hour without traffic to other zones costs, beside any process."""

    name: str
    networks: tuple[str, ...]
    level: float
    autonomy: Autonomy = Autonomy.SHADOW
    outage_per_hour: int = 0


class Asset(msgspec.Struct, frozen=True):
    """A thing with addresses. ``outage_per_hour`` (cents) is what its own absence costs, beside any process
    that needs it. ``shared`` marks an address that many stand behind (NAT, jump or terminal server):
    never blocked as a host. ``fragile`` devices get no packet of ours. ``hostnames`` are what it calls itself in its
    own logs, beside its name here: in small letters, one without a dot in whichever domain."""

    name: str
    addresses: tuple[str, ...]
    zone: str
    role: str
    mac: str = ""
    outage_per_hour: int = 0
    shared: bool = False
    fragile: bool = False
    hostnames: tuple[str, ...] = ()


class Flow(msgspec.Struct, frozen=True):
    """A flow that a process needs, by asset names. ``access`` ``read`` says its source never writes; ``alarm`` that it
    carries alarms to operators, so that nothing may ever take it away."""

    src: str
    dst: str
    service: str
    access: str = "write"
    alarm: bool = False


class Tag(msgspec.Struct, frozen=True):
    """Where a process tag is seen: ``modbus:plc1/coil/0``."""

    protocol: str
    asset: str
    table: str
    index: int


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A production line or business service and what its loss costs (cents; spans in microseconds).

    ``outage_per_hour`` is the first hours' rate; ``rates`` are those that follow it, each from a time after the stop
    on: ((after, cents an hour), ...), by time. ``scrap`` is what a cut loses where the phase is not known, the most of
    ``scrap_by_phase``. ``tolerates`` says how long it runs without each need; ``downloads`` who may load programs into
    its controllers; ``safety`` names the safety function's asset, or is empty where a person signed
    (``safety_signed``) that there is none.
    """

    name: str
    outage_per_hour: int
    restart_span: int
    restart_cost: int
    scrap: int
    needs: tuple[str, ...]
    views: tuple[str, ...]
    flows: tuple[Flow, ...]
    tolerates: dict[str, int]
    rates: tuple[tuple[int, int], ...] = ()
    scrap_by_phase: dict[str, int] = {}
    downloads: tuple[Flow, ...] = ()
    state: Tag | None = None
    phases: Tag | None = None
    phase_names: dict[str, str] = {}
    hold: tuple[str, ...] = ()
    redundant: tuple[tuple[str, ...], ...] = ()
    safety: tuple[str, ...] = ()
    safety_signed: str = ""

    def outage(self, length: int) -> int:
        """What standing still for ``length`` (microseconds) costs by the hour alone (cents, rounded down)."""
        begins = ((0, self.outage_per_hour), *self.rates)
        ends = (*(after for after, _ in self.rates), length)
        parts = zip(begins, ends, strict=True)
        return sum(rate * max(0, min(end, length) - begin) for (begin, rate), end in parts) // HOUR

    def stake(self, stopped: bool = False) -> int:
        """What an attack that stops it costs (cents): the batch, the restart, and the hours it takes. Where it is
        stopped already there is no batch to lose, but whoever writes on spoils the restart, and its hours begin
        anew."""
        batch = 0 if stopped else self.scrap
        return batch + self.restart_cost + self.outage(max(self.restart_span, LEAST_STOP))

    def scrap_in(self, phase: str) -> int:
        """What is lost at once by a cut in this phase (cents): in one that nobody knows, the most."""
        return self.scrap_by_phase.get(phase, self.scrap)


class Schedule(msgspec.Struct, frozen=True):
    """A known activity that recurs: ``asset`` may ``activity`` (``scan``, ``write``) against ``target`` (an asset
    or zone name) between two minutes of the day (UTC)."""

    asset: str
    activity: str
    target: str
    start_minute: int
    end_minute: int


class Site(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything Tercio believes of the customer's plant before it looks."""

    name: str
    currency: str
    zones: dict[str, Zone]
    assets: dict[str, Asset]
    processes: dict[str, Process]
    schedules: tuple[Schedule, ...] = ()
    never_assets: tuple[str, ...] = ()
    never_networks: tuple[str, ...] = ()

    def asset_at(self, address: str) -> Asset | None:
        """The listed asset that carries this address, or that calls itself by this host name, if any."""
        found = self._by_address.get(plain_address(address))
        if found is None and ip_of(address) is None and "@" not in address:
            name = address.casefold()
            found = self._by_host.get(name) or self._by_host.get(name.partition(".")[0])
        return found

    def asset_with(self, mac: str) -> Asset | None:
        """The listed asset whose link address this is, if any."""
        return self._by_mac.get(mac)

    def zone_at(self, address: str) -> Zone | None:
        """The zone whose network holds this address (the longest prefix wins), if any. The name of a machine that the
        site does not list (``ADDRESS@MAC``) counts as its address."""
        return self.zones.get(self._place(address)[1])

    def zone_of(self, name: str) -> str:
        """The name of the zone of a listed asset, or of a bare address; empty where nobody knows."""
        if name in self.assets:
            return self.assets[name].zone
        return self._place(name)[1]

    def network_at(self, address: str) -> str:
        """The network (CIDR) of a zone that holds this address (the longest prefix wins); empty where none does."""
        return self._place(address)[0]

    def _place(self, address: str) -> tuple[str, str]:
        """The network and the zone of an address, remembered within a bound; empty where nobody lists it."""
        found = self._places.get(address)
        if found is None:
            try:
                wanted = ipaddress.ip_address(address.partition("@")[0])
                found = next(((str(net), name) for net, name in self._networks if wanted in net), ("", ""))
            except ValueError:
                found = ("", "")
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            self._places[address] = found
        return found

    @cached_property
    def _by_address(self) -> dict[str, Asset]:
        return {plain_address(a): asset for asset in self.assets.values() for a in asset.addresses}

    @cached_property
    def _by_host(self) -> dict[str, Asset]:
        return {name.casefold(): asset for asset in self.assets.values() for name in (asset.name, *asset.hostnames)}

    @cached_property
    def routers(self) -> frozenset[str]:
        """Link addresses that the site itself lists as speaking for others."""
        return frozenset(asset.mac for asset in self.assets.values() if asset.mac and asset.role in ROUTERS)

    @cached_property
    def gated(self) -> frozenset[str]:
        """The networks (CIDR) of which the site lists a router with its link address."""
        gates = (asset for asset in self.assets.values() if asset.mac in self.routers)
        return frozenset(self.network_at(address) for asset in gates for address in asset.addresses)

    @cached_property
    def _by_mac(self) -> dict[str, Asset]:
        return {asset.mac: asset for asset in self.assets.values() if asset.mac}

    @cached_property
    def _places(self) -> dict[str, tuple[str, str]]:
        return {}

    @cached_property
    def _networks(self) -> tuple[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str], ...]:
        pairs = [(ipaddress.ip_network(n), zone.name) for zone in self.zones.values() for n in zone.networks]
        return tuple(sorted(pairs, key=lambda p: (-p[0].prefixlen, p[1])))


@lru_cache(maxsize=16_384)
def plain_address(address: str) -> str:
    """The shortest textual form of an IP address (RFC 5952); other text comes back unchanged."""
    ip = ip_of(address)
    return str(ip) if ip is not None else address


@lru_cache(maxsize=16_384)
def ip_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a text is; None where it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
