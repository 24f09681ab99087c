"""May we? One ruling for each candidate, by Cedar policies: forbid wins, and a policy that errs denies.

Built-in policies hold the invariants and the permits. A site's own policies can only be stricter: they forbid, and only
what acts. How far Tercio may go by itself is no policy but data that people grant (``Zone.autonomy``).
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cedarpy
import msgspec

from tercio.agents.terms import Limits, Situation
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, target_name
from tercio.model.decisions import Candidate, Permission, Ruling, Verb
from tercio.model.units import SECOND

__all__ = ["ACTING", "LADDER", "Limits", "Mandate", "MandateError", "Situation", "load", "rule"]

ACTING = frozenset({Verb.BLOCK_HOST, Verb.BLOCK_FLOW, Verb.CLOSE_CONDUIT})
"""Verbs that change the world. The others are always permitted."""

LADDER = (("security",), ("security", "process engineer"))
"""Whose consent is sought, the smallest circle first."""

_KINDS = {HostTarget: "host", FlowTarget: "flow", ConduitTarget: "conduit"}
_ACTS = frozenset({"act", *ACTING})
_ERRING = re.compile(r"policy `([^`]*)`")
_RELAXED: tuple[tuple[str, dict[str, object]], ...] = (
    ("a higher belief", {"belief": 1000}),
    ("more autonomy granted", {"autonomy": "act"}),
    ("no cost to production", {"production": 0}),
    ("no needed flow cut", {"cuts": 0}),
)


class MandateError(ValueError):
    """A policy file that cannot be used: says the file, the line where known, the policy, and what to do."""


@dataclass(frozen=True, eq=False)
class Mandate:
    """Policies, parsed once. ``words`` explains each by id; no consent helps against one of the ``invariants``.

    ``negotiable`` are the policies that are no invariants; ``immediate`` the permits, and ``conditional`` the site's
    forbids, that do not and do look at consents.
    """

    policies: cedarpy.PolicySet
    negotiable: cedarpy.PolicySet
    actions: cedarpy.Entities
    words: Mapping[str, str]
    invariants: frozenset[str]
    immediate: frozenset[str]
    conditional: frozenset[str]


@dataclass(frozen=True)
class _Verdict:
    allowed: bool
    reasons: tuple[str, ...]
    erring: tuple[str, ...] = ()


def load(texts: Mapping[str, str], schema: str, site: Mapping[str, str] = {}) -> Mandate:
    """Parse and validate the built-in policies (``texts``, by file name) and a site's own (``site``).

    Raises MandateError: a file that does not parse or does not fit the schema, a policy without id or words, an id used
    twice, a template, an invariant that looks at consents, a site policy that permits or could forbid doing nothing.
    """
    try:
        parsed = cedarpy.Schema.from_str(schema)
    except ValueError as error:
        raise MandateError(f"mandate schema: {error}; restore the file that came with this release") from None
    policies: dict[str, dict[str, Any]] = {}
    for file, text in sorted(texts.items()):
        policies |= _read(file, text, parsed, policies)
    invariants = frozenset(name for name, policy in policies.items() if policy["effect"] == "forbid")
    for name in sorted(invariants):
        if _listens(policies[name]):
            raise MandateError(f"policy {name}: a built-in forbid stands whoever consents; do not look at consents")
    for file, text in sorted(site.items()):
        added = _read(file, text, parsed, policies)
        for name, policy in added.items():
            _only_stricter(_where(file, text, name), policy)
        policies |= added
    permits = {name for name, policy in policies.items() if policy["effect"] == "permit"}
    listening = {name for name, policy in policies.items() if _listens(policy)}
    return Mandate(
        policies=_together(policies),
        negotiable=_together({name: policy for name, policy in policies.items() if name not in invariants}),
        actions=cedarpy.Entities.from_json_str("[]", parsed),
        words={name: policy["annotations"]["words"] for name, policy in policies.items()},
        invariants=invariants,
        immediate=frozenset(permits - listening),
        conditional=frozenset(listening - permits),
    )


def _listens(policy: dict[str, Any]) -> bool:
    return '"consents"' in json.dumps(policy["conditions"])


def _together(policies: Mapping[str, dict[str, Any]]) -> cedarpy.PolicySet:
    whole = {"staticPolicies": policies, "templates": {}, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(json.dumps(whole))


@lru_cache(maxsize=16)
def _entities(mandate: Mandate, limits: Limits) -> cedarpy.Entities:
    """The officer who asks, with his limits, beside the actions of the schema."""
    officer = {"uid": {"type": "Officer", "id": "commander"}, "attrs": msgspec.to_builtins(limits), "parents": []}
    return mandate.actions.with_added_json_str(json.dumps([officer]))


def rule(mandate: Mandate, candidate: Candidate, situation: Situation) -> Ruling:
    """The mandate's word on one candidate in one situation.

    Permitted with the consents given; or the roles still missing for it; or forbidden, with the policies that
    determined it. An invariant ends the question: no consent is tried against it.
    """
    if candidate.verb not in ACTING:
        return _ruling(mandate, candidate, Permission.PERMITTED, ("change_nothing",))
    asked = _Asked(mandate, candidate, situation)
    given = set(situation.consents)
    verdict = asked.of(mandate.policies, given.union(LADDER[-1]))
    if not verdict.allowed:
        return _forbidden(asked, verdict)
    if not mandate.conditional and (at_once := mandate.immediate.intersection(verdict.reasons)):
        return _ruling(mandate, candidate, Permission.PERMITTED, tuple(sorted(at_once)))
    missing = tuple(role for role in LADDER[-1] if role not in given)
    alone = [()] if given or mandate.conditional else []
    for circle in (*alone, *LADDER[:-1]):
        fewer = asked.of(mandate.negotiable, given.union(circle))
        if fewer.allowed:
            verdict, missing = fewer, tuple(role for role in circle if role not in given)
            break
    permission = Permission.CONSENT if missing else Permission.PERMITTED
    return _ruling(mandate, candidate, permission, verdict.reasons, missing)


class _Asked:
    """One candidate in one situation, in Cedar's terms, to be asked under different consents."""

    def __init__(self, mandate: Mandate, candidate: Candidate, situation: Situation, **relaxed: object) -> None:
        self.mandate = mandate
        self.candidate = candidate
        self.situation = situation
        self.entities = _entities(mandate, situation.limits)
        self.context = _context(candidate, situation) | relaxed
        self.request = {
            "principal": {"type": "Officer", "id": "commander"},
            "action": {"type": "Action", "id": str(candidate.verb)},
            "resource": {"type": "Target", "id": target_name(candidate.target) if candidate.target else ""},
        }

    def of(self, policies: cedarpy.PolicySet, consents: Iterable[str]) -> _Verdict:
        """What these policies say under these consents. Whatever fails denies."""
        request = self.request | {"context": self.context | {"consents": sorted(consents)}}
        try:
            result = cedarpy.is_authorized(request, policies, self.entities)
        except ValueError:  # A name that is no Unicode text.
            return _Verdict(False, (), ("request",))
        errors = [_ERRING.search(text) for text in result.diagnostics.errors]
        erring = tuple(sorted({match[1] if match else "request" for match in errors}))
        return _Verdict(result.allowed and not erring, tuple(sorted(result.diagnostics.reasons)), erring)


