"""To block an address, as all baselines do."""

from tercio.drills.simulated.defenders import NEVER, Brief
from tercio.model.commands import Action, Command, HostTarget
from tercio.model.ids import mint
from tercio.model.site import ROUTERS, Site


class Blocking:
    """Orders to block addresses, and until when each was ordered. Nobody looks whether they were carried out, as where
    a rule starts a script; a wall ends by itself. Routers and what the site says is never touched are spared: that much
    stands on every such tool's list of exceptions."""

    def __init__(self, brief: Brief) -> None:
        self._brief = brief
        self._until: dict[str, int] = {}

    def block(self, name: str, address: str, now: int, until: int) -> tuple[Command, ...]:
        """An order to refuse all from and to an address; none where one stands, or where it is spared."""
        if not address or self._until.get(address, 0) > now or spared(self._brief.site, name):
            return ()
        self._until[address] = until
        lease = mint("lse", "baseline", address, now)
        return (
            Command(
                id=mint("cmd", lease, until),
                lease=lease,
                incident="",
                decision="",
                hand=self._brief.reaches[0].hand,
                action=Action.DENY,
                target=HostTarget(name, (address,)),
                issued=now,
                until=until,
            ),
        )


def until(now: int, span: int) -> int:
    """When a block ends that lasts so long (0: for good)."""
    return now + span if span else NEVER


def spared(site: Site, name: str) -> bool:
    """Whether an exception stands on every list."""
    asset = site.assets.get(name)
    return asset is not None and (asset.role in ROUTERS or name in site.never_assets)
