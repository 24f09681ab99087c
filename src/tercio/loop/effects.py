"""The life of an effect: ordered, standing, confirmed by a live witness or contradicted, lost, ended. Pure."""

import ipaddress
from collections.abc import Container, Iterable, Iterator
from functools import lru_cache
from itertools import permutations

import msgspec

from tercio.model.commands import (
    Action,
    Command,
    ConduitTarget,
    Effect,
    EffectState,
    FlowTarget,
    HostTarget,
    NeededFlow,
    Response,
    Status,
    Target,
)
from tercio.model.events import ANSWERED, Endpoint, Event, Provenance
from tercio.model.processes import ProcessState
from tercio.model.site import CONTROLLERS, ROUTERS, Site
from tercio.model.units import SECOND
from tercio.model.whereabouts import UNKNOWN

MARGIN = SECOND // 5
"""Traffic of a denied address contradicts an effect only this long after it was held (microseconds): packets in flight
and records of what was before are no contradiction."""

SUSPECT = 60 * SECOND
"""An effect is suspected of having silenced a view this long, beside the time that it takes to notice."""


def ordered(command: Command) -> Effect:
    """The effect of a command that is about to be sent."""
    if command.target is None:
        raise ValueError(f"{command.id}: only a command with a target makes an effect")
    return Effect(
        lease=command.lease,
        command=command.id,
        incident=command.incident,
        decision=command.decision,
        hand=command.hand,
        target=command.target,
        state=EffectState.ORDERED,
        since=command.issued,
        until=command.until,
    )


def answered(
    effect: Effect, command: Command, response: Response, ending: EffectState = EffectState.RELEASED
) -> Effect:
    """The effect after a hand's answer to one of its commands. ``ending`` is what a cancel makes of it."""
    replace = msgspec.structs.replace
    if command.action == Action.CANCEL:
        if not response.held:
            return replace(effect, why=f"cancel failed: {response.detail}")
        return replace(effect, state=ending, ended=response.at)
    if response.status == Status.DONE and response.held:
        held = effect.held or response.at
        target = command.target or effect.target
        return replace(
            effect, state=EffectState.STANDING, command=command.id, until=command.until, held=held, target=target
        )
    if effect.state == EffectState.STANDING:
        return replace(effect, why=f"not renewed: {response.detail}")
    return replace(effect, state=EffectState.FAILED, ended=response.at, why=response.detail)


class Watched(msgspec.Struct, frozen=True):
    """A standing effect against what sensors saw: confirmed by a witness or not, and what contradicts it, in words;
    ``sure`` says that it was the denied machine itself, and nobody who used its address."""

    effect: Effect
    contradiction: str = ""
    sure: bool = False


def watched(site: Site, effect: Effect, events: Iterable[Event], showing: Container[str] = ()) -> Watched:
    """Look at a standing effect once more, with what sensors saw meanwhile. ``showing`` are sources whose records show
    link addresses: there a contradiction is sure only where they are the denied machine's.

    A witness is other traffic of the same protected link that a sensor saw after the effect was held.
    """
    if effect.state != EffectState.STANDING or not effect.held:
        return Watched(effect)
    doubt = ""
    for event in events:
        if event.src is None or event.dst is None or event.until <= effect.held:
            continue
        if denied(effect.target, event):
            if _contradicts(site, effect, event):
                why = f"{event.src.address} still reached {event.dst.address} after it was refused"
                if event.source not in showing or _its_own(effect.target, event):
                    return Watched(effect, why, sure=True)
                doubt = doubt or f"{why}, or another machine did in its name"
        elif not effect.confirmed and _same_link(site, effect.target, event):
            saw = (event.source, event.service or event.kind, event.src.address, event.dst.address)
            effect = msgspec.structs.replace(effect, confirmed=event.received, witness=event.id, saw=saw)
    return Watched(effect, doubt)


def _its_own(target: Target, event: Event) -> bool:
    macs = target.macs if isinstance(target, HostTarget) else ()
    return event.machine in macs if macs else event.machine not in ("", UNKNOWN)


def _contradicts(site: Site, effect: Effect, event: Event) -> bool:
    """A session that the denied side began, or a question of its that was answered, clearly after the effect was held.
    Of a refused host only what crosses zones counts, or reaches a controller: a hand stands between zones, and what a
    host says to its neighbours or to the router itself goes past it.

    What it sends in an older session proves nothing: a sensor on its own side of the wall sees that too, and the last
    packet of a flow may be the other end's own. Neither does what anybody could have sent in the denied one's name:
    else a second foothold would talk the first one free.
    """
    if event.src is None or event.provenance == Provenance.FORGEABLE:
        return False
    if isinstance(effect.target, HostTarget) and not (_from(effect.target, event) and _crosses(site, event)):
        return False
    if isinstance(effect.target, FlowTarget) and event.src.address not in effect.target.src_addresses:
        return False
    after = effect.held + MARGIN
    return (event.kind in ("alert", "flow") and event.began > after) or (
        event.action == ANSWERED and event.time > after
    )


def _crosses(site: Site, event: Event) -> bool:
    if event.src is None or event.dst is None:
        return False
    zones = {zone.name for end in (event.src, event.dst) if (zone := site.zone_at(end.address)) is not None}
    there = site.asset_at(event.dst.address)
    role = there.role if there is not None else ""
    return role in CONTROLLERS or (len(zones) == 2 and role not in ROUTERS)