def _forbidden(asked: _Asked, verdict: _Verdict) -> Ruling:
    """Say which policy failed or forbids; where none does, name the permit that is one step away."""
    mandate, candidate = asked.mandate, asked.candidate
    if verdict.erring:
        words = f"a policy that fails denies: {', '.join(verdict.erring)}"
        return Ruling(candidate.id, Permission.FORBIDDEN, verdict.erring, (), words)
    if verdict.reasons:
        return _ruling(mandate, candidate, Permission.FORBIDDEN, verdict.reasons)
    for step, change in _RELAXED:
        near = _Asked(mandate, candidate, asked.situation, **change).of(mandate.negotiable, LADDER[-1])
        if near.allowed:
            words = f"nothing permits it; it would take {step} ({', '.join(near.reasons)})"
            return Ruling(candidate.id, Permission.FORBIDDEN, near.reasons, (), words)
    return Ruling(candidate.id, Permission.FORBIDDEN, (), (), "nothing in the mandate comes near to permitting it")


def _ruling(
    mandate: Mandate, candidate: Candidate, permission: Permission, policies: tuple[str, ...], of: tuple[str, ...] = ()
) -> Ruling:
    words = "; ".join(mandate.words.get(name, name) for name in policies)
    if of:
        words = f"needs the consent of {' and '.join(of)}: {words}"
    return Ruling(candidate.id, permission, policies, of, words)


