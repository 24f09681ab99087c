"""Seeded estates: a site file that Tercio reads, and what is true of the place beside it."""

import random
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from tercio.drills.simulated.blueprint import Kind, drawn
from tercio.drills.simulated.dice import dice
from tercio.model.decisions import Reach
from tercio.model.site import CONTROLLERS, Site
from tercio.model.siteparse import parse_site

HAND = "gateway"
"""The one hand of every estate: nftables on the gateway between all zones."""

KEPT = 128
"""Estates that are remembered: to read a file of 500 assets takes longer than an episode."""

WEAK = {
    "workstation": (("smb", 0.35), ("rdp", 0.25)),
    "server": (("smb", 0.4),),
    "backup": (("ssh", 0.2),),
    "directory": (("smb", 0.15),),
    "historian": (("https", 0.6), ("smb", 0.3)),
    "jump": (("rdp", 0.6),),
    "ews": (("rdp", 0.6), ("smb", 0.4)),
    "hmi": (("smb", 0.3),),
    "mail": (("https", 0.2),),
    "vpn": (("https", 0.3),),
    "web": (("https", 0.4),),
    "database": (("postgresql", 0.4), ("ssh", 0.2)),
}
"""How probable it is, by role, that a service of a host lets an intruder in: weak, or with a password that he has.
Assumed; intruders are given more than is usual, so that they have ways to go."""


class Post(msgspec.Struct, frozen=True):
    """A sensor in its place. ``source`` is its name for Tercio; ``product`` what it is (``suricata``, ``windows``,
    ``linux``, ``weblog``); ``zones`` those whose traffic, or whose hosts' own logs, it sees."""

    source: str
    product: str
    zones: tuple[str, ...]


class Talk(msgspec.Struct, frozen=True):
    """Who normally talks to whom, by asset names, and how often a day on average."""

    src: str
    dst: str
    service: str
    per_day: float


