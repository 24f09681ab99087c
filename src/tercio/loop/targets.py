"""What a standing effect should name now: an address is not a machine, and may have gone to another one. Pure."""

from tercio.model.commands import ConduitTarget, Effect, FlowTarget, HostTarget, Target
from tercio.model.whereabouts import Whereabouts, moved


def resolved(at: Whereabouts, effect: Effect) -> Target | None:
    """The effect's target less what belongs to another machine since it began; None where nothing is left to refuse.
    It never names more than before: that takes a decision."""
    target, since = effect.target, effect.since
    match target:
        case ConduitTarget():
            return target
        case HostTarget(macs=macs):
            kept = tuple(a for a in target.addresses if not moved(at, a, macs, since))
            macs = tuple(mac for mac in macs if mac not in at.routers)
            return HostTarget(target.asset, kept, macs) if kept or macs else None
        case FlowTarget():
            src, dst = (
                tuple(a for a in addresses if not moved(at, a, (), since))
                for addresses in (target.src_addresses, target.dst_addresses)
            )
            paired = any((":" in one) == (":" in other) for one in src for other in dst)
            if not paired:
                return None
            return FlowTarget(target.src, target.dst, src, dst, target.transport, target.port)


def strayed(before: Target, after: Target | None) -> tuple[str, ...]:
    """The addresses that a target named and its resolution does not."""
    return tuple(sorted(set(_addresses(before)) - set(_addresses(after))))


def _addresses(target: Target | None) -> tuple[str, ...]:
    match target:
        case HostTarget():
            return target.addresses + target.macs
        case FlowTarget():
            return target.src_addresses + target.dst_addresses
        case _:
            return ()
