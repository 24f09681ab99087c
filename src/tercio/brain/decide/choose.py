"""The choice: the cheapest plan that safety and mandate allow, beside the alternatives it was weighed against."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations

from tercio.brain.decide.loss import Prices
from tercio.brain.decide.question import Question
from tercio.brain.decide.safety import ground, together
from tercio.brain.decide.survey import survey
from tercio.model.canon import canonical
from tercio.model.commands import target_name
from tercio.model.decisions import Candidate, Decision, Money, Permission, Plan, Removed, Ruling, Verb
from tercio.model.ids import decision_id
from tercio.model.units import money

WIDEST = 32
"""At most so many acting candidates are paired (the cheapest alone first): 496 pairs."""

KEPT = 5
"""Alternatives kept in the decision, the chosen plan, *do nothing* and *wait* always among them."""

_ORDER = {Permission.PERMITTED: 0, Permission.CONSENT: 1, Permission.FORBIDDEN: 2}


def choose(
    question: Question,
    kept: Sequence[Candidate],
    removed: Sequence[Removed],
    rulings: Mapping[str, Ruling],
    content_digest: str,
) -> Decision:
    """Price every single and pair of the kept candidates and choose the cheapest permitted plan (ties by id).

    ``rulings`` are the mandate's words by candidate id; an acting candidate without one counts as forbidden, what
    changes nothing is always permitted. ``content_digest`` names the rules, mandate and code that were in force.
    """
    incident = question.incident
    table = _Table(question, kept, rulings)
    acting = table.acting()
    open_to_us = [plan for plan in acting if plan.permission != Permission.FORBIDDEN]
    nothing, wait, *ask = table.still(min(open_to_us, key=_rank, default=None))
    chosen = min((p for p in (*acting, nothing, wait, *ask) if p.permission == Permission.PERMITTED), key=_rank)
    freely = table.still(min(acting, key=_rank, default=None))
    advice = min((*acting, freely[0], freely[1]), key=_rank)
    version = incident.version + 1
    return Decision(
        id=decision_id(incident.id, version),
        incident=incident.id,
        version=version,
        time=question.now,
        chosen=chosen,
        advice=advice,
        alternatives=_best((chosen, nothing, wait), (*acting, *ask)),
        candidates=tuple(kept),
        removed=tuple(removed),
        rulings=tuple(rulings[key] for key in sorted(rulings)),
        evidence=incident.findings,
        proposer="analytic core",
        input_digest=hashlib.sha256(canonical(question)).hexdigest(),
        content_digest=content_digest,
    )


def _best(always: Sequence[Plan], others: Sequence[Plan]) -> tuple[Plan, ...]:
    """``KEPT`` plans, the cheapest first, those that are always kept among them."""
    found = {plan.candidates: plan for plan in (*always, *sorted(others, key=_rank)[:KEPT])}
    return tuple(sorted(list(found.values())[:KEPT], key=_rank))


class _Table:
    """The plans about one question, each with its money."""

    def __init__(self, question: Question, kept: Sequence[Candidate], rulings: Mapping[str, Ruling]) -> None:
        self._question, self._rulings = question, rulings
        self._still = {candidate.verb: candidate for candidate in kept if candidate.target is None}
        self._acting = {candidate.id: candidate for candidate in kept if candidate.target is not None}
        self._prices = Prices(question, survey(question))
        self._idle = self._prices.priced(())

    def acting(self) -> list[Plan]:
        """Singles and pairs that avert more than they cost production. A pair is made of candidates that are safe
        together and each hinder something that the other does not."""
        alone: list[tuple[tuple[Candidate, ...], Money]]
        alone = [((a,), self._prices.priced((a,))) for a in self._acting.values()]
        alone.sort(key=lambda each: (each[1].total, each[0][0].id))
        useful = [actions[0] for actions, _ in alone if self._prices.hinders(actions[0])][:WIDEST]
        basis = ground(self._question)
        for one, other in combinations(useful, 2):
            if self._complement(one, other) and not together(basis, one, other):
                alone.append(((one, other), self._prices.priced((one, other))))
        return [
            self._plan(actions, money)
            for actions, money in alone
            if money.production <= self._idle.attack - money.attack
        ]

    def still(self, best: Plan | None) -> list[Plan]:
        """Doing nothing, waiting, and (where ``best`` is something to ask for) asking, with ``best`` done later."""
        actions = [self._acting[key] for key in best.candidates] if best is not None else []
        waited = self._prices.waited(actions) if actions else self._idle
        plans = [self._plan((self._still[Verb.NOTHING],), self._idle), self._plan((self._still[Verb.WAIT],), waited)]
        if actions:
            plans.append(self._plan((self._still[Verb.ASK],), self._prices.asked(actions)))
        return plans

    def _complement(self, one: Candidate, other: Candidate) -> bool:
        first, second = self._prices.hinders(one), self._prices.hinders(other)
        more = any(steps > second.get(place, 0) for place, steps in first.items())
        return more and any(steps > first.get(place, 0) for place, steps in second.items())

    def _plan(self, actions: Sequence[Candidate], cost: Money) -> Plan:
        currency = self._question.site.currency
        return Plan(
            candidates=tuple(sorted(a.id for a in actions)),
            title=" and ".join(_title(a) for a in actions),
            money=cost,
            permission=max((self._permission(a) for a in actions), key=lambda p: _ORDER[p]),
            why=(
                f"attack {money(cost.attack, currency)} (of {money(self._idle.attack, currency)} if nothing is done), "
                f"production {money(cost.production, currency)}, risk {money(cost.risk, currency)}"
            ),
            evidence=self._question.incident.findings,
        )

    def _permission(self, candidate: Candidate) -> Permission:
        if candidate.target is None:
            return Permission.PERMITTED
        ruling = self._rulings.get(candidate.id)
        return ruling.permission if ruling is not None else Permission.FORBIDDEN


def _title(candidate: Candidate) -> str:
    if candidate.target is None:
        return str(candidate.verb)
    return f"{candidate.verb.split(' ')[0]} {target_name(candidate.target)}"


def _rank(plan: Plan) -> tuple[int, int, tuple[str, ...]]:
    return plan.money.total, len(plan.candidates), plan.candidates
