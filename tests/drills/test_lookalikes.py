import pytest

from tercio.drills.lookalikes import BURST, EVERYDAY, LOOKALIKES, SERVERS, begin, finish
from tercio.drills.range.cast import STANDING, VISITING


class Noted:
    """A range that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.running: dict[str, object] = {}

    def visit(self, name: str) -> None:
        self.running[name] = object()
        self.told.append(("visit", name))

    def restart(self, name: str, *arguments: str) -> None:
        self.told.append(("restart", name, *arguments))

    def finish(self, name: str) -> None:
        del self.running[name]
        self.told.append(("finish", name))

    def stop(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.running.pop(name, None)


def test_the_table_names_actors_of_the_range():
    assert {visitor for each in LOOKALIKES.values() for visitor in each.visitors} <= VISITING.keys()
    assert {each.restarts for each in LOOKALIKES.values()} - {""} <= STANDING.keys()
    assert set(EVERYDAY) <= LOOKALIKES.keys()
    assert "move" not in EVERYDAY, "it takes the intruder's address away"


def test_those_that_were_chosen_come_are_told_and_go():
    plant, said = Noted(), []
    begin(plant, ("backup", "restart"), lambda *words: said.append(words))
    assert plant.told == [("visit", "vault"), ("visit", "backup"), ("restart", "hmi", "--burst", str(BURST))]
    assert said == [("drill", f"look-alikes: {LOOKALIKES['backup'].words}, {LOOKALIKES['restart'].words}")]
    finish(plant)
    assert plant.running == {}
    assert not set(SERVERS) & {name for verb, name, *_ in plant.told if verb == "finish"}, "who stays is sent away"


def test_none_is_nothing_and_a_strange_name_an_error():
    plant, said = Noted(), []
    begin(plant, (), lambda *words: said.append(words))
    finish(plant)
    assert (plant.told, said) == ([], [])
    with pytest.raises(KeyError, match="parade"):
        begin(plant, ("parade",), lambda *words: said.append(words))
