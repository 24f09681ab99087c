from tercio.drills.simulated.estate import make
from tercio.drills.simulated.intruders.insider import AT_HOME
from tercio.drills.simulated.rules import rule
from tests.drills.simulated.intruders.given import driven, undefended


def test_he_works_from_his_own_station_alone_and_loads_a_program_first():
    for seed in (1, 2, 3):
        deeds = [deed for deed, _ in undefended("insider", seed)[1]]
        assert {deed.actor for deed in deeds} <= set(make(seed, "plant", (20, 40, 120)[seed % 3]).named("ews"))
        assert len({deed.actor for deed in deeds}) == 1
        assert deeds[1].rule == rule("program-download")


def test_a_wall_between_his_station_and_each_controller_stops_him():
    reached = driven("insider", lambda deed: deed.dst == "")
    assert not [deed for deed in reached if deed.goal == "stop"]
    assert AT_HOME.landing.count("") > 1
