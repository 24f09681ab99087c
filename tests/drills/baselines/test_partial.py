import msgspec

from tercio.drills.baselines.partial import Brainless, Unled, believed, handless
from tercio.drills.simulated.deeds import Goal
from tercio.drills.simulated.defenders import Tercio
from tercio.model.events import Provenance
from tests.drills.baselines.given import at, played, write
from tests.drills.baselines.test_alarms import Ears


def whole(brief, _):
    return Tercio(brief)


DEEDS = [write(5 + n / 6, "ws1") for n in range(40)]


def test_without_a_brain_a_severe_finding_is_believed_but_the_mandate_still_rules():
    told = played(lambda brief, _: Brainless(brief), *DEEDS, write(30, "hmi11"))
    assert {act.target.asset for act in told.acts} == {"ws1"}
    innocent = played(lambda brief, _: Brainless(brief), write(5, "ws1", hostile=False))
    assert [act.right for act in innocent.acts] == [False]


def test_what_could_be_forged_proves_nobody():
    ears: list[Ears] = []
    played(lambda brief, _: ears.append(Ears(brief)) or ears[0], *DEEDS)
    finding = next(each for each in ears[0].found if each.provenance == Provenance.ESTABLISHED)
    assert believed(finding, "ws1", "10.0.0.1").proven == ("ws1",)
    forged = msgspec.structs.replace(finding, provenance=Provenance.FORGEABLE)
    assert (believed(forged, "ws1", "10.0.0.1").proven, believed(forged, "ws1", "10.0.0.1").reached) == ((), ())


def test_without_agents_nothing_is_taken_back():
    led, unled = played(whole, *DEEDS), played(lambda brief, _: Unled(brief), *DEEDS)
    assert led.acts
    assert led.acts[0].target == unled.acts[0].target
    assert max(act.ended for act in led.acts) < at(599)
    assert {act.ended for act in unled.acts} == {at(600)}


def test_without_products_it_sees_and_decides_but_nothing_happens():
    told = played(lambda brief, _: handless(brief), *DEEDS, write(30, "ws1", goal=Goal.STOP))
    assert (told.acts, told.refused, len(told.impacts)) == ((), 0, 1)
    assert told.incidents == 1
    assert told.decisions > 0
