"""The commander: from a decision to orders. He orders nothing that the mandate does not permit."""

from collections.abc import Mapping

from tercio.agents.mandate import ACTING
from tercio.model.commands import Action, Command, Effect, Target, target_name
from tercio.model.decisions import Candidate, Decision, Permission
from tercio.model.ids import command_id, lease_id


def orders(decision: Decision, effects: Mapping[str, Effect], now: int) -> tuple[Command, ...]:
    """One OpenC2 command for each acting candidate of the chosen plan, sorted by id.

    None for a target on which a lease is ordered or stands. Raises ValueError for a candidate that the decision does
    not hold, that no ruling permits, or that has no target or no end.
    """
    held = {candidate.id: candidate for candidate in decision.candidates}
    permitted = {r.candidate for r in decision.rulings if r.permission == Permission.PERMITTED}
    permitted -= {r.candidate for r in decision.rulings if r.permission != Permission.PERMITTED}
    commands = []
    for key in decision.chosen.candidates:
        if key not in held:
            raise ValueError(f"{decision.id} chose {key}, which is none of its candidates")
        candidate = held[key]
        if candidate.verb not in ACTING:
            continue
        if key not in permitted:
            raise ValueError(f"{decision.id} chose {key}, which the mandate does not permit")
        if candidate.target is None or candidate.span <= 0:
            raise ValueError(f"{decision.id} chose {key}, which has no target or no end")
        if not _stands(candidate.target, effects):
            commands.append(_command(decision, candidate, candidate.target, now))
    return tuple(sorted(commands, key=lambda command: command.id))


def _stands(target: Target, effects: Mapping[str, Effect]) -> bool:
    """A lease on the same target is renewed or ended by the engineer; a second one beside it would outlive an undo."""
    name = target_name(target)
    return any(effect.live and target_name(effect.target) == name for effect in effects.values())


def _command(decision: Decision, candidate: Candidate, target: Target, now: int) -> Command:
    lease = lease_id(decision.id, Action.DENY, target_name(target))
    until = now + candidate.span
    return Command(
        id=command_id(lease, until),
        lease=lease,
        incident=decision.incident,
        decision=decision.id,
        hand=candidate.hand,
        action=Action.DENY,
        target=target,
        issued=now,
        until=until,
    )