def _from(target: HostTarget, event: Event) -> bool:
    return event.src is not None and (event.src.address in target.addresses or event.machine in target.macs)


def denied(target: Target, event: Event) -> bool:
    """Whether an event is traffic that this target forbids, in either direction."""
    if event.src is None or event.dst is None:
        return False
    src, dst = event.src, event.dst
    match target:
        case HostTarget(addresses=addresses):
            return _from(target, event) or dst.address in addresses
        case FlowTarget():
            there = src.address in target.src_addresses and dst.address in target.dst_addresses
            back = dst.address in target.src_addresses and src.address in target.dst_addresses
            port = dst.port if there else src.port
            return (there or back) and port == target.port and event.transport in ("", target.transport)
        case ConduitTarget():
            if any(_needed(flow, src, dst) or _needed(flow, dst, src) for flow in target.needed):
                return False
            there = _within(src.address, target.src_networks) and _within(dst.address, target.dst_networks)
            return there or (_within(dst.address, target.src_networks) and _within(src.address, target.dst_networks))


def _needed(flow: NeededFlow, client: Endpoint, server: Endpoint) -> bool:
    return (flow.src, flow.dst, flow.port) == (client.address, server.address, server.port)


def views_lost(site: Site, states: dict[str, ProcessState], effect: Effect, heard: int, now: int) -> tuple[str, ...]:
    """The views (``hmi1>plc1``) that fell silent after this effect began, while their sensor went on: at its own pace
    each, which was regular when the effect began."""
    if effect.state != EffectState.STANDING or now - heard >= SECOND:
        return ()
    found = []
    for process in site.processes.values():
        state = states.get(process.name, ProcessState())
        for key, seen in state.polls.items():
            patience = state.patience(key)
            suspected = now - effect.since <= SUSPECT + patience and seen >= effect.since - patience
            if patience and key.split(">")[0] in process.views and suspected and now - seen > patience:
                found.append(key)
    return tuple(sorted(found))


def stands_in(site: Site, target: Target, view: str) -> bool:
    """Whether a target refuses something of a view (``hmi1>plc1``) by its own words: an end of it by name, address or
    listed link address, a flow between its two ends, or both their zones. What a neighbour took from either on the wire
    does not count: else he need only silence it to be let go."""
    src, _, dst = view.partition(">")
    ends = [asset for name in (src, dst) if (asset := site.assets.get(name)) is not None]
    match target:
        case HostTarget():
            named = {target.asset, *target.addresses, *target.macs}
            return target.asset in (src, dst) or any(named & {*end.addresses, end.mac} - {""} for end in ends)
        case FlowTarget():
            one, other = {target.src, *target.src_addresses}, {target.dst, *target.dst_addresses}
            names = [{end.name, *end.addresses} for end in ends]
            return any(a & one and b & other for a, b in permutations(names, 2))
        case ConduitTarget():
            return {end.zone for end in ends} == {target.src_zone, target.dst_zone}


def gone(effect: Effect, listing: Response, asked: int, now: int) -> Effect:
    """The effect after its hand listed what stands: lost, if it stood when asked and is not listed before its end.

    What was ordered in the future was ordered before the clock was set back, and so before the question.
    """
    if effect.state != EffectState.STANDING or asked < effect.since <= now or effect.until <= listing.at:
        return effect
    if effect.lease in {s.lease for s in listing.standing}:
        return effect
    why = "its hand no longer finds it standing"
    return msgspec.structs.replace(effect, state=EffectState.LOST, ended=listing.at, why=why)


def expired(effect: Effect, now: int) -> Effect:
    """The effect after its time: the mechanism itself has ended it."""
    if effect.live and effect.until <= now:
        why = effect.why or ("its lease ended" if effect.state == EffectState.STANDING else "its hand never answered")
        state = EffectState.EXPIRED if effect.state == EffectState.STANDING else EffectState.FAILED
        return msgspec.structs.replace(effect, state=state, ended=effect.until, why=why)
    return effect


def zones_of(site: Site, target: Target) -> Iterator[str]:
    """The zones that a target lies in; empty where it lies in none."""
    match target:
        case HostTarget(addresses=addresses):
            found = {zone.name for a in addresses if (zone := site.zone_at(a)) is not None}
        case FlowTarget():
            ends = (*target.src_addresses, *target.dst_addresses)
            found = {zone.name for a in ends if (zone := site.zone_at(a)) is not None}
        case ConduitTarget():
            found = {target.src_zone, target.dst_zone}
    yield from sorted(found or {""})


def _same_link(site: Site, target: Target, event: Event) -> bool:
    """Other traffic towards what the effect protects: for a host, anything that is seen in a controller's zone."""
    if event.dst is None or event.src is None or event.kind not in ("modbus", "alert", "flow"):
        return False
    match target:
        case HostTarget():
            zones = {asset.zone for asset in site.assets.values() if asset.role in CONTROLLERS}
            ends = (site.zone_at(event.src.address), site.zone_at(event.dst.address))
            return any(zone is not None and zone.name in zones for zone in ends)
        case FlowTarget():
            return bool({event.src.address, event.dst.address} & set(target.dst_addresses))
        case ConduitTarget():
            return _within(event.dst.address, target.dst_networks) or _within(event.src.address, target.dst_networks)


def _within(address: str, networks: Iterable[str]) -> bool:
    return any(_holds(network, address) for network in networks)


@lru_cache(maxsize=16384)
def _holds(network: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False
