"""Seeded estates: a site file that Tercio reads, and what is true of the place beside it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from tercio.model.decisions import Reach
from tercio.model.site import Site

Kind = Literal["plant", "service"]


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


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """A place. Tercio is given ``site``, which was read from ``text`` by the real parser, and ``reaches``; the rest it
    never sees.

    ``open`` are, by asset, the services over which an intruder gets in: weak, or with an account that he can have;
    ``accounts`` who works at a machine, ``admins`` those of them who may administer others. ``talks`` are habits.
    ``posts`` are the sensors. ``bridged`` are the zones whose inner traffic passes the gateway, too; elsewhere
    neighbours meet behind its back.
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
    bridged: tuple[str, ...]

    def named(self, *roles: str) -> tuple[str, ...]:
        """The assets of these roles, by name."""
        return tuple(sorted(name for name, asset in self.site.assets.items() if asset.role in roles))

    def inside(self, zone: str) -> tuple[str, ...]:
        """The assets of a zone, by name."""
        return tuple(sorted(name for name, asset in self.site.assets.items() if asset.zone == zone))
