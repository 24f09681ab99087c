import importlib
import inspect
from pathlib import Path

import pytest

import tercio.agents
from tercio.agents.roster import ROSTER, may
from tercio.loop.ledger import SHAPES
from tercio.model.commands import Command

FOLDER = Path(tercio.agents.__file__).parent


def test_each_officer_is_written_where_the_table_says():
    modules = [importlib.import_module(officer.module) for officer in ROSTER]
    assert len({m.__name__ for m in modules}) == len({o.name for o in ROSTER}) == len(ROSTER)
    assert all(m.__doc__ and m.__doc__.startswith(f"The {o.name}") for m, o in zip(modules, ROSTER, strict=True))


def test_powers_are_kinds_of_records():
    assert {power for officer in ROSTER for power in officer.powers} <= SHAPES.keys()


def test_only_those_with_the_power_make_commands():
    makers = {
        officer.name
        for officer in ROSTER
        if any(
            "Command" in str(inspect.signature(function).return_annotation)
            for _, function in inspect.getmembers(importlib.import_module(officer.module), inspect.isfunction)
            if function.__module__ == officer.module
        )
    }
    assert makers == {"commander"}
    assert Command.__name__ == "Command"
    assert all(may(maker, "command") for maker in makers)


def test_who_may_what():
    assert may("commander", "command")
    assert not may("watch officer", "command")
    assert not may("scribe", "decision")
    with pytest.raises(KeyError):
        may("mind", "command")
