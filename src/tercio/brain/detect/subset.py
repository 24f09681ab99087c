"""A few rules of many: with what they need, and with nothing else."""

from collections.abc import Collection

import msgspec

from tercio.brain.detect import ir
from tercio.brain.detect.rules import RuleSet


def subset(ruleset: RuleSet, names: Collection[str]) -> RuleSet:
    """The rule set of these rules and correlations, and of what correlations among them build on. Each means what it
    meant; nothing is ``rejected``. Raises KeyError for a name that it does not have."""
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in wanted:
            continue
        wanted.add(name)
        if name not in ruleset.rules:
            waiting += ruleset.correlations[name].rules
    rules = {name: rule for name, rule in ruleset.rules.items() if name in wanted}
    nodes, places = _pruned(ruleset.nodes, {rule.condition for rule in rules.values()})
    return RuleSet(
        nodes=nodes,
        rules={name: msgspec.structs.replace(rule, condition=places[rule.condition]) for name, rule in rules.items()},
        correlations={name: each for name, each in ruleset.correlations.items() if name in wanted},
    )


def _pruned(nodes: tuple[ir.Node, ...], roots: set[int]) -> tuple[tuple[ir.Node, ...], dict[int, int]]:
    """The nodes that these rest on, in the same order, and where each stands now."""
    needed = set(roots)
    for place in range(len(nodes) - 1, -1, -1):  # A node stands behind what it refers to.
        if place in needed:
            needed.update(_members(nodes[place]))
    places = {place: number for number, place in enumerate(sorted(needed))}
    return tuple(_moved(nodes[place], places) for place in places), places


def _members(node: ir.Node) -> tuple[int, ...]:
    match node:
        case ir.And(of) | ir.Or(of):
            return of
        case ir.Not(inner):
            return (inner,)
        case _:
            return ()


def _moved(node: ir.Node, places: dict[int, int]) -> ir.Node:
    match node:
        case ir.And(of) | ir.Or(of):
            return type(node)(tuple(places[member] for member in of))
        case ir.Not(inner):
            return ir.Not(places[inner])
        case leaf:
            return leaf
