"""May we? One ruling for each candidate, by Cedar policies: forbid wins, and a policy that errs denies.

Built-in policies hold the invariants and the permits. A site's own policies can only be stricter: they forbid, and only
what acts. How far Tercio may go by itself is no policy but data that people grant (``Zone.autonomy``).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
_OFFICER = {"type": "Officer", "id": "commander"}
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


@dataclass(frozen=True)
class Mandate:
    """Policies, parsed once. ``words`` explains each by id; no consent helps against one of the ``invariants``."""

    policies: cedarpy.PolicySet
    entities: cedarpy.Entities
    words: Mapping[str, str]
    invariants: frozenset[str]


@dataclass(frozen=True)
class _Verdict:
    allowed: bool
    reasons: tuple[str, ...]
    erring: tuple[str, ...] = ()


def load(texts: Mapping[str, str], schema: str, site: Mapping[str, str] = {}) -> Mandate:
    """Parse and validate the built-in policies (``texts``, by file name) and a site's own (``site``).

    Raises MandateError: a file that does not parse or fits the schema not, a policy without id or words, an id used
    twice, a template, a site policy that permits or that could forbid doing nothing.
    """
    try:
        parsed = cedarpy.Schema.from_str(schema)
    except ValueError as error:
        raise MandateError(f"mandate schema: {error}; restore the file that came with this release") from None
    policies: dict[str, dict[str, Any]] = {}
    for file, text in sorted(texts.items()):
        policies |= _read(file, text, parsed, policies)
    builtin = frozenset(policies)
    for file, text in sorted(site.items()):
        added = _read(file, text, parsed, policies)
        for name, policy in added.items():
            _only_stricter(_where(file, text, name), policy)
        policies |= added
    whole = {"staticPolicies": policies, "templates": {}, "templateLinks": []}
    return Mandate(
        policies=cedarpy.PolicySet.from_json_str(json.dumps(whole)),
        entities=cedarpy.Entities.from_json_str("[]", parsed),
        words={name: policy["annotations"]["words"] for name, policy in policies.items()},
        invariants=frozenset(name for name in builtin if policies[name]["effect"] == "forbid"),
    )


def rule(mandate: Mandate, candidate: Candidate, situation: Situation) -> Ruling:
    """The mandate's word on one candidate in one situation.

    Permitted with the consents given; or the roles still missing for it; or forbidden, with the policies that
    determined it. An invariant ends the question: no consent is tried against it.
    """
    if candidate.verb not in ACTING:
        return _ruling(mandate, candidate, Permission.PERMITTED, ("change_nothing",))
    attributes = _attributes(candidate, situation)
    given = set(situation.consents)
    circles = [given, *(given | set(circle) for circle in LADDER if not given.issuperset(circle))]
    verdict = _Verdict(False, ())
    for circle, verdict in zip(circles, _verdicts(mandate, candidate, attributes, circles), strict=False):
        if verdict.erring:
            words = f"a policy that fails denies: {', '.join(verdict.erring)}"
            return Ruling(candidate.id, Permission.FORBIDDEN, verdict.erring, (), words)
        if verdict.allowed and circle == given:
            return _ruling(mandate, candidate, Permission.PERMITTED, verdict.reasons)
        if verdict.allowed:
            return _ruling(mandate, candidate, Permission.CONSENT, verdict.reasons, tuple(sorted(circle - given)))
        if mandate.invariants.intersection(verdict.reasons):
            break
    if verdict.reasons:
        return _ruling(mandate, candidate, Permission.FORBIDDEN, verdict.reasons)
    return _nearest(mandate, candidate, attributes, circles[-1])


def _verdicts(
    mandate: Mandate, candidate: Candidate, attributes: dict[str, object], circles: list[set[str]]
) -> Iterator[_Verdict]:
    """One verdict for each circle of consents, evaluated as it is asked for."""
    name = target_name(candidate.target) if candidate.target else ""
    resource = {"type": "Target", "id": name}
    try:
        added = json.dumps([{"uid": resource, "attrs": attributes, "parents": []}])
        known = mandate.entities.with_added_json_str(added)
    except ValueError:
        yield _Verdict(False, (), ("situation",))
        return
    request = {"principal": _OFFICER, "action": {"type": "Action", "id": str(candidate.verb)}, "resource": resource}
    for circle in circles:
        asked = request | {"context": {"consents": sorted(circle)}}
        result = cedarpy.is_authorized(asked, mandate.policies, known)
        errors = [_ERRING.search(text) for text in result.diagnostics.errors]
        erring = sorted({match[1] if match else "request" for match in errors})
        yield _Verdict(result.allowed, tuple(sorted(result.diagnostics.reasons)), tuple(erring))


def _nearest(mandate: Mandate, candidate: Candidate, attributes: dict[str, object], circle: set[str]) -> Ruling:
    """Nothing forbids it and nothing permits it: name the permit that is one step away."""
    for step, change in _RELAXED:
        verdict = next(_verdicts(mandate, candidate, attributes | change, [circle]))
        if verdict.allowed:
            words = f"nothing permits it; with {step}, {mandate.words[verdict.reasons[0]]}"
            return Ruling(candidate.id, Permission.FORBIDDEN, verdict.reasons, (), words)
    return Ruling(candidate.id, Permission.FORBIDDEN, (), (), "nothing in the mandate comes near to permitting it")


def _ruling(
    mandate: Mandate, candidate: Candidate, permission: Permission, policies: tuple[str, ...], of: tuple[str, ...] = ()
) -> Ruling:
    words = "; ".join(mandate.words.get(name, name) for name in policies)
    if of:
        words = f"needs the consent of {' and '.join(of)}: {words}"
    return Ruling(candidate.id, permission, policies, of, words)


def _attributes(candidate: Candidate, situation: Situation) -> dict[str, object]:
    """The situation as Cedar sees it. What the candidate says of itself can only make it stricter."""
    attributes: dict[str, object] = msgspec.to_builtins(situation)
    del attributes["consents"]
    return attributes | {
        "kind": _KINDS[type(candidate.target)] if candidate.target else "",
        "span": -(-candidate.span // SECOND),
        "cuts": max(situation.cuts, len(candidate.cuts)),
    }


def _read(file: str, text: str, schema: cedarpy.Schema, taken: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """The policies of one file by their own ids, in Cedar's JSON form."""
    try:
        raw = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise MandateError(f"{file}: {error}; correct the Cedar text, or remove the file") from None
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
