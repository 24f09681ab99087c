"""The choice: the cheapest plan that safety and mandate allow, beside the alternatives it was weighed against."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations

from tercio.brain.decide.loss import asked, priced, waited
from tercio.brain.decide.question import Question
from tercio.brain.decide.survey import survey
from tercio.model.canon import canonical
from tercio.model.commands import target_name
from tercio.model.decisions import Candidate, Decision, Money, Permission, Plan, Removed, Ruling, Verb
from tercio.model.ids import decision_id
from tercio.model.units import money

WIDEST = 32
"""At most so many acting candidates are paired (the cheapest alone first): 528 plans at the most."""

KEPT = 5
"""Alternatives kept in the decision; *do nothing* and *wait* are always among them."""

_ORDER = {Permission.PERMITTED: 0, Permission.CONSENT: 1, Permission.FORBIDDEN: 2}


def choose(
    question: Question,
    kept: Sequence[Candidate],
    removed: Sequence[Removed],
    rulings: Mapping[str, Ruling],
    content_digest: str,
) -> Decision:
    """Price every single and pair of the kept candidates and choose the cheapest permitted plan (ties by title).

    ``rulings`` are the mandate's words by candidate id; a candidate without one counts as forbidden.
    ``content_digest`` names the rules, mandate and code that were in force.
    """
    plans = _plans(question, kept, rulings)
    permitted = [plan for plan in plans if plan.permission == Permission.PERMITTED]
    chosen = min(permitted, key=_rank)
    ranked = sorted(plans, key=_rank)
    always = [plan for plan in ranked if plan.title in (Verb.NOTHING, Verb.WAIT)]
    best = [plan for plan in ranked if plan not in always][: KEPT - len(always)]
    incident = question.incident
    version = incident.version + 1
    return Decision(
        id=decision_id(incident.id, version),
        incident=incident.id,
        version=version,
        time=question.now,
        chosen=chosen,
        advice=ranked[0],
        alternatives=tuple(sorted({plan.title: plan for plan in (chosen, *best, *always)}.values(), key=_rank)),
        candidates=tuple(kept),
        removed=tuple(removed),
        rulings=tuple(rulings[key] for key in sorted(rulings)),
        evidence=incident.findings,
        proposer="analytic core",
        input_digest=hashlib.sha256(canonical(question)).hexdigest(),
        content_digest=content_digest,
    )


def _plans(question: Question, kept: Sequence[Candidate], rulings: Mapping[str, Ruling]) -> list[Plan]:
    still = {candidate.verb: candidate for candidate in kept if candidate.target is None}
    acting = [candidate for candidate in kept if candidate.target is not None]
    seen = survey(question)
    idle = priced(question, seen, ())
    singles = sorted(((priced(question, seen, (a,)), a) for a in acting), key=lambda m: (m[0].total, m[1].id))[:WIDEST]
    sets: list[tuple[Candidate, ...]] = [(a,) for _, a in singles]
    sets += list(combinations([a for _, a in singles], 2))
    plans = [_plan(question, actions, priced(question, seen, actions), rulings, idle) for actions in sets]
    plans = [plan for plan in plans if plan.money.production <= idle.attack - plan.money.attack]
    best = min(plans, key=_rank, default=None)
    actions = tuple(a for a in acting if best is not None and a.id in best.candidates)
    plans.append(_plan(question, (still[Verb.NOTHING],), idle, rulings, idle))
    if actions:
        plans.append(_plan(question, (still[Verb.WAIT],), waited(question, seen, actions), rulings, idle))
        plans.append(_plan(question, (still[Verb.ASK],), asked(question, seen, actions), rulings, idle))
    else:
        plans.append(_plan(question, (still[Verb.WAIT],), idle, rulings, idle))
    return plans


def _plan(
    question: Question, actions: Sequence[Candidate], cost: Money, rulings: Mapping[str, Ruling], idle: Money
) -> Plan:
    permissions = [rulings[a.id].permission if a.id in rulings else Permission.FORBIDDEN for a in actions]
    currency = question.site.currency
    title = " and ".join(_title(a) for a in actions)
    why = (
        f"attack {money(cost.attack, currency)} (of {money(idle.attack, currency)} if nothing is done), "
        f"production {money(cost.production, currency)}, risk {money(cost.risk, currency)}"
    )
    return Plan(
        candidates=tuple(sorted(a.id for a in actions)),
        title=title,
        money=cost,
        permission=max(permissions, key=lambda p: _ORDER[p]),
        why=why,
        evidence=question.incident.findings,
    )


def _title(candidate: Candidate) -> str:
    match candidate.verb:
        case Verb.BLOCK_HOST | Verb.BLOCK_FLOW | Verb.CLOSE_CONDUIT if candidate.target is not None:
            return f"{candidate.verb.split(' ')[0]} {target_name(candidate.target)}"
        case _:
            return str(candidate.verb)


def _rank(plan: Plan) -> tuple[int, int, str]:
    return plan.money.total, len(plan.candidates), plan.title
