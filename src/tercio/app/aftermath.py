"""What was seen after a block held: who showed that it works, and whether the refused one got through all the same."""

import ipaddress
from collections.abc import Iterable

import msgspec

from tercio.agents.scribe import plain, whereabouts
from tercio.loop.effects import MARGIN
from tercio.model.commands import ConduitTarget, Effect, EffectState, FlowTarget, HostTarget, Target, target_name
from tercio.model.findings import Finding
from tercio.model.site import Site
from tercio.model.units import span

BROKEN = (EffectState.LOST, EffectState.ROLLED_BACK)
"""How a block ends that did not do what it was ordered for."""

DOUBT = "still reached"
"""In the words of an effect that was seen to be passed by (``loop.effects``)."""


def witness(effect: Effect, site: Site) -> str:
    """Who showed that an effect works: whose traffic which sensor saw, from where to where. Empty where nobody did."""
    if len(effect.saw) != 4:
        return ""
    source, service, src, dst = effect.saw
    what = "traffic" if service in ("alert", "flow") else plain(service, 40)
    return f"sensor {plain(source, 40)} saw {what} go from {whereabouts(site, src)} to {whereabouts(site, dst)}"


def doubted(effects: Iterable[Effect]) -> dict[str, Effect]:
    """The last word on each lease, with any doubt that there was about it: what ends it overwrites why."""
    last: dict[str, Effect] = {}
    for effect in effects:
        before = last.get(effect.lease)
        why = before.why if before is not None and DOUBT in before.why and effect.state not in BROKEN else effect.why
        last[effect.lease] = msgspec.structs.replace(effect, why=why)
    return last


def refused(target: Target, finding: Finding) -> bool:
    """Whether what a finding tells is something that this target refuses, as far as its addresses say."""
    match target:
        case HostTarget():
            return finding.src in target.addresses or (finding.machine != "" and finding.machine in target.macs)
        case FlowTarget():
            ends = bool(set(finding.dst) & set(target.dst_addresses))
            return finding.src in target.src_addresses and ends and finding.port in (0, target.port)
        case ConduitTarget():
            one, other = target.src_networks, target.dst_networks
            there = _lies(finding.src, one) and any(_lies(dst, other) for dst in finding.dst)
            return there or (_lies(finding.src, other) and any(_lies(dst, one) for dst in finding.dst))


def after_block(finding: Finding, effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """The effects that held when something was seen that they refuse."""
    return tuple(
        effect
        for effect in effects
        if effect.held
        and effect.held < finding.time
        and (not effect.ended or finding.time <= effect.ended)
        and refused(effect.target, finding)
    )


def aftermath(finding: Finding, effects: Iterable[Effect]) -> str:
    """One sentence on something that was seen although a block that refuses it held: an attempt, or that it got
    through. Empty where none held."""
    behind = after_block(finding, effects)
    if not behind:
        return ""
    effect = behind[0]
    later = finding.time - effect.held
    said = f"That was {span(later)} after the block of {plain(target_name(effect.target), 160)} held"
    if effect.state in BROKEN:
        return f"{said}, and the block was {effect.state}: {plain(effect.why, 200)}."
    if DOUBT in effect.why:
        return f"{said}, and it may have got through: {plain(effect.why, 200)}."
    if later <= MARGIN:
        return f"{said}: packets sent before may still have been under way."
    return f"{said}: an attempt; nothing was seen to get through."


def _lies(address: str, networks: Iterable[str]) -> bool:
    try:
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks)
    except ValueError:
        return False
