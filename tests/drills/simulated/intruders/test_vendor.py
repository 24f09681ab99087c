from tercio.drills.simulated.estate import make
from tercio.drills.simulated.intruders.vendor import VENDOR
from tests.drills.simulated.intruders.given import undefended


def test_he_comes_from_outside_and_his_first_door_is_one_to_the_outer_world():
    for kind in ("plant", "service"):
        deeds = [deed for deed, _ in undefended("vendor", 1, kind)[1]]
        assert deeds[0].actor == deeds[1].actor == VENDOR
        assert make(1, kind, 40).site.zone_of(VENDOR) == ""
        assert make(1, kind, 40).site.zone_of(deeds[1].dst) == "dmz"
