"""The choice: the cheapest plan that safety and mandate allow, beside the alternatives it was weighed against."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations
from operator import attrgetter

import msgspec

from tercio.brain.decide.loss import Prices
from tercio.brain.decide.question import Question
from tercio.brain.decide.safety import ground, together
from tercio.brain.decide.survey import holders, survey
from tercio.model.canon import canonical
from tercio.model.commands import target_name
from tercio.model.decisions import Candidate, Decision, Money, Permission, Plan, Removed, Ruling, Verb
from tercio.model.ids import decision_id
from tercio.model.units import money

WIDEST = 24
"""At most so many acting candidates are paired (the cheapest alone first): 276 pairs."""

KEPT = 5
"""Alternatives kept in the decision, the chosen plan, *do nothing* and *wait* always among them."""

LIKELY = 0.5
"""Of whoever is held more likely than not people are told, where nothing can be done about him."""

_EFFORT = {Verb.NOTHING: 0, Verb.WAIT: 1, Verb.ASK: 2}
_ORDER = {Permission.PERMITTED: 0, Permission.CONSENT: 1, Permission.FORBIDDEN: 2}


def choose(
    question: Question,
    kept: Sequence[Candidate],
    removed: Sequence[Removed],
    rulings: Mapping[str, Ruling],
    content_digest: str,
    prices: Prices | None = None,
) -> Decision:
    """Price every single and pair of the kept candidates and choose the cheapest permitted plan (of equals the one that
    does least, then by id).

    ``rulings`` are the mandate's words by candidate id; an acting candidate without one counts as forbidden, what
    changes nothing is always permitted. ``content_digest`` names the rules, mandate and code that were in force.
    ``prices`` are those of this question, where the caller has made them already.
    """
    incident = question.incident
    prices = prices or Prices(question, survey(question))
    table = _Table(question, kept, rulings, prices)
    acting = table.acting()
    ours = [option for option in acting if option.permission == Permission.PERMITTED]
    theirs = [option for option in acting if option.permission == Permission.CONSENT]
    nothing, wait = table.still(min(ours, key=_RANK, default=None))
    ask = table.asked(min((*ours, *theirs), key=_RANK, default=None))
    freely = table.still(min(acting, key=_RANK, default=None))
    if _helpless(question, kept, removed) and nothing.money.attack:
        chosen = advice = table.helpless()
    else:
        chosen = min((o for o in (*acting, nothing, wait, *ask) if o.permission == Permission.PERMITTED), key=_RANK)
        advice = min((*acting, freely[0], freely[1]), key=_RANK)
        if chosen is nothing and not (ask or question.held_off) and nothing.money.attack and table.at_large(acting):
            chosen = table.helpless()
    version = incident.version + 1
    return Decision(
        id=decision_id(incident.id, version),
        incident=incident.id,
        version=version,
        time=question.now,
        chosen=table.plan(chosen),
        advice=table.plan(advice),
        alternatives=tuple(map(table.plan, _best((chosen, nothing, wait), (*acting, *ask)))),
        candidates=tuple(kept),
        removed=tuple(removed),
        rulings=tuple(rulings[key] for key in sorted(rulings)),
        evidence=incident.findings,
        proposer="analytic core",
        input_digest=hashlib.sha256(canonical(question)).hexdigest(),
        content_digest=content_digest,
    )


def _helpless(question: Question, kept: Sequence[Candidate], removed: Sequence[Removed]) -> bool:
    """Whether somebody is held and there is nothing at all that could be done or was tried: only people can help."""
    acting = any(c.target is not None for c in (*kept, *(r.candidate for r in removed)))
    tried = question.held_off or any(effect.incident == question.incident.id for effect in question.effects)
    return not acting and not tried and bool(holders(question))


class _Option(msgspec.Struct, frozen=True):
    """A plan before it is put into words."""

    actions: tuple[Candidate, ...]
    money: Money
    permission: Permission
    rank: tuple[int, int, tuple[str, ...]]


def _best(always: Sequence[_Option], others: Sequence[_Option]) -> list[_Option]:
    """``KEPT`` options, the cheapest first, those that are always kept among them."""
    found = {option.actions: option for option in (*always, *sorted(others, key=_RANK)[:KEPT])}
    return sorted(list(found.values())[:KEPT], key=_RANK)


_RANK = attrgetter("rank")


class _Table:
    """The options about one question, each with its money."""

    def __init__(
        self, question: Question, kept: Sequence[Candidate], rulings: Mapping[str, Ruling], prices: Prices
    ) -> None:
        self._question, self._rulings = question, rulings
        self._still = {candidate.verb: candidate for candidate in kept if candidate.target is None}
        self._acting = [candidate for candidate in kept if candidate.target is not None]
        self._prices = prices
        self._idle = self._prices.priced(())

    def acting(self) -> list[_Option]:
        """Singles and pairs that avert more than they cost and risk. A pair is made of candidates that are safe
        together and each hinder something that the other does not."""
        options = sorted((self._option((a,), self._prices.priced((a,))) for a in self._acting), key=_RANK)
        useful = [o.actions[0] for o in options if self._prices.hinders(o.actions[0])][:WIDEST]
        basis = ground(self._question)
        for one, other in combinations(useful, 2):
            if self._complement(one, other) and not together(basis, one, other):
                options.append(self._option((one, other), self._prices.priced((one, other))))
        return [o for o in options if o.money.production + o.money.risk < self._idle.attack - o.money.attack]

    def still(self, best: _Option | None) -> list[_Option]:
        """Doing nothing, and waiting with ``best`` done later if more is seen."""
        waited = self._prices.waited(best.actions) if best is not None else self._idle
        return [
            self._option((self._still[verb],), cost) for verb, cost in ((Verb.NOTHING, self._idle), (Verb.WAIT, waited))
        ]

    def asked(self, best: _Option | None) -> list[_Option]:
        """Asking for ``best``; nothing where there is nothing to ask for."""
        if best is None:
            return []
        return [self._option((self._still[Verb.ASK],), self._prices.asked(best.actions))]

    def at_large(self, acting: Sequence[_Option]) -> bool:
        """Whether somebody who is held more likely than not threatens a process, nothing stands in his way, and nothing
        that could be done would. He must be in no option at all: where the mandate forbids one, it has spoken."""
        threats = enumerate(self._prices.threats)
        free = {place for place, threat in threats if threat.held >= LIKELY and not threat.detours}
        hindered = {place for option in acting for action in option.actions for place in self._prices.hinders(action)}
        return bool(free - hindered)

    def helpless(self) -> _Option:
        """Asking people what to do, since nothing can be done from here."""
        return self._option((self._still[Verb.ASK],), self._idle)

    def plan(self, option: _Option) -> Plan:
        """An option in words."""
        currency, cost = self._question.site.currency, option.money
        return Plan(
            candidates=tuple(sorted(a.id for a in option.actions)),
            title=" and ".join(map(_title, option.actions)),
            money=cost,
            permission=option.permission,
            why=(
                f"attack {money(cost.attack, currency)} (of {money(self._idle.attack, currency)} if nothing is done), "
                f"production {money(cost.production, currency)}, risk {money(cost.risk, currency)}"
            ),
            evidence=self._question.incident.findings,
        )

    def _complement(self, one: Candidate, other: Candidate) -> bool:
        first, second = self._prices.hinders(one), self._prices.hinders(other)
        more = any(steps > second.get(place, 0) for place, steps in first.items())
        return more and any(steps > first.get(place, 0) for place, steps in second.items())

    def _option(self, actions: tuple[Candidate, ...], cost: Money) -> _Option:
        actions = tuple(sorted(actions, key=lambda a: a.id))
        permission = max(map(self._permission, actions), key=lambda p: _ORDER[p])
        effort = _EFFORT.get(actions[0].verb, len(_EFFORT) + len(actions))
        return _Option(actions, cost, permission, (cost.total, effort, tuple(a.id for a in actions)))

    def _permission(self, candidate: Candidate) -> Permission:
        if candidate.target is None:
            return Permission.PERMITTED
        ruling = self._rulings.get(candidate.id)
        return ruling.permission if ruling is not None else Permission.FORBIDDEN


def _title(candidate: Candidate) -> str:
    if candidate.target is None:
        return str(candidate.verb)
    return f"{candidate.verb.split(' ')[0]} {target_name(candidate.target)}"