class Estate(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A place. Tercio is given ``site``, which was read from ``text`` by the real parser, and ``reaches``; the rest it
    never sees.

    ``open`` are, by asset, the services over which an intruder gets in: weak, or with an account that he can have;
    ``accounts`` who works at a machine, ``admins`` those of them who may administer others. ``talks`` are habits.
    ``posts`` are the sensors. ``passes`` are the (from, to) pairs of zones that the plant's own firewall lets through;
    whatever lies in no zone is called ``""``. ``bridged`` are the zones whose inner traffic passes the gateway, too;
    elsewhere neighbours meet behind its back.
    """

    seed: int
    kind: Kind
    size: int
    text: str
    site: Site
    reaches: tuple[Reach, ...]
    open: Mapping[str, tuple[str, ...]]
    accounts: Mapping[str, tuple[str, ...]]
    admins: tuple[str, ...]
    talks: tuple[Talk, ...]
    posts: tuple[Post, ...]
    passes: frozenset[tuple[str, str]]
    bridged: frozenset[str]

    def named(self, *roles: str) -> tuple[str, ...]:
        """The assets of these roles, by name."""
        return tuple(sorted(name for name, asset in self.site.assets.items() if asset.role in roles))

    def inside(self, zone: str) -> tuple[str, ...]:
        """The assets of a zone, by name."""
        return tuple(sorted(name for name, asset in self.site.assets.items() if asset.zone == zone))

    def passable(self, src: str, dst: str) -> bool:
        """Whether the plant's own firewall lets one host (or address) speak to another."""
        ends = self.site.zone_of(src), self.site.zone_of(dst)
        return ends[0] == ends[1] or ends in self.passes


@lru_cache(maxsize=KEPT)
def make(seed: int, kind: Kind, size: int) -> Estate:
    """An estate of about ``size`` assets. Raises SiteError only where this code writes files that are not valid."""
    luck = dice("estate", seed, kind, size)
    plan = drawn(luck, kind, size)
    site = parse_site(plan.text, f"simulated-{kind}-{seed}.toml")
    people = [name for name, asset in sorted(site.assets.items()) if asset.role in ("workstation", "ews")]
    admins = tuple(luck.sample(people, max(1, len(people) // 40)))
    return Estate(
        seed=seed,
        kind=kind,
        size=len(site.assets),
        text=plan.text,
        site=site,
        reaches=(Reach(HAND, "nftables", tuple(plan.zones)),),
        open=_open(luck, site),
        accounts={name: (f"u-{name}", *(("adm-1",) if name in admins else ())) for name in people},
        admins=admins,
        talks=tuple(_talks(luck, site, people, admins)),
        posts=tuple(_posts(luck, kind, tuple(plan.zones))),
        passes=frozenset(_passes(luck, tuple(plan.zones))),
        bridged=frozenset(zone for zone in plan.zones if zone.startswith("ot") and luck.random() < 0.5),
    )


def _open(luck: random.Random, site: Site) -> dict[str, tuple[str, ...]]:
    """What is open to an intruder. Each role that leads on has at least one host that is, so that there is a way."""
    found: dict[str, tuple[str, ...]] = {}
    for role, weak in WEAK.items():
        hosts = [name for name, asset in sorted(site.assets.items()) if asset.role == role]
        for name in hosts:
            found[name] = tuple(service for service, chance in weak if luck.random() < chance)
        if hosts and not any(found[name] for name in hosts):
            found[luck.choice(hosts)] = (weak[0][0],)
    return found


def _passes(luck: random.Random, zones: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Three plants of ten are flat, as the range is; in the others everything goes through the DMZ. Neighbouring cells
    are apart. Outside reaches the DMZ alone; from everywhere but the cells one may go out."""
    flat = luck.random() < 0.3
    yield "", "dmz"
    for zone in zones:
        inner = zone.startswith("ot")
        if not inner:
            yield zone, ""
        for other in zones:
            cell = other.startswith("ot")
            if zone == other or (inner and cell):
                continue
            if zone == "dmz" or other == "dmz" or not (inner or cell) or flat:
                yield zone, other


def _posts(luck: random.Random, kind: Kind, zones: tuple[str, ...]) -> Iterator[Post]:
    """Where sensors are. Assumed: all watch the wire of what matters, most have the logs of their hosts, too."""
    inner = tuple(zone for zone in zones if zone.startswith("ot")) or ("servers",)
    outer = tuple(zone for zone in zones if zone not in inner)
    yield Post("wire-inner", "suricata", inner)
    if luck.random() < 0.7:
        yield Post("wire-outer", "suricata", outer)
    if luck.random() < 0.7:
        yield Post("windows-outer", "windows", outer)
    if luck.random() < (0.4 if kind == "plant" else 0.8):
        yield Post("windows-inner", "windows", inner)
    if kind == "service" and luck.random() < 0.7:
        yield Post("web", "weblog", ("dmz",))
    if kind == "service" and luck.random() < 0.5:
        yield Post("linux", "linux", ("servers", "dmz"))


def _talks(luck: random.Random, site: Site, people: list[str], admins: tuple[str, ...]) -> Iterator[Talk]:
    """Habits, as often a day as assumed here: everybody the directory and the file server, administrators the servers,
    the backup whatever holds data."""
    data = ("server", "mail", "database", "web", "historian")
    servers = [name for name, asset in sorted(site.assets.items()) if asset.role in data]
    for name in people:
        yield Talk(name, "dir1", "kerberos", luck.uniform(4, 20))
        yield Talk(name, "file1", "smb", luck.uniform(2, 30))
    for name in admins:
        for server in servers:
            yield Talk(name, server, "rdp", luck.uniform(0.2, 2))
    for name, asset in sorted(site.assets.items()):
        if asset.role == "backup":
            for server in servers:
                yield Talk(name, server, "ssh", 1.0)
    yield from _control(luck, site)


def _control(luck: random.Random, site: Site) -> Iterator[Talk]:
    """What is done to controllers: operators write to them, engineers load programs, some by way of the jump host. A
    controller gets a program every three weeks to seven months, a running line's; assumed."""
    for process in site.processes.values():
        for flow in process.flows:
            if flow.access == "write" and site.assets[flow.dst].role in CONTROLLERS:
                yield Talk(flow.src, flow.dst, flow.service, luck.uniform(5, 60))
        for flow in process.downloads:
            yield Talk(flow.src, flow.dst, flow.service, luck.uniform(0.005, 0.05))
    jumps = [name for name, asset in sorted(site.assets.items()) if asset.role == "jump"]
    stations = [name for name, asset in sorted(site.assets.items()) if asset.role == "ews"]
    for jump in jumps:
        for station in stations:
            yield Talk(jump, station, "rdp", luck.uniform(0.1, 1))
