import pytest

from tercio.model.commands import Action, ConduitTarget, FlowTarget, HostTarget
from tercio.products.effectors.contract import Config
from tercio.products.effectors.nft_answers import Ruleset
from tercio.products.effectors.nft_facts import Facts, facts, read
from tercio.products.effectors.nft_ruleset import KINDS, TABLE, sets_of
from tests.products.field import command

HOST = HostTarget("a", ("10.0.0.1",))
FLOW = FlowTarget("a", "b", ("10.0.0.1",), ("10.0.1.1",), "tcp", 502)
CONDUIT = ConduitTarget("it", "ot", ("10.0.0.0/24",), ("10.0.1.0/24",), ())


def test_rules_may_come_from_memory_and_elements_never() -> None:
    kinds = {HOST: ("hosts", "macs"), FLOW: ("flows",), CONDUIT: KINDS}
    orders = [(command(target), names) for target, names in kinds.items()]
    orders += [(command(HOST, "lse", action), KINDS) for action in (Action.CANCEL, Action.QUERY)]
    for order, names in [*orders, (None, KINDS)]:
        rules, *elements = facts(Config(), order)
        assert (rules.text, rules.steady) == (f"list table {TABLE}", True)
        assert {(each.via, each.text) for each in elements} == {("elements", f"{TABLE} {n}") for n in sets_of(names)}
        assert not any(each.steady for each in elements)


def test_what_cannot_be_read_is_absent_or_an_error() -> None:
    assert read(Config(("10.0.0.1",)), None, (None,)) == Facts(Ruleset.ABSENT, (), ("10.0.0.1",))
    with pytest.raises(ValueError, match="something else"):
        read(Config(), None, ("nonsense", *[()] * len(sets_of(KINDS))))
    missing = (None, *[()] * (len(sets_of(KINDS)) - 1))
    assert read(Config(), None, ('{"nftables": []}', *missing)).ruleset is Ruleset.ABSENT
