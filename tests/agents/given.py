"""Values that the tests of the officers start from."""

from typing import Any

import msgspec

from tercio.agents.mandate import Mandate, Situation, load
from tercio.content import mandate_schema, mandate_texts
from tercio.model.commands import ConduitTarget, Effect, EffectState, FlowTarget, HostTarget
from tercio.model.decisions import Candidate, Decision, Money, Permission, Plan, Ruling, Verb
from tercio.model.incidents import Belief, Evidence, Incident, Stage, Status
from tercio.model.site import Autonomy
from tercio.model.units import SECOND

NOW = 1_800_000_000 * SECOND
SPAN = 300 * SECOND
HOST = HostTarget("ews1", ("10.77.30.30", "fd00:77:30::30"))
FLOW = FlowTarget("ws1", "hist1", ("10.77.10.10",), ("10.77.20.10",), "tcp", 443)
CONDUIT = ConduitTarget("office", "ot", ("10.77.10.0/24",), ("10.77.30.0/24",), ())
TARGETS = {Verb.BLOCK_HOST: HOST, Verb.BLOCK_FLOW: FLOW, Verb.CLOSE_CONDUIT: CONDUIT}


def built_in(**site: str) -> Mandate:
    return load(mandate_texts(), mandate_schema(), {f"{name}.cedar": text for name, text in site.items()})


def candidate(verb: Verb = Verb.BLOCK_HOST, **changes: Any) -> Candidate:
    whole = {"id": "can-1", "verb": verb, "target": TARGETS.get(verb), "span": SPAN if verb in TARGETS else 0}
    return Candidate(**{**whole, "path": "", "hand": "gateway", "d3fend": "", **changes})


def situation(**changes: Any) -> Situation:
    """One in which everything is permitted at once, but for the changes."""
    whole: dict[str, Any] = {
        "assets": ("ews1",),
        "roles": ("ews",),
        "zones": ("ot",),
        "level": 20,
        "controller": False,
        "safety": False,
        "never": False,
        "shared": False,
        "own": False,
        "states": (),
        "hold": False,
        "cuts": 0,
        "controller_cut": False,
        "last_view": False,
        "last_redundant": False,
        "belief": 900,
        "proven": True,
        "autonomy": Autonomy.ACT,
        "production": 0,
        "hour": 3,
        "acts": 0,
    }
    return Situation(**{**whole, **changes})


def incident(**changes: Any) -> Incident:
    whole: dict[str, Any] = {
        "id": "inc-1",
        "opened": NOW,
        "updated": NOW,
        "status": Status.OPEN,
        "beliefs": {"ews1": Belief((0.0, 0.1, 0.4, 0.5, 0.0), NOW), "plc1": Belief((0.5, 0.4, 0.1, 0.0, 0.0), NOW)},
        "evidence": (Evidence("fnd-1", ("evt-1",), "key-1", "ews1", Stage.CONTROL, 20.0),),
        "findings": ("fnd-1",),
        "events": ("evt-1",),
        "techniques": ("T0855",),
        "sources": {"ews1": ("10.77.30.30",)},
        "proven": ("ews1",),
        "reached": (("ews1", "plc1", "modbus"),),
        "steps": (NOW,),
        "repeats": 0,
        "through": {},
        "version": 0,
        "last_evidence": NOW,
    }
    return Incident(**{**whole, **changes})


def effect(**changes: Any) -> Effect:
    whole: dict[str, Any] = {
        "lease": "lse-1",
        "command": "cmd-1",
        "incident": "inc-1",
        "decision": "dec-1",
        "hand": "gateway",
        "target": HOST,
        "state": EffectState.STANDING,
        "since": NOW,
        "until": NOW + SPAN,
        "held": NOW,
    }
    return Effect(**{**whole, **changes})


def decision(*candidates: Candidate, permission: Permission = Permission.PERMITTED, **changes: Any) -> Decision:
    plan = Plan(
        tuple(sorted(c.id for c in candidates)), "block host ews1", Money(120_000, 0, 5_000), permission, "", ("fnd-1",)
    )
    whole: dict[str, Any] = {
        "id": "dec-1",
        "incident": "inc-1",
        "version": 1,
        "time": NOW,
        "chosen": plan,
        "advice": plan,
        "alternatives": (plan,),
        "candidates": candidates,
        "removed": (),
        "rulings": tuple(Ruling(c.id, permission, ("act_without_effect",), (), "") for c in candidates),
        "evidence": ("fnd-1",),
        "proposer": "analytic core",
        "input_digest": "",
        "content_digest": "",
    }
    return Decision(**{**whole, **changes})


replace = msgspec.structs.replace
