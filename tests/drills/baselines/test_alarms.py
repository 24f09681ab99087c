import msgspec
import pytest

from tercio.drills.baselines.alarms import Alarms, culprit, severe
from tercio.drills.simulated.defenders import NEVER, Brief, Sensed, Tally
from tercio.model.findings import Finding, Level
from tests.drills.baselines.given import PLANT, at, played, write


class Ears:
    """Keeps what detection says."""

    def __init__(self, brief: Brief) -> None:
        self.alarms, self.found = Alarms(brief), []

    def see(self, _: int, sensed: Sensed) -> tuple[()]:
        self.found += self.alarms.of(sensed)
        return ()

    def due(self) -> int:
        return NEVER

    def tally(self) -> Tally:
        return Tally()


@pytest.fixture(scope="module")
def found() -> list[Finding]:
    ears: list[Ears] = []

    def making(brief: Brief, _: object) -> Ears:
        ears.append(Ears(brief))
        return ears[0]

    network = PLANT.site.assets["plc11"].addresses[0].rpartition(".")[0]
    probe = msgspec.structs.replace(write(6, "ws1", name="syn-probe"), tactics=("discovery",))
    sweep = [msgspec.structs.replace(probe, at=at(6) + n, dst=f"{network}.{n}") for n in range(1, 60)]
    played(making, *(write(5 + n / 60, "ws1") for n in range(30)), *sweep)
    return ears[0].found


def test_single_rules_and_correlations_over_them_are_found(found: list[Finding]):
    titles = {finding.title for finding in found}
    assert any("write" in title.lower() for title in titles)
    assert any(len(finding.events) > 1 for finding in found), "no correlation fired"
    assert all(at(5) <= finding.time for finding in found)


def test_severity_is_ordered(found: list[Finding]):
    one = found[0]
    levels = list(Level)
    for least in levels:
        fits = [level for level in levels if severe(msgspec.structs.replace(one, level=level), least)]
        assert fits == levels[levels.index(least) :]


@pytest.mark.parametrize(
    ("src", "who"),
    [
        (PLANT.site.assets["ws1"].addresses[0], ("ws1", PLANT.site.assets["ws1"].addresses[0])),
        ("ws1", ("ws1", PLANT.site.assets["ws1"].addresses[0])),
        ("203.0.113.9", ("203.0.113.9", "203.0.113.9")),
        ("somebody-else", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_culprit_is_whom_the_finding_names(found: list[Finding], src: str, who: tuple[str, str]):
    assert culprit(PLANT.site, msgspec.structs.replace(found[0], src=src)) == who