def _context(candidate: Candidate, situation: Situation) -> dict[str, object]:
    """The situation as Cedar sees it. What the candidate says of itself can only make it stricter."""
    context: dict[str, object] = msgspec.to_builtins(situation)
    del context["consents"], context["limits"]
    return context | {
        "kind": _KINDS[type(candidate.target)] if candidate.target else "",
        "span": -(-candidate.span // SECOND),
        "cuts": max(situation.cuts, len(candidate.cuts)),
    }


def _read(file: str, text: str, schema: cedarpy.Schema, taken: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """The policies of one file by their own ids, in Cedar's JSON form."""
    try:
        raw = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError:
        raise MandateError(f"{file}:{_fault(text)}; correct the Cedar text, or remove the file") from None
    if raw["templates"]:
        raise MandateError(f"{file}: templates are not used here; write the policy without ?principal and ?resource")
    found: dict[str, dict[str, Any]] = {}
    for place, policy in enumerate(raw["staticPolicies"].values(), 1):
        notes = policy.get("annotations") or {}
        name = notes.get("id") or ""
        if not name or not notes.get("words"):
            raise MandateError(f'{file}: policy {name or place}: write @id("...") and @words("...") before it')
        if name in taken or name in found:
            raise MandateError(f"{_where(file, text, name)}: this id is taken; choose another")
        found[name] = policy
    checked = cedarpy.validate_policies(text, schema)
    for problem in checked.errors:
        name = checked.id_annotations_by_policy_id.get(problem.policy_id, "?")
        raise MandateError(f"{_where(file, text, name)}: {problem.error}; use the names in schema.cedarschema")
    return found


def _fault(text: str) -> str:
    """Where a text stops being the beginning of any policies, and why: Cedar's parser names no line."""
    lines = text.splitlines()

    def fault(number: int) -> str:
        try:
            cedarpy.policies_to_json_str("\n".join(lines[:number]))
        except ValueError as error:
            return str(error)
        return ""

    def broken(number: int) -> bool:
        return bool(why := fault(number)) and "end of input" not in why

    line = bisect_left(range(1, len(lines)), True, key=broken) + 1
    return f"{line}: {fault(line)}"


def _only_stricter(where: str, policy: dict[str, Any]) -> None:
    if policy["effect"] != "forbid":
        raise MandateError(f"{where}: a site may only forbid; grant autonomy to a zone in site.toml instead")
    scope = policy["action"]
    named = [scope["entity"]] if "entity" in scope else scope.get("entities", [])
    if not named or any(entity["id"] not in _ACTS for entity in named):
        advice = 'write action in Action::"act", or name acting verbs'
        raise MandateError(f"{where}: doing nothing is never forbidden; {advice}")


def _where(file: str, text: str, name: str) -> str:
    line = next((n for n, row in enumerate(text.splitlines(), 1) if f'@id("{name}")' in row), 0)
    return f"{file}:{line}: policy {name}" if line else f"{file}: policy {name}"
