from pathlib import Path

import pytest

from tercio.drills.range import cast
from tercio.drills.range.cast import CLIENTS, STANDING, VISITING, absent
from tercio.drills.range.topology import NAMESPACES


def test_actors_live_on_hosts_of_the_range_under_one_name_each():
    everybody = [*STANDING.values(), *VISITING.values()]
    assert {actor.host for actor in everybody} <= set(NAMESPACES)
    assert not STANDING.keys() & VISITING.keys()
    assert STANDING.keys() >= CLIENTS


def test_every_actor_is_a_module_that_can_be_started():
    source = Path(cast.__file__).parents[2]
    for actor in (STANDING | VISITING).values():
        text = (source / Path(*actor.module.split(".")[1:]).with_suffix(".py")).read_text()
        assert 'if __name__ == "__main__":' in text, actor.module


def test_without_slapd_the_directory_and_who_needs_it_stay_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cast.directory, "missing", lambda: "slapd is missing: install it")
    lacking, remarks = absent()
    assert set(lacking) == {"directory", "signon"}
    assert remarks == ("slapd is missing: install it",)
    monkeypatch.setattr(cast.directory, "missing", lambda: "")
    assert absent() == ({}, ())
