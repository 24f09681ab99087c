import msgspec

from tercio.drills.baselines.blocking import Blocking, spared, until
from tercio.drills.simulated.defenders import NEVER, Brief
from tercio.model.commands import HostTarget
from tests.drills.baselines.given import PLANT

BRIEF = Brief(PLANT.site, PLANT.reaches, {}, 0, 1)


def test_one_address_is_blocked_once_until_that_ends():
    blocking = Blocking(BRIEF)
    (first,) = blocking.block("ws1", "10.0.0.1", 100, 200)
    assert (first.target, first.until, first.hand) == (HostTarget("ws1", ("10.0.0.1",)), 200, PLANT.reaches[0].hand)
    assert blocking.block("ws1", "10.0.0.1", 199, 300) == ()
    (again,) = blocking.block("ws1", "10.0.0.1", 200, 300)
    assert len({first.lease, again.lease, first.id, again.id}) == 4
    assert blocking.block("ws1", "", 200, 300) == ()


def test_routers_and_what_is_never_touched_are_spared():
    site = msgspec.structs.replace(PLANT.site, never_assets=("ws2",))
    spares = {name for name in site.assets if spared(site, name)}
    assert spares == {*PLANT.named("router"), "ws2"}
    assert Blocking(msgspec.structs.replace(BRIEF, site=site)).block("ws2", "10.0.0.2", 0, 9) == ()
    assert not spared(site, "203.0.113.9")


def test_for_good_is_longer_than_anything():
    assert (until(5, 7), until(5, 0)) == (12, NEVER)
